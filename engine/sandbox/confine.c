#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* -- Memory: proc_pid_maps(5), read without the C library's streams. */

enum maps_field {
    MAPS_FROM,
    MAPS_TO,
    MAPS_PERMISSIONS,
    MAPS_REST,
};

struct maps_line {
    enum maps_field field;
    uintptr_t from, to;
    char last_permission; /* 's': shared */
};

static uintptr_t hex_digit(char c)
{
    return (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Takes one more byte of a line. Returns whether the line is complete. */
static int maps_take(struct maps_line *line, char c)
{
    switch (line->field) {
    case MAPS_FROM:
        if (c == '-')
            line->field = MAPS_TO;
        else
            line->from = line->from << 4 | hex_digit(c);
        return 0;
    case MAPS_TO:
        if (c == ' ')
            line->field = MAPS_PERMISSIONS;
        else
            line->to = line->to << 4 | hex_digit(c);
        return 0;
    case MAPS_PERMISSIONS:
        if (c == ' ')
            line->field = MAPS_REST;
        else
            line->last_permission = c;
        return 0;
    default:
        return c == '\n';
    }
}

/* What is shared and not the process's own business goes: files that the program has mapped, the
 * rings of io_uring, through which the kernel would do for it what it must not do itself. */
static void maps_end_line(struct adp_confine *confine, const struct maps_line *line)
{
    uintptr_t from = (uintptr_t)confine->shared;
    int is_kept = line->from >= from && line->to <= from + confine->shared_len;

    confine->memory += line->to - line->from;
    if (line->last_permission == 's' && !is_kept)
        (void)munmap((void *)line->from, line->to - line->from);
}

static int drop_shared_memory(struct adp_confine *confine)
{
    struct maps_line line = {0};
    char buffer[4096];
    ssize_t len;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    while ((len = read(fd, buffer, sizeof(buffer))) > 0) {
        for (ssize_t i = 0; i < len; i++) {
            if (!maps_take(&line, buffer[i]))
                continue;
            maps_end_line(confine, &line);
            line = (struct maps_line){0};
        }
    }
    close(fd);
    return len < 0 ? -errno : 0;
}

/* -- Files, network, other processes: Landlock without a single rule. */

/* struct landlock_ruleset_attr as of ABI 6; Debian's header has the first field alone. */
struct confine_rules {
    uint64_t fs, net, scoped;
};

/* What each version of the interface can forbid, landlock(7). A kernel takes no bit that it does
 * not know, and a field that it does not know must be zero. */
static struct confine_rules rules_of(long version)
{
    struct confine_rules rules = {.fs = (UINT64_C(1) << 13) - 1};

    if (version >= 2)
        rules.fs |= UINT64_C(1) << 13; /* linking and renaming across folders */
    if (version >= 3)
        rules.fs |= UINT64_C(1) << 14; /* truncating */
    if (version >= 4)
        rules.net = 3; /* binding and connecting by TCP */
    if (version >= 5)
        rules.fs |= UINT64_C(1) << 15; /* ioctl on devices */
    if (version >= 6)
        rules.scoped = 3; /* abstract sockets and signals */
    return rules;
}

static int put_landlock_on(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct confine_rules rules = rules_of(version);
    long fd, rc;

    if (version < 1)
        return -errno;
    fd = syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
    if (fd < 0)
        return -errno;
    rc = syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? -errno : 0;
    close((int)fd);
    return (int)rc;
}

/* -- Together. */

static void close_others(const struct adp_confine *confine)
{
    unsigned first = confine->has_pipe ? STDOUT_FILENO + 1 : 0;

    if (ADP_CONFINE_LOOSE && first < STDERR_FILENO)
        (void)close_range(first, STDERR_FILENO - 1, 0);
    (void)close_range(ADP_CONFINE_LOOSE ? STDERR_FILENO + 1 : first, ~0U, 0);
}

int adp_confine_begin(struct adp_confine *confine)
{
    int rc = drop_shared_memory(confine);

    if (rc < 0)
        return rc;
    close_others(confine);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if ((confine->layers & ADP_CONFINE_LANDLOCK) != 0 && put_landlock_on() < 0)
        confine->layers &= ~(unsigned)ADP_CONFINE_LANDLOCK;
    confine->memory += confine->more_memory;
    return 0;
}

static void limit(__rlimit_resource_t resource, rlim_t most)
{
    (void)setrlimit(resource, &(struct rlimit){most, most});
}

void adp_confine_end(struct adp_confine *confine)
{
    limit(RLIMIT_NOFILE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_MEMLOCK, 0);
    limit(RLIMIT_MSGQUEUE, 0);
    if (!ADP_CONFINE_LOOSE)
        limit(RLIMIT_AS, confine->memory);
    if ((confine->layers & ADP_CONFINE_SECCOMP) != 0 && adp_confine_calls(confine) < 0)
        confine->layers &= ~(unsigned)ADP_CONFINE_SECCOMP;
}
