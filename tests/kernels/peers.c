#include "peers.h"

#include <openssl/aead.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* must ends the test if a peer cannot do its part. */
static void must(int done, const char *what)
{
    if (!done) {
        fprintf(stderr, "a peer failed: %s\n", what);
        exit(1);
    }
}

static void boringssl_init(EVP_AEAD_CTX *out_ctx, const uint8_t *key)
{
    EVP_AEAD_CTX_zero(out_ctx);
    must(EVP_AEAD_CTX_init(out_ctx, EVP_aead_aes_256_gcm(), key, 32, 16, NULL), "init");
}

static void boringssl_seal(const struct peer_message *msg, uint8_t *out, uint8_t out_tag[16],
                           const uint8_t *in, size_t len)
{
    EVP_AEAD_CTX ctx;
    size_t tag_len;

    boringssl_init(&ctx, msg->key);
    must(EVP_AEAD_CTX_seal_scatter(&ctx, out, out_tag, &tag_len, 16, msg->nonce, 12, in, len, NULL,
                                   0, msg->aad, msg->aad_len),
         "seal");
    EVP_AEAD_CTX_cleanup(&ctx);
}

static int boringssl_open(const struct peer_message *msg, uint8_t *out, const uint8_t tag[16],
                          const uint8_t *in, size_t len)
{
    EVP_AEAD_CTX ctx;
    int opened;

    boringssl_init(&ctx, msg->key);
    opened = EVP_AEAD_CTX_open_gather(&ctx, out, msg->nonce, 12, in, len, tag, 16, msg->aad,
                                      msg->aad_len);
    EVP_AEAD_CTX_cleanup(&ctx);
    return opened;
}

#if defined(ADP_IPSEC_MB)

#    include <intel-ipsec-mb.h>

/* ipsec_mb returns the library's best code for this machine. */
static IMB_MGR *ipsec_mb(void)
{
    static IMB_MGR *manager;

    if (manager == NULL) {
        manager = alloc_mb_mgr(0);
        must(manager != NULL, "alloc_mb_mgr");
        init_mb_mgr_auto(manager, NULL);
    }
    return manager;
}

static void ipsec_mb_seal(const struct peer_message *msg, uint8_t *out, uint8_t out_tag[16],
                          const uint8_t *in, size_t len)
{
    struct gcm_key_data key;
    struct gcm_context_data context;

    IMB_AES256_GCM_PRE(ipsec_mb(), msg->key, &key);
    IMB_AES256_GCM_ENC(ipsec_mb(), &key, &context, out, in, len, msg->nonce, msg->aad, msg->aad_len,
                       out_tag, 16);
    must(imb_get_errno(ipsec_mb()) == 0, "IMB_AES256_GCM_ENC");
}

static int ipsec_mb_open(const struct peer_message *msg, uint8_t *out, const uint8_t tag[16],
                         const uint8_t *in, size_t len)
{
    struct gcm_key_data key;
    struct gcm_context_data context;
    uint8_t computed[16];

    IMB_AES256_GCM_PRE(ipsec_mb(), msg->key, &key);
    IMB_AES256_GCM_DEC(ipsec_mb(), &key, &context, out, in, len, msg->nonce, msg->aad, msg->aad_len,
                       computed, 16);
    must(imb_get_errno(ipsec_mb()) == 0, "IMB_AES256_GCM_DEC");
    return memcmp(computed, tag, 16) == 0;
}

#endif

static const struct peer peers[] = {
    {"BoringSSL", boringssl_seal, boringssl_open},
#if defined(ADP_IPSEC_MB)
    {"ipsec-mb", ipsec_mb_seal, ipsec_mb_open},
#endif
};

const struct peer *peer_at(size_t index)
{
    return index < sizeof(peers) / sizeof(peers[0]) ? &peers[index] : NULL;
}
