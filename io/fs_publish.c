#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "entry.h"
#include "fs.h"
#include "names.h"

/* What a temporary name adds: two dots, 16 hexadecimal digits, ".tmp". */
#define TEMP_NAME_EXTRA 22
#define NUMBER_LEN      (TEMP_NAME_EXTRA - 1) /* and what follows, from the second dot on */

#define MAX_TRIES 8 /* at making a file that no cleaner removes */

static int check_name(const char *name)
{
    if (name[0] == '\0' || adp_names_is_dot(name) || strchr(name, '/') != NULL)
        return -EINVAL;
    return 0;
}

static void format_name(char out[ADP_FS_NAME_LEN], const char *name, uint64_t number)
{
    int max = ADP_FS_NAME_LEN - 1 - TEMP_NAME_EXTRA;

    snprintf(out, ADP_FS_NAME_LEN, ".%.*s.%016" PRIx64 ".tmp", max, name, number);
}

int adp_fs_temp_name(char out[ADP_FS_NAME_LEN], const char *name)
{
    uint64_t random;

    if (TEMP_FAILURE_RETRY(getrandom(&random, sizeof(random), 0)) != sizeof(random))
        return -EIO;
    format_name(out, name, random);
    return 0;
}

/* go_direct sets O_DIRECT after the fact: file systems that refuse it in open(2) have made the file
 * by then. */
static int go_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;
}

/* lock_new locks the file while it is being written, by which adp_fs_temp_clean knows that it is. A
 * cleaner may have been there between making and locking: -EAGAIN. Where nothing can be locked, it
 * goes without. */
static int lock_new(int fd)
{
    struct stat st;

    if (adp_entry_lock(fd, 1) == -EBUSY || (fstat(fd, &st) == 0 && st.st_nlink == 0))
        return -EAGAIN;
    return 0;
}

static int create_locked(struct adp_fs_temp *temp, const char *name, mode_t mode, int flags)
{
    int rc = adp_fs_temp_name(temp->name, name);

    if (rc < 0)
        return rc;
    temp->fd = (int)TEMP_FAILURE_RETRY(openat(temp->dirfd, temp->name, flags, mode));
    if (temp->fd < 0)
        return -errno;
    rc = lock_new(temp->fd);
    if (rc < 0)
        adp_fs_temp_abandon(temp);
    return rc;
}

int adp_fs_temp_create(struct adp_fs_temp *out_temp, int dirfd, const char *name, mode_t mode,
                       int flags, int *out_direct)
{
    int open_flags = (flags & ~O_DIRECT) | O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
    int is_direct, rc = check_name(name), tries = 0;

    *out_temp = (struct adp_fs_temp){.fd = -1, .dirfd = dirfd};
    if (rc == 0) {
        do
            rc = create_locked(out_temp, name, mode, open_flags);
        while (rc == -EAGAIN && tries++ < MAX_TRIES);
    }
    if (rc < 0) {
        out_temp->name[0] = '\0'; /* whatever has this name is not ours to remove */
        return rc;
    }
    is_direct = (flags & O_DIRECT) && go_direct(out_temp->fd);
    if (out_direct != NULL)
        *out_direct = is_direct;
    return 0;
}

int adp_fs_is_temp(const char *name)
{
    size_t len = strlen(name);
    const char *number;

    if (len <= TEMP_NAME_EXTRA || name[0] != '.')
        return 0;
    number = name + len - NUMBER_LEN;
    return number[0] == '.' && strspn(number + 1, "0123456789abcdef") == 16 &&
           strcmp(number + 17, ".tmp") == 0;
}

/* is_like returns whether the temporary name |found| is for the same name as |like|. */
static int is_like(const char *found, const char *like)
{
    size_t len = strlen(found);

    return strlen(like) == len && memcmp(found, like, len - NUMBER_LEN) == 0;
}

static void remove_unlocked(int dirfd, const char *name)
{
    /* For writing: some file systems of a network lock nothing else exclusively. */
    const int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = openat(dirfd, name, O_RDWR | flags);

    if (fd < 0 && errno == EACCES)
        fd = openat(dirfd, name, O_RDONLY | flags);
    /* A link is whole from the beginning, and cannot be locked: whoever makes it is prepared. */
    if (fd >= 0 ? adp_entry_lock(fd, 1) == 0 : errno == ELOOP)
        unlinkat(dirfd, name, 0);
    adp_fs_close(fd);
}

void adp_fs_temp_clean(int dirfd, const char *name)
{
    char like[ADP_FS_NAME_LEN];
    DIR *dir;
    int fd;

    if (name != NULL)
        format_name(like, name, 0);
    fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        adp_fs_close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (adp_fs_is_temp(entry->d_name) && (name == NULL || is_like(entry->d_name, like)))
            remove_unlocked(dirfd, entry->d_name);
    }
    closedir(dir);
}

void adp_fs_temp_abandon(struct adp_fs_temp *temp)
{
    adp_fs_close(temp->fd);
    if (temp->name[0] != '\0')
        unlinkat(temp->dirfd, temp->name, 0);
    temp->fd = -1;
    temp->name[0] = '\0';
}

static int settle(int fd, uint64_t size)
{
    if (TEMP_FAILURE_RETRY(ftruncate(fd, (off_t)size)) < 0)
        return -errno;
    return TEMP_FAILURE_RETRY(fsync(fd)) < 0 ? -errno : 0;
}

int adp_fs_temp_commit(struct adp_fs_temp *temp, const char *name, uint64_t size,
                       enum adp_fs_publish_mode how)
{
    int rc = check_name(name);

    if (rc == 0)
        rc = settle(temp->fd, size);
    if (rc == 0)
        rc = adp_entry_rename(temp->dirfd, temp->name, name, how == ADP_FS_PUBLISH_REPLACE);
    if (rc < 0)
        goto err0;
    temp->name[0] = '\0';
    rc = adp_fs_sync_dir(temp->dirfd);
    /* What NEW made can be taken back; what REPLACE replaced is gone. */
    if (rc < 0 && how == ADP_FS_PUBLISH_NEW)
        unlinkat(temp->dirfd, name, 0);
err0:
    adp_fs_temp_abandon(temp);
    return rc;
}

int adp_fs_publish(int dirfd, const char *name, mode_t mode, const void *data, size_t len,
                   enum adp_fs_publish_mode how)
{
    struct adp_fs_temp temp;
    int rc = adp_fs_temp_create(&temp, dirfd, name, mode, 0, NULL);

    if (rc < 0)
        return rc;
    rc = adp_fs_write_all(temp.fd, data, len, 0);
    if (rc < 0) {
        adp_fs_temp_abandon(&temp);
        return rc;
    }
    return adp_fs_temp_commit(&temp, name, len, how);
}
