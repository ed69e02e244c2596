/* A library to preload: it writes down, with its data, every call that changes what lies on the
 * disk, and every sync. From that log tests/support/disk.py makes what a power loss could leave.
 *
 *     DISK_LOG=FILE    where to; without it nothing is noted
 *
 * An entry is a line, "NAME A B C LENGTH LENGTH", and then the two strings of these lengths:
 *
 *     start 0 0 0                         a process begins; more than one may use a log
 *     open INODE MODE FLAGS, path         which made the file or emptied it
 *     mkdir INODE MODE 0, path
 *     symlink INODE MODE 0, path, target
 *     rename 0 0 FLAGS, old path, new path
 *     link, unlink, rmdir 0 0 0, path, new path
 *     write NUMBER INODE OFFSET, data     about to be done; "done NUMBER RESULT 0" when it is over
 *     fsync NUMBER INODE 0, syncfs NUMBER 0 0, likewise
 *     truncate INODE LENGTH 0
 *     allocate INODE MODE OFFSET, length as text
 *     mode INODE MODE 0, times INODE NANOSECONDS 0
 *     xattr INODE 0 0, name, value
 *
 * Inodes are of the file system that the log's folder is on; what lies elsewhere is not noted. A
 * change of names and its entry are one step, which no other entry comes between. Writes through
 * io_uring are seen where they are submitted (disk_log_uring.c). */
#include "disk_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "crash_at.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static dev_t device;
static uint64_t last_number;

/* -- Entries. |lock| is held. */

struct text {
    const void *data;
    size_t len;
};

static void note(const char *name, uint64_t a, int64_t b, int64_t c, struct text first,
                 struct text second)
{
    char head[160];
    int len = snprintf(head, sizeof(head), "%s %" PRIu64 " %" PRId64 " %" PRId64 " %zu %zu\n", name,
                       a, b, c, first.len, second.len);
    const struct iovec parts[3] = {{head, (size_t)len},
                                   {(void *)(uintptr_t)first.data, first.len},
                                   {(void *)(uintptr_t)second.data, second.len}};
    size_t total = (size_t)len + first.len + second.len;

    if (NEXT(writev)(log_fd, parts, 3) != (ssize_t)total)
        abort(); /* a log with a gap would prove nothing */
}

static void note_numbers(const char *name, uint64_t a, int64_t b, int64_t c)
{
    note(name, a, b, c, (struct text){0}, (struct text){0});
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("DISK_LOG");
    struct stat st;

    if (path != NULL)
        log_fd = NEXT(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0 || NEXT(fstat)(log_fd, &st) != 0)
        return;
    device = st.st_dev;
    note_numbers("start", 0, 0, 0);
}

/* full_path writes what |path| in |dirfd| is, from the root. */
static struct text full_path(char out[2 * PATH_MAX], int dirfd, const char *path)
{
    char link[64] = "/proc/self/cwd";
    ssize_t len = 0;

    if (path[0] != '/') {
        if (dirfd != AT_FDCWD)
            snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
        len = readlink(link, out, PATH_MAX);
        len = len < 0 ? 0 : len;
        out[len++] = '/';
    }
    strcpy(out + len, path);
    return (struct text){out, strlen(out)};
}

static void note_paths(const char *name, int dirfd, const char *path, int other_dirfd,
                       const char *other, int64_t flags)
{
    char first[2 * PATH_MAX], second[2 * PATH_MAX];
    struct text a = full_path(first, dirfd, path), b = {0};

    if (other != NULL)
        b = full_path(second, other_dirfd, other);
    note(name, 0, 0, flags, a, b);
}

/* look returns whether |path| in |dirfd|, or |dirfd| itself if that is NULL, is of the disk. */
static int look(struct stat *out, int dirfd, const char *path, int flags)
{
    int rc = path == NULL ? NEXT(fstat)(dirfd, out) : NEXT(fstatat)(dirfd, path, out, flags);

    return rc == 0 && out->st_dev == device &&
           (S_ISREG(out->st_mode) || S_ISDIR(out->st_mode) || S_ISLNK(out->st_mode));
}

static void note_made(const char *name, int dirfd, const char *path, const struct stat *st,
                      int64_t flags)
{
    char full[2 * PATH_MAX];

    note(name, st->st_ino, st->st_mode & 07777, flags, full_path(full, dirfd, path),
         (struct text){0});
}

int disk_log_enter(void)
{
    if (log_fd < 0)
        return 0;
    pthread_mutex_lock(&lock);
    disk_log_uring_done();
    return 1;
}

void disk_log_leave(void)
{
    pthread_mutex_unlock(&lock);
}

/* DEFINE has a call done and |entry| made, if it went well, in one step. */
#define DEFINE(name, params, args, entry)                                                          \
    int name params                                                                                \
    {                                                                                              \
        int is_on = disk_log_enter(), rc = NEXT(name) args, code = errno;                          \
        struct stat st;                                                                            \
                                                                                                   \
        (void)st;                                                                                  \
        if (is_on && rc == 0)                                                                      \
            entry;                                                                                 \
        if (is_on)                                                                                 \
            disk_log_leave();                                                                      \
        errno = code;                                                                              \
        return rc;                                                                                 \
    }

/* -- Names. */

DEFINE(renameat, (int a, const char *from, int b, const char *to), (a, from, b, to),
       note_paths("rename", a, from, b, to, 0))
DEFINE(renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
       (a, from, b, to, flags), note_paths("rename", a, from, b, to, flags))
DEFINE(rename, (const char *from, const char *to), (from, to),
       note_paths("rename", AT_FDCWD, from, AT_FDCWD, to, 0))
DEFINE(linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags),
       note_paths("link", a, from, b, to, 0))
DEFINE(link, (const char *from, const char *to), (from, to),
       note_paths("link", AT_FDCWD, from, AT_FDCWD, to, 0))
DEFINE(unlink, (const char *path), (path), note_paths("unlink", AT_FDCWD, path, 0, NULL, 0))
DEFINE(rmdir, (const char *path), (path), note_paths("rmdir", AT_FDCWD, path, 0, NULL, 0))
DEFINE(unlinkat, (int dirfd, const char *path, int flags), (dirfd, path, flags),
       note_paths(flags &AT_REMOVEDIR ? "rmdir" : "unlink", dirfd, path, 0, NULL, 0))
DEFINE(mkdirat, (int dirfd, const char *path, mode_t mode), (dirfd, path, mode),
       if (look(&st, dirfd, path, AT_SYMLINK_NOFOLLOW)) note_made("mkdir", dirfd, path, &st, 0))
DEFINE(mkdir, (const char *path, mode_t mode), (path, mode),
       if (look(&st, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW))
           note_made("mkdir", AT_FDCWD, path, &st, 0))

static void note_symlink(const char *target, int dirfd, const char *path)
{
    char full[2 * PATH_MAX];
    struct stat st;

    if (look(&st, dirfd, path, AT_SYMLINK_NOFOLLOW))
        note("symlink", st.st_ino, 0777, 0, full_path(full, dirfd, path),
             (struct text){target, strlen(target)});
}

DEFINE(symlinkat, (const char *target, int dirfd, const char *path), (target, dirfd, path),
       note_symlink(target, dirfd, path))
DEFINE(symlink, (const char *target, const char *path), (target, path),
       note_symlink(target, AT_FDCWD, path))

/* -- Opening: noted where it may make a file, or empty one. */

static void note_open(int fd, int dirfd, const char *path, int64_t flags)
{
    struct stat st;

    if (fd >= 0 && look(&st, fd, NULL, 0))
        note_made("open", dirfd, path, &st, flags);
}

#define OPEN(name, params, args, dirfd, path, flags)                                               \
    int name params                                                                                \
    {                                                                                              \
        mode_t mode = 0;                                                                           \
        va_list list;                                                                              \
        int is_on, fd, code;                                                                       \
                                                                                                   \
        va_start(list, flags);                                                                     \
        if (flags & (O_CREAT | __O_TMPFILE))                                                       \
            mode = va_arg(list, mode_t);                                                           \
        va_end(list);                                                                              \
        is_on = (flags & (O_CREAT | O_TRUNC)) && disk_log_enter();                                 \
        fd = NEXT(name) args;                                                                      \
        code = errno;                                                                              \
        if (is_on) {                                                                               \
            note_open(fd, dirfd, path, flags);                                                     \
            disk_log_leave();                                                                      \
        }                                                                                          \
        errno = code;                                                                              \
        return fd;                                                                                 \
    }

OPEN(open, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD, path, flags)
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD, path, flags)
OPEN(openat, (int dirfd, const char *path, int flags, ...), (dirfd, path, flags, mode), dirfd, path,
     flags)
OPEN(openat64, (int dirfd, const char *path, int flags, ...), (dirfd, path, flags, mode), dirfd,
     path, flags)

/* openat2 has no function of its own. */
long syscall(long number, ...)
{
    long arg[6], rc;
    va_list list;
    uint64_t flags;
    int is_on, code;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arg[i] = va_arg(list, long);
    va_end(list);
    flags = number == SYS_openat2 ? ((const struct open_how *)arg[2])->flags : 0;
    is_on = (flags & (O_CREAT | O_TRUNC)) && disk_log_enter();
    rc = NEXT(syscall)(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
    code = errno;
    if (is_on) {
        note_open((int)rc, (int)arg[0], (const char *)arg[1], (int64_t)flags);
        disk_log_leave();
    }
    errno = code;
    return rc;
}

/* -- Bytes. */

static void note_allocate(const struct stat *st, int mode, off_t offset, off_t len)
{
    char text[32];
    int text_len = snprintf(text, sizeof(text), "%jd", (intmax_t)len);

    note("allocate", st->st_ino, mode, offset, (struct text){text, (size_t)text_len},
         (struct text){0});
}

#define TRUNCATE(name, off)                                                                        \
    DEFINE(name, (int fd, off len), (fd, len),                                                     \
           if (look(&st, fd, NULL, 0)) note_numbers("truncate", st.st_ino, len, 0))
#define ALLOCATE(name, off)                                                                        \
    DEFINE(name, (int fd, int mode, off offset, off len), (fd, mode, offset, len),                 \
           if (look(&st, fd, NULL, 0)) note_allocate(&st, mode, offset, len))

TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)
ALLOCATE(fallocate, off_t)
ALLOCATE(fallocate64, off64_t)

uint64_t disk_log_write(int fd, uint64_t offset, const void *data, size_t len)
{
    struct stat st;

    if (!look(&st, fd, NULL, 0))
        return 0;
    note("write", ++last_number, (int64_t)st.st_ino, (int64_t)offset, (struct text){data, len},
         (struct text){0});
    return last_number;
}

void disk_log_done(uint64_t number, int64_t result)
{
    note_numbers("done", number, result, 0);
}

static uint64_t begin_write(int fd, off_t offset, const void *data, size_t len)
{
    uint64_t number = 0;

    if (disk_log_enter()) {
        number = disk_log_write(fd, (uint64_t)offset, data, len);
        disk_log_leave();
    }
    return number;
}

static void end(uint64_t number, int64_t result)
{
    if (number != 0 && disk_log_enter()) {
        disk_log_done(number, result);
        disk_log_leave();
    }
}

#define WRITE_AT(name, off)                                                                        \
    ssize_t name(int fd, const void *data, size_t len, off offset)                                 \
    {                                                                                              \
        uint64_t number = begin_write(fd, offset, data, len);                                      \
        ssize_t rc = NEXT(name)(fd, data, len, offset);                                            \
        int code = errno;                                                                          \
                                                                                                   \
        end(number, rc);                                                                           \
        errno = code;                                                                              \
        return rc;                                                                                 \
    }

WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t len)
{
    off_t offset = log_fd >= 0 ? lseek(fd, 0, SEEK_CUR) : -1; /* pipes and terminals have none */
    uint64_t number = offset >= 0 ? begin_write(fd, offset, data, len) : 0;
    ssize_t rc = NEXT(write)(fd, data, len);
    int code = errno;

    end(number, rc);
    errno = code;
    return rc;
}

/* Of these there is none in the command; one that comes must not be missed. */
#define UNKNOWN(name, params, args)                                                                \
    ssize_t name params                                                                            \
    {                                                                                              \
        struct stat st;                                                                            \
                                                                                                   \
        if (log_fd >= 0 && look(&st, fd, NULL, 0))                                                 \
            abort();                                                                               \
        return NEXT(name) args;                                                                    \
    }

UNKNOWN(writev, (int fd, const struct iovec *parts, int num), (fd, parts, num))
UNKNOWN(pwritev, (int fd, const struct iovec *parts, int num, off_t offset),
        (fd, parts, num, offset))
UNKNOWN(pwritev64, (int fd, const struct iovec *parts, int num, off64_t offset),
        (fd, parts, num, offset))
UNKNOWN(copy_file_range,
        (int from, off64_t *from_offset, int fd, off64_t *offset, size_t len, unsigned flags),
        (from, from_offset, fd, offset, len, flags))

/* -- Syncs. */

static uint64_t note_sync(const char *name, int fd)
{
    struct stat st;
    uint64_t number = 0;

    if (!disk_log_enter())
        return 0;
    if (look(&st, fd, NULL, 0)) {
        number = ++last_number;
        note_numbers(name, number, (int64_t)st.st_ino, 0);
    }
    disk_log_leave();
    return number;
}

#define SYNC(name, entry)                                                                          \
    int name(int fd)                                                                               \
    {                                                                                              \
        uint64_t number = note_sync(entry, fd);                                                    \
        int rc = NEXT(name)(fd), code = errno;                                                     \
                                                                                                   \
        end(number, rc);                                                                           \
        errno = code;                                                                              \
        return rc;                                                                                 \
    }

SYNC(fsync, "fsync")
SYNC(fdatasync, "fsync")
SYNC(syncfs, "syncfs")

/* -- Attributes. */

#define ATTRIBUTE(name, params, args, dirfd, path, flags, entry)                                   \
    DEFINE(name, params, args, if (look(&st, dirfd, path, flags)) entry)

ATTRIBUTE(fchmod, (int fd, mode_t mode), (fd, mode), fd, NULL, 0,
          note_numbers("mode", st.st_ino, mode, 0))
ATTRIBUTE(chmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path, 0,
          note_numbers("mode", st.st_ino, mode, 0))
ATTRIBUTE(fchmodat, (int dirfd, const char *path, mode_t mode, int flags),
          (dirfd, path, mode, flags), dirfd, path, flags, note_numbers("mode", st.st_ino, mode, 0))

/* What the time has become, for it may have been "now". */
static void note_times(const struct stat *st)
{
    note_numbers("times", st->st_ino, st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec, 0);
}

ATTRIBUTE(futimens, (int fd, const struct timespec times[2]), (fd, times), fd, NULL, 0,
          note_times(&st))
ATTRIBUTE(utimensat, (int dirfd, const char *path, const struct timespec times[2], int flags),
          (dirfd, path, times, flags), dirfd, path, flags, note_times(&st))

static void note_xattr(const struct stat *st, const char *name, const void *value, size_t len)
{
    note("xattr", st->st_ino, 0, 0, (struct text){name, strlen(name)}, (struct text){value, len});
}

ATTRIBUTE(fsetxattr, (int fd, const char *name, const void *value, size_t len, int flags),
          (fd, name, value, len, flags), fd, NULL, 0, note_xattr(&st, name, value, len))
ATTRIBUTE(setxattr, (const char *path, const char *name, const void *value, size_t len, int flags),
          (path, name, value, len, flags), AT_FDCWD, path, 0, note_xattr(&st, name, value, len))
ATTRIBUTE(lsetxattr, (const char *path, const char *name, const void *value, size_t len, int flags),
          (path, name, value, len, flags), AT_FDCWD, path, AT_SYMLINK_NOFOLLOW,
          note_xattr(&st, name, value, len))
