/* A message in flight, over vectors of LANES blocks: counters, rounds, and the steps that encrypt
 * one stretch of it and hash another. See gcm_wide.h. */
#ifndef ADP_GCM_WIDE_STEP_H
#define ADP_GCM_WIDE_STEP_H

#include "gcm_wide_key.h"

/* struct progress is what a message's loops change. Both numbers lie apart: one store that zeroes
 * both would make a load of one of them wait. */
struct progress {     /* NOLINT(clang-analyzer-optin.performance.Padding): see above */
    uint32_t windows; /* that were entered before this one */
    vec window[3];    /* what this window adds to vectors 0 to 5, 6, 7 of a step */
    vec next_window;
    vec hash;    /* GHASH's accumulators, each lane's for itself, bytes reversed */
    uint32_t at; /* blocks of this window that are used up */
};

/* struct stream is one message in flight: the scratch state. */
struct stream {
    vec after_2[WINDOW / LANES]; /* states of the first window after round 2 */
    vec start;                   /* what U adds to in the first window */
    struct progress progress;
    struct sums sums;
    block counter_zero;       /* the counter block with a counter of zero, round key 0 added */
    int has_later_windows;    /* than the first one */
    int second;               /* whether the next step to hash ends with a reduction */
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
INLINE size_t take_step(const struct wide_key *key, const struct stream *s, struct progress *p)
{
    if (__builtin_expect(p->at == WINDOW, 0)) {
        p->at = 0;
        p->windows++;
        p->window[0] = p->window[1] = p->window[2] = p->next_window;
    }
    p->at += STEP_BLOCKS;
    if (__builtin_expect(p->at == WINDOW, 0)) {
        p->next_window = v_all(add(after_2(key, s, 0), after_2(key, s, p->windows + 1)));
        v_straddle(&p->window[1], &p->window[2], p->window[0], p->next_window);
    }
    return p->at - STEP_BLOCKS;
}

/* in_first_window returns whether the next step is in the first window. */
INLINE int in_first_window(const struct progress *p)
{
    return p->windows == 0 && p->at < WINDOW;
}

#define WHICH(i) ((i) < 6 ? 0 : (i)-5)

/* begin_first sets |x| to the next step's states after round 2, in the first window. */
INLINE void begin_first(const struct wide_key *key, struct stream *s, struct progress *p,
                        vec x[VECS])
{
    size_t at = take_step(key, s, p);
    const uint8_t *table = (const uint8_t *)&key->after_1[at];
    vec *states = &s->after_2[at / LANES];
    vec start = s->start;

#define FROM_KEY(i)                                                                                \
    x[i] = v_round(v_add(start, v_load(table + (i)*VEC_LEN)), key->round[2]);                      \
    PIN(x[i]);
#define KEEP(i) states[i] = x[i];
    EIGHT(FROM_KEY)
    if (s->has_later_windows) {
        EIGHT(KEEP)
    }
#undef KEEP
#undef FROM_KEY
    x[6] = v_add(x[6], p->window[1]);
    x[7] = v_add(x[7], p->window[2]);
}

/* begin_later does the same in all later windows. */
INLINE void begin_later(const struct wide_key *key, const struct stream *s, struct progress *p,
                        vec x[VECS])
{
    const vec *states = &s->after_2[take_step(key, s, p) / LANES];

#define FROM_MESSAGE(i)                                                                            \
    x[i] = v_add(p->window[WHICH(i)], states[i]);                                                  \
    PIN(x[i]);
    EIGHT(FROM_MESSAGE)
#undef FROM_MESSAGE
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
INLINE void first_step(const struct wide_key *key, struct stream *s, uint8_t *out,
                       const uint8_t *in)
{
    vec x[VECS];

    begin_first(key, s, &s->progress, x);
    rounds(key->round, x);
    apply(key, x, out, in);
}

/* lone_hash hashes a second step, and encrypts none. */
static NOINLINE void lone_hash(const struct wide_key *key, struct stream *s, const uint8_t *data)
{
    struct hashing h = {s->sums, .powers = &key->powers[1], .data = data,
                        .enter = &s->progress.hash};

    hash_all(&h);
    s->progress.hash = reduce(&h.sums);
}

/* begin_step sets |x| to the next step's states after round 2. */
INLINE void begin_step(const struct wide_key *key, struct stream *s, vec x[VECS])
{
    if (in_first_window(&s->progress))
        begin_first(key, s, &s->progress, x);
    else
        begin_later(key, s, &s->progress, x);
}

/* lone_step encrypts or decrypts a step and hashes another, and reduces the hash if it is a second
 * step. */
static NOINLINE void lone_step(const struct wide_key *key, struct stream *s, uint8_t *out,
                               const uint8_t *in, const uint8_t *data)
{
    vec x[VECS];
    struct hashing h = {.sums = s->sums,
                        .powers = &key->powers[s->second],
                        .data = data,
                        .enter = &s->progress.hash};

    begin_step(key, s, x);
    rounds_and_hash(key->round, x, &h);
    apply(key, x, out, in);
    s->progress.hash = s->second ? reduce(&h.sums) : v_first(zero());
    s->sums = s->second ? no_sums() : h.sums;
    s->second = !s->second;
}

/* paired_step is one step of two_steps. */
INLINE void paired_step(const struct wide_key *key, struct stream *s, struct progress *p,
                        uint8_t *out, const uint8_t *in, struct hashing *h, int first_window)
{
    vec x[VECS];

    if (first_window)
        begin_first(key, s, p, x);
    else
        begin_later(key, s, p, x);
    rounds_and_hash(key->round, x, h);
    apply(key, x, out, in);
}

/* two_steps does |num| times two steps, all in the first window or all in later ones. */
INLINE void two_steps(const struct wide_key *key, struct stream *s, uint8_t *out, const uint8_t *in,
                      const uint8_t *data, size_t num, int first_window)
{
    /* Where registers are left for it, a copy, which no store to the output can change. */
    struct progress copy = s->progress;
    struct progress *p = HASH_VECS == 1 ? &s->progress : &copy;

    for (; num > 0; num--) {
        struct hashing h = {no_sums(), .powers = key->powers, .data = data, .enter = &p->hash};

        paired_step(key, s, p, out, in, &h, first_window);
        h.powers = &key->powers[1];
        h.data = data + STEP_LEN;
        h.enter = NULL;
        paired_step(key, s, p, out + STEP_LEN, in + STEP_LEN, &h, first_window);
        p->hash = reduce(&h.sums);
        out += 2 * STEP_LEN;
        in += 2 * STEP_LEN;
        data += 2 * STEP_LEN;
    }
    s->progress = *p;
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
        const struct progress *p = &s->progress;
        size_t pairs = num / 2;
        size_t taken;

        if (in_first_window(p) && pairs > (WINDOW - p->at) / (2 * STEP_BLOCKS))
            pairs = (WINDOW - p->at) / (2 * STEP_BLOCKS);
        taken = s->second || pairs == 0 ? 1 : 2 * pairs;
        if (taken == 1)
            lone_step(key, s, out, in, data);
        else if (in_first_window(p))
            first_window_steps(key, s, out, in, data, pairs);
        else
            later_steps(key, s, out, in, data, pairs);
        out += taken * STEP_LEN;
        in += taken * STEP_LEN;
        data += taken * STEP_LEN;
        num -= taken;
    }
}

#endif
