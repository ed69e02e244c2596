/* A step's hash, two vectors at a time: for AVX-512. The interface is that of gcm_wide_hash_1.h. */
#ifndef ADP_GCM_WIDE_HASH_H
#define ADP_GCM_WIDE_HASH_H

#include "gcm_wide_base.h"

/* struct two is two powers of H, in all lanes, or two vectors to be multiplied with them. */
struct two {
    vec low;    /* the low halves of both */
    vec high;   /* their high halves */
    vec middle; /* the sum of the two */
};

/* struct step_powers is the powers of H for a step, in all lanes. */
struct step_powers {
    struct two two[VECS / 2];
};

INLINE void two_init(struct two *out, vec a, vec b)
{
    out->low = v_lows(a, b);
    PIN(out->low);
    out->high = v_highs(a, b);
    PIN(out->high);
    out->middle = v_add(out->low, out->high);
    PIN(out->middle);
}

/* step_powers_init takes the powers of a step's blocks, of which it needs every LANES-th. */
static void step_powers_init(struct step_powers *out, const block *powers)
{
    for (size_t i = 0; i < VECS / 2; i++)
        two_init(&out->two[i], v_all(powers[2 * LANES * i]), v_all(powers[2 * LANES * i + LANES]));
}

/* struct hashing is a step's hash in progress. */
struct hashing {
    struct sums sums;
    const struct step_powers *powers;
    const uint8_t *data;
    const vec *enter; /* added to vector 0, unless NULL */
    struct two x;     /* the vectors in hand */
    vec product;      /* that waits for another one to be added with */
};

/* hash_load takes two vectors of a step's data, from number |v| on. */
INLINE void hash_load(struct hashing *h, int v)
{
    vec a = v_reverse(v_load(h->data + v * VEC_LEN));
    vec b = v_reverse(v_load(h->data + (v + 1) * VEC_LEN));

    if (v == 0 && h->enter != NULL)
        a = v_add(a, *h->enter);
    PIN(a);
    PIN(b);
    two_init(&h->x, a, b);
}

/* hash_multiply multiplies halves |x| of the vectors in hand with those of two powers: of the first
 * vector if |part| is even, else of the second, and then adds both products to |sum|. */
INLINE void hash_multiply(struct hashing *h, int part, vec *sum, vec x, vec power)
{
    vec product = part % 2 == 0 ? v_multiply_low(x, power) : v_multiply_high(x, power);

    PIN(product);
    if (part % 2 == 0) {
        h->product = product;
    } else {
        *sum = v_add3(*sum, h->product, product);
        PIN(*sum);
    }
}

#define HASH_PARTS 24

/* hash_part is one of the HASH_PARTS that a step's hash is done in: a multiplication each. What
 * waits for the step before, vectors 0 and 1, comes last. */
INLINE void hash_part(struct hashing *h, int part)
{
    const int pair = h->enter != NULL ? (part / 6 + 1) % 4 : part / 6;
    const struct two *power = &h->powers->two[pair];

    if (part % 6 == 0)
        hash_load(h, 2 * pair);
    if (part % 6 < 2)
        hash_multiply(h, part, &h->sums.low, h->x.low, power->low);
    else if (part % 6 < 4)
        hash_multiply(h, part, &h->sums.high, h->x.high, power->high);
    else
        hash_multiply(h, part, &h->sums.middle, h->x.middle, power->middle);
}

/* hash_all hashes a step. */
INLINE void hash_all(struct hashing *h)
{
    for (int part = 0; part < HASH_PARTS; part++)
        hash_part(h, part);
}

/* rounds_and_hash is rounds, and hashes a step in between. The second half of the vectors is a
 * round behind, so that a multiplication follows every four rounds; two where there is no other
 * way. */
INLINE void rounds_and_hash(const vec round[NUM_ROUND_KEYS], vec x[VECS], struct hashing *h)
{
#define ROUND_AND_2(r, part)                                                                       \
    do {                                                                                           \
        LEAD(r);                                                                                   \
        hash_part(h, part);                                                                        \
        TRAIL((r)-1);                                                                              \
        hash_part(h, (part) + 1);                                                                  \
    } while (0)
#define ROUND_AND_3(r, part)                                                                       \
    do {                                                                                           \
        LEAD(r);                                                                                   \
        hash_part(h, part);                                                                        \
        hash_part(h, (part) + 1);                                                                  \
        TRAIL((r)-1);                                                                              \
        hash_part(h, (part) + 2);                                                                  \
    } while (0)
    LEAD(3);
    ROUND_AND_2(4, 0);
    ROUND_AND_2(5, 2);
    ROUND_AND_3(6, 4);
    ROUND_AND_2(7, 7);
    ROUND_AND_3(8, 9);
    ROUND_AND_2(9, 12);
    ROUND_AND_3(10, 14);
    ROUND_AND_2(11, 17);
    ROUND_AND_3(12, 19);
    ROUND_AND_2(13, 22);
    TRAIL(13);
#undef ROUND_AND_2
#undef ROUND_AND_3
}

#endif
