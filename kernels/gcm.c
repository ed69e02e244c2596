#include "gcm_kernel.h"

#include <openssl/mem.h>
#include <string.h>

#define MAX_AAD_LEN ((UINT64_C(1) << 61) - 1)

/* message_init fills |out_msg| and returns whether its lengths are within GCM's limits. */
static int message_init(struct adp_gcm_message *out_msg, const uint8_t *nonce,
                        const struct adp_gcm_piece *in, size_t num_in, const uint8_t *aad,
                        size_t aad_len)
{
    uint64_t len = 0;

    for (size_t i = 0; i < num_in; i++) {
        if (in[i].len > ADP_GCM_MAX_LEN - len)
            return 0;
        len += in[i].len;
    }
    if (aad_len > MAX_AAD_LEN)
        return 0;
    *out_msg = (struct adp_gcm_message){
        .nonce = nonce,
        .in = in,
        .num_in = num_in,
        .len = (size_t)len,
        .aad = aad,
        .aad_len = aad_len,
    };
    return 1;
}

void adp_gcm_key_init(struct adp_gcm_key *out_key, const struct adp_gcm_kernel *kernel,
                      const uint8_t key[ADP_GCM_KEY_LEN])
{
    out_key->kernel = kernel;
    kernel->key_init(out_key->state, key);
}

void adp_gcm_key_cleanup(struct adp_gcm_key *key)
{
    OPENSSL_cleanse(key, sizeof(*key));
}

void adp_gcm_scratch_cleanup(struct adp_gcm_scratch *scratch)
{
    OPENSSL_cleanse(scratch, sizeof(*scratch));
}

enum adp_gcm_result adp_gcm_seal(const struct adp_gcm_key *key, struct adp_gcm_scratch *scratch,
                                 uint8_t *out, uint8_t out_tag[ADP_GCM_TAG_LEN],
                                 const uint8_t nonce[ADP_GCM_NONCE_LEN],
                                 const struct adp_gcm_piece *in, size_t num_in, const uint8_t *aad,
                                 size_t aad_len)
{
    struct adp_gcm_message msg;

    if (!message_init(&msg, nonce, in, num_in, aad, aad_len))
        return ADP_GCM_TOO_LONG;
    key->kernel->seal(key->state, scratch->state, out, out_tag, &msg);
    return ADP_GCM_OK;
}

enum adp_gcm_result adp_gcm_open(const struct adp_gcm_key *key, struct adp_gcm_scratch *scratch,
                                 uint8_t *out, const uint8_t nonce[ADP_GCM_NONCE_LEN],
                                 const struct adp_gcm_piece *in, size_t num_in,
                                 const uint8_t tag[ADP_GCM_TAG_LEN], const uint8_t *aad,
                                 size_t aad_len)
{
    struct adp_gcm_message msg;
    enum adp_gcm_result result;

    if (!message_init(&msg, nonce, in, num_in, aad, aad_len))
        return ADP_GCM_TOO_LONG;
    result = key->kernel->open(key->state, scratch->state, out, tag, &msg);
    if (result != ADP_GCM_OK) {
        if (msg.len > 0)
            memset(out, 0, msg.len);
        adp_gcm_scratch_cleanup(scratch);
    }
    return result;
}
