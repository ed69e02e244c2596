/* One message at a time, drawn at random and sealed by every peer, and what the kernel under test
 * must make of it. */
#ifndef ADP_MESSAGE_CHECK_H
#define ADP_MESSAGE_CHECK_H

#include "kernel_test.h"
#include "peers.h"

#define MESSAGE_MAX_LEN (((size_t)4 << 20) + 1024)
#define MESSAGE_MAX_AAD ((size_t)70000)
#define MESSAGE_SLACK   ((size_t)64) /* on each side of an output, to move it and to see writes */
#define MESSAGE_FILL    0xa5

static struct {
    struct kt_params params;
    uint8_t key[ADP_GCM_KEY_LEN];
    uint8_t plaintext[MESSAGE_MAX_LEN + MESSAGE_SLACK];
    uint8_t aad[MESSAGE_MAX_AAD];
    uint8_t ciphertext[MESSAGE_MAX_LEN];
    uint8_t tag[ADP_GCM_TAG_LEN];
    uint8_t work[MESSAGE_MAX_LEN + 2 * MESSAGE_SLACK];
} message;

/* message_seal_by_peers sets ciphertext and tag of the message, on which all peers must agree. */
static inline void message_seal_by_peers(const uint8_t *plaintext, size_t len)
{
    const struct peer_message msg = {message.key, message.params.nonce, message.params.aad,
                                     message.params.aad_len};
    const struct peer *peer;
    uint8_t tag[ADP_GCM_TAG_LEN];

    peer_at(0)->seal(&msg, message.ciphertext, message.tag, plaintext, len);
    for (size_t i = 1; (peer = peer_at(i)) != NULL; i++) {
        peer->seal(&msg, message.work, tag, plaintext, len);
        KT_CHECK(memcmp(message.work, message.ciphertext, len) == 0 &&
                     memcmp(tag, message.tag, sizeof(tag)) == 0,
                 "%s and %s differ at length %zu, aad %zu", peer_at(0)->name, peer->name, len,
                 msg.aad_len);
    }
}

/* message_next draws key, nonce, plaintext and additional data, and has the peers seal them. */
static inline void message_next(size_t len, size_t aad_len)
{
    kt_random_bytes(message.key, sizeof(message.key));
    kt_random_bytes(message.params.nonce, sizeof(message.params.nonce));
    kt_random_bytes(message.plaintext, len < 256 ? len : 256); /* the rest stays random */
    message.params.aad = message.aad + kt_below(MESSAGE_MAX_AAD - aad_len + 1);
    message.params.aad_len = aad_len;
    adp_gcm_key_init(&message.params.key, kt_kernel, message.key);
    message_seal_by_peers(message.plaintext, len);
}

/* message_room returns room for |len| bytes, freshly filled, |offset| past an alignment of 64. */
static inline uint8_t *message_room(size_t len, size_t offset)
{
    size_t misaligned = (uintptr_t)message.work % 64;

    memset(message.work, MESSAGE_FILL, len + 2 * MESSAGE_SLACK);
    return message.work + (offset + 64 - misaligned) % 64;
}

static inline int message_nothing_beside(const uint8_t *out, size_t len)
{
    size_t before = (size_t)(out - message.work);

    return kt_all(MESSAGE_FILL, message.work, before) &&
           kt_all(MESSAGE_FILL, out + len, 2 * MESSAGE_SLACK - before);
}

/* message_is_sealed returns whether |out| and |tag| are the peers', and nothing lies beside. */
static inline int message_is_sealed(const uint8_t *out, const uint8_t *tag, size_t len)
{
    return memcmp(out, message.ciphertext, len) == 0 &&
           memcmp(tag, message.tag, sizeof(message.tag)) == 0 && message_nothing_beside(out, len);
}

static inline int message_is_opened(const uint8_t *out, size_t len)
{
    return memcmp(out, message.plaintext, len) == 0 && message_nothing_beside(out, len);
}

static inline int message_is_wiped(const uint8_t *out, size_t len)
{
    return kt_all(0, out, len) && message_nothing_beside(out, len);
}

/* message_check seals and opens the message, out of place and in place. */
static inline void message_check(size_t len)
{
    struct kt_params *p = &message.params;
    uint8_t tag[ADP_GCM_TAG_LEN];
    uint8_t *out = message_room(len, kt_below(64));

    KT_CHECK(kt_seal(p, out, tag, message.plaintext, len) == ADP_GCM_OK, "length %zu", len);
    KT_CHECK(message_is_sealed(out, tag, len), "length %zu, aad %zu", len, p->aad_len);
    KT_CHECK(kt_open(p, out, tag, out, len) == ADP_GCM_OK, "length %zu, in place", len);
    KT_CHECK(message_is_opened(out, len), "length %zu, aad %zu, in place", len, p->aad_len);
    KT_CHECK(kt_seal(p, out, tag, out, len) == ADP_GCM_OK, "length %zu, in place", len);
    KT_CHECK(message_is_sealed(out, tag, len), "length %zu, aad %zu, in place", len, p->aad_len);
    out = message_room(len, kt_below(64));
    KT_CHECK(kt_open(p, out, tag, message.ciphertext, len) == ADP_GCM_OK, "length %zu", len);
    KT_CHECK(message_is_opened(out, len), "length %zu, aad %zu", len, p->aad_len);
}

/* message_main is main's body: it fills the message with random bytes and runs |cases|. */
static inline int message_main(const char *suite_name, const struct adp_test_case *cases,
                               size_t num)
{
    const struct peer *peer;

    kt_seed();
    kt_random_bytes(message.aad, sizeof(message.aad));
    kt_random_bytes(message.plaintext, sizeof(message.plaintext));
    for (size_t i = 0; (peer = peer_at(i)) != NULL; i++)
        printf("%s%s", i > 0 ? ", " : "compared with ", peer->name);
    printf("\n");
    return adp_test_main(suite_name, cases, num);
}

#endif
