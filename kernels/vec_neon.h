/* Vectors of one block: AArch64's AES and PMULL, and where the file is compiled for SHA3 its EOR3,
 * which adds three. See gcm_wide.h. */
#ifndef ADP_VEC_H
#define ADP_VEC_H

#include "cpu.h"
#include "gcm_arm.h"
#include "vec_one.h"

#define HASH_VECS 1 /* at a time */
#if defined(__ARM_FEATURE_SHA3)
#    define VEC_FEATURES (ADP_CPU_ARM_AES | ADP_CPU_ARM_PMULL | ADP_CPU_ARM_SHA3)
#else
#    define VEC_FEATURES (ADP_CPU_ARM_AES | ADP_CPU_ARM_PMULL)
#endif

/* PIN keeps an instruction at its place in the program. To gcc's scheduler any such statement is a
 * wall; one that names |x| costs copies of registers, and hinders sums of two from becoming sums of
 * three. */
#if defined(__clang__)
#    define PIN(x) __asm__ volatile("" : "+w"(x))
#else
#    define PIN(x) __asm__ volatile("")
#endif

INLINE vec v_add3(vec a, vec b, vec c)
{
#if defined(__ARM_FEATURE_SHA3)
    return veor3q_u8(a, b, c);
#else
    return v_add(a, v_add(b, c));
#endif
}

INLINE vec v_reverse(vec x)
{
    return byte_reverse(x);
}

INLINE vec v_swap(vec x)
{
    return vextq_u8(x, x, 8);
}

/* The products are no intrinsics, for which clang 14 takes halves through general registers. */
INLINE vec v_multiply_low(vec a, vec b)
{
    vec product;

    __asm__("pmull %0.1q, %1.1d, %2.1d" : "=w"(product) : "w"(a), "w"(b));
    return product;
}

INLINE vec v_multiply_high(vec a, vec b)
{
    vec product;

    __asm__("pmull2 %0.1q, %1.2d, %2.2d" : "=w"(product) : "w"(a), "w"(b));
    return product;
}

/* v_up and v_down move every block's low half up or its high half down, and clear the other. */
INLINE vec v_up(vec x)
{
    return vextq_u8(zero(), x, 8);
}

INLINE vec v_down(vec x)
{
    return vextq_u8(x, zero(), 8);
}

INLINE vec v_round(vec x, vec key)
{
    return aes_round(x, key);
}

INLINE vec v_last_round(vec x, const vec round[NUM_ROUND_KEYS], vec in)
{
    return v_add3(vaeseq_u8(x, round[14]), round[15], in);
}

#endif
