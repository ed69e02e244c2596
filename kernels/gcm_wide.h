/* AES-256-GCM over vectors of LANES blocks: all of a kernel but its instructions. A kernel's file
 * includes a vec_*.h, this, and says ADP_GCM_WIDE(name). Internal to kernels/.
 *
 * A step encrypts 8 vectors and hashes 8 others in between, so that both kinds of instruction keep
 * the machine busy. Sealing hashes what the step before wrote, opening what it is about to decrypt.
 *
 * GHASH: bytes are reversed and H is kept multiplied by x, which spares a shift of every product
 * (Gueron and Kounavis, Intel's carry-less multiplication white paper). Each lane sums up every
 * LANES-th block with powers of H^LANES, by Karatsuba with the halves of the powers added up in
 * advance; two steps share a reduction. The last blocks of a message are multiplied with each
 * lane's own power, and only then the lanes are summed up.
 *
 * Counter cache (an extension of FACE, Park and Lee, TCHES 2018): blocks whose counters differ in
 * the low byte alone differ after round 1 in one column, by a function U of the key and that byte;
 * and column 0 then depends on bytes 0, 5, 10 of the nonce and that byte, so that after round 2
 * they differ by a function V of the key, those three bytes and that byte. The first window of 256
 * counters takes round 1 from the key's table of U and writes down the states after round 2; later
 * windows start from these. The tables are indexed by the public counter, and begin at the first
 * counter of data, 2, so that steps never wrap around within them. */
#ifndef ADP_GCM_WIDE_H
#define ADP_GCM_WIDE_H

#include "gcm_kernel.h"
#include "gcm_pieces.h"

#include <openssl/mem.h>

#define VECS        8 /* of a step */
#define VEC_LEN     (LANES * 16)
#define STEP_BLOCKS (VECS * LANES)
#define STEP_LEN    (VECS * VEC_LEN)
#define WINDOW      256 /* counters that share all but the low byte */
#define FIRST       2   /* the counter of the first block of data */

/* Powers for a message's end: for the last whole step, what is left of another, the lengths. */
#define END_POWERS (2 * STEP_BLOCKS + LANES)

#define EIGHT(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)

/* struct wide_key is the key state. Powers of H are times x; a half is the sum of both halves. */
struct wide_key {
    vec round[NUM_ROUND_KEYS];           /* in all lanes */
    vec power[2 * VECS];                 /* [i] is H^(LANES * (16 - i)), in all lanes */
    vec half[2 * VECS];                  /* of them */
    block end_power[END_POWERS + LANES]; /* [i] is H^(END_POWERS - i); lanes past H^1 meet zeros */
    block end_half[END_POWERS + LANES];  /* of them */
    block after_1[WINDOW];               /* U of counter byte FIRST + i, after round 1 */
};
_Static_assert(sizeof(struct wide_key) <= ADP_GCM_KEY_STATE_LEN, "the key state has room");

/* struct sums is a sum of Karatsuba's three partial products. */
struct sums {
    vec low, high, middle;
};

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
    int unhashed;       /* the step before |out| awaits its hash */
    uint8_t bounce[STEP_LEN]; /* input that lies scattered */
    uint8_t part[VEC_LEN];    /* a message's last vector */
};
_Static_assert(sizeof(struct stream) <= ADP_GCM_SCRATCH_STATE_LEN, "the scratch has room");

/* --- GHASH --- */

INLINE struct sums no_sums(void)
{
    return (struct sums){v_first(zero()), v_first(zero()), v_first(zero())};
}

/* accumulate adds |x| times |power|, whose halves add up to |half|, to |sums|. */
INLINE void accumulate(struct sums *sums, vec x, vec power, vec half)
{
    sums->low = v_add(sums->low, v_multiply_low(x, power));
    sums->high = v_add(sums->high, v_multiply_high(x, power));
    sums->middle = v_add(sums->middle, v_multiply_low(v_add(x, v_swap(x)), half));
}

/* reduce returns |sums| modulo GHASH's polynomial: twice, the lowest 64 bits are cancelled by a
 * multiple of it, whose other terms are x^127 + x^126 + x^121 in reversed bit order. */
INLINE vec reduce(const struct sums *sums)
{
    const vec poly = v_all(polynomial());
    vec middle = v_add3(sums->middle, sums->low, sums->high);
    vec low = v_add(sums->low, v_up(middle));
    vec high = v_add(sums->high, v_down(middle));

    low = v_add(v_swap(low), v_multiply_low(low, poly));
    return v_add3(high, v_swap(low), v_multiply_low(low, poly));
}

/* end_sum adds the vector |x|, of which the first block has the power H^|power|. */
INLINE void end_sum(struct sums *sums, const struct wide_key *key, vec x, size_t power)
{
    size_t i = END_POWERS - power;

    accumulate(sums, x, v_load((const uint8_t *)&key->end_power[i]),
               v_load((const uint8_t *)&key->end_half[i]));
}

static block hash_aad(const struct wide_key *key, const uint8_t *aad, size_t len)
{
    block hash = zero();
    uint8_t padded[16] = {0};

    while (len > 0) {
        size_t num = len >= 16 * STEP_BLOCKS ? STEP_BLOCKS : (len + 15) / 16;
        struct sums sums = no_sums();

        for (size_t power = num; power > 0; power--) {
            if (len < 16)
                memcpy(padded, aad, len);
            hash = add(hash, byte_reverse(load(len < 16 ? padded : aad)));
            end_sum(&sums, key, v_first(hash), power);
            hash = zero();
            aad += len < 16 ? len : 16;
            len -= len < 16 ? len : 16;
        }
        hash = v_sum(reduce(&sums));
    }
    return hash;
}

/* struct hashing is a step's hash in progress. */
struct hashing {
    struct sums sums;
    const uint8_t *data, *power, *half;
    vec enter; /* added to vector 0, if anything is */
    int enters;
    vec x, x_half;
};

/* hash_load takes vector |v| of a step's data. */
INLINE void hash_load(struct hashing *h, int v)
{
    h->x = v_reverse(v_load(h->data + v * VEC_LEN));
    if (v == 0 && h->enters)
        h->x = v_add(h->x, h->enter);
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

/* --- AES --- */

/* encrypt returns the encryption of one block to which round key 0 was added. */
INLINE block encrypt(const struct wide_key *key, block x)
{
    for (int i = 1; i < 14; i++)
        x = aes_round(x, load((const uint8_t *)&key->round[i]));
    return v_block(v_last_round(v_first(x), key->round, v_first(zero())));
}

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

/* in_first_window returns whether the next step is in the first window. */
INLINE int in_first_window(const struct stream *s)
{
    return s->windows == 0 && s->at < WINDOW;
}

/* --- Steps --- */

/* first_step encrypts a step and hashes nothing. */
static void first_step(const struct wide_key *key, struct stream *s, uint8_t *out,
                       const uint8_t *in)
{
    vec x[VECS];

    begin_first(key, s, x);
    rounds(key, x);
    apply(key, x, out, in);
}

/* step encrypts or decrypts one step and hashes another, with the given powers. */
INLINE struct sums step(const struct wide_key *key, struct stream *s, uint8_t *out,
                        const uint8_t *in, const uint8_t *data, const void *power, const void *half)
{
    vec x[VECS];
    struct hashing h = {
        .sums = s->sums, .data = data, .power = power, .half = half, .enter = s->hash, .enters = 1};

    if (in_first_window(s))
        begin_first(key, s, x);
    else
        begin_later(key, s, x);
    rounds_and_hash(key, x, &h);
    apply(key, x, out, in);
    return h.sums;
}

/* one_step does a step that is hashed lane by lane: the first or the second of two. */
static void one_step(const struct wide_key *key, struct stream *s, uint8_t *out, const uint8_t *in,
                     const uint8_t *data)
{
    s->sums = step(key, s, out, in, data, &key->power[s->power], &key->half[s->power]);
    s->hash = v_first(zero());
    if (s->power == VECS) {
        s->hash = reduce(&s->sums);
        s->sums = no_sums();
    }
    s->power ^= VECS;
}

/* two_steps does |num| times two steps, past the first window. */
static void two_steps(const struct wide_key *key, struct stream *s, uint8_t *out, const uint8_t *in,
                      const uint8_t *data, size_t num)
{
    vec x[VECS];
    struct hashing h = {.enter = s->hash};

    for (; num > 0; num--) {
        h.sums = no_sums();
        h.data = data;
        h.power = (const uint8_t *)&key->power[0];
        h.half = (const uint8_t *)&key->half[0];
        h.enters = 1;
        begin_later(key, s, x);
        rounds_and_hash(key, x, &h);
        apply(key, x, out, in);

        h.data = data + STEP_LEN;
        h.power = (const uint8_t *)&key->power[VECS];
        h.half = (const uint8_t *)&key->half[VECS];
        h.enters = 0;
        begin_later(key, s, x);
        rounds_and_hash(key, x, &h);
        apply(key, x, out + STEP_LEN, in + STEP_LEN);
        h.enter = reduce(&h.sums);
        out += 2 * STEP_LEN;
        in += 2 * STEP_LEN;
        data += 2 * STEP_LEN;
    }
    s->hash = h.enter;
}

/* many_steps does |num| steps and hashes as many, at |data|. */
static void many_steps(const struct wide_key *key, struct stream *s, uint8_t *out,
                       const uint8_t *in, const uint8_t *data, size_t num)
{
    while (num > 0) {
        size_t taken = num & ~(size_t)1;

        if (taken == 0 || s->power != 0 || in_first_window(s)) {
            taken = 1;
            one_step(key, s, out, in, data);
        } else {
            two_steps(key, s, out, in, data, taken / 2);
        }
        out += taken * STEP_LEN;
        in += taken * STEP_LEN;
        data += taken * STEP_LEN;
        num -= taken;
    }
}

/* --- A message's begin and end --- */

/* begin sets up |s| for |msg| and returns the encrypted first counter block, the tag's mask. */
INLINE block begin(const struct wide_key *key, struct stream *s, const struct adp_gcm_message *msg)
{
    block round_0 = load((const uint8_t *)&key->round[0]);
    size_t steps = msg->len / STEP_LEN;

    s->counter_zero = add(nonce_block(msg->nonce), round_0);
    s->start = v_all(aes_round(s->counter_zero, load((const uint8_t *)&key->round[1])));
    s->window[0] = s->window[1] = s->window[2] = v_first(zero());
    s->hash = v_first(hash_aad(key, msg->aad, msg->aad_len));
    s->sums = no_sums();
    s->windows = 0;
    s->at = 0;
    s->power = steps % 2 == 0 ? VECS : 0; /* all but one are hashed by two, an odd one first */
    return encrypt(key, with_counter(s->counter_zero, 1));
}

/* struct ending sums up a message's last blocks. */
struct ending {
    struct sums sums;
    vec enter;    /* to be added to the next vector */
    size_t power; /* of its first block */
};

INLINE void end_vector(const struct wide_key *key, struct ending *e, vec x)
{
    end_sum(&e->sums, key, v_add(v_reverse(x), e->enter), e->power);
    e->enter = v_first(zero());
    e->power -= LANES;
}

/* key_stream sets |x| to the next |num| vectors of key stream, but for the last round. */
INLINE void key_stream(const struct wide_key *key, struct stream *s, vec x[VECS], size_t num)
{
    if (in_first_window(s))
        begin_first(key, s, x);
    else
        begin_later(key, s, x);
    if (num > 4) {
        rounds(key, x);
    } else {
        for (int r = 3; r < 14; r++)
            LEAD(r);
    }
}

/* end_part does the last vector if it is not whole: |len| bytes. */
INLINE void end_part(const struct wide_key *key, struct stream *s, struct ending *e, vec x,
                     uint8_t *out, const uint8_t *in, size_t len, int sealing)
{
    memset(s->part, 0, VEC_LEN);
    memcpy(s->part, in, len);
    if (!sealing)
        end_vector(key, e, v_load(s->part));
    v_store(s->part, v_last_round(x, key->round, v_load(s->part)));
    memcpy(out, s->part, len);
    if (sealing) {
        memset(s->part + len, 0, VEC_LEN - len);
        end_vector(key, e, v_load(s->part));
    }
}

/* end does the last |len| bytes, less than a step. */
INLINE void end(const struct wide_key *key, struct stream *s, struct ending *e, uint8_t *out,
                const uint8_t *in, size_t len, int sealing)
{
    vec x[VECS];

    key_stream(key, s, x, (len + VEC_LEN - 1) / VEC_LEN);
#define END(i)                                                                                     \
    if (len < VEC_LEN) {                                                                           \
        if (len > 0)                                                                               \
            end_part(key, s, e, x[i], out, in, len, sealing);                                      \
        return;                                                                                    \
    } else {                                                                                       \
        vec a = v_load(in);                                                                        \
        vec b = v_last_round(x[i], key->round, a);                                                 \
        v_store(out, b);                                                                           \
        end_vector(key, e, sealing ? b : a);                                                       \
        out += VEC_LEN;                                                                            \
        in += VEC_LEN;                                                                             \
        len -= VEC_LEN;                                                                            \
    }
    EIGHT(END)
#undef END
}

/* end_tag returns the tag: the lengths are the last to be hashed. */
INLINE block end_tag(const struct wide_key *key, struct ending *e,
                     const struct adp_gcm_message *msg, block mask)
{
    vec lengths = v_add(e->enter, v_first(length_block(msg->aad_len, msg->len)));

    end_sum(&e->sums, key, lengths, 1);
    return add(mask, byte_reverse(v_sum(reduce(&e->sums))));
}

/* take returns the last |len| bytes of the input, in a row. */
INLINE const uint8_t *take(struct stream *s, struct adp_gcm_cursor *cursor, size_t len)
{
    const uint8_t *data;

    if (adp_gcm_cursor_run(cursor, &data) >= len)
        return data;
    adp_gcm_cursor_gather(cursor, s->bounce, len);
    return s->bounce;
}

/* --- The back end --- */

static void wide_seal(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                      uint8_t out_tag[ADP_GCM_TAG_LEN], const struct adp_gcm_message *msg)
{
    const struct wide_key *key = (const struct wide_key *)state;
    struct stream *s = (struct stream *)scratch;
    struct adp_gcm_cursor cursor = {msg->in, 0};
    size_t left = msg->len;
    size_t rest = left % STEP_LEN;
    block mask = begin(key, s, msg);
    struct ending e = {no_sums(), s->hash, (rest + 15) / 16 + 1};

    while (left >= STEP_LEN) {
        const uint8_t *in;
        size_t num = adp_gcm_cursor_steps(&cursor, left, STEP_LEN, s->bounce, &in);

        if (left == msg->len) {
            first_step(key, s, out, in);
            many_steps(key, s, out + STEP_LEN, in + STEP_LEN, out, num - 1);
        } else {
            many_steps(key, s, out, in, out - STEP_LEN, num);
        }
        out += num * STEP_LEN;
        left -= num * STEP_LEN;
    }
    if (msg->len >= STEP_LEN) {
        e.enter = s->hash;
        e.power += STEP_BLOCKS;
        for (int i = VECS; i > 0; i--)
            end_vector(key, &e, v_load(out - i * VEC_LEN));
    }
    if (rest > 0)
        end(key, s, &e, out, take(s, &cursor, rest), rest, 1);
    store(out_tag, end_tag(key, &e, msg, mask));
}

static enum adp_gcm_result wide_open(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                                     const uint8_t tag[ADP_GCM_TAG_LEN],
                                     const struct adp_gcm_message *msg)
{
    const struct wide_key *key = (const struct wide_key *)state;
    struct stream *s = (struct stream *)scratch;
    struct adp_gcm_cursor cursor = {msg->in, 0};
    size_t left = msg->len;
    size_t rest = left % STEP_LEN;
    uint8_t computed[ADP_GCM_TAG_LEN];
    block mask = begin(key, s, msg);
    struct ending e = {no_sums(), s->hash, (rest + 15) / 16 + 1};
    const uint8_t *in;

    while (left >= 2 * STEP_LEN) {
        size_t num =
            adp_gcm_cursor_steps(&cursor, left - rest - STEP_LEN, STEP_LEN, s->bounce, &in);

        many_steps(key, s, out, in, in, num);
        out += num * STEP_LEN;
        left -= num * STEP_LEN;
    }
    if (left >= STEP_LEN) {
        size_t power = END_POWERS - e.power - STEP_BLOCKS;

        adp_gcm_cursor_steps(&cursor, STEP_LEN, STEP_LEN, s->bounce, &in);
        e.sums = step(key, s, out, in, in, &key->end_power[power], &key->end_half[power]);
        e.enter = v_first(zero());
        out += STEP_LEN;
    }
    if (rest > 0)
        end(key, s, &e, out, take(s, &cursor, rest), rest, 0);
    store(computed, end_tag(key, &e, msg, mask));
    return CRYPTO_memcmp(computed, tag, ADP_GCM_TAG_LEN) == 0 ? ADP_GCM_OK : ADP_GCM_BAD_TAG;
}

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
    for (size_t i = 0; i < 2 * VECS; i++) {
        out_key->power[i] = v_all(out_key->end_power[END_POWERS - LANES * (2 * VECS - i)]);
        out_key->half[i] = v_add(out_key->power[i], v_swap(out_key->power[i]));
    }
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

static int wide_usable(void)
{
    return adp_cpu_has(VEC_FEATURES);
}

#define ADP_GCM_WIDE(symbol, its_name)                                                             \
    const struct adp_gcm_kernel symbol = {                                                         \
        .name = its_name,                                                                          \
        .usable = wide_usable,                                                                     \
        .key_init = wide_key_init,                                                                 \
        .seal = wide_seal,                                                                         \
        .open = wide_open,                                                                         \
    }

#endif
