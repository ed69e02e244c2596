/* What the kernel has of a sandbox, asked of the kernel. */
#ifndef CONFINE_TEST_H
#define CONFINE_TEST_H

#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdint.h>
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

#endif
