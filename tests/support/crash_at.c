/* A library to preload: it kills the process with SIGKILL before its n-th call that has an effect
 * on a file or folder, and writes down all of them. What was written before is still in the page
 * cache then, so this is the end of a process; of a power cut it shows what the order of calls
 * allows, which the trace tells.
 *
 *     CRASH_AT=N       before which call; 0 or absent: none
 *     CRASH_TORN=1     if that call is a write, the first half of it is done
 *     CRASH_TRACE=FILE one line per call: its name, a space, and what it was done to
 *
 * Calls on pipes, terminals and sockets do not count. io_uring is not seen: use --io=threads. */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long num_calls, last_call;
static int trace = -1, is_torn;

__attribute__((constructor)) static void start(void)
{
    const char *at = getenv("CRASH_AT"), *torn = getenv("CRASH_TORN"), *path;

    last_call = at != NULL ? strtoul(at, NULL, 10) : 0;
    is_torn = torn != NULL && strcmp(torn, "1") == 0;
    path = getenv("CRASH_TRACE");
    if (path != NULL)
        trace = NEXT(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
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

/* count notes the call of |call| on |name| in |fd|, or on |fd| itself if that is NULL. Returns 1 if
 * it is the last one, and a write that is to be torn. */
static int count(const char *call, int fd, const char *name, int can_tear)
{
    char path[PATH_MAX];
    int is_last;

    path_of(path, fd);
    pthread_mutex_lock(&lock);
    if (trace >= 0 && name == NULL)
        dprintf(trace, "%s %s\n", call, path);
    else if (trace >= 0)
        dprintf(trace, "%s %s%s%s\n", call, name[0] == '/' ? "" : path, name[0] == '/' ? "" : "/",
                name);
    is_last = ++num_calls == last_call;
    if (is_last && !(can_tear && is_torn))
        die(); /* and nobody else goes on, for the lock is held */
    if (!is_last)
        pthread_mutex_unlock(&lock);
    return is_last;
}

static int is_of_a_file_system(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

/* -- Calls on names. */

#define ON_NAME(name, params, args, dirfd, path)                                                   \
    int name params                                                                                \
    {                                                                                              \
        count(#name, dirfd, path, 0);                                                              \
        return NEXT(name) args;                                                                    \
    }

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

/* Opening counts where it may make a file, or empty one. */
#define HAS_EFFECT(flags) (((flags) & (O_CREAT | O_TRUNC)) != 0)

#define OPEN(name, params, args, dirfd)                                                            \
    int name params                                                                                \
    {                                                                                              \
        mode_t mode;                                                                               \
        va_list list;                                                                              \
                                                                                                   \
        va_start(list, flags);                                                                     \
        mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;                         \
        va_end(list);                                                                              \
        if (HAS_EFFECT(flags))                                                                     \
            count(#name, dirfd, path, 0);                                                          \
        return NEXT(name) args;                                                                    \
    }

OPEN(open, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPEN(openat, (int dirfd, const char *path, int flags, ...), (dirfd, path, flags, mode), dirfd)
OPEN(openat64, (int dirfd, const char *path, int flags, ...), (dirfd, path, flags, mode), dirfd)

/* openat2 has no function of its own. */
long syscall(long number, ...)
{
    long arg[6];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arg[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_openat2 && HAS_EFFECT(((const struct open_how *)arg[2])->flags))
        count("openat2", (int)arg[0], (const char *)arg[1], 0);
    return NEXT(syscall)(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/* -- Calls on what is open. */

#define ON_FILE(name, params, args)                                                                \
    int name params                                                                                \
    {                                                                                              \
        if (is_of_a_file_system(fd))                                                               \
            count(#name, fd, NULL, 0);                                                             \
        return NEXT(name) args;                                                                    \
    }

ON_FILE(fsync, (int fd), (fd))
ON_FILE(fdatasync, (int fd), (fd))
ON_FILE(syncfs, (int fd), (fd))
ON_FILE(ftruncate, (int fd, off_t len), (fd, len))
ON_FILE(ftruncate64, (int fd, off64_t len), (fd, len))
ON_FILE(fallocate, (int fd, int mode, off_t offset, off_t len), (fd, mode, offset, len))
ON_FILE(fallocate64, (int fd, int mode, off64_t offset, off64_t len), (fd, mode, offset, len))

#define WRITE(name, params, args, torn_args)                                                       \
    ssize_t name params                                                                            \
    {                                                                                              \
        if (is_of_a_file_system(fd) && count(#name, fd, NULL, 1)) {                                \
            (void)!NEXT(name) torn_args;                                                           \
            die();                                                                                 \
        }                                                                                          \
        return NEXT(name) args;                                                                    \
    }

WRITE(write, (int fd, const void *data, size_t len), (fd, data, len), (fd, data, len / 2))
WRITE(pwrite, (int fd, const void *data, size_t len, off_t offset), (fd, data, len, offset),
      (fd, data, len / 2, offset))
WRITE(pwrite64, (int fd, const void *data, size_t len, off64_t offset), (fd, data, len, offset),
      (fd, data, len / 2, offset))
WRITE(writev, (int fd, const struct iovec *parts, int num), (fd, parts, num), (fd, parts, num / 2))
WRITE(pwritev, (int fd, const struct iovec *parts, int num, off_t offset), (fd, parts, num, offset),
      (fd, parts, num / 2, offset))
WRITE(pwritev64, (int fd, const struct iovec *parts, int num, off64_t offset),
      (fd, parts, num, offset), (fd, parts, num / 2, offset))
