/* The features that are found are those that the operating system lists, and those of machines that
 * answer otherwise than this one. */
#include "adp_test.h"
#include "cpu.h"

#include <string.h>

static void test_sets(void)
{
    CU_ASSERT_TRUE(adp_cpu_has(0));
    CU_ASSERT_FALSE(adp_cpu_has(ADP_CPU_AESNI | ADP_CPU_ARM_AES)); /* no CPU is both */
}

#if defined(__x86_64__)

#    include <cpuid.h>

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

#    define WITHOUT_ZMM                                                                            \
        (ADP_CPU_AESNI | ADP_CPU_PCLMULQDQ | ADP_CPU_AVX | ADP_CPU_AVX2 | ADP_CPU_BMI2 |           \
         ADP_CPU_VAES | ADP_CPU_VPCLMULQDQ)
#    define WITHOUT_YMM (ADP_CPU_AESNI | ADP_CPU_PCLMULQDQ | ADP_CPU_BMI2)
#    define EVERYTHING  (WITHOUT_ZMM | ADP_CPU_AVX512 | ADP_CPU_ZMM_FULL_CLOCK)

static const struct adp_cpu_words everything = {
    .leaf1_ecx = UINT32_MAX, .leaf7_ebx = UINT32_MAX, .leaf7_ecx = UINT32_MAX, .xcr0 = UINT32_MAX};

/* DECODED is the features of |everything| with one word replaced. */
#    define DECODED(word, value) (words = everything, words.word = (value), adp_cpu_decode(&words))

static void test_unsaved_registers(void)
{
    struct adp_cpu_words words;

    CU_ASSERT_EQUAL(DECODED(xcr0, 0xe7), EVERYTHING);
    CU_ASSERT_EQUAL(DECODED(xcr0, 0x07), WITHOUT_ZMM);
    CU_ASSERT_EQUAL(DECODED(xcr0, 0x67), WITHOUT_ZMM); /* the upper 16 of the zmm are not saved */
    CU_ASSERT_EQUAL(DECODED(xcr0, 0xa7), WITHOUT_ZMM); /* the upper halves are not */
    CU_ASSERT_EQUAL(DECODED(xcr0, 0xc7), WITHOUT_ZMM); /* masks are not */
    CU_ASSERT_EQUAL(DECODED(xcr0, 0xe3), WITHOUT_YMM);
    CU_ASSERT_EQUAL(DECODED(xcr0, 0x03), WITHOUT_YMM);
    CU_ASSERT_EQUAL(DECODED(xcr0, 0), WITHOUT_YMM);
}

static void test_missing_features(void)
{
    struct adp_cpu_words words = {.xcr0 = UINT32_MAX};

    CU_ASSERT_EQUAL(adp_cpu_decode(&words), 0);
    CU_ASSERT_EQUAL(DECODED(leaf1_ecx, ~(uint32_t)bit_AES), EVERYTHING & ~ADP_CPU_AESNI);
    CU_ASSERT_EQUAL(DECODED(leaf1_ecx, ~(uint32_t)bit_PCLMUL), EVERYTHING & ~ADP_CPU_PCLMULQDQ);
    CU_ASSERT_EQUAL(DECODED(leaf7_ebx, ~(uint32_t)bit_AVX2), EVERYTHING & ~ADP_CPU_AVX2);
    CU_ASSERT_EQUAL(DECODED(leaf7_ebx, ~(uint32_t)bit_BMI2), EVERYTHING & ~ADP_CPU_BMI2);
    CU_ASSERT_EQUAL(DECODED(leaf7_ebx, ~(uint32_t)bit_AVX512F), WITHOUT_ZMM);
    CU_ASSERT_EQUAL(DECODED(leaf7_ebx, ~(uint32_t)bit_AVX512BW), WITHOUT_ZMM);
    CU_ASSERT_EQUAL(DECODED(leaf7_ebx, ~(uint32_t)bit_AVX512VL), WITHOUT_ZMM);
    CU_ASSERT_EQUAL(DECODED(leaf7_ecx, ~(uint32_t)bit_VAES), EVERYTHING & ~ADP_CPU_VAES);
    CU_ASSERT_EQUAL(DECODED(leaf7_ecx, ~(uint32_t)bit_VPCLMULQDQ),
                    EVERYTHING & ~ADP_CPU_VPCLMULQDQ);
}

/* Signatures (CPUID 1, EAX) of cores with AVX-512. */
static void test_zmm_clock(void)
{
    static const struct {
        int intel, full_clock;
        uint32_t signature;
    } cores[] = {
        {1, 0, 0x606a6},  {1, 0, 0x606c1},  /* Ice Lake, server */
        {1, 0, 0x706d1},  {1, 0, 0x706e5},  /* Ice Lake, client */
        {1, 0, 0x806c1},  {1, 0, 0x806d1},  /* Tiger Lake */
        {1, 0, 0xa0671},                    /* Rocket Lake */
        {1, 1, 0x806f8},  {1, 1, 0xc06f2},  /* Sapphire and Emerald Rapids */
        {1, 1, 0xa06d1},                    /* Granite Rapids */
        {0, 1, 0xa10f11}, {0, 1, 0xb00f21}, /* AMD Zen 4, Zen 5 */
        {0, 1, 0x606a6},                    /* Ice Lake's number, another maker's core */
    };

    for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
        struct adp_cpu_words words = everything;

        words.intel = cores[i].intel;
        words.leaf1_eax = cores[i].signature;
        CU_ASSERT_EQUAL(adp_cpu_decode(&words),
                        cores[i].full_clock ? EVERYTHING : EVERYTHING & ~ADP_CPU_ZMM_FULL_CLOCK);
    }
}

#endif

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"a set is had only as a whole", test_sets},
#if defined(__x86_64__)
        {"features are those of /proc/cpuinfo", test_features},
        {"registers that are not saved are not there", test_unsaved_registers},
        {"every feature can be missing", test_missing_features},
        {"some of Intel's cores slow down for zmm", test_zmm_clock},
#endif
    };

    return adp_test_main("CPU features", cases, sizeof(cases) / sizeof(cases[0]));
}
