/* The features that are found are those of the CPU's own identification register, and a CPU without
 * one of them gets another kernel. This program's getauxval stands before the C library's, for a
 * CPU that lacks something. */
#include "adp_test.h"
#include "cpu.h"
#include "gcm.h"

#include <dlfcn.h>
#include <sys/auxv.h>

static unsigned long lacking; /* HWCAP bits */

unsigned long getauxval(unsigned long type)
{
    static unsigned long (*real)(unsigned long);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "getauxval");
    return type == AT_HWCAP ? real(type) & ~lacking : real(type);
}

static int has_sha3(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_SHA3) != 0;
}

/* Arm ARM, ID_AA64ISAR0_EL1: AES in bits 7 to 4 is 1 for AES, 2 for PMULL as well; SHA3 in bits 35
 * to 32. The kernel lets it be read where HWCAP_CPUID is set. */
static void test_features(void)
{
    uint64_t features;

    CU_ASSERT_TRUE_FATAL((getauxval(AT_HWCAP) & HWCAP_CPUID) != 0);
    __asm__("mrs %0, ID_AA64ISAR0_EL1" : "=r"(features));
    CU_ASSERT_EQUAL(adp_cpu_has(ADP_CPU_ARM_AES), (features >> 4 & 15) >= 1);
    CU_ASSERT_EQUAL(adp_cpu_has(ADP_CPU_ARM_PMULL), (features >> 4 & 15) >= 2);
    CU_ASSERT_EQUAL(adp_cpu_has(ADP_CPU_ARM_SHA3), (features >> 32 & 15) >= 1);
}

/* chosen_without returns the choice on this CPU without |missing|. */
static const char *chosen_without(unsigned long missing)
{
    const struct adp_gcm_kernel *kernel;

    lacking = missing;
    CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kernel, NULL), ADP_GCM_OK);
    lacking = 0;
    return adp_gcm_kernel_name(kernel);
}

static void test_choice(void)
{
    CU_ASSERT_STRING_EQUAL(chosen_without(0), has_sha3() ? "armv8-eor3" : "armv8");
    CU_ASSERT_STRING_EQUAL(chosen_without(HWCAP_SHA3), "armv8");
    CU_ASSERT_STRING_EQUAL(chosen_without(HWCAP_AES), "portable");
    CU_ASSERT_STRING_EQUAL(chosen_without(HWCAP_PMULL), "portable");
    CU_ASSERT_STRING_EQUAL(chosen_without(HWCAP_AES | HWCAP_PMULL | HWCAP_SHA3), "portable");
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"features are those of ID_AA64ISAR0_EL1", test_features},
        {"a missing feature changes the choice", test_choice},
    };

    unsetenv("ADP_SEAL_KERNEL");
    return adp_test_main("AArch64's features", cases, sizeof(cases) / sizeof(cases[0]));
}
