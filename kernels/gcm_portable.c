/* The portable kernel: BoringSSL's AEAD interface, which picks among BoringSSL's own code. That
 * interface takes one contiguous message, so scattered pieces are first brought to their places in
 * |out| and then worked on in place. */
#include "gcm_kernel.h"

#include <openssl/aead.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(EVP_AEAD_CTX) <= ADP_GCM_KEY_STATE_LEN, "BoringSSL's state fits the key's");

static int portable_usable(void)
{
    return 1;
}

static void portable_key_init(uint8_t *out_state, const uint8_t key[ADP_GCM_KEY_LEN])
{
    /* BoringSSL keeps AES-GCM's whole state within the context, so wiping it is cleaning it up. */
    EVP_AEAD_CTX *ctx = (EVP_AEAD_CTX *)out_state;

    EVP_AEAD_CTX_zero(ctx);
    if (!EVP_AEAD_CTX_init(ctx, EVP_aead_aes_256_gcm(), key, ADP_GCM_KEY_LEN, ADP_GCM_TAG_LEN,
                           NULL))
        abort(); /* only lengths can be wrong, and they are constant */
}

/* in_one_piece returns |msg|'s input as contiguous bytes: as it lies, or gathered in |out|. */
static const uint8_t *in_one_piece(uint8_t *out, const struct adp_gcm_message *msg)
{
    uint8_t *to = out;

    if (msg->num_in == 1)
        return msg->in[0].data;
    for (size_t i = 0; i < msg->num_in; i++) {
        if (msg->in[i].len == 0)
            continue;
        if (msg->in[i].data != to)
            memcpy(to, msg->in[i].data, msg->in[i].len);
        to += msg->in[i].len;
    }
    return out;
}

static void portable_seal(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                          uint8_t out_tag[ADP_GCM_TAG_LEN], const struct adp_gcm_message *msg)
{
    size_t tag_len;

    (void)scratch;
    if (!EVP_AEAD_CTX_seal_scatter(
            (const EVP_AEAD_CTX *)state, out, out_tag, &tag_len, ADP_GCM_TAG_LEN, msg->nonce,
            ADP_GCM_NONCE_LEN, in_one_piece(out, msg), msg->len, NULL, 0, msg->aad, msg->aad_len))
        abort(); /* lengths were checked and pieces do not overlap: nothing else can fail */
}

static enum adp_gcm_result portable_open(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                                         const uint8_t tag[ADP_GCM_TAG_LEN],
                                         const struct adp_gcm_message *msg)
{
    (void)scratch;
    if (EVP_AEAD_CTX_open_gather((const EVP_AEAD_CTX *)state, out, msg->nonce, ADP_GCM_NONCE_LEN,
                                 in_one_piece(out, msg), msg->len, tag, ADP_GCM_TAG_LEN, msg->aad,
                                 msg->aad_len))
        return ADP_GCM_OK;
    ERR_clear_error(); /* the result says it all; leave no trace in the caller's thread */
    return ADP_GCM_BAD_TAG;
}

const struct adp_gcm_kernel adp_gcm_portable = {
    .name = "portable",
    .usable = portable_usable,
    .key_init = portable_key_init,
    .seal = portable_seal,
    .open = portable_open,
};
