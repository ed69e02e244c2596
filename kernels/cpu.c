#include "cpu.h"

#if defined(__x86_64__)

#    include <cpuid.h>
#    include <stdint.h>

/* XCR0 bits, Intel SDM volume 1, section 13.3. */
#    define XCR0_YMM 0x06u /* SSE and AVX state */
#    define XCR0_ZMM 0xe6u /* those, opmask and both halves of ZMM state */

/* saved_registers returns XCR0: which register files the operating system saves. */
static uint32_t saved_registers(uint32_t leaf1_ecx)
{
    uint32_t low;
    uint32_t high;

    if (!(leaf1_ecx & bit_OSXSAVE))
        return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* pick returns |features| if all of |bits| are set in |reg|. */
static unsigned pick(uint32_t reg, uint32_t bits, unsigned features)
{
    return (reg & bits) == bits ? features : 0;
}

static unsigned detect(void)
{
    uint32_t a, b, c, d;
    uint32_t xcr0;
    unsigned found = 0;

    if (!__get_cpuid(1, &a, &b, &c, &d))
        return 0;
    xcr0 = saved_registers(c);
    found |= pick(c, bit_AES, ADP_CPU_AESNI) | pick(c, bit_PCLMUL, ADP_CPU_PCLMULQDQ);
    if ((xcr0 & XCR0_YMM) == XCR0_YMM)
        found |= pick(c, bit_AVX, ADP_CPU_AVX);
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return found;
    found |= pick(b, bit_BMI2, ADP_CPU_BMI2);
    if (found & ADP_CPU_AVX)
        found |= pick(b, bit_AVX2, ADP_CPU_AVX2) | pick(c, bit_VAES, ADP_CPU_VAES) |
                 pick(c, bit_VPCLMULQDQ, ADP_CPU_VPCLMULQDQ);
    if ((xcr0 & XCR0_ZMM) == XCR0_ZMM)
        found |= pick(b, bit_AVX512F | bit_AVX512BW | bit_AVX512VL, ADP_CPU_AVX512);
    return found;
}

#elif defined(__aarch64__)

#    include <sys/auxv.h>

static unsigned detect(void)
{
    unsigned long caps = getauxval(AT_HWCAP);

    return (caps & HWCAP_AES ? ADP_CPU_ARM_AES : 0) | (caps & HWCAP_PMULL ? ADP_CPU_ARM_PMULL : 0) |
           (caps & HWCAP_SHA3 ? ADP_CPU_ARM_SHA3 : 0);
}

#else

static unsigned detect(void)
{
    return 0;
}

#endif

int adp_cpu_has(unsigned features)
{
    return (detect() & features) == features;
}
