#include "child.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secret.h"

/* Of the stack that the caller has used before: there may be rests of keys. */
#define USED_STACK_LEN (32u << 10)

/* How many threads a process may have of which a fork can go on. In one of more AddressSanitizer's
 * allocator, other than glibc's, may be locked for ever; ThreadSanitizer makes calls that a child
 * must not make. */
#if defined(__SANITIZE_THREAD__)
#    define MAX_THREADS 0
#elif defined(__SANITIZE_ADDRESS__)
#    define MAX_THREADS 1
#elif defined(__has_feature)
#    if __has_feature(thread_sanitizer)
#        define MAX_THREADS 0
#    elif __has_feature(address_sanitizer)
#        define MAX_THREADS 1
#    endif
#endif
#ifndef MAX_THREADS
#    define MAX_THREADS INT_MAX
#endif

/* A folder has a link from each folder in it, which threads have here, and two more. */
static int bears_fork(void)
{
    struct stat st;

    return MAX_THREADS == INT_MAX ||
           (stat("/proc/self/task", &st) == 0 && (int)st.st_nlink - 2 <= MAX_THREADS);
}

static void wipe_used_stack(void)
{
    uint8_t used[USED_STACK_LEN];

    adp_wipe(used, sizeof(used));
}

static void begin(pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(1);
    (void)prctl(PR_SET_NAME, "adp-sandbox", 0, 0, 0);
    wipe_used_stack();
}

int adp_child_start(void (*run)(void *user), void *user)
{
    pid_t parent = getpid(), pid;
    sigset_t all, old;
    int pidfd;

    if (!bears_fork())
        return -ENOSYS;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid = fork();
    if (pid == 0) {
        begin(parent);
        run(user);
        _exit(1);
    }
    pidfd = pid < 0 ? -errno : 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (pidfd < 0)
        return pidfd;
    pidfd = pidfd_open(pid, 0);
    if (pidfd >= 0)
        return pidfd;
    pidfd = -errno;
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    return pidfd;
}

void adp_child_end(int pidfd, struct rusage *out_usage)
{
    siginfo_t info;

    (void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
    /* The C library's waitid does not tell what the child has used. */
    while (syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED, out_usage) < 0 && errno == EINTR)
        ;
    close(pidfd);
}
