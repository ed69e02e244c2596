/* Machines and processes of all sizes. This program's sysconf stands before the C library's, for a
 * machine of any number of cores. */
#include <dlfcn.h>
#include <sys/resource.h>

#include "seal_test.h"

#define NUM_SOURCES 300u

static long num_cores;

long sysconf(int name)
{
    static long (*real)(int);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "sysconf");
    return name == _SC_NPROCESSORS_ONLN && num_cores > 0 ? num_cores : real(name);
}

static void check_roundtrip(struct adp_options common)
{
    struct adp_report report;
    struct seal_rig rig;

    seal_rig_open(&rig);
    seal_rig_write(&rig, "large", (size_t)20 << 20, 1);
    seal_rig_write(&rig, "small", 1000, 2);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, common, &report), ADP_OK);
    CU_ASSERT_EQUAL(seal_rig_restore(&rig, common, &report), ADP_OK);
    CU_ASSERT_TRUE(seal_rig_same(&rig));
    seal_rig_close(&rig);
}

static void test_many_cores(void)
{
    static const long cores[] = {1, 5, 64, 1000};

    for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
        num_cores = cores[i];
        check_roundtrip((struct adp_options){0});
        check_roundtrip((struct adp_options){.memory = (size_t)16 << 20});
    }
    num_cores = 0;
}

/* Memory that is registered with a ring is there at once, used or not. */
static void test_much_memory(void)
{
    struct adp_options common = {.memory = (size_t)1 << 30};
    struct adp_report report;
    struct rusage usage;
    struct seal_rig rig;

    seal_rig_open(&rig);
    seal_rig_write(&rig, "small", 1000, 2);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, common, &report), ADP_OK);
    CU_ASSERT_EQUAL(getrusage(RUSAGE_SELF, &usage), 0);
    CU_ASSERT_TRUE(usage.ru_maxrss < 700 << 10);
    seal_rig_close(&rig);
}

/* As a shell makes of seal VAULT FOLDER/STAR. */
static void test_many_sources(void)
{
    struct rlimit before, few;
    static char path[NUM_SOURCES][256];
    const char *sources[NUM_SOURCES];
    struct adp_seal_options options = {.sources = sources, .num_sources = NUM_SOURCES};
    struct adp_report report;
    struct seal_rig rig;

    seal_rig_open(&rig);
    for (unsigned i = 0; i < NUM_SOURCES; i++) {
        char name[32];

        snprintf(name, sizeof(name), "%u.jpg", i);
        seal_rig_write(&rig, name, 100, i);
        snprintf(path[i], sizeof(path[i]), "%s/%s", rig.source, name);
        sources[i] = path[i];
    }
    CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){.rlim_cur = 64, .rlim_max = before.rlim_max};
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
    CU_ASSERT_EQUAL(adp_seal(rig.vault, &options, &report, &rig.err), ADP_OK);
    CU_ASSERT_EQUAL(report.categories[0].files, NUM_SOURCES);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    seal_rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"a seal takes no memory that it does not use", test_much_memory},
        {"the defaults work on one core and on a thousand", test_many_cores},
        {"more sources than descriptors", test_many_sources},
    };

    return adp_test_main("resources", cases, sizeof(cases) / sizeof(cases[0]));
}
