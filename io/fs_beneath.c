/* A path is opened in pieces, each beneath the directory that the last piece gave: one piece where
 * it fits into a system call, single components where the kernel has no openat2. */
#include "fs_beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs.h"

/* What a directory on the way is opened with: it needs no permission to read. */
#define WAY_FLAGS (O_PATH | O_DIRECTORY)

typedef int (*open_fn)(int dirfd, const char *path, int flags, mode_t mode);

_Atomic(enum adp_fs_resolver) adp_fs_beneath_resolver = ADP_FS_RESOLVER_UNKNOWN;

static int open_openat2(int dirfd, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        /* With O_PATH, O_NOFOLLOW would let a link through as itself. */
        .flags = (uint64_t)(unsigned)((flags & ~O_NOFOLLOW) | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    long fd = TEMP_FAILURE_RETRY(syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));

    return fd < 0 ? -errno : (int)fd;
}

static int is_link(int dirfd, const char *name)
{
    struct stat st;

    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static int open_component(int dirfd, const char *name, int flags, mode_t mode)
{
    struct stat st;
    int fd = TEMP_FAILURE_RETRY(openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode));

    if (fd < 0) {
        int rc = -errno;

        /* O_DIRECTORY hides the link behind ENOTDIR. */
        return rc == -ENOTDIR && is_link(dirfd, name) ? -ELOOP : rc;
    }
    if ((flags & O_PATH) && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) {
        close(fd);
        return -ELOOP;
    }
    return fd;
}

static int open_following(int dirfd, const char *path, int flags, mode_t mode)
{
    int fd = TEMP_FAILURE_RETRY(openat(dirfd, path, flags | O_CLOEXEC, mode));

    return fd < 0 ? -errno : fd;
}

/* piece_len returns how much of |path| is opened at once: up to the last slash that fits, or with
 * |single| up to the first. Zero if a component is too long for any system call. */
static size_t piece_len(const char *path, size_t len, int single)
{
    const char *slash;

    if (single)
        slash = memchr(path, '/', len);
    else if (len < PATH_MAX)
        slash = NULL;
    else
        slash = memrchr(path, '/', PATH_MAX - 1);
    if (slash != NULL)
        return (size_t)(slash - path);
    return len < PATH_MAX ? len : 0;
}

/* open_pieces opens the |len| bytes of |path| with |fn|, piece by piece. */
static int open_pieces(int dirfd, const char *path, size_t len, int flags, mode_t mode, open_fn fn)
{
    char piece[PATH_MAX];
    int fd = dirfd;

    for (;;) {
        size_t n = piece_len(path, len, fn == open_component);
        int is_last = n == len;
        int next;

        memcpy(piece, path, n);
        piece[n] = '\0';
        next =
            n == 0 ? -ENAMETOOLONG : fn(fd, piece, is_last ? flags : WAY_FLAGS, is_last ? mode : 0);
        if (fd != dirfd)
            close(fd);
        if (next < 0 || is_last)
            return next;
        fd = next;
        for (; n < len && path[n] == '/'; n++)
            continue;
        path += n;
        len -= n;
    }
}

/* check_beneath refuses what cannot lie beneath a directory, and spellings that need not be. */
static int check_beneath(const char *path, size_t len)
{
    if (len > 0 && path[0] == '/')
        return -EXDEV;
    if (len == 1 && path[0] == '.')
        return 0;
    for (;;) {
        const char *slash = memchr(path, '/', len);
        size_t n = slash != NULL ? (size_t)(slash - path) : len;

        if (n == 2 && path[0] == '.' && path[1] == '.')
            return -EXDEV;
        if (n == 0 || (n == 1 && path[0] == '.'))
            return -EINVAL;
        if (slash == NULL)
            return 0;
        path += n + 1;
        len -= n + 1;
    }
}

/* beneath_fn asks the kernel once whether it has openat2. Filters of containers answer EPERM for a
 * call that they do not know, so any failure counts as no. */
static open_fn beneath_fn(void)
{
    enum adp_fs_resolver resolver = atomic_load(&adp_fs_beneath_resolver);

    if (resolver == ADP_FS_RESOLVER_UNKNOWN) {
        struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
        long fd = syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

        resolver = fd >= 0 ? ADP_FS_RESOLVER_OPENAT2 : ADP_FS_RESOLVER_COMPONENTS;
        adp_fs_close((int)fd);
        atomic_store(&adp_fs_beneath_resolver, resolver);
    }
    return resolver == ADP_FS_RESOLVER_OPENAT2 ? open_openat2 : open_component;
}

static int open_beneath(int dirfd, const char *path, size_t len, int flags, mode_t mode)
{
    int rc = check_beneath(path, len);

    return rc < 0 ? rc : open_pieces(dirfd, path, len, flags, mode, beneath_fn());
}

int adp_fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
    return open_beneath(dirfd, path, strlen(path), flags, mode);
}

int adp_fs_parent_beneath(int dirfd, const char *path, const char **out_name)
{
    const char *slash = strrchr(path, '/');
    int rc = check_beneath(path, strlen(path));

    if (rc == 0 && strcmp(path, ".") == 0)
        rc = -EINVAL;
    if (rc < 0)
        return rc;
    *out_name = slash != NULL ? slash + 1 : path;
    if (slash == NULL)
        return open_beneath(dirfd, ".", 1, O_RDONLY | O_DIRECTORY, 0);
    return open_beneath(dirfd, path, (size_t)(slash - path), O_RDONLY | O_DIRECTORY, 0);
}

int adp_fs_open_following(int dirfd, const char *path, int flags, mode_t mode)
{
    return open_pieces(dirfd, path, strlen(path), flags, mode, open_following);
}
