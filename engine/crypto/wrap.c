#include "wrap.h"

#include <openssl/aead.h>
#include <openssl/curve25519.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hkdf.h>
#include <openssl/hpke.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include "bytes.h"
#include "error.h"
#include "fuzzing.h"
#include "secret.h"

enum adp_status adp_hkdf(uint8_t out[32], const uint8_t *secret, size_t secret_len,
                         const char *label, struct adp_error *err)
{
    if (HKDF(out, 32, EVP_sha256(), secret, secret_len, NULL, 0, (const uint8_t *)label,
             strlen(label)))
        return ADP_OK;
    ERR_clear_error();
    return adp_fail_memory(err); /* of its own it fails for lengths alone */
}

void adp_random(void *out, size_t len)
{
    RAND_bytes(out, len);
}

void adp_sha256(uint8_t out[ADP_HASH_LEN], const void *data, size_t len)
{
    SHA256(data, len, out);
}

/* -- HPKE -------------------------------------------------------------------------------------- */

void adp_kem_generate(uint8_t out_private[ADP_KEM_KEY_LEN], uint8_t out_public[ADP_KEM_KEY_LEN])
{
    X25519_keypair(out_public, out_private);
}

void adp_kem_public(uint8_t out_public[ADP_KEM_KEY_LEN], const uint8_t private_key[ADP_KEM_KEY_LEN])
{
    X25519_public_from_private(out_public, private_key);
}

/* Setting up fails for a public key of low order, or a lack of memory, and does not say which. */
static int is_low_order(const uint8_t public_key[ADP_KEM_KEY_LEN])
{
    const uint8_t any[ADP_KEM_KEY_LEN] = {1};
    uint8_t shared[ADP_KEM_KEY_LEN];

    return !X25519(shared, any, public_key);
}

/* What BoringSSL keeps keys in, which would be on the stack. */
struct hpke {
    EVP_HPKE_KEY key;
    EVP_HPKE_CTX context;
};

static struct hpke *hpke_new(void)
{
    struct hpke *hpke = adp_secret_new(sizeof(*hpke));

    if (hpke != NULL) {
        EVP_HPKE_KEY_zero(&hpke->key);
        EVP_HPKE_CTX_zero(&hpke->context);
    }
    return hpke;
}

static void hpke_free(struct hpke *hpke)
{
    EVP_HPKE_CTX_cleanup(&hpke->context);
    EVP_HPKE_KEY_cleanup(&hpke->key);
    adp_secret_free(hpke, sizeof(*hpke));
    ERR_clear_error();
}

enum adp_status adp_wrap_seal(struct adp_wrap *out, const uint8_t public_key[ADP_KEM_KEY_LEN],
                              const uint8_t *info, size_t info_len,
                              const uint8_t secret[ADP_SECRET_LEN], struct adp_error *err)
{
    struct hpke *hpke = hpke_new();
    struct adp_wrap wrap;
    size_t enc_len, ct_len;
    enum adp_status status = ADP_OK;

    if (hpke == NULL)
        return adp_fail_memory(err);
    if (!EVP_HPKE_CTX_setup_sender(&hpke->context, wrap.enc, &enc_len, sizeof(wrap.enc),
                                   EVP_hpke_x25519_hkdf_sha256(), EVP_hpke_hkdf_sha256(),
                                   EVP_hpke_aes_256_gcm(), public_key, ADP_KEM_KEY_LEN, info,
                                   info_len))
        status = is_low_order(public_key)
                     ? adp_fail(err, ADP_ERR_FORMAT, NULL, "a public key is of low order")
                     : adp_fail_memory(err);
    else if (!EVP_HPKE_CTX_seal(&hpke->context, wrap.ct, &ct_len, sizeof(wrap.ct), secret,
                                ADP_SECRET_LEN, NULL, 0))
        status = adp_fail(err, ADP_ERR_INTERNAL, NULL, "HPKE failed to seal");
    else
        *out = wrap;
    hpke_free(hpke);
    return status;
}

enum adp_status adp_wrap_open(uint8_t out[ADP_SECRET_LEN], const struct adp_wrap *wrap,
                              const uint8_t private_key[ADP_KEM_KEY_LEN], const uint8_t *info,
                              size_t info_len, struct adp_error *err)
{
    struct hpke *hpke = hpke_new();
    size_t out_len = 0;
    int is_set_up, ok;

    if (hpke == NULL)
        return adp_fail_memory(err);
    is_set_up = EVP_HPKE_KEY_init(&hpke->key, EVP_hpke_x25519_hkdf_sha256(), private_key,
                                  ADP_KEM_KEY_LEN) &&
                EVP_HPKE_CTX_setup_recipient(&hpke->context, &hpke->key, EVP_hpke_hkdf_sha256(),
                                             EVP_hpke_aes_256_gcm(), wrap->enc, sizeof(wrap->enc),
                                             info, info_len);
    ok = is_set_up &&
         EVP_HPKE_CTX_open(&hpke->context, out, &out_len, ADP_SECRET_LEN, wrap->ct,
                           sizeof(wrap->ct), NULL, 0) &&
         out_len == ADP_SECRET_LEN;
    hpke_free(hpke);
    if (ok)
        return ADP_OK;
    adp_wipe(out, ADP_SECRET_LEN);
    if (!is_set_up && !is_low_order(wrap->enc))
        return adp_fail_memory(err);
    return adp_fail(err, ADP_ERR_NO_KEY, NULL, "a wrapped key does not open with this private key");
}

/* -- Ed25519 ----------------------------------------------------------------------------------- */

void adp_sign_public(uint8_t out_public[ADP_SIGN_PUB_LEN], const uint8_t seed[ADP_SIGN_SEED_LEN])
{
    uint8_t private_key[ED25519_PRIVATE_KEY_LEN];

    ED25519_keypair_from_seed(out_public, private_key, seed);
    adp_wipe(private_key, sizeof(private_key));
}

void adp_sign_generate(uint8_t out_seed[ADP_SIGN_SEED_LEN], uint8_t out_public[ADP_SIGN_PUB_LEN])
{
    adp_random(out_seed, ADP_SIGN_SEED_LEN);
    adp_sign_public(out_public, out_seed);
}

/* label || 0x00 || message, into the zeroed |out|. */
static void adp_sign_input(struct adp_builder *out, const char *label, const uint8_t *message,
                           size_t message_len)
{
    adp_build_bytes(out, label, strlen(label) + 1);
    adp_build_bytes(out, message, message_len);
}

enum adp_status adp_sign(uint8_t out_signature[ADP_SIGNATURE_LEN],
                         const uint8_t seed[ADP_SIGN_SEED_LEN], const char *label,
                         const uint8_t *message, size_t message_len, struct adp_error *err)
{
    uint8_t public_key[ADP_SIGN_PUB_LEN], private_key[ED25519_PRIVATE_KEY_LEN];
    struct adp_builder input = {0};
    enum adp_status status = ADP_OK;

    adp_sign_input(&input, label, message, message_len);
    ED25519_keypair_from_seed(public_key, private_key, seed);
    if (input.failed)
        status = adp_fail_memory(err);
    else if (!ED25519_sign(out_signature, input.data, input.len, private_key))
        status = adp_fail(err, ADP_ERR_INTERNAL, NULL, "Ed25519 failed to sign");
    adp_wipe(private_key, sizeof(private_key));
    adp_builder_free(&input);
    return status;
}

enum adp_status adp_sign_verify(const uint8_t public_key[ADP_SIGN_PUB_LEN],
                                const uint8_t signature[ADP_SIGNATURE_LEN], const char *label,
                                const uint8_t *message, size_t message_len)
{
    struct adp_builder input = {0};
    enum adp_status status = ADP_OK;

    if (ADP_SKIP_AUTHENTICATION)
        return ADP_OK;
    adp_sign_input(&input, label, message, message_len);
    if (input.failed)
        status = ADP_ERR_MEMORY;
    else if (!ED25519_verify(input.data, input.len, signature, public_key))
        status = ADP_ERR_SIGNATURE;
    adp_builder_free(&input);
    ERR_clear_error();
    return status;
}

/* -- AES-256-GCM for small things -------------------------------------------------------------- */

enum adp_status adp_aead_seal(uint8_t *data, size_t len, const uint8_t key[32],
                              const uint8_t nonce[ADP_AEAD_NONCE_LEN], const uint8_t *aad,
                              size_t aad_len, struct adp_error *err)
{
    EVP_AEAD_CTX context;
    size_t out_len;
    int ok;

    EVP_AEAD_CTX_zero(&context);
    ok = EVP_AEAD_CTX_init(&context, EVP_aead_aes_256_gcm(), key, 32, ADP_AEAD_TAG_LEN, NULL) &&
         EVP_AEAD_CTX_seal(&context, data, &out_len, len + ADP_AEAD_TAG_LEN, nonce,
                           ADP_AEAD_NONCE_LEN, data, len, aad, aad_len);
    EVP_AEAD_CTX_cleanup(&context);
    adp_wipe(&context, sizeof(context));
    ERR_clear_error();
    return ok ? ADP_OK : adp_fail_memory(err); /* of its own it fails for lengths alone */
}

enum adp_status adp_aead_open(uint8_t *data, size_t len, const uint8_t key[32],
                              const uint8_t nonce[ADP_AEAD_NONCE_LEN], const uint8_t *aad,
                              size_t aad_len)
{
    EVP_AEAD_CTX context;
    size_t out_len;
    int is_set_up, ok;

    EVP_AEAD_CTX_zero(&context);
    is_set_up =
        EVP_AEAD_CTX_init(&context, EVP_aead_aes_256_gcm(), key, 32, ADP_AEAD_TAG_LEN, NULL);
    ok = is_set_up && EVP_AEAD_CTX_open(&context, data, &out_len, len, nonce, ADP_AEAD_NONCE_LEN,
                                        data, len + ADP_AEAD_TAG_LEN, aad, aad_len);
    EVP_AEAD_CTX_cleanup(&context);
    adp_wipe(&context, sizeof(context));
    ERR_clear_error();
    if (ok)
        return ADP_OK;
    adp_wipe(data, len);
    return is_set_up ? ADP_ERR_SEGMENT_TAG : ADP_ERR_MEMORY;
}

/* -- Passphrases ------------------------------------------------------------------------------- */

enum adp_status adp_scrypt(uint8_t out[32], const char *passphrase, const uint8_t salt[16],
                           unsigned log2_n, unsigned r, unsigned p, struct adp_error *err)
{
    uint64_t n = UINT64_C(1) << log2_n;
    /* RFC 7914: 128 r bytes each for N elements of V, p of B, and one of scratch. */
    size_t max_mem = (size_t)(128 * r * (n + p + 1));
    int ok = EVP_PBE_scrypt(passphrase, strlen(passphrase), salt, 16, n, r, p, max_mem, out, 32);

    ERR_clear_error();
    if (!ok)
        return adp_fail(err, ADP_ERR_MEMORY, NULL, "scrypt needs %zu MiB of memory",
                        (max_mem >> 20) + 1);
    return ADP_OK;
}
