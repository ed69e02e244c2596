/* What the CPU can do and the operating system lets it: a kernel asks for the set it needs. */
#ifndef ADP_CPU_H
#define ADP_CPU_H

#include <stdint.h>

enum adp_cpu_feature {
    /* x86-64; each wide register file counts only if the operating system saves it. */
    ADP_CPU_AESNI = 1 << 0,
    ADP_CPU_PCLMULQDQ = 1 << 1,
    ADP_CPU_AVX = 1 << 2,
    ADP_CPU_AVX2 = 1 << 3,
    ADP_CPU_BMI2 = 1 << 4,
    ADP_CPU_VAES = 1 << 5,
    ADP_CPU_VPCLMULQDQ = 1 << 6,
    ADP_CPU_AVX512 = 1 << 7,          /* F, BW and VL */
    ADP_CPU_ZMM_FULL_CLOCK = 1 << 11, /* AVX512 that does not lower the core's clock */

    /* AArch64 */
    ADP_CPU_ARM_AES = 1 << 8,
    ADP_CPU_ARM_PMULL = 1 << 9,
    ADP_CPU_ARM_SHA3 = 1 << 10, /* EOR3 */
};

/* adp_cpu_has returns whether the machine has all |features|, a set of enum adp_cpu_feature. */
int adp_cpu_has(unsigned features);

#if defined(__x86_64__)
/* struct adp_cpu_words is all that the features are read from: words of CPUID, and XCR0, which is
 * zero where the operating system does not let it be read. */
struct adp_cpu_words {
    int intel;
    uint32_t leaf1_eax, leaf1_ecx, leaf7_ebx, leaf7_ecx;
    uint32_t xcr0;
};

/* adp_cpu_decode returns the features of the machine that answers with |words|. */
unsigned adp_cpu_decode(const struct adp_cpu_words *words);
#endif

#endif
