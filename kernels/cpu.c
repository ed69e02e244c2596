#include "cpu.h"

#if defined(__x86_64__)

#    include <cpuid.h>

/* XCR0 bits, Intel SDM volume 1, section 13.3. */
#    define XCR0_YMM 0x06u /* SSE and AVX state */
#    define XCR0_ZMM 0xe6u /* those, opmask and both halves of ZMM state */

/* pick returns |features| if all of |bits| are set in |reg|. */
static unsigned pick(uint32_t reg, uint32_t bits, unsigned features)
{
    return (reg & bits) == bits ? features : 0;
}

/* zmm_full_clock returns whether 512-bit vectors leave the core's clock alone: not so on Intel's
 * cores with VAES before Sapphire Rapids. */
static int zmm_full_clock(const struct adp_cpu_words *words)
{
    unsigned family = words->leaf1_eax >> 8 & 0xf;
    unsigned model = (words->leaf1_eax >> 4 & 0xf) | (words->leaf1_eax >> 12 & 0xf0);

    if (!words->intel || family != 6)
        return 1;
    switch (model) {
    case 0x6a: /* Ice Lake, server */
    case 0x6c:
    case 0x7d: /* Ice Lake, client */
    case 0x7e:
    case 0x8c: /* Tiger Lake */
    case 0x8d:
    case 0xa7: /* Rocket Lake */
        return 0;
    default:
        return 1;
    }
}

unsigned adp_cpu_decode(const struct adp_cpu_words *words)
{
    uint32_t ecx = words->leaf1_ecx;
    uint32_t ebx7 = words->leaf7_ebx;
    uint32_t ecx7 = words->leaf7_ecx;
    unsigned found = pick(ecx, bit_AES, ADP_CPU_AESNI) | pick(ecx, bit_PCLMUL, ADP_CPU_PCLMULQDQ) |
                     pick(ebx7, bit_BMI2, ADP_CPU_BMI2);

    if ((words->xcr0 & XCR0_YMM) == XCR0_YMM && (ecx & bit_AVX))
        found |= ADP_CPU_AVX | pick(ebx7, bit_AVX2, ADP_CPU_AVX2) |
                 pick(ecx7, bit_VAES, ADP_CPU_VAES) |
                 pick(ecx7, bit_VPCLMULQDQ, ADP_CPU_VPCLMULQDQ);
    if ((words->xcr0 & XCR0_ZMM) == XCR0_ZMM)
        found |= pick(ebx7, bit_AVX512F | bit_AVX512BW | bit_AVX512VL, ADP_CPU_AVX512);
    if ((found & ADP_CPU_AVX512) && zmm_full_clock(words))
        found |= ADP_CPU_ZMM_FULL_CLOCK;
    return found;
}

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

static unsigned detect(void)
{
    struct adp_cpu_words words = {0};
    uint32_t a, b, c, d;

    if (!__get_cpuid(0, &a, &b, &c, &d))
        return 0;
    words.intel = b == signature_INTEL_ebx;
    if (!__get_cpuid(1, &words.leaf1_eax, &b, &words.leaf1_ecx, &d))
        return 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        words.leaf7_ebx = b;
        words.leaf7_ecx = c;
    }
    words.xcr0 = saved_registers(words.leaf1_ecx);
    return adp_cpu_decode(&words);
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
