/* Blocks of 128 bits on AArch64: what gcm_wide.h needs of a machine beside its vectors. For files
 * that are compiled with the AES and PMULL instructions. Internal to kernels/. */
#ifndef ADP_GCM_ARM_H
#define ADP_GCM_ARM_H

#include "gcm.h"

#include <arm_neon.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#    error "lanes are loaded as they lie in memory: little-endian only"
#endif

#define INLINE static inline __attribute__((always_inline))

typedef uint8x16_t block;

INLINE block load(const uint8_t *p)
{
    return vld1q_u8(p);
}

INLINE void store(uint8_t *p, block x)
{
    vst1q_u8(p, x);
}

INLINE block zero(void)
{
    return vdupq_n_u8(0);
}

/* from_halves returns the block of these 64-bit halves. */
INLINE block from_halves(uint64_t high, uint64_t low)
{
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
}

/* add is the addition of blocks and of polynomials: XOR. */
INLINE block add(block a, block b)
{
    return veorq_u8(a, b);
}

/* differ returns zero if all bytes are the same, in constant time. */
INLINE int differ(block a, block b)
{
    return vmaxvq_u8(veorq_u8(a, b));
}

/* byte_reverse takes two instructions, for either of which every pipe is good, where a table lookup
 * would take a turn of those that multiply. */
INLINE block byte_reverse(block x)
{
    x = vrev64q_u8(x);
    return vextq_u8(x, x, 8);
}

/* length_block returns GHASH's last block, bytes reversed. */
INLINE block length_block(uint64_t aad_len, uint64_t len)
{
    return from_halves(aad_len * 8, len * 8);
}

/* nonce_block returns the counter block with a counter of zero, put together in registers. */
INLINE block nonce_block(const uint8_t nonce[ADP_GCM_NONCE_LEN])
{
    uint32_t end;

    memcpy(&end, nonce + 8, sizeof(end));
    return vcombine_u8(vld1_u8(nonce), vcreate_u8(end));
}

/* with_counter returns the block of counter |n|; |x| is the block of counter zero, with or without
 * a round key added. */
INLINE block with_counter(block x, uint32_t n)
{
    return add(x, from_halves((uint64_t)__builtin_bswap32(n) << 32, 0));
}

/* --- GHASH --- */

/* polynomial returns what reduces GHASH's products: x^127 + x^126 + x^121, bits reversed. */
INLINE block polynomial(void)
{
    return from_halves(0xc200000000000000, 0xc200000000000000);
}

/* times_x returns |h| times x, bytes reversed: the bit that falls out is x^128. */
INLINE block times_x(block h)
{
    const block poly = from_halves(0xc200000000000000, 1);
    block carries = vreinterpretq_u8_u64(vshrq_n_u64(vreinterpretq_u64_u8(h), 63));
    int32x4_t signs = vshrq_n_s32(vreinterpretq_s32_u8(h), 31);
    block top = vreinterpretq_u8_s32(vdupq_laneq_s32(signs, 3));

    h = vreinterpretq_u8_u64(vshlq_n_u64(vreinterpretq_u64_u8(h), 1));
    h = vorrq_u8(h, vextq_u8(zero(), carries, 8));
    return add(h, vandq_u8(top, poly));
}

/* --- AES: AESE adds a round's key at its begin, so that each key is that of the round before in
 * FIPS 197. Nothing is added at the start, and the last round has two: before and after it. --- */

#define NUM_ROUND_KEYS 16

/* aes_round is one expression, for the pair of instructions to stay together: cores fuse them. */
INLINE block aes_round(block x, block key)
{
    return vaesmcq_u8(vaeseq_u8(x, key));
}

/* spread returns the words of |x| summed up: word i is the sum of words 0 to i. */
INLINE block spread(block x)
{
    x = add(x, vextq_u8(zero(), x, 12));
    return add(x, vextq_u8(zero(), x, 8));
}

/* expand_key is FIPS 197, section 5.2. The S-box is AESE's, whose shift of rows does nothing to
 * columns that are all the same; nor is a rotation of these another than one of each. */
INLINE void expand_key(block round[NUM_ROUND_KEYS], const uint8_t key[ADP_GCM_KEY_LEN])
{
    round[0] = zero();
    round[1] = load(key);
    round[2] = load(key + 16);
    for (int i = 3; i < NUM_ROUND_KEYS; i++) {
        uint32x4_t last = vdupq_laneq_u32(vreinterpretq_u32_u8(round[i - 1]), 3);
        block columns = vaeseq_u8(vreinterpretq_u8_u32(last), zero());

        if (i % 2 == 1) {
            uint32x4_t constant = vdupq_n_u32(UINT32_C(1) << (i - 3) / 2);

            columns = vextq_u8(columns, columns, 1);
            columns = add(columns, vreinterpretq_u8_u32(constant));
        }
        round[i] = add(spread(round[i - 2]), columns);
    }
}

#endif
