#include "priority.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THIS_THREAD 0

static int set(int priority)
{
    return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, THIS_THREAD, priority) < 0 ? -errno : 0;
}

int adp_priority_set_idle(int *out_before)
{
    long before = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, THIS_THREAD);

    if (before < 0)
        return -errno;
    *out_before = (int)before;
    return set(IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

void adp_priority_restore(int before)
{
    (void)set(before);
}
