/* Vectors of four blocks: VAES and VPCLMULQDQ on AVX-512. See gcm_wide.h. */
#ifndef ADP_VEC_H
#define ADP_VEC_H

#include "cpu.h"
#include "gcm_x86.h"

#define LANES     4
#define HASH_VECS 2 /* at a time */
#define VEC_FEATURES                                                                               \
    (ADP_CPU_AESNI | ADP_CPU_PCLMULQDQ | ADP_CPU_AVX | ADP_CPU_AVX2 | ADP_CPU_BMI2 |               \
     ADP_CPU_VAES | ADP_CPU_VPCLMULQDQ | ADP_CPU_AVX512)

typedef __m512i vec;

/* PIN keeps an instruction at its place in the program. */
#define PIN(x) __asm__ volatile("" : "+v"(x))

INLINE vec v_load(const uint8_t *p)
{
    return _mm512_loadu_si512(p);
}

INLINE void v_store(uint8_t *p, vec x)
{
    _mm512_storeu_si512(p, x);
}

INLINE vec v_all(block x)
{
    return _mm512_broadcast_i32x4(x);
}

INLINE vec v_first(block x)
{
    return _mm512_zextsi128_si512(x);
}

INLINE block v_block(vec x)
{
    return _mm512_castsi512_si128(x);
}

INLINE block v_sum(vec x)
{
    __m256i half = _mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));

    return add(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

INLINE vec v_add(vec a, vec b)
{
    return _mm512_xor_si512(a, b);
}

INLINE vec v_add3(vec a, vec b, vec c)
{
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

INLINE vec v_reverse(vec x)
{
    return _mm512_shuffle_epi8(x, v_load(reversal()));
}

INLINE vec v_swap(vec x)
{
    return _mm512_shuffle_epi32(x, 0x4e);
}

/* v_lows and v_highs put halves of two vectors' blocks together: the low ones or the high ones. */
INLINE vec v_lows(vec a, vec b)
{
    return _mm512_unpacklo_epi64(a, b);
}

INLINE vec v_highs(vec a, vec b)
{
    return _mm512_unpackhi_epi64(a, b);
}

INLINE vec v_multiply_low(vec a, vec b)
{
    return _mm512_clmulepi64_epi128(a, b, 0x00);
}

INLINE vec v_multiply_high(vec a, vec b)
{
    return _mm512_clmulepi64_epi128(a, b, 0x11);
}

/* v_up and v_down move every block's low half up or its high half down, and clear the other. */
INLINE vec v_up(vec x)
{
    return _mm512_bslli_epi128(x, 8);
}

INLINE vec v_down(vec x)
{
    return _mm512_bsrli_epi128(x, 8);
}

INLINE vec v_round(vec x, vec key)
{
    return _mm512_aesenc_epi128(x, key);
}

INLINE vec v_last_round(vec x, const vec round[NUM_ROUND_KEYS], vec in)
{
    return _mm512_aesenclast_epi128(x, v_add(round[14], in));
}

/* v_straddle sets what is added in a window's last step, whose last two blocks are the next
 * window's. */
INLINE void v_straddle(vec *out_6, vec *out_7, vec this_window, vec next_window)
{
    *out_6 = this_window;
    *out_7 = _mm512_mask_mov_epi64(this_window, 0xf0, next_window);
}

#endif
