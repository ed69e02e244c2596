/* AES-256-GCM on AES-NI and PCLMULQDQ with AVX encodings: 8 blocks a step.
 *
 * Stitching: one step makes the key stream of 8 blocks and hashes 8 blocks of ciphertext in
 * between, so that both kinds of instruction keep the same two pipes busy. Sealing hashes what the
 * step before wrote, opening what it is about to decrypt.
 *
 * GHASH: bytes are reversed and H is kept multiplied by x, which spares a shift of every product
 * (Gueron and Kounavis, Intel's carry-less multiplication white paper). Products of 8 blocks with
 * descending powers of H are summed, by Karatsuba with the halves of H pre-added, and reduced once.
 *
 * Counter cache: blocks whose counters differ in the low byte only differ after the first round in
 * one column, so that round 1 is one XOR with a table entry (FACE, Park and Lee, TCHES 2018). The
 * table's index is the public counter. */
#include "cpu.h"
#include "gcm_kernel.h"
#include "gcm_pieces.h"
#include "gcm_x86.h"

#include <openssl/mem.h>

#define STEP_BLOCKS 8
#define STEP_LEN    (STEP_BLOCKS * 16)
#define WINDOW      256 /* counters that share all but the low byte */

#define EIGHT(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)

struct aesni_key {
    __m128i round[15];
    __m128i power[STEP_BLOCKS + 1];  /* [i] is H^(i + 1), times x */
    __m128i halves[STEP_BLOCKS + 1]; /* the sum of its two halves, in both */
    __m128i first_round[WINDOW];     /* what the low counter byte adds after round 1 */
};
_Static_assert(sizeof(struct aesni_key) <= ADP_GCM_KEY_STATE_LEN, "the key state has room");

/* struct stream is one message in flight. */
struct stream {
    const struct aesni_key *key;
    __m128i nonce;  /* the counter block with a counter of zero, plus round key 0 */
    __m128i window; /* the state after round 1 of the window's first counter */
    __m128i hash;   /* GHASH's accumulator, bytes reversed */
    uint32_t counter;
    int unhashed; /* the 8 blocks before the output pointer await their hash */
};

/* --- GHASH --- */

/* accumulate adds |x| times H^|i| to |sum|. */
INLINE void accumulate(struct product *sum, const struct aesni_key *key, __m128i x, size_t i)
{
    multiply_add(sum, x, key->power[i - 1], key->halves[i - 1]);
}

/* hash_blocks returns |hash| taken on over |num| blocks at |data|, and over one more, |*last|,
 * unless that is NULL. |num| is at most 8, and not 0 without |last|. */
INLINE __m128i hash_blocks(const struct aesni_key *key, __m128i hash, const uint8_t *data,
                           size_t num, const __m128i *last)
{
    struct product sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    size_t power = num + (last != NULL);

    for (size_t i = 0; i < num; i++) {
        accumulate(&sum, key, add(hash, byte_reverse(load(data + 16 * i))), power--);
        hash = _mm_setzero_si128();
    }
    if (last != NULL)
        accumulate(&sum, key, add(hash, *last), 1);
    return reduce(sum);
}

static __m128i hash_aad(const struct aesni_key *key, const uint8_t *aad, size_t len)
{
    __m128i hash = _mm_setzero_si128();
    uint8_t padded[16] = {0};

    while (len >= 16) {
        size_t num = len >= STEP_LEN ? STEP_BLOCKS : len / 16;

        hash = hash_blocks(key, hash, aad, num, NULL);
        aad += 16 * num;
        len -= 16 * num;
    }
    if (len > 0) {
        memcpy(padded, aad, len);
        hash = hash_blocks(key, hash, padded, 1, NULL);
    }
    return hash;
}

/* --- AES --- */

/* encrypt returns the encryption of one block to which round key 0 was added. */
INLINE __m128i encrypt(const struct aesni_key *key, __m128i x)
{
    for (int i = 1; i < 14; i++)
        x = _mm_aesenc_si128(x, key->round[i]);
    return _mm_aesenclast_si128(x, key->round[14]);
}

/* counter_block returns the block of counter |n| plus round key 0. |nonce| has it in. */
INLINE __m128i counter_block(__m128i nonce, uint32_t n)
{
    return add(nonce, _mm_set_epi32((int)__builtin_bswap32(n), 0, 0, 0));
}

/* enter_window makes the counter cache's part of the window of counter |n|. */
INLINE __m128i enter_window(const struct stream *s, uint32_t n)
{
    return _mm_aesenc_si128(counter_block(s->nonce, n & ~(WINDOW - 1u)), s->key->round[1]);
}

/* after_round_1 takes the next 8 counters and sets |x| to their states after round 1. */
INLINE void after_round_1(struct stream *s, __m128i x[STEP_BLOCKS])
{
    size_t at = s->counter & (WINDOW - 1);
    const __m128i *table = s->key->first_round;
    __m128i window = s->window;

    s->counter += STEP_BLOCKS;
    if (__builtin_expect(at + STEP_BLOCKS < WINDOW, 1)) {
#define FROM_CACHE(i) x[i] = add(window, table[at + i]);
        EIGHT(FROM_CACHE)
#undef FROM_CACHE
        return;
    }
    s->window = enter_window(s, s->counter);
#define FROM_EITHER(i) x[i] = add(at + i < WINDOW ? window : s->window, table[(at + i) % WINDOW]);
    EIGHT(FROM_EITHER)
#undef FROM_EITHER
}

/* One round of 8 blocks. */
#define ENCRYPT(i) x[i] = _mm_aesenc_si128(x[i], round_key);
#define ROUND(r)                                                                                   \
    do {                                                                                           \
        __m128i round_key = key->round[r];                                                         \
        EIGHT(ENCRYPT)                                                                             \
    } while (0)

/* key_stream sets |x| to the next 8 blocks of key stream, but for the last round. */
INLINE void key_stream(struct stream *s, __m128i x[STEP_BLOCKS])
{
    const struct aesni_key *key = s->key;

    after_round_1(s, x);
    ROUND(2);
    ROUND(3);
    ROUND(4);
    ROUND(5);
    ROUND(6);
    ROUND(7);
    ROUND(8);
    ROUND(9);
    ROUND(10);
    ROUND(11);
    ROUND(12);
    ROUND(13);
}

/* key_stream_and_hash does the same and hashes the 8 blocks at |data| in between. The block that
 * needs the accumulator of the step before comes last. */
INLINE void key_stream_and_hash(struct stream *s, __m128i x[STEP_BLOCKS], const uint8_t *data)
{
    const struct aesni_key *key = s->key;
    struct product sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};

#define HASH(i) accumulate(&sum, key, byte_reverse(load(data + 16 * (i))), STEP_BLOCKS - (i))
    after_round_1(s, x);
    ROUND(2);
    HASH(1);
    ROUND(3);
    HASH(2);
    ROUND(4);
    HASH(3);
    ROUND(5);
    HASH(4);
    ROUND(6);
    HASH(5);
    ROUND(7);
    HASH(6);
    ROUND(8);
    HASH(7);
    ROUND(9);
    accumulate(&sum, key, add(s->hash, byte_reverse(load(data))), STEP_BLOCKS);
    ROUND(10);
    ROUND(11);
    s->hash = reduce(sum);
    ROUND(12);
    ROUND(13);
#undef HASH
}

/* apply does the last round and adds the 8 blocks at |in|, to |out|. */
INLINE void apply(const struct aesni_key *key, const __m128i x[STEP_BLOCKS], uint8_t *out,
                  const uint8_t *in)
{
    __m128i last = key->round[14];

#define APPLY(i) store(out + 16 * i, _mm_aesenclast_si128(x[i], add(last, load(in + 16 * i))));
    EIGHT(APPLY)
#undef APPLY
}

/* --- Messages --- */

static void seal_steps(struct stream *stream, uint8_t *out, const uint8_t *in, size_t num)
{
    struct stream s = *stream;
    __m128i x[STEP_BLOCKS];

    if (!s.unhashed) {
        key_stream(&s, x);
        apply(s.key, x, out, in);
        out += STEP_LEN;
        in += STEP_LEN;
        num--;
    }
    for (; num > 0; num--) {
        key_stream_and_hash(&s, x, out - STEP_LEN);
        apply(s.key, x, out, in);
        out += STEP_LEN;
        in += STEP_LEN;
    }
    s.unhashed = 1;
    *stream = s;
}

static void open_steps(struct stream *stream, uint8_t *out, const uint8_t *in, size_t num)
{
    struct stream s = *stream;
    __m128i x[STEP_BLOCKS];

    for (; num > 0; num--) {
        key_stream_and_hash(&s, x, in);
        apply(s.key, x, out, in);
        out += STEP_LEN;
        in += STEP_LEN;
    }
    *stream = s;
}

/* begin sets up |out_s| for |msg| and returns the encrypted first counter block, the tag's mask. */
INLINE __m128i begin(struct stream *out_s, const uint8_t *state, const struct adp_gcm_message *msg)
{
    const struct aesni_key *key = (const struct aesni_key *)state;
    int32_t nonce_end;

    memcpy(&nonce_end, msg->nonce + 8, sizeof(nonce_end));
    out_s->key = key;
    out_s->nonce = add(key->round[0], _mm_insert_epi32(_mm_loadl_epi64((const __m128i *)msg->nonce),
                                                       nonce_end, 2));
    out_s->window = enter_window(out_s, 0);
    out_s->hash = hash_aad(key, msg->aad, msg->aad_len);
    out_s->counter = 2;
    out_s->unhashed = 0;
    return encrypt(key, counter_block(out_s->nonce, 1));
}

/* finish returns the tag: the hash of the last |num| blocks, at |data|, and of the lengths. */
INLINE __m128i finish(const struct stream *s, const uint8_t *data, size_t num,
                      const struct adp_gcm_message *msg, __m128i mask)
{
    __m128i lengths = _mm_set_epi64x((long long)(msg->aad_len * 8), (long long)(msg->len * 8));

    return add(mask, byte_reverse(hash_blocks(s->key, s->hash, data, num, &lengths)));
}

static void aesni_seal(const uint8_t *state, uint8_t *bounce, uint8_t *out,
                       uint8_t out_tag[ADP_GCM_TAG_LEN], const struct adp_gcm_message *msg)
{
    struct adp_gcm_cursor cursor = {msg->in, 0};
    size_t left = msg->len;
    const uint8_t *hash_at = bounce;
    size_t hash_num = (left % STEP_LEN + 15) / 16;
    __m128i x[STEP_BLOCKS];
    struct stream s;
    __m128i mask = begin(&s, state, msg);

    while (left >= STEP_LEN) {
        const uint8_t *in;
        size_t num = adp_gcm_cursor_steps(&cursor, left, STEP_LEN, bounce, &in);

        seal_steps(&s, out, in, num);
        out += num * STEP_LEN;
        left -= num * STEP_LEN;
    }
    if (left > 0) {
        memset(bounce, 0, STEP_LEN);
        adp_gcm_cursor_gather(&cursor, bounce, left);
        if (s.unhashed)
            key_stream_and_hash(&s, x, out - STEP_LEN);
        else
            key_stream(&s, x);
        apply(s.key, x, bounce, bounce);
        memcpy(out, bounce, left);
        memset(bounce + left, 0, STEP_LEN - left);
    } else if (s.unhashed) {
        hash_at = out - STEP_LEN;
        hash_num = STEP_BLOCKS;
    }
    store(out_tag, finish(&s, hash_at, hash_num, msg, mask));
}

static enum adp_gcm_result aesni_open(const uint8_t *state, uint8_t *bounce, uint8_t *out,
                                      const uint8_t tag[ADP_GCM_TAG_LEN],
                                      const struct adp_gcm_message *msg)
{
    struct adp_gcm_cursor cursor = {msg->in, 0};
    size_t left = msg->len;
    uint8_t computed[ADP_GCM_TAG_LEN];
    __m128i x[STEP_BLOCKS];
    struct stream s;
    __m128i mask = begin(&s, state, msg);

    while (left >= STEP_LEN) {
        const uint8_t *in;
        size_t num = adp_gcm_cursor_steps(&cursor, left, STEP_LEN, bounce, &in);

        open_steps(&s, out, in, num);
        out += num * STEP_LEN;
        left -= num * STEP_LEN;
    }
    if (left > 0) {
        memset(bounce, 0, STEP_LEN);
        adp_gcm_cursor_gather(&cursor, bounce, left);
    }
    store(computed, finish(&s, bounce, (left + 15) / 16, msg, mask));
    if (CRYPTO_memcmp(computed, tag, ADP_GCM_TAG_LEN) != 0)
        return ADP_GCM_BAD_TAG;
    if (left > 0) {
        key_stream(&s, x);
        apply(s.key, x, bounce, bounce);
        memcpy(out, bounce, left);
    }
    return ADP_GCM_OK;
}

/* --- Keys --- */

static void aesni_key_init(uint8_t *out_state, const uint8_t key[ADP_GCM_KEY_LEN])
{
    struct aesni_key *k = (struct aesni_key *)out_state;
    __m128i power;
    __m128i base;

    expand_key(k->round, key);
    power = times_x(byte_reverse(encrypt(k, k->round[0])));
    for (size_t i = 0; i < STEP_BLOCKS + 1; i++) {
        struct product next = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};

        k->power[i] = power;
        k->halves[i] = add(power, swap_halves(power));
        accumulate(&next, k, power, 1);
        power = reduce(next);
    }
    base = _mm_aesenc_si128(k->round[0], k->round[1]);
    for (uint32_t i = 0; i < WINDOW; i++) {
        __m128i state = _mm_aesenc_si128(counter_block(k->round[0], i), k->round[1]);

        k->first_round[i] = add(base, state);
    }
}

static int aesni_usable(void)
{
    return adp_cpu_has(ADP_CPU_AESNI | ADP_CPU_PCLMULQDQ | ADP_CPU_AVX);
}

const struct adp_gcm_kernel adp_gcm_aesni = {
    .name = "aesni",
    .usable = aesni_usable,
    .key_init = aesni_key_init,
    .seal = aesni_seal,
    .open = aesni_open,
};
