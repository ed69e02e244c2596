/* The implementations of others that every kernel is held against: BoringSSL's AEAD interface,
 * which is the portable kernel's measure as well, and Intel's ipsec-mb where the build found it. */
#ifndef ADP_PEERS_H
#define ADP_PEERS_H

#include <stddef.h>
#include <stdint.h>

struct peer_message {
    const uint8_t *key, *nonce, *aad;
    size_t aad_len;
};

struct peer {
    const char *name;

    /* seal encrypts |len| bytes at |in| to |out|, which may be |in|. */
    void (*seal)(const struct peer_message *msg, uint8_t *out, uint8_t out_tag[16],
                 const uint8_t *in, size_t len);

    /* open is the reverse, and returns whether |tag| is right. */
    int (*open)(const struct peer_message *msg, uint8_t *out, const uint8_t tag[16],
                const uint8_t *in, size_t len);
};

/* peer_at returns peer number |index|, or NULL past the last. The first is BoringSSL. */
const struct peer *peer_at(size_t index);

#endif
