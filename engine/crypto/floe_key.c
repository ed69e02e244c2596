/* Header, key derivation, and the cache of expanded keys. */
#include <openssl/digest.h>
#include <openssl/hkdf.h>
#include <openssl/mem.h>
#include <string.h>

#include "bytes.h"
#include "error.h"
#include "floe_internal.h"
#include "secret.h"
#include "wrap.h"

#define FLOE_ROTATION_MAX 40 /* log2 of AEAD_MAX_SEGMENTS */

/* struct floe_dek is the expanded key of one run of 2^rotation segments. */
struct floe_dek {
    struct floe_dek *next;
    uint64_t run;
    struct adp_gcm_key key;
};

static void floe_encode_params(uint8_t out[FLOE_PARAMS_LEN], uint32_t enc_seg_len)
{
    out[0] = 0; /* AEAD_ID of AES-GCM-256 */
    out[1] = 0; /* KDF_ID of HKDF-EXPAND-SHA-384 */
    floe_put_be32(out + 2, enc_seg_len);
    floe_put_be32(out + 6, ADP_FLOE_IV_LEN);
}

/* FLOE_KDF(key, iv, aad, purpose, out_len) */
static enum adp_status floe_kdf(const struct adp_floe *floe, uint8_t *out, size_t out_len,
                                const uint8_t *key, size_t key_len, const void *purpose,
                                size_t purpose_len, struct adp_error *err)
{
    struct adp_builder info = {0};
    enum adp_status status = ADP_OK;

    adp_build_bytes(&info, floe->prefix, FLOE_PREFIX_LEN);
    adp_build_bytes(&info, purpose, purpose_len);
    adp_build_bytes(&info, floe->aad, floe->aad_len);
    if (info.failed)
        status = adp_fail_memory(err);
    else if (!HKDF_expand(out, out_len, EVP_sha384(), key, key_len, info.data, info.len))
        status = adp_fail(err, ADP_ERR_INTERNAL, NULL, "HKDF-Expand failed");
    adp_builder_free(&info);
    return status;
}

static enum adp_status floe_new(struct adp_floe **out, const struct adp_floe_params *params,
                                const struct adp_gcm_kernel *kernel, const uint8_t *aad,
                                size_t aad_len, struct adp_error *err)
{
    struct adp_floe *floe = NULL;

    if (params->enc_seg_len <= ADP_FLOE_OVERHEAD || params->rotation > FLOE_ROTATION_MAX ||
        aad_len > SIZE_MAX / 2)
        return adp_fail(err, ADP_ERR_INTERNAL, NULL, "FLOE parameters out of range");
    floe = adp_secret_new(sizeof(*floe) + aad_len);
    if (floe == NULL)
        return adp_fail_memory(err);
    floe->params = *params;
    floe->kernel = kernel;
    pthread_mutex_init(&floe->mutex, NULL);
    floe->aad_len = aad_len;
    if (aad_len > 0)
        memcpy(floe->aad, aad, aad_len);
    *out = floe;
    return ADP_OK;
}

/* Derives header tag and message key from |key|, once |prefix| is set. */
static enum adp_status floe_derive(struct adp_floe *floe, uint8_t out_tag[ADP_FLOE_TAG_LEN],
                                   const uint8_t key[ADP_FLOE_KEY_LEN], struct adp_error *err)
{
    static const char tag[] = "HEADER_TAG:", message_key[] = "MESSAGE_KEY:";
    enum adp_status status;

    status =
        floe_kdf(floe, out_tag, ADP_FLOE_TAG_LEN, key, ADP_FLOE_KEY_LEN, tag, strlen(tag), err);
    if (status != ADP_OK)
        return status;
    return floe_kdf(floe, floe->message_key, FLOE_MESSAGE_KEY_LEN, key, ADP_FLOE_KEY_LEN,
                    message_key, strlen(message_key), err);
}

enum adp_status adp_floe_seal_start(struct adp_floe **out_floe,
                                    uint8_t out_header[ADP_FLOE_HEADER_LEN],
                                    const struct adp_floe_params *params,
                                    const struct adp_gcm_kernel *kernel,
                                    const uint8_t key[ADP_FLOE_KEY_LEN], const uint8_t *aad,
                                    size_t aad_len, struct adp_error *err)
{
    uint8_t tag[ADP_FLOE_TAG_LEN];
    struct adp_floe *floe = NULL;
    enum adp_status status;

    status = floe_new(&floe, params, kernel, aad, aad_len, err);
    if (status != ADP_OK)
        return status;
    floe_encode_params(floe->prefix, params->enc_seg_len);
    adp_random(floe->prefix + FLOE_PARAMS_LEN, ADP_FLOE_IV_LEN);
    status = floe_derive(floe, tag, key, err);
    if (status != ADP_OK) {
        adp_floe_free(floe);
        return status;
    }
    memcpy(out_header, floe->prefix, FLOE_PREFIX_LEN);
    memcpy(out_header + FLOE_PREFIX_LEN, tag, ADP_FLOE_TAG_LEN);
    *out_floe = floe;
    return ADP_OK;
}

enum adp_status adp_floe_open_start(struct adp_floe **out_floe,
                                    const uint8_t header[ADP_FLOE_HEADER_LEN],
                                    const struct adp_floe_params *params,
                                    const struct adp_gcm_kernel *kernel,
                                    const uint8_t key[ADP_FLOE_KEY_LEN], const uint8_t *aad,
                                    size_t aad_len, struct adp_error *err)
{
    uint8_t tag[ADP_FLOE_TAG_LEN];
    struct adp_floe *floe = NULL;
    enum adp_status status;

    status = floe_new(&floe, params, kernel, aad, aad_len, err);
    if (status != ADP_OK)
        return status;
    floe_encode_params(floe->prefix, params->enc_seg_len);
    if (memcmp(header, floe->prefix, FLOE_PARAMS_LEN) != 0) {
        status = adp_fail(err, ADP_ERR_FORMAT, NULL, "the FLOE header has other parameters");
        goto failed;
    }
    memcpy(floe->prefix, header, FLOE_PREFIX_LEN);
    status = floe_derive(floe, tag, key, err);
    if (status != ADP_OK)
        goto failed;
    if (CRYPTO_memcmp(tag, header + FLOE_PREFIX_LEN, ADP_FLOE_TAG_LEN) != 0) {
        status = adp_fail(err, ADP_ERR_HEADER_TAG, NULL,
                          "the FLOE header does not authenticate under this key and these fields");
        goto failed;
    }
    *out_floe = floe;
    return ADP_OK;

failed:
    adp_floe_free(floe);
    return status;
}

void adp_floe_free(struct adp_floe *floe)
{
    struct floe_dek *dek, *next;

    if (floe == NULL)
        return;
    for (dek = floe->deks; dek != NULL; dek = next) {
        next = dek->next;
        adp_gcm_key_cleanup(&dek->key);
        adp_secret_free(dek, sizeof(*dek));
    }
    pthread_mutex_destroy(&floe->mutex);
    adp_secret_free(floe, sizeof(*floe) + floe->aad_len);
}

uint32_t adp_floe_header_enc_seg_len(const uint8_t header[ADP_FLOE_HEADER_LEN])
{
    uint32_t enc_seg_len = floe_get_be32(header + 2);
    uint8_t params[FLOE_PARAMS_LEN];

    floe_encode_params(params, enc_seg_len);
    if (memcmp(header, params, FLOE_PARAMS_LEN) != 0 || enc_seg_len <= ADP_FLOE_OVERHEAD)
        return 0;
    return enc_seg_len;
}

/* DERIVE_KEY of the run that begins with segment |first|. */
static enum adp_status floe_derive_key(const struct adp_floe *floe, uint8_t out[ADP_GCM_KEY_LEN],
                                       uint64_t first, struct adp_error *err)
{
    uint8_t purpose[4 + 8] = {'D', 'E', 'K', ':'};

    floe_put_be64(purpose + 4, first);
    return floe_kdf(floe, out, ADP_GCM_KEY_LEN, floe->message_key, FLOE_MESSAGE_KEY_LEN, purpose,
                    sizeof(purpose), err);
}

static enum adp_status floe_dek_new(struct floe_dek **out, const struct adp_floe *floe,
                                    uint64_t run, struct adp_error *err)
{
    uint8_t key[ADP_GCM_KEY_LEN];
    enum adp_status status;
    struct floe_dek *dek = adp_secret_new(sizeof(*dek));

    if (dek == NULL)
        return adp_fail_memory(err);
    status = floe_derive_key(floe, key, run << floe->params.rotation, err);
    if (status != ADP_OK) {
        adp_secret_free(dek, sizeof(*dek));
        return status;
    }
    dek->run = run;
    adp_gcm_key_init(&dek->key, floe->kernel, key);
    adp_wipe(key, sizeof(key));
    *out = dek;
    return ADP_OK;
}

/* Finds or makes the key of |run|, for adp_floe_key, under the mutex. */
static enum adp_status floe_dek_get(struct floe_dek **out, struct adp_floe *floe, uint64_t run,
                                    struct adp_error *err)
{
    enum adp_status status = ADP_OK;
    struct floe_dek *dek;

    pthread_mutex_lock(&floe->mutex);
    for (dek = floe->deks; dek != NULL && dek->run != run; dek = dek->next)
        ;
    if (dek == NULL) {
        status = floe_dek_new(&dek, floe, run, err);
        if (status == ADP_OK) {
            dek->next = floe->deks;
            floe->deks = dek;
        }
    }
    pthread_mutex_unlock(&floe->mutex);
    *out = dek;
    return status;
}

enum adp_status adp_floe_key(const struct adp_gcm_key **out, struct adp_floe *floe,
                             uint64_t position, struct adp_error *err)
{
    uint64_t run = position >> floe->params.rotation;
    struct floe_dek *dek = atomic_load_explicit(&floe->recent, memory_order_acquire);
    enum adp_status status;

    if (dek == NULL || dek->run != run) {
        status = floe_dek_get(&dek, floe, run, err);
        if (status != ADP_OK)
            return status;
        atomic_store_explicit(&floe->recent, dek, memory_order_release);
    }
    *out = &dek->key;
    return ADP_OK;
}
