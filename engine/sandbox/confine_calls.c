/* The system calls that are left. */
#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "confine.h"

/* Waiting, ending, and what malloc needs beside mmap and mprotect. None of them takes a path or a
 * descriptor; restart_syscall is how the kernel goes on with a wait after SIGCONT. */
static const int allowed[] = {
    SCMP_SYS(futex), SCMP_SYS(exit),   SCMP_SYS(exit_group), SCMP_SYS(restart_syscall),
    SCMP_SYS(brk),   SCMP_SYS(munmap), SCMP_SYS(mremap),     SCMP_SYS(madvise),
};

/* What a sanitizer's runtime does besides. */
static const int loose[] = {
    SCMP_SYS(write),          SCMP_SYS(getpid),        SCMP_SYS(gettid),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),  SCMP_SYS(sigaltstack),
    SCMP_SYS(sched_yield),    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
};

static int allow_all(scmp_filter_ctx filter, const int *calls, size_t num)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < num; i++)
        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls[i], 0, NULL);
    return rc;
}

/* Memory of its own, without code. */
static int allow_memory(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp anonymous = SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS);
    int rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_code);

    if (rc == 0)
        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                                    (const struct scmp_arg_cmp[]){no_code, anonymous});
    return rc;
}

/* Reading descriptor 0, writing 1: each the first argument. */
static int allow_pipe(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp in = {.op = SCMP_CMP_EQ, .datum_a = STDIN_FILENO};
    const struct scmp_arg_cmp out = {.op = SCMP_CMP_EQ, .datum_a = STDOUT_FILENO};
    int rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(pread64), 1, &in);

    if (rc == 0)
        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(lseek), 1, &in);
    if (rc == 0 && !ADP_CONFINE_LOOSE)
        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, &out);
    return rc;
}

int adp_confine_calls(const struct adp_confine *confine)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int rc;

    if (filter == NULL)
        return -ENOMEM;
    rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0)
        rc = allow_all(filter, allowed, sizeof(allowed) / sizeof(allowed[0]));
    if (rc == 0 && ADP_CONFINE_LOOSE)
        rc = allow_all(filter, loose, sizeof(loose) / sizeof(loose[0]));
    if (rc == 0)
        rc = allow_memory(filter);
    if (rc == 0 && confine->has_pipe)
        rc = allow_pipe(filter);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc;
}
