/* What x86-64 kernels share: AES-256's key schedule and GHASH's arithmetic in 128-bit registers.
 * For files that are compiled with AES-NI, PCLMULQDQ and AVX. Internal to kernels/.
 *
 * GHASH works on byte-reversed blocks, and H is kept multiplied by x, which spares a shift of every
 * product (Gueron and Kounavis, Intel's carry-less multiplication white paper). */
#ifndef ADP_GCM_X86_H
#define ADP_GCM_X86_H

#include "gcm.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

INLINE __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

INLINE void store(uint8_t *p, __m128i x)
{
    _mm_storeu_si128((__m128i *)p, x);
}

/* add is the addition of blocks and of polynomials: XOR. */
INLINE __m128i add(__m128i a, __m128i b)
{
    return _mm_xor_si128(a, b);
}

INLINE __m128i byte_reverse(__m128i x)
{
    return _mm_shuffle_epi8(x, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

INLINE __m128i swap_halves(__m128i x)
{
    return _mm_shuffle_epi32(x, 0x4e);
}

/* struct product is a sum of Karatsuba's three partial products of 128-bit factors. */
struct product {
    __m128i low, middle, high;
};

/* multiply_add adds |a| times |b| to |sum|. Both halves of |b_halves| hold the sum of |b|'s. */
INLINE void multiply_add(struct product *sum, __m128i a, __m128i b, __m128i b_halves)
{
    sum->low = add(sum->low, _mm_clmulepi64_si128(a, b, 0x00));
    sum->high = add(sum->high, _mm_clmulepi64_si128(a, b, 0x11));
    a = add(a, swap_halves(a));
    sum->middle = add(sum->middle, _mm_clmulepi64_si128(a, b_halves, 0x00));
    /* Else gcc regroups the sums and keeps every product, on the stack. */
    __asm__("" : "+x"(sum->low), "+x"(sum->middle), "+x"(sum->high));
}

/* reduce returns |p| modulo GHASH's polynomial: twice, the lowest 64 bits are cancelled by a
 * multiple of the polynomial, whose other terms are x^127 + x^126 + x^121 in reversed bit order. */
INLINE __m128i reduce(struct product p)
{
    const __m128i poly = _mm_set_epi64x(0, (long long)0xc200000000000000);
    __m128i middle = add(p.middle, add(p.low, p.high));
    __m128i low = add(p.low, _mm_slli_si128(middle, 8));
    __m128i high = add(p.high, _mm_srli_si128(middle, 8));

    low = add(swap_halves(low), _mm_clmulepi64_si128(low, poly, 0x00));
    low = add(swap_halves(low), _mm_clmulepi64_si128(low, poly, 0x00));
    return add(high, low);
}

/* times_x returns |h| times x, bytes reversed: the bit that falls out is x^128. */
INLINE __m128i times_x(__m128i h)
{
    const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000, 1);
    __m128i carries = _mm_srli_epi64(h, 63);
    __m128i top = _mm_shuffle_epi32(_mm_srai_epi32(h, 31), 0xff);

    h = _mm_or_si128(_mm_slli_epi64(h, 1), _mm_slli_si128(carries, 8));
    return add(h, _mm_and_si128(top, poly));
}

/* spread returns the words of |x| summed up: word i is the sum of words 0 to i. */
INLINE __m128i spread(__m128i x)
{
    x = add(x, _mm_slli_si128(x, 4));
    return add(x, _mm_slli_si128(x, 8));
}

/* FIPS 197, section 5.2, two round keys at a time. */
INLINE void expand_key(__m128i round[15], const uint8_t key[ADP_GCM_KEY_LEN])
{
    round[0] = load(key);
    round[1] = load(key + 16);
#define EVEN(i, rcon)                                                                              \
    round[i] = add(spread(round[i - 2]),                                                           \
                   _mm_shuffle_epi32(_mm_aeskeygenassist_si128(round[i - 1], rcon), 0xff))
#define ODD(i)                                                                                     \
    round[i] = add(spread(round[i - 2]),                                                           \
                   _mm_shuffle_epi32(_mm_aeskeygenassist_si128(round[i - 1], 0), 0xaa))
    EVEN(2, 0x01);
    ODD(3);
    EVEN(4, 0x02);
    ODD(5);
    EVEN(6, 0x04);
    ODD(7);
    EVEN(8, 0x08);
    ODD(9);
    EVEN(10, 0x10);
    ODD(11);
    EVEN(12, 0x20);
    ODD(13);
    EVEN(14, 0x40);
#undef EVEN
#undef ODD
}

#endif
