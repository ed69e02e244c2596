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

#include "gcm_pieces.h"
#include "gcm_wide_step.h"

/* --- A message's begin and end --- */

/* hash_blocks takes |hash| on over |num| blocks, which are at most STEP_BLOCKS. */
INLINE block hash_blocks(const struct wide_key *key, block hash, const uint8_t *data, size_t num)
{
    struct sums sums = no_sums();

    for (size_t power = num; power > 0; power--) {
        end_sum(&sums, key, v_first(add(hash, byte_reverse(load(data)))), power);
        hash = zero();
        data += 16;
    }
    return v_sum(reduce(&sums));
}

INLINE block hash_aad(const struct wide_key *key, const uint8_t *aad, size_t len)
{
    block hash = zero();
    uint8_t padded[16] = {0};

    while (len >= 16) {
        size_t num = len / 16 < STEP_BLOCKS ? len / 16 : STEP_BLOCKS;

        hash = hash_blocks(key, hash, aad, num);
        aad += 16 * num;
        len -= 16 * num;
    }
    if (len > 0) {
        memcpy(padded, aad, len);
        hash = hash_blocks(key, hash, padded, 1);
    }
    return hash;
}

/* begin sets up |s| for |msg|, of which |num_last| whole steps are not hashed by many_steps. */
INLINE void begin(const struct wide_key *key, struct stream *s, const struct adp_gcm_message *msg,
                  size_t num_last)
{
    block round_0 = load((const uint8_t *)&key->round[0]);

    s->counter_zero = add(nonce_block(msg->nonce), round_0);
    s->start = v_all(aes_round(s->counter_zero, load((const uint8_t *)&key->round[1])));
    s->progress.window[0] = s->progress.window[1] = s->progress.window[2] = v_first(zero());
    s->progress.windows = 0;
    s->progress.at = 0;
    s->sums = no_sums();
    s->has_later_windows = msg->len > 16 * WINDOW;
    s->second = (int)((msg->len / STEP_LEN - num_last) % 2); /* by two, an odd one first */
}

/* begin_hash hashes the additional data and returns the encrypted first counter block, the tag's
 * mask. */
INLINE block begin_hash(const struct wide_key *key, struct stream *s,
                        const struct adp_gcm_message *msg)
{
    s->progress.hash = v_first(hash_aad(key, msg->aad, msg->aad_len));
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

/* end_step_vector does vector |i| of a whole step at |data|. Vector 0 waits for the step before, so
 * that it should be the last. */
INLINE void end_step_vector(const struct wide_key *key, const struct stream *s, struct ending *e,
                            const uint8_t *data, size_t i)
{
    vec x = v_reverse(v_load(data + i * VEC_LEN));

    if (i == 0)
        x = v_add(x, s->progress.hash);
    end_sum(&e->sums, key, x, e->power - i * LANES);
}

/* key_stream sets |x| to the message's last |num| vectors of key stream, but for the last round. */
INLINE void key_stream(const struct wide_key *key, struct stream *s, vec x[VECS], size_t num)
{
    const vec *round = key->round;

    if (num > 4 || !in_first_window(&s->progress)) {
        begin_step(key, s, x);
    } else {
        const uint8_t *table = (const uint8_t *)&key->after_1[s->progress.at];

#define FROM_KEY(i) x[i] = v_round(v_add(s->start, v_load(table + (i)*VEC_LEN)), key->round[2]);
        FOUR(FROM_KEY)
#undef FROM_KEY
        x[4] = x[5] = x[6] = x[7] = v_first(zero()); /* not used */
    }
    if (num > 4) {
        for (int r = 3; r < 14; r++) {
            LEAD(r);
            TRAIL(r);
        }
    } else if (num > 2) {
        for (int r = 3; r < 14; r++)
            LEAD(r);
    } else {
        for (int r = 3; r < 14; r++) {
            vec k = round[r];
            ROUND(0) ROUND(1)
        }
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
    if (len < ((i) + 1) * VEC_LEN) {                                                               \
        if (len > (i)*VEC_LEN)                                                                     \
            end_part(key, s, e, x[i], out + (i)*VEC_LEN, in + (i)*VEC_LEN, len - (i)*VEC_LEN,      \
                     sealing);                                                                     \
        return;                                                                                    \
    } else {                                                                                       \
        vec a = v_load(in + (i)*VEC_LEN);                                                          \
        vec b = v_last_round(x[i], key->round, a);                                                 \
        v_store(out + (i)*VEC_LEN, b);                                                             \
        end_vector(key, e, sealing ? b : a);                                                       \
    }
    EIGHT(END)
#undef END
}

/* last_step decrypts the last whole step, whose vector 0 begins with |power|, and returns the sums
 * of its hash. */
INLINE struct sums last_step(const struct wide_key *key, struct stream *s, uint8_t *out,
                             const uint8_t *in, size_t power)
{
    const vec *round = key->round;
    struct ending e = {.power = power};
    vec x[VECS];

    begin_step(key, s, x);
#define ROUND_AND_HASH(i)                                                                          \
    LEAD((i) + 3);                                                                                 \
    TRAIL((i) + 3);                                                                                \
    end_step_vector(key, s, &e, in, ((i) + 1) % VECS);
    EIGHT(ROUND_AND_HASH)
#undef ROUND_AND_HASH
    for (int r = 3 + VECS; r < 14; r++) {
        LEAD(r);
        TRAIL(r);
    }
    apply(key, x, out, in);
    return e.sums;
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

/* From so many bytes on, sealing hashes what it wrote two steps before: what it wrote one step
 * before cannot be read again without waiting, but a second step is left to hash at the end. */
#define LONG (UINT64_C(1) << 17)

static void wide_seal(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                      uint8_t out_tag[ADP_GCM_TAG_LEN], const struct adp_gcm_message *msg)
{
    const struct wide_key *key = (const struct wide_key *)state;
    struct stream *s = (struct stream *)scratch;
    struct adp_gcm_cursor cursor = {msg->in, 0};
    size_t left = msg->len;
    size_t rest = left % STEP_LEN;
    size_t lag = msg->len < LONG ? 1 : 2;
    size_t behind = 0; /* steps that are not hashed yet, of |lag| */
    const uint8_t *in;
    struct ending e = {.power = (rest + 15) / 16 + 1};
    block mask;

    begin(key, s, msg, lag);
    if (left >= STEP_LEN) { /* all waits for this, nothing for the hash's begin */
        adp_gcm_cursor_steps(&cursor, STEP_LEN, STEP_LEN, s->bounce, &in);
        first_step(key, s, out, in);
        out += STEP_LEN;
        left -= STEP_LEN;
        behind = 1;
    }
    mask = begin_hash(key, s, msg);
    e.enter = s->progress.hash;
    while (left >= STEP_LEN) {
        size_t num = adp_gcm_cursor_steps(&cursor, left, STEP_LEN, s->bounce, &in);

        left -= num * STEP_LEN;
        if (behind < lag) {
            first_step(key, s, out, in);
            out += STEP_LEN;
            in += STEP_LEN;
            num--;
            behind++;
        }
        many_steps(key, s, out, in, out - lag * STEP_LEN, num);
        out += num * STEP_LEN;
    }
    if (lag == 2)
        lone_hash(key, s, out - 2 * STEP_LEN);
    if (behind > 0) {
        e.enter = v_first(zero());
        e.power += STEP_BLOCKS;
#define HASH(i) end_step_vector(key, s, &e, out - STEP_LEN, ((i) + 1) % VECS);
        EIGHT(HASH)
#undef HASH
        e.power -= STEP_BLOCKS;
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
    struct ending e = {.power = (rest + 15) / 16 + 1};
    const uint8_t *in;
    block mask;

    begin(key, s, msg, 1);
    mask = begin_hash(key, s, msg);
    e.enter = s->progress.hash;
    while (left >= 2 * STEP_LEN) {
        size_t num =
            adp_gcm_cursor_steps(&cursor, left - rest - STEP_LEN, STEP_LEN, s->bounce, &in);

        many_steps(key, s, out, in, in, num);
        out += num * STEP_LEN;
        left -= num * STEP_LEN;
    }
    if (left >= STEP_LEN) {
        adp_gcm_cursor_steps(&cursor, STEP_LEN, STEP_LEN, s->bounce, &in);
        e.sums = last_step(key, s, out, in, e.power + STEP_BLOCKS);
        e.enter = v_first(zero());
        out += STEP_LEN;
    }
    if (rest > 0)
        end(key, s, &e, out, take(s, &cursor, rest), rest, 0);
    return differ(end_tag(key, &e, msg, mask), load(tag)) ? ADP_GCM_BAD_TAG : ADP_GCM_OK;
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
