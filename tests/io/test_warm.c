/* Threads that look at entries ahead of the walk: all that was asked for, once, and nothing is used
 * after adp_warm_wait. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adp_test.h"
#include "warm.h"

#define NUM_NAMES 1000u
#define STEP      64u

static atomic_uint num_looked;

/* In the place of the C library's. */
int fstatat(int dirfd, const char *path, struct stat *out, int flags)
{
    atomic_fetch_add(&num_looked, 1);
    usleep(10);
    return (int)syscall(SYS_newfstatat, dirfd, path, out, flags);
}

static void test_all_once(void)
{
    struct adp_warm *warm = adp_warm_new();
    int dirfd = open("/proc/self", O_RDONLY | O_DIRECTORY);
    char **names = calloc(NUM_NAMES, sizeof(*names));

    CU_ASSERT_PTR_NOT_NULL_FATAL(warm);
    for (unsigned i = 0; i < NUM_NAMES; i++) {
        names[i] = malloc(32);
        snprintf(names[i], 32, i % 2 == 0 ? "status" : "missing %u", i);
    }
    for (unsigned i = 0; i < NUM_NAMES; i += STEP)
        adp_warm_names(warm, dirfd, (const char *const *)names + i,
                       NUM_NAMES - i < STEP ? NUM_NAMES - i : STEP);
    adp_warm_wait(warm);
    CU_ASSERT_EQUAL(atomic_load(&num_looked), NUM_NAMES);
    /* From here on they are the caller's again; the sanitizers would tell. */
    for (unsigned i = 0; i < NUM_NAMES; i++)
        free(names[i]);
    free(names);
    close(dirfd);
    adp_warm_wait(warm);
    adp_warm_free(warm);
    adp_warm_wait(NULL);
    adp_warm_free(NULL);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"every name is looked at once", test_all_once},
    };

    return adp_test_main("warm", cases, sizeof(cases) / sizeof(cases[0]));
}
