/* A step's hash, one vector at a time: for machines of 16 vector registers, and AArch64, where gcc
 * keeps more of two on the stack. */
#ifndef ADP_GCM_WIDE_HASH_H
#define ADP_GCM_WIDE_HASH_H

#include "gcm_wide_base.h"

/* struct step_powers is the powers of H for a step, in all lanes. */
struct step_powers {
    vec power[VECS];
    vec half[VECS]; /* the sums of their halves */
};

/* step_powers_init takes the powers of a step's blocks, of which it needs every LANES-th. */
static void step_powers_init(struct step_powers *out, const block *powers)
{
    for (size_t i = 0; i < VECS; i++) {
        out->power[i] = v_all(powers[LANES * i]);
        out->half[i] = v_add(out->power[i], v_swap(out->power[i]));
    }
}

/* struct hashing is a step's hash in progress. */
struct hashing {
    struct sums sums;
    const struct step_powers *powers;
    const uint8_t *data;
    const vec *enter; /* added to vector 0, unless NULL */
    vec x, x_half;
};

/* hash_load takes vector |v| of a step's data. */
INLINE void hash_load(struct hashing *h, int v)
{
    h->x = v_reverse(v_load(h->data + v * VEC_LEN));
    if (v == 0 && h->enter != NULL)
        h->x = v_add(h->x, *h->enter);
    PIN(h->x);
    h->x_half = v_add(h->x, v_swap(h->x));
    PIN(h->x_half);
}

/* hash_multiply adds its products: three multiplications in a row disturb the rounds least. */
INLINE void hash_multiply(struct hashing *h, int v)
{
    const vec *power = &h->powers->power[v];
    const vec *half = &h->powers->half[v];
    vec low = v_multiply_low(h->x, *power);
    vec high, middle;

    PIN(low);
    high = v_multiply_high(h->x, *power);
    PIN(high);
    middle = v_multiply_low(h->x_half, *half);
    PIN(middle);
    h->sums.low = v_add(h->sums.low, low);
    PIN(h->sums.low);
    h->sums.high = v_add(h->sums.high, high);
    PIN(h->sums.high);
    h->sums.middle = v_add(h->sums.middle, middle);
    PIN(h->sums.middle);
}

/* hash_all hashes a step. Vector 0, which waits for the step before, is the last. */
INLINE void hash_all(struct hashing *h)
{
    for (int i = 1; i <= VECS; i++) {
        hash_load(h, i % VECS);
        hash_multiply(h, i % VECS);
    }
}

/* rounds_and_hash is rounds, and hashes a step in between. The second half of the vectors is a
 * round behind; vector 0, which waits for the step before, is hashed last. */
INLINE void rounds_and_hash(const vec round[NUM_ROUND_KEYS], vec x[VECS], struct hashing *h)
{
#define ROUND_AND_HASH(r, v)                                                                       \
    do {                                                                                           \
        LEAD(r);                                                                                   \
        hash_load(h, v);                                                                           \
        TRAIL((r)-1);                                                                              \
        hash_multiply(h, v);                                                                       \
    } while (0)
    LEAD(3);
    LEAD(4);
    TRAIL(3);
    ROUND_AND_HASH(5, 1);
    ROUND_AND_HASH(6, 2);
    ROUND_AND_HASH(7, 3);
    ROUND_AND_HASH(8, 4);
    ROUND_AND_HASH(9, 5);
    ROUND_AND_HASH(10, 6);
    ROUND_AND_HASH(11, 7);
    ROUND_AND_HASH(12, 0);
    LEAD(13);
    TRAIL(12);
    TRAIL(13);
#undef ROUND_AND_HASH
}

#endif
