/* What the kernel has of a sandbox, asked of the kernel. */
#ifndef CONFINE_TEST_H
#define CONFINE_TEST_H

#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ct_landlock returns the version of Landlock's interface; less than 1 if there is none. */
static inline long ct_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* ct_has_all returns whether all layers can be had: not under an emulator, for one. */
static inline int ct_has_all(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;

    return ct_landlock() >= 1 && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/* ct_child returns the only child of this thread, or 0. */
static inline pid_t ct_child(void)
{
    char path[64];
    FILE *file;
    int pid = 0;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)gettid());
    file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file != NULL)
        fclose(file);
    return pid;
}

/* ct_signal_child sends it |signal|, and returns whether there is one. */
static inline int ct_signal_child(int signal)
{
    pid_t pid = ct_child();

    return pid > 0 && kill(pid, signal) == 0;
}

#endif
