/* Blocks of 128 bits on x86-64: what gcm_wide.h needs of a machine beside its vectors. For files
 * that are compiled with AES-NI, PCLMULQDQ and AVX. Internal to kernels/. */
#ifndef ADP_GCM_X86_H
#define ADP_GCM_X86_H

#include "gcm.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef __m128i block;

INLINE block load(const uint8_t *p)
{
    return _mm_loadu_si128((const block *)p);
}

INLINE void store(uint8_t *p, block x)
{
    _mm_storeu_si128((block *)p, x);
}

INLINE block zero(void)
{
    return _mm_setzero_si128();
}

/* add is the addition of blocks and of polynomials: XOR. */
INLINE block add(block a, block b)
{
    return _mm_xor_si128(a, b);
}

/* differ returns zero if all bytes are the same, in constant time. */
INLINE int differ(block a, block b)
{
    return _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) ^ 0xffff;
}

/* For VPSHUFB, as often as the widest vector wants it. */
#define REVERSED 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0
alignas(64) static const uint8_t reversed[64] = {REVERSED, REVERSED, REVERSED, REVERSED};

/* reversal returns |reversed|, of which the compiler knows no more: it would keep its copy on the
 * stack where a loop has no register left. */
INLINE const uint8_t *reversal(void)
{
    const uint8_t *p = reversed;

    __asm__ volatile("" : "+r"(p));
    return p;
}

INLINE block byte_reverse(block x)
{
    return _mm_shuffle_epi8(x, load(reversal()));
}

/* length_block returns GHASH's last block, bytes reversed. */
INLINE block length_block(uint64_t aad_len, uint64_t len)
{
    uint64_t aad_bits = aad_len * 8;
    uint64_t bits = len * 8;

    return _mm_set_epi64x((long long)aad_bits, (long long)bits);
}

/* nonce_block returns the counter block with a counter of zero. It is put together in registers:
 * written and read back in another width, it would stall the load. */
INLINE block nonce_block(const uint8_t nonce[ADP_GCM_NONCE_LEN])
{
    int32_t end;

    memcpy(&end, nonce + 8, sizeof(end));
    return _mm_insert_epi32(_mm_loadl_epi64((const __m128i *)nonce), end, 2);
}

/* with_counter returns the block of counter |n|; |x| is the block of counter zero, with or without
 * a round key added. */
INLINE block with_counter(block x, uint32_t n)
{
    return add(x, _mm_set_epi32((int)__builtin_bswap32(n), 0, 0, 0));
}

/* --- GHASH --- */

/* polynomial returns what reduces GHASH's products: x^127 + x^126 + x^121, bits reversed. */
INLINE block polynomial(void)
{
    long long x = (long long)0xc200000000000000;

    __asm__ volatile("" : "+r"(x)); /* see reversal */
    return _mm_set1_epi64x(x);
}

/* times_x returns |h| times x, bytes reversed: the bit that falls out is x^128. */
INLINE block times_x(block h)
{
    const block poly = _mm_set_epi64x((long long)0xc200000000000000, 1);
    block carries = _mm_srli_epi64(h, 63);
    block top = _mm_shuffle_epi32(_mm_srai_epi32(h, 31), 0xff);

    h = _mm_or_si128(_mm_slli_epi64(h, 1), _mm_slli_si128(carries, 8));
    return add(h, _mm_and_si128(top, poly));
}

/* --- AES: round key 0 is added at the start, AESENC adds a round's key at its end --- */

#define NUM_ROUND_KEYS 15

INLINE block aes_round(block x, block key)
{
    return _mm_aesenc_si128(x, key);
}

/* spread returns the words of |x| summed up: word i is the sum of words 0 to i. */
INLINE block spread(block x)
{
    x = add(x, _mm_slli_si128(x, 4));
    return add(x, _mm_slli_si128(x, 8));
}

/* expand_key is FIPS 197, section 5.2, two round keys at a time. */
INLINE void expand_key(block round[NUM_ROUND_KEYS], const uint8_t key[ADP_GCM_KEY_LEN])
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
