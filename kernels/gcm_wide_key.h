/* What a key's owner keeps, over vectors of LANES blocks: round keys, powers of H and a counter
 * table, GHASH's arithmetic on them, and how they are made. See gcm_wide.h. */
#ifndef ADP_GCM_WIDE_KEY_H
#define ADP_GCM_WIDE_KEY_H

#include "gcm_wide_base.h"
#if HASH_VECS == 1
#    include "gcm_wide_hash_1.h"
#else
#    include "gcm_wide_hash_2.h"
#endif

#include <openssl/mem.h>

#define WINDOW 256 /* counters that share all but the low byte */
#define FIRST  2   /* the counter of the first block of data */

/* Powers for a message's end: for the last whole step, what is left of another, the lengths. */
#define END_POWERS (2 * STEP_BLOCKS + LANES)

/* struct wide_key is the key state. Powers of H are times x; a half is the sum of both halves. */
struct wide_key {
    vec round[NUM_ROUND_KEYS];           /* in all lanes */
    struct step_powers powers[2];        /* of two steps, before a reduction */
    block end_power[END_POWERS + LANES]; /* [i] is H^(END_POWERS - i); lanes past H^1 meet zeros */
    block end_half[END_POWERS + LANES];  /* of them */
    block after_1[WINDOW];               /* U of counter byte FIRST + i, after round 1 */
};
_Static_assert(sizeof(struct wide_key) <= ADP_GCM_KEY_STATE_LEN, "the key state has room");

/* end_sum adds the vector |x|, of which the first block has the power H^|power|. */
INLINE void end_sum(struct sums *sums, const struct wide_key *key, vec x, size_t power)
{
    size_t i = END_POWERS - power;

    accumulate(sums, x, v_load((const uint8_t *)&key->end_power[i]),
               v_load((const uint8_t *)&key->end_half[i]));
}

/* --- AES, of one block --- */

/* encrypt returns the encryption of one block to which round key 0 was added. */
INLINE block encrypt(const struct wide_key *key, block x)
{
    for (int i = 1; i < 14; i++)
        x = aes_round(x, load((const uint8_t *)&key->round[i]));
    return v_block(v_last_round(v_first(x), key->round, v_first(zero())));
}

/* --- Keys --- */

/* power_init makes the powers of H, of which a vector's are made from the vector's after it. */
static void power_init(struct wide_key *out_key, block h)
{
    uint8_t *powers = (uint8_t *)out_key->end_power;
    uint8_t *halves = (uint8_t *)out_key->end_half;
    block power = h;
    vec stride, stride_half, x;

    for (size_t i = END_POWERS; i < END_POWERS + LANES; i++)
        out_key->end_power[i] = out_key->end_half[i] = zero();
    for (size_t i = END_POWERS; i > END_POWERS - LANES; i--) {
        struct sums sums = no_sums();

        store(powers + 16 * (i - 1), power);
        accumulate(&sums, v_first(power), v_first(h), v_add(v_first(h), v_swap(v_first(h))));
        power = v_sum(reduce(&sums));
    }
    x = v_load(powers + 16 * (END_POWERS - LANES));
    stride = v_all(load(powers + 16 * (END_POWERS - LANES)));
    stride_half = v_add(stride, v_swap(stride));
    for (size_t i = END_POWERS; i > 0; i -= LANES) {
        struct sums sums = no_sums();

        v_store(powers + 16 * (i - LANES), x);
        v_store(halves + 16 * (i - LANES), v_add(x, v_swap(x)));
        accumulate(&sums, x, stride, stride_half);
        x = reduce(&sums);
    }
    for (size_t i = 0; i < 2; i++)
        step_powers_init(&out_key->powers[i],
                         &out_key->end_power[END_POWERS - (2 - i) * STEP_BLOCKS]);
}

static void wide_key_init(uint8_t *out_state, const uint8_t key[ADP_GCM_KEY_LEN])
{
    struct wide_key *k = (struct wide_key *)out_state;
    block round[NUM_ROUND_KEYS];
    block base;

    expand_key(round, key);
    for (int i = 0; i < NUM_ROUND_KEYS; i++)
        k->round[i] = v_all(round[i]);
    power_init(k, times_x(byte_reverse(encrypt(k, round[0]))));
    base = aes_round(round[0], round[1]);
    for (uint32_t i = 0; i < WINDOW; i++)
        k->after_1[i] =
            add(base, aes_round(with_counter(round[0], (FIRST + i) % WINDOW), round[1]));
    OPENSSL_cleanse(round, sizeof(round));
}

#endif
