/* The features that are found are those that the operating system lists. */
#include "adp_test.h"
#include "cpu.h"

#include <string.h>

static void test_sets(void)
{
    CU_ASSERT_TRUE(adp_cpu_has(0));
    CU_ASSERT_FALSE(adp_cpu_has(ADP_CPU_AESNI | ADP_CPU_ARM_AES)); /* no CPU is both */
}

#if defined(__x86_64__)

static char flags[8192];

/* read_flags sets |flags| to the first CPU's, and returns whether it found them. */
static int read_flags(void)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    int found = 0;

    while (file != NULL && !found && fgets(flags, sizeof(flags), file) != NULL)
        found = strncmp(flags, "flags", 5) == 0;
    if (file != NULL)
        fclose(file);
    return found;
}

/* listed returns whether |name| is one of |flags|. */
static int listed(const char *name)
{
    size_t len = strlen(name);

    for (const char *at = flags; (at = strstr(at, name)) != NULL; at += len) {
        if (at > flags && at[-1] == ' ' && (at[len] == ' ' || at[len] == '\n'))
            return 1;
    }
    return 0;
}

static void test_features(void)
{
    CU_ASSERT_TRUE_FATAL(read_flags());
    CU_ASSERT_EQUAL(adp_cpu_has(ADP_CPU_AESNI), listed("aes"));
    CU_ASSERT_EQUAL(adp_cpu_has(ADP_CPU_PCLMULQDQ), listed("pclmulqdq"));
    CU_ASSERT_EQUAL(adp_cpu_has(ADP_CPU_AVX), listed("avx"));
    CU_ASSERT_EQUAL(adp_cpu_has(ADP_CPU_AVX2), listed("avx2"));
    CU_ASSERT_EQUAL(adp_cpu_has(ADP_CPU_BMI2), listed("bmi2"));
    CU_ASSERT_EQUAL(adp_cpu_has(ADP_CPU_VAES), listed("vaes"));
    CU_ASSERT_EQUAL(adp_cpu_has(ADP_CPU_VPCLMULQDQ), listed("vpclmulqdq"));
    CU_ASSERT_EQUAL(adp_cpu_has(ADP_CPU_AVX512),
                    listed("avx512f") && listed("avx512bw") && listed("avx512vl"));
}

#endif

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"a set is had only as a whole", test_sets},
#if defined(__x86_64__)
        {"features are those of /proc/cpuinfo", test_features},
#endif
    };

    return adp_test_main("CPU features", cases, sizeof(cases) / sizeof(cases[0]));
}
