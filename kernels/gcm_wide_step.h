/* A message in flight, over vectors of LANES blocks: counters, rounds, and the steps that encrypt
 * one stretch of it and hash another. See gcm_wide.h. */
#ifndef ADP_GCM_WIDE_STEP_H
#define ADP_GCM_WIDE_STEP_H

#include "gcm_wide_key.h"

/* struct stream is one message in flight: the scratch state. */
struct stream {
    vec after_2[WINDOW / LANES]; /* states of the first window after round 2 */
    vec start;                   /* what U adds to in the first window */
    vec window[3];               /* what this window adds to vectors 0 to 5, 6, 7 of a step */
    vec next_window;
    vec hash; /* GHASH's accumulators, each lane's for itself, bytes reversed */
    struct sums sums;
    block counter_zero; /* the counter block with a counter of zero, round key 0 added */
    uint32_t windows;   /* that were entered before this one */
    uint32_t at;        /* blocks of this window that are used up */
    uint32_t power;     /* of the next step to hash: VECS where it ends with a reduction, else 0 */
    uint8_t bounce[STEP_LEN]; /* input that lies scattered */
    uint8_t part[VEC_LEN];    /* a message's last vector */
};
_Static_assert(sizeof(struct stream) <= ADP_GCM_SCRATCH_STATE_LEN, "the scratch has room");

/* --- Counters --- */

/* after_2 returns the state after round 2 of the first counter of window |n|. */
INLINE block after_2(const struct wide_key *key, const struct stream *s, uint32_t n)
{
    block x = with_counter(s->counter_zero, n * WINDOW);

    x = aes_round(x, load((const uint8_t *)&key->round[1]));
    return aes_round(x, load((const uint8_t *)&key->round[2]));
}

/* take_step takes the counters of the next step and returns their place in the window. */
INLINE size_t take_step(const struct wide_key *key, struct stream *s)
{
    if (s->at == WINDOW) {
        s->at = 0;
        s->windows++;
        s->window[0] = s->window[1] = s->window[2] = s->next_window;
    }
    s->at += STEP_BLOCKS;
    if (__builtin_expect(s->at == WINDOW, 0)) {
        s->next_window = v_all(add(after_2(key, s, 0), after_2(key, s, s->windows + 1)));
        v_straddle(&s->window[1], &s->window[2], s->window[0], s->next_window);
    }
    return s->at - STEP_BLOCKS;
}

/* in_first_window returns whether the next step is in the first window. */
INLINE int in_first_window(const struct stream *s)
{
    return s->windows == 0 && s->at < WINDOW;
}

#define WHICH(i) ((i) < 6 ? 0 : (i)-5)

/* begin_first sets |x| to the next step's states after round 2, in the first window. */
INLINE void begin_first(const struct wide_key *key, struct stream *s, vec x[VECS])
{
    size_t at = take_step(key, s);
    const uint8_t *table = (const uint8_t *)&key->after_1[at];
    vec *states = &s->after_2[at / LANES];
    vec start = s->start;

#define FROM_KEY(i)                                                                                \
    x[i] = v_round(v_add(start, v_load(table + (i)*VEC_LEN)), key->round[2]);                      \
    states[i] = x[i];                                                                              \
    if ((i) > 5)                                                                                   \
        x[i] = v_add(x[i], s->window[WHICH(i)]);
    EIGHT(FROM_KEY)
#undef FROM_KEY
}

/* begin_later does the same in all later windows. */
INLINE void begin_later(const struct wide_key *key, struct stream *s, vec x[VECS])
{
    const vec *states = &s->after_2[take_step(key, s) / LANES];

#define FROM_MESSAGE(i)                                                                            \
    x[i] = v_add(s->window[WHICH(i)], states[i]);                                                  \
    PIN(x[i]);
    EIGHT(FROM_MESSAGE)
#undef FROM_MESSAGE
}

/* --- Rounds and hash --- */

/* struct hashing is a step's hash in progress. */
struct hashing {
    struct sums sums;
    const uint8_t *data, *power, *half;
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
    vec low = v_multiply_low(h->x, v_load(h->power + v * VEC_LEN));
    vec high, middle;

    PIN(low);
    high = v_multiply_high(h->x, v_load(h->power + v * VEC_LEN));
    PIN(high);
    middle = v_multiply_low(h->x_half, v_load(h->half + v * VEC_LEN));
    PIN(middle);
    h->sums.low = v_add(h->sums.low, low);
    PIN(h->sums.low);
    h->sums.high = v_add(h->sums.high, high);
    PIN(h->sums.high);
    h->sums.middle = v_add(h->sums.middle, middle);
    PIN(h->sums.middle);
}

#define ROUND(i)                                                                                   \
    x[i] = v_round(x[i], k);                                                                       \
    PIN(x[i]);
#define LEAD(r)                                                                                    \
    do {                                                                                           \
        vec k = key->round[r];                                                                     \
        ROUND(0) ROUND(1) ROUND(2) ROUND(3)                                                        \
    } while (0)
#define TRAIL(r)                                                                                   \
    do {                                                                                           \
        vec k = key->round[r];                                                                     \
        ROUND(4) ROUND(5) ROUND(6) ROUND(7)                                                        \
    } while (0)

/* rounds takes |x| from after round 2 to before the last one. */
INLINE void rounds(const struct wide_key *key, vec x[VECS])
{
    for (int r = 3; r < 14; r++) {
        LEAD(r);
        TRAIL(r);
    }
}

/* rounds_and_hash does the same and hashes a step's data in between. The second half of the vectors
 * is a round behind; vector 0, which waits for the step before, is hashed last. */
INLINE void rounds_and_hash(const struct wide_key *key, vec x[VECS], struct hashing *h)
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

/* apply does the last round and adds the step at |in|, to |out|. */
INLINE void apply(const struct wide_key *key, const vec x[VECS], uint8_t *out, const uint8_t *in)
{
#define APPLY(i)                                                                                   \
    v_store(out + (i)*VEC_LEN, v_last_round(x[i], key->round, v_load(in + (i)*VEC_LEN)));
    EIGHT(APPLY)
#undef APPLY
}

/* --- Steps --- */

/* first_step encrypts a step and hashes nothing. */
static NOINLINE void first_step(const struct wide_key *key, struct stream *s, uint8_t *out,
                                const uint8_t *in)
{
    vec x[VECS];

    begin_first(key, s, x);
    rounds(key, x);
    apply(key, x, out, in);
}

/* lone_step encrypts or decrypts a step and hashes another, with the given powers, and reduces the
 * hash if it is a second step. */
static NOINLINE void lone_step(const struct wide_key *key, struct stream *s, uint8_t *out,
                               const uint8_t *in, const uint8_t *data, const void *power,
                               const void *half, int second)
{
    vec x[VECS];
    struct hashing h = {
        .sums = s->sums, .data = data, .power = power, .half = half, .enter = &s->hash};

    if (in_first_window(s))
        begin_first(key, s, x);
    else
        begin_later(key, s, x);
    rounds_and_hash(key, x, &h);
    apply(key, x, out, in);
    s->hash = second ? reduce(&h.sums) : v_first(zero());
    s->sums = second ? no_sums() : h.sums;
}

/* paired_step is one step of two_steps. */
INLINE void paired_step(const struct wide_key *key, struct stream *s, uint8_t *out,
                        const uint8_t *in, struct hashing *h, int first_window)
{
    vec x[VECS];

    h->power = (const uint8_t *)&key->power[h->enter != NULL ? 0 : VECS];
    h->half = (const uint8_t *)&key->half[h->enter != NULL ? 0 : VECS];
    if (first_window)
        begin_first(key, s, x);
    else
        begin_later(key, s, x);
    rounds_and_hash(key, x, h);
    apply(key, x, out, in);
}

/* two_steps does |num| times two steps, all in the first window or all in later ones. */
INLINE void two_steps(const struct wide_key *key, struct stream *s, uint8_t *out, const uint8_t *in,
                      const uint8_t *data, size_t num, int first_window)
{
    struct hashing h;

    for (; num > 0; num--) {
        h.sums = no_sums();
        h.data = data;
        h.enter = &s->hash;
        paired_step(key, s, out, in, &h, first_window);
        h.data = data + STEP_LEN;
        h.enter = NULL;
        paired_step(key, s, out + STEP_LEN, in + STEP_LEN, &h, first_window);
        s->hash = reduce(&h.sums);
        out += 2 * STEP_LEN;
        in += 2 * STEP_LEN;
        data += 2 * STEP_LEN;
    }
}

static NOINLINE void first_window_steps(const struct wide_key *key, struct stream *s, uint8_t *out,
                                        const uint8_t *in, const uint8_t *data, size_t num)
{
    two_steps(key, s, out, in, data, num, 1);
}

static NOINLINE void later_steps(const struct wide_key *key, struct stream *s, uint8_t *out,
                                 const uint8_t *in, const uint8_t *data, size_t num)
{
    two_steps(key, s, out, in, data, num, 0);
}

/* many_steps does |num| steps and hashes as many, at |data|. */
static void many_steps(const struct wide_key *key, struct stream *s, uint8_t *out,
                       const uint8_t *in, const uint8_t *data, size_t num)
{
    while (num > 0) {
        size_t pairs = num / 2;
        size_t taken;

        if (in_first_window(s) && pairs > (WINDOW - s->at) / (2 * STEP_BLOCKS))
            pairs = (WINDOW - s->at) / (2 * STEP_BLOCKS);
        taken = s->power != 0 || pairs == 0 ? 1 : 2 * pairs;
        if (taken == 1) {
            lone_step(key, s, out, in, data, &key->power[s->power], &key->half[s->power],
                      s->power != 0);
            s->power ^= VECS;
        } else if (in_first_window(s)) {
            first_window_steps(key, s, out, in, data, pairs);
        } else {
            later_steps(key, s, out, in, data, pairs);
        }
        out += taken * STEP_LEN;
        in += taken * STEP_LEN;
        data += taken * STEP_LEN;
        num -= taken;
    }
}

#endif
