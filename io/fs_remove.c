/* Removing a tree with one descriptor, whatever its depth. A directory is emptied entry by entry;
 * where that meets one that is not empty it goes down, and afterwards up again through "..", where
 * the scan begins anew and finds the directory below empty. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "names.h"

struct place {
    dev_t dev;
    ino_t ino;
};

/* struct descent is the way from the tree's root to the directory in |fd|. */
struct descent {
    int fd;
    struct place *places; /* of the directories above |fd| */
    size_t num, cap;
};

/* remove_one removes a file or an empty directory. -ENOTEMPTY for any other directory. */
static int remove_one(int dirfd, const char *name)
{
    int rc;

    if (unlinkat(dirfd, name, 0) == 0)
        return 0;
    rc = -errno;
    if (rc != -EISDIR && rc != -EPERM) /* POSIX says EPERM for a directory, Linux EISDIR */
        return rc;
    if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
        return 0;
    if (errno == ENOTDIR)
        return rc;
    return errno == EEXIST ? -ENOTEMPTY : -errno;
}

static int open_dir(int dirfd, const char *name, struct place *out_place)
{
    struct stat st;
    int fd =
        TEMP_FAILURE_RETRY(openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0) {
        int rc = -errno;

        close(fd);
        return rc;
    }
    *out_place = (struct place){.dev = st.st_dev, .ino = st.st_ino};
    return fd;
}

/* remove_entries removes what it can of the |len| bytes of directory entries in |buf|. Returns 0,
 * or -ENOTEMPTY with the directory's name in |out_child|, or another -errno. */
static int remove_entries(int fd, const char *buf, size_t len, char out_child[NAME_MAX + 1])
{
    for (size_t at = 0; at < len;) {
        const struct dirent64 *entry = (const void *)(buf + at);
        int rc = adp_names_is_dot(entry->d_name) ? 0 : remove_one(fd, entry->d_name);

        if (rc == -ENOTEMPTY)
            memcpy(out_child, entry->d_name, strnlen(entry->d_name, NAME_MAX) + 1);
        if (rc < 0 && rc != -ENOENT)
            return rc;
        at += entry->d_reclen;
    }
    return 0;
}

static int remove_content(int fd, char out_child[NAME_MAX + 1])
{
    _Alignas(struct dirent64) char buf[32768];
    ssize_t n;
    int rc = 0;

    while (rc == 0 && (n = TEMP_FAILURE_RETRY(getdents64(fd, buf, sizeof(buf)))) != 0)
        rc = n < 0 ? -errno : remove_entries(fd, buf, (size_t)n, out_child);
    return rc;
}

static int go_down(struct descent *descent, const char *child, struct place *here)
{
    struct place below = {0};
    int fd;

    if (descent->num == descent->cap) {
        size_t cap = descent->cap * 2 + 16;
        struct place *places = realloc(descent->places, cap * sizeof(*places));

        if (places == NULL)
            return -ENOMEM;
        descent->places = places;
        descent->cap = cap;
    }
    fd = open_dir(descent->fd, child, &below);
    if (fd < 0)
        return fd;
    descent->places[descent->num++] = *here;
    close(descent->fd);
    descent->fd = fd;
    *here = below;
    return 0;
}

static int go_up(struct descent *descent, struct place *here)
{
    const struct place *above = &descent->places[descent->num - 1];
    struct place found = {0};
    int fd = open_dir(descent->fd, "..", &found);

    if (fd < 0)
        return fd;
    if (found.dev != above->dev || found.ino != above->ino) {
        close(fd);
        return -ESTALE; /* moved away meanwhile: nothing outside the tree may be touched */
    }
    close(descent->fd);
    descent->fd = fd;
    descent->num--;
    *here = found;
    return 0;
}

/* empty removes everything in |name|, but not |name|. */
static int empty(int dirfd, const char *name)
{
    struct descent descent = {0};
    struct place here = {0};
    char child[NAME_MAX + 1];
    int rc;

    descent.fd = open_dir(dirfd, name, &here);
    if (descent.fd < 0)
        return descent.fd;
    for (;;) {
        rc = remove_content(descent.fd, child);
        if (rc == -ENOTEMPTY)
            rc = go_down(&descent, child, &here);
        else if (rc == 0 && descent.num > 0)
            rc = go_up(&descent, &here);
        else
            break;
        if (rc < 0)
            break;
    }
    close(descent.fd);
    free(descent.places);
    return rc;
}

int adp_fs_remove_tree(int dirfd, const char *name)
{
    int rc;

    while ((rc = remove_one(dirfd, name)) == -ENOTEMPTY) {
        rc = empty(dirfd, name);
        if (rc < 0)
            break;
    }
    return rc;
}
