/* Every alignment of input and output, anywhere for the rest; and one key in many threads. */
#include "message_check.h"

#include <pthread.h>

/* The lengths end within, at and after a block, a vector, a step and a window. */
static const size_t lens[] = {1, 16, 100, 128, 300, 600, 1029, 4500};
#define NUM_LENS (sizeof(lens) / sizeof(lens[0]))

/* check_moved seals and opens the message from |in_at| to |out_at|, offsets from an alignment of
 * 64, with nonce, tag and additional data at odd places. */
static void check_moved(size_t len, size_t in_at, size_t out_at)
{
    static _Alignas(64) uint8_t input[8192];
    uint8_t *in = input + in_at;
    uint8_t *out = message_room(len, out_at);
    uint8_t nonce_room[64], tag_room[64];
    uint8_t *nonce = nonce_room + kt_below(32);
    uint8_t *tag = tag_room + kt_below(32);
    struct kt_params *p = &message.params;
    struct adp_gcm_piece piece = {in, len};

    memcpy(nonce, p->nonce, ADP_GCM_NONCE_LEN);
    memcpy(in, message.plaintext, len);
    KT_CHECK(adp_gcm_seal(&p->key, &p->scratch, out, tag, nonce, &piece, 1, p->aad, p->aad_len) ==
                 ADP_GCM_OK,
             "length %zu", len);
    KT_CHECK(message_is_sealed(out, tag, len), "length %zu at %zu to %zu", len, in_at, out_at);
    memcpy(in, out, len);
    out = message_room(len, out_at);
    KT_CHECK(adp_gcm_open(&p->key, &p->scratch, out, nonce, &piece, 1, tag, p->aad, p->aad_len) ==
                 ADP_GCM_OK,
             "length %zu", len);
    KT_CHECK(message_is_opened(out, len), "length %zu at %zu to %zu", len, in_at, out_at);
}

static void check_alignments(void)
{
    for (size_t i = 0; i < NUM_LENS; i++) {
        for (size_t at = 0; at < 64 * 64; at += kt_stride(64)) {
            if (at % 64 == 0 || kt_quick())
                message_next(lens[i], kt_below(65));
            check_moved(lens[i], at % 64, at / 64);
        }
    }
}

static void check_in_place(void)
{
    uint8_t tag[ADP_GCM_TAG_LEN];

    for (size_t i = 0; i < NUM_LENS; i++) {
        message_next(lens[i], 13);
        for (size_t at = 0; at < 64; at += kt_stride(4)) {
            uint8_t *out = message_room(lens[i], at);

            memcpy(out, message.plaintext, lens[i]);
            KT_CHECK(kt_seal(&message.params, out, tag, out, lens[i]) == ADP_GCM_OK &&
                         message_is_sealed(out, tag, lens[i]),
                     "length %zu at %zu", lens[i], at);
            KT_CHECK(kt_open(&message.params, out, tag, out, lens[i]) == ADP_GCM_OK &&
                         message_is_opened(out, lens[i]),
                     "length %zu at %zu", lens[i], at);
        }
    }
}

static void *seal_again(void *unused)
{
    struct adp_gcm_scratch scratch;
    uint8_t out[4500], tag[ADP_GCM_TAG_LEN];
    struct adp_gcm_piece in = {message.plaintext, sizeof(out)};
    uintptr_t wrong = 0;

    (void)unused;
    for (int i = 0; i < 50; i++) {
        adp_gcm_seal(&message.params.key, &scratch, out, tag, message.params.nonce, &in, 1,
                     message.params.aad, message.params.aad_len);
        wrong += memcmp(out, message.ciphertext, sizeof(out)) != 0 ||
                 memcmp(tag, message.tag, sizeof(tag)) != 0;
    }
    return (void *)wrong;
}

static void check_threads(void)
{
    pthread_t threads[4];

    message_next(4500, 30);
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, seal_again, NULL), 0);
    for (size_t i = 0; i < 4; i++) {
        void *wrong;

        pthread_join(threads[i], &wrong);
        KT_CHECK(wrong == NULL, "thread %zu", i);
    }
}

KT_EACH_KERNEL(alignments)
KT_EACH_KERNEL(in_place)
KT_EACH_KERNEL(threads)

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"every alignment of input and output", test_alignments},
        {"every alignment in place", test_in_place},
        {"one key, many threads", test_threads},
    };

    return message_main("AES-256-GCM, alignments", cases, sizeof(cases) / sizeof(cases[0]));
}
