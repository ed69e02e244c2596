/* A library to preload: it kills the process with SIGKILL before its n-th call that has an effect
 * on a file or folder, or has that call fail, and writes down all of them. What was written before
 * a kill is still in the page cache then, so this is the end of a process; of a power cut it shows
 * what the order of calls allows, which the trace tells.
 *
 *   - CRASH_AT=N: which call; 0 or absent: none.
 *   - CRASH_CALLS=SET: what counts. "effects", or absent; "files": these, and what reads; "memory":
 *     allocations, mappings and threads.
 *   - CRASH_TORN=1: if that call is a write, the first half of it is done before the kill.
 *   - CRASH_FAULT=X: no kill; the call fails with this errno, or, "short", reads or writes half.
 *   - CRASH_DUMP=FILE: no kill; the process's memory is written to FILE.at, and goes on; once more
 *     to FILE.end when it is about to end.
 *   - CRASH_TRACE=FILE: one line per call, its name, a space, and what it was done to.
 *
 * Calls on pipes, terminals and sockets do not count, nor those of a child, nor what a build for
 * coverage writes down when it ends. io_uring is not seen: use --io=threads. */
#include "crash_at.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long num_calls, last_call;
static int trace = -1, is_torn, is_short, fault, is_forked;
static enum crash_kind counted = CRASH_EFFECT; /* and all below it, but for memory */
static const char *dump;

static void in_child(void)
{
    is_forked = 1;
}

__attribute__((constructor)) static void start(void)
{
    const char *at = getenv("CRASH_AT"), *torn = getenv("CRASH_TORN"), *path;
    const char *calls = getenv("CRASH_CALLS"), *how = getenv("CRASH_FAULT");

    is_torn = torn != NULL && strcmp(torn, "1") == 0;
    is_short = how != NULL && strcmp(how, "short") == 0;
    fault = how != NULL ? atoi(how) : 0;
    dump = getenv("CRASH_DUMP");
    if (calls != NULL && strcmp(calls, "files") == 0)
        counted = CRASH_READ;
    if (calls != NULL && strcmp(calls, "memory") == 0)
        counted = CRASH_MEMORY;
    path = getenv("CRASH_TRACE");
    if (path != NULL)
        trace = NEXT(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    last_call = at != NULL ? strtoul(at, NULL, 10) : 0;
    pthread_atfork(NULL, NULL, in_child);
}

__attribute__((destructor)) static void end(void)
{
    if (dump != NULL)
        crash_dump(dump, "end");
}

static _Noreturn void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* path_of writes what |fd| is open on; AT_FDCWD is ".". */
static void path_of(char out[PATH_MAX], int fd)
{
    char link[64];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, out, PATH_MAX - 1);
    strcpy(len < 0 ? out : out + len, len < 0 ? "." : "");
}

static int is_of_coverage(const char *path)
{
    size_t len = strlen(path);

    return len > 5 && strcmp(path + len - 5, ".gcda") == 0;
}

/* What is to become of a call. */
enum fate {
    GO,
    FAIL, /* with errno set */
    HALF, /* of a write or read, and on */
    TEAR, /* half of a write, and the end */
};

static enum fate fate_of_last(int can_be_short)
{
    if (dump != NULL) {
        crash_dump(dump, "at");
        return GO;
    }
    if (is_short)
        return can_be_short ? HALF : GO;
    if (fault != 0) {
        errno = fault;
        return FAIL;
    }
    if (can_be_short && is_torn)
        return TEAR;
    die(); /* and nobody else goes on, for the lock is held */
}

/* count notes the call of |call| on |name| in |fd|, or on |fd| itself if that is NULL. */
static enum fate count(enum crash_kind kind, const char *call, int fd, const char *name,
                       int can_be_short)
{
    char path[PATH_MAX];
    enum fate fate = GO;
    int before = errno;

    if (is_forked || kind > counted || counted == CRASH_MEMORY)
        return GO;
    path_of(path, fd);
    if (is_of_coverage(name != NULL ? name : path))
        return GO;
    pthread_mutex_lock(&lock);
    if (trace >= 0 && name == NULL)
        dprintf(trace, "%s %s\n", call, path);
    else if (trace >= 0)
        dprintf(trace, "%s %s%s%s\n", call, name[0] == '/' ? "" : path, name[0] == '/' ? "" : "/",
                name);
    errno = before;
    if (++num_calls == last_call)
        fate = fate_of_last(can_be_short);
    if (fate != TEAR)
        pthread_mutex_unlock(&lock);
    return fate;
}

/* Telling who allocates may allocate, which does not count. */
static __thread int is_telling;

int crash_memory_fails(const char *call, const void *caller)
{
    Dl_info info = {0};
    char line[PATH_MAX];
    int is_last, before = errno;

    if (is_forked || counted != CRASH_MEMORY || last_call == 0 || is_telling)
        return 0;
    is_telling = 1;
    if (dladdr(caller, &info) == 0 || info.dli_fname == NULL)
        info.dli_fname = "?";
    snprintf(line, sizeof(line), "%s %s+0x%zx\n", call, info.dli_fname,
             (size_t)((const char *)caller - (const char *)info.dli_fbase));
    pthread_mutex_lock(&lock);
    is_last = ++num_calls == last_call;
    if (trace >= 0)
        (void)!NEXT(write)(trace, line, strlen(line));
    if (is_last && dump != NULL)
        crash_dump(dump, "at");
    pthread_mutex_unlock(&lock);
    is_telling = 0;
    is_last = is_last && dump == NULL;
    errno = is_last ? ENOMEM : before;
    return is_last;
}

static int is_of_a_file_system(int fd)
{
    struct stat st;
    int before = errno, result;

    result = NEXT(fstat)(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
    errno = before;
    return result;
}

/* -- Calls on names. */

#define CALL_ON_NAME(kind, type, name, params, args, dirfd, path)                                  \
    type name params                                                                               \
    {                                                                                              \
        if (count(kind, #name, dirfd, path, 0) == FAIL)                                            \
            return -1;                                                                             \
        return NEXT(name) args;                                                                    \
    }
#define ON_NAME(name, params, args, dirfd, path)                                                   \
    CALL_ON_NAME(CRASH_EFFECT, int, name, params, args, dirfd, path)

ON_NAME(rename, (const char *from, const char *to), (from, to), AT_FDCWD, to)
ON_NAME(renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), b, to)
ON_NAME(renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
        (a, from, b, to, flags), b, to)
ON_NAME(link, (const char *from, const char *to), (from, to), AT_FDCWD, to)
ON_NAME(linkat, (int a, const char *from, int b, const char *to, int flags),
        (a, from, b, to, flags), b, to)
ON_NAME(symlinkat, (const char *target, int dirfd, const char *name), (target, dirfd, name), dirfd,
        name)
ON_NAME(unlink, (const char *name), (name), AT_FDCWD, name)
ON_NAME(unlinkat, (int dirfd, const char *name, int flags), (dirfd, name, flags), dirfd, name)
ON_NAME(rmdir, (const char *name), (name), AT_FDCWD, name)
ON_NAME(mkdir, (const char *name, mode_t mode), (name, mode), AT_FDCWD, name)
ON_NAME(mkdirat, (int dirfd, const char *name, mode_t mode), (dirfd, name, mode), dirfd, name)

CALL_ON_NAME(CRASH_READ, int, stat, (const char *name, struct stat *out), (name, out), AT_FDCWD,
             name)
CALL_ON_NAME(CRASH_READ, int, fstatat, (int dirfd, const char *name, struct stat *out, int flags),
             (dirfd, name, out, flags), dirfd, name)
CALL_ON_NAME(CRASH_READ, ssize_t, readlinkat, (int dirfd, const char *name, char *out, size_t len),
             (dirfd, name, out, len), dirfd, name)

/* Opening has an effect where it may make a file, or empty one. */
#define KIND_OF_OPEN(flags) (((flags) & (O_CREAT | O_TRUNC)) != 0 ? CRASH_EFFECT : CRASH_READ)

#define OPEN(name, params, args, dirfd)                                                            \
    int name params                                                                                \
    {                                                                                              \
        mode_t mode;                                                                               \
        va_list list;                                                                              \
                                                                                                   \
        va_start(list, flags);                                                                     \
        mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;                         \
        va_end(list);                                                                              \
        if (count(KIND_OF_OPEN(flags), #name, dirfd, path, 0) == FAIL)                             \
            return -1;                                                                             \
        return NEXT(name) args;                                                                    \
    }

OPEN(open, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPEN(openat, (int dirfd, const char *path, int flags, ...), (dirfd, path, flags, mode), dirfd)
OPEN(openat64, (int dirfd, const char *path, int flags, ...), (dirfd, path, flags, mode), dirfd)

/* What the fortified openat becomes. */
int __openat_2(int dirfd, const char *path, int flags);
CALL_ON_NAME(KIND_OF_OPEN(flags), int, __openat_2, (int dirfd, const char *path, int flags),
             (dirfd, path, flags), dirfd, path)

/* openat2 has no function of its own. */
long syscall(long number, ...)
{
    long arg[6];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arg[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_openat2 && count(KIND_OF_OPEN(((const struct open_how *)arg[2])->flags),
                                       "openat2", (int)arg[0], (const char *)arg[1], 0) == FAIL)
        return -1;
    return NEXT(syscall)(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/* -- Calls on what is open. */

#define CALL_ON_FILE(kind, type, name, params, args)                                               \
    type name params                                                                               \
    {                                                                                              \
        if (is_of_a_file_system(fd) && count(kind, #name, fd, NULL, 0) == FAIL)                    \
            return -1;                                                                             \
        return NEXT(name) args;                                                                    \
    }
#define ON_FILE(name, params, args) CALL_ON_FILE(CRASH_EFFECT, int, name, params, args)

ON_FILE(fsync, (int fd), (fd))
ON_FILE(fdatasync, (int fd), (fd))
ON_FILE(syncfs, (int fd), (fd))
ON_FILE(ftruncate, (int fd, off_t len), (fd, len))
ON_FILE(ftruncate64, (int fd, off64_t len), (fd, len))
ON_FILE(fallocate, (int fd, int mode, off_t offset, off_t len), (fd, mode, offset, len))
ON_FILE(fallocate64, (int fd, int mode, off64_t offset, off64_t len), (fd, mode, offset, len))

CALL_ON_FILE(CRASH_READ, int, fstat, (int fd, struct stat *out), (fd, out))
CALL_ON_FILE(CRASH_READ, int, flock, (int fd, int operation), (fd, operation))
CALL_ON_FILE(CRASH_READ, int, fchmod, (int fd, mode_t mode), (fd, mode))
CALL_ON_FILE(CRASH_READ, int, futimens, (int fd, const struct timespec times[2]), (fd, times))
CALL_ON_FILE(CRASH_READ, ssize_t, getdents64, (int fd, void *out, size_t len), (fd, out, len))
CALL_ON_FILE(CRASH_READ, ssize_t, flistxattr, (int fd, char *out, size_t len), (fd, out, len))
CALL_ON_FILE(CRASH_READ, ssize_t, fgetxattr, (int fd, const char *name, void *out, size_t len),
             (fd, name, out, len))
CALL_ON_FILE(CRASH_READ, int, fsetxattr,
             (int fd, const char *name, const void *value, size_t len, int flags),
             (fd, name, value, len, flags))

/* -- Calls that move bytes. */

#define MOVE(kind, name, params, args, half_args)                                                  \
    ssize_t name params                                                                            \
    {                                                                                              \
        enum fate fate = is_of_a_file_system(fd) ? count(kind, #name, fd, NULL, 1) : GO;           \
                                                                                                   \
        if (fate == FAIL)                                                                          \
            return -1;                                                                             \
        if (fate == HALF)                                                                          \
            return NEXT(name) half_args;                                                           \
        if (fate == TEAR) {                                                                        \
            (void)!NEXT(name) half_args;                                                           \
            die();                                                                                 \
        }                                                                                          \
        return NEXT(name) args;                                                                    \
    }

/* A short read is not an empty one, which would be the end of the file. */
#define MOVE_BYTES(kind, name, type)                                                               \
    MOVE(kind, name, (int fd, type data, size_t len), (fd, data, len), (fd, data, (len + 1) / 2))
#define MOVE_BYTES_AT(kind, name, type, off)                                                       \
    MOVE(kind, name, (int fd, type data, size_t len, off offset), (fd, data, len, offset),         \
         (fd, data, (len + 1) / 2, offset))
#define MOVE_PARTS_AT(kind, name, off)                                                             \
    MOVE(kind, name, (int fd, const struct iovec *parts, int num, off offset),                     \
         (fd, parts, num, offset), (fd, parts, (num + 1) / 2, offset))

MOVE_BYTES(CRASH_EFFECT, write, const void *)
MOVE_BYTES_AT(CRASH_EFFECT, pwrite, const void *, off_t)
MOVE_BYTES_AT(CRASH_EFFECT, pwrite64, const void *, off64_t)
MOVE(CRASH_EFFECT, writev, (int fd, const struct iovec *parts, int num), (fd, parts, num),
     (fd, parts, (num + 1) / 2))
MOVE_PARTS_AT(CRASH_EFFECT, pwritev, off_t)
MOVE_PARTS_AT(CRASH_EFFECT, pwritev64, off64_t)
MOVE_BYTES(CRASH_READ, read, void *)
MOVE_BYTES_AT(CRASH_READ, pread, void *, off_t)
MOVE_BYTES_AT(CRASH_READ, pread64, void *, off64_t)
MOVE_PARTS_AT(CRASH_READ, preadv, off_t)
MOVE_PARTS_AT(CRASH_READ, preadv64, off64_t)
