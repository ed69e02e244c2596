/* Vectors of one block: AES-NI and PCLMULQDQ with AVX's encodings. See gcm_wide.h. */
#ifndef ADP_VEC_H
#define ADP_VEC_H

#include "cpu.h"
#include "gcm_x86.h"
#include "vec_one.h"

#define HASH_VECS    1 /* at a time */
#define VEC_FEATURES (ADP_CPU_AESNI | ADP_CPU_PCLMULQDQ | ADP_CPU_AVX)

/* PIN keeps an instruction at its place in the program. */
#define PIN(x) __asm__ volatile("" : "+x"(x))

INLINE vec v_add3(vec a, vec b, vec c)
{
    return v_add(a, v_add(b, c));
}

INLINE vec v_reverse(vec x)
{
    return byte_reverse(x);
}

INLINE vec v_swap(vec x)
{
    return _mm_shuffle_epi32(x, 0x4e);
}

INLINE vec v_multiply_low(vec a, vec b)
{
    return _mm_clmulepi64_si128(a, b, 0x00);
}

INLINE vec v_multiply_high(vec a, vec b)
{
    return _mm_clmulepi64_si128(a, b, 0x11);
}

/* v_up and v_down move every block's low half up or its high half down, and clear the other. */
INLINE vec v_up(vec x)
{
    return _mm_slli_si128(x, 8);
}

INLINE vec v_down(vec x)
{
    return _mm_srli_si128(x, 8);
}

INLINE vec v_round(vec x, vec key)
{
    return aes_round(x, key);
}

INLINE vec v_last_round(vec x, const vec round[NUM_ROUND_KEYS], vec in)
{
    return _mm_aesenclast_si128(x, add(round[14], in));
}

#endif
