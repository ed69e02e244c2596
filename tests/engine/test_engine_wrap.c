/* Wraps, signatures and scrypt: known answers, and refusals. */
#include "wrap.h"

#include <openssl/evp.h>
#include <openssl/hpke.h>

#include "engine_test.h"
#include "keybag.h"

/* -- HPKE -------------------------------------------------------------------------------------- */

/* RFC 9180 appendix A.1: skRm, pkRm. */
#define RFC_PRIVATE "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"
#define RFC_PUBLIC  "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d"
#define RFC_ENC     "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"

/* The RFC's own answer, of base mode with AES-128-GCM, from the library in use. */
static void test_rfc9180(void)
{
    static const char plain[] = "Beauty is truth, truth beauty";
    uint8_t private_key[32], enc[32], info[20], ct[45], out[45];
    EVP_HPKE_CTX context;
    EVP_HPKE_KEY key;
    size_t out_len = 0;

    et_hex(private_key, RFC_PRIVATE);
    et_hex(enc, RFC_ENC);
    et_hex(info, "4f6465206f6e2061204772656369616e2055726e");
    et_hex(
        ct,
        "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c51"
        "2a");
    EVP_HPKE_KEY_zero(&key);
    EVP_HPKE_CTX_zero(&context);
    CU_ASSERT_FATAL(EVP_HPKE_KEY_init(&key, EVP_hpke_x25519_hkdf_sha256(), private_key, 32));
    CU_ASSERT_FATAL(EVP_HPKE_CTX_setup_recipient(&context, &key, EVP_hpke_hkdf_sha256(),
                                                 EVP_hpke_aes_128_gcm(), enc, sizeof(enc), info,
                                                 sizeof(info)));
    CU_ASSERT(EVP_HPKE_CTX_open(&context, out, &out_len, sizeof(out), ct, sizeof(ct),
                                (const uint8_t *)"Count-0", 7));
    CU_ASSERT(out_len == strlen(plain) && memcmp(out, plain, out_len) == 0);
    EVP_HPKE_CTX_cleanup(&context);
    EVP_HPKE_KEY_cleanup(&key);
}

/* An epoch's wrap as docs/FORMAT.md has it. The answer was computed with another implementation of
 * RFC 9180 (on python3-cryptography, which also gave the RFC's answer above), from the RFC's skEm:
 * it fixes the suite, the info and the aad. */
static void test_known_wrap(void)
{
    uint8_t private_key[32], public_key[32], vault_id[ADP_ID_LEN], secret[32], out[32];
    struct adp_wrap wrap;
    uint8_t info[128];
    size_t info_len;

    et_hex(private_key, RFC_PRIVATE);
    adp_kem_public(public_key, private_key);
    et_hex(out, RFC_PUBLIC);
    CU_ASSERT(memcmp(public_key, out, 32) == 0);
    for (size_t i = 0; i < 32; i++)
        secret[i] = (uint8_t)i;
    memcpy(vault_id, secret, sizeof(vault_id));
    et_hex(wrap.enc, RFC_ENC);
    et_hex(wrap.ct, "cd3053af51c7e93f9e24f0d6d62b0ed81cc3113f635ac3a538c018a236cc67f7"
                    "18967fd123a0e65c2bcd20dea9e2df82");
    info_len = adp_epoch_info(info, vault_id, 17, 3, public_key);
    CU_ASSERT_EQUAL(adp_wrap_open(out, &wrap, private_key, info, info_len, NULL), ADP_OK);
    CU_ASSERT(memcmp(out, secret, 32) == 0);
}

static void test_wrap_refused(void)
{
    uint8_t private_key[32], public_key[32], other[32], secret[32], out[32], zero[32] = {0};
    uint8_t *bytes;
    struct adp_wrap wrap;

    adp_kem_generate(private_key, public_key);
    adp_random(secret, sizeof(secret));
    CU_ASSERT_EQUAL_FATAL(
        adp_wrap_seal(&wrap, public_key, (const uint8_t *)"info", 4, secret, NULL), ADP_OK);
    CU_ASSERT_EQUAL(adp_wrap_open(out, &wrap, private_key, (const uint8_t *)"info", 4, NULL),
                    ADP_OK);
    CU_ASSERT(memcmp(out, secret, 32) == 0);
    CU_ASSERT_EQUAL(adp_wrap_open(out, &wrap, private_key, (const uint8_t *)"Info", 4, NULL),
                    ADP_ERR_NO_KEY);
    CU_ASSERT(memcmp(out, zero, 32) == 0); /* nothing is left of a secret that did not open */
    adp_random(other, sizeof(other));
    CU_ASSERT_EQUAL(adp_wrap_open(out, &wrap, other, (const uint8_t *)"info", 4, NULL),
                    ADP_ERR_NO_KEY);
    bytes = (uint8_t *)&wrap;
    for (size_t i = 0; i < sizeof(wrap); i++) {
        uint8_t bit = i == 31 ? 0x40 : 0x80; /* X25519 ignores the highest bit of a point */

        bytes[i] ^= bit;
        CU_ASSERT_EQUAL(adp_wrap_open(out, &wrap, private_key, (const uint8_t *)"info", 4, NULL),
                        ADP_ERR_NO_KEY);
        bytes[i] ^= bit;
    }
    memset(wrap.enc, 0, sizeof(wrap.enc)); /* of low order: the shared secret would be zero */
    CU_ASSERT_EQUAL(adp_wrap_open(out, &wrap, private_key, (const uint8_t *)"info", 4, NULL),
                    ADP_ERR_NO_KEY);
    CU_ASSERT_EQUAL(adp_wrap_seal(&wrap, zero, (const uint8_t *)"info", 4, secret, NULL),
                    ADP_ERR_FORMAT);
}

static void test_wraps_differ(void)
{
    uint8_t private_key[32], public_key[32], secret[32] = {1};
    struct adp_wrap a, b;

    adp_kem_generate(private_key, public_key);
    CU_ASSERT_EQUAL(adp_wrap_seal(&a, public_key, NULL, 0, secret, NULL), ADP_OK);
    CU_ASSERT_EQUAL(adp_wrap_seal(&b, public_key, NULL, 0, secret, NULL), ADP_OK);
    CU_ASSERT(memcmp(a.enc, b.enc, sizeof(a.enc)) != 0);
    CU_ASSERT(memcmp(a.ct, b.ct, sizeof(a.ct)) != 0);
}

/* -- Ed25519 ----------------------------------------------------------------------------------- */

/* RFC 8032 section 7.1, TEST 1: the seed's public key. */
static void test_sign_public(void)
{
    uint8_t seed[32], expected[32], public_key[32];

    et_hex(seed, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    et_hex(expected, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    adp_sign_public(public_key, seed);
    CU_ASSERT(memcmp(public_key, expected, 32) == 0);
}

static void test_sign(void)
{
    uint8_t seed[32], public_key[32], signature[64], message[] = "what was sealed";
    size_t len = sizeof(message);

    adp_sign_generate(seed, public_key);
    CU_ASSERT_EQUAL_FATAL(adp_sign(signature, seed, "label", message, len, NULL), ADP_OK);
    CU_ASSERT_EQUAL(adp_sign_verify(public_key, signature, "label", message, len), ADP_OK);
    CU_ASSERT_EQUAL(adp_sign_verify(public_key, signature, "Label", message, len),
                    ADP_ERR_SIGNATURE);
    CU_ASSERT_EQUAL(adp_sign_verify(public_key, signature, "label", message, len - 1),
                    ADP_ERR_SIGNATURE);
    message[3] ^= 1;
    CU_ASSERT_EQUAL(adp_sign_verify(public_key, signature, "label", message, len),
                    ADP_ERR_SIGNATURE);
    message[3] ^= 1;
    for (size_t i = 0; i < sizeof(signature); i++) {
        signature[i] ^= 4;
        CU_ASSERT_EQUAL(adp_sign_verify(public_key, signature, "label", message, len),
                        ADP_ERR_SIGNATURE);
        signature[i] ^= 4;
    }
    public_key[0] ^= 1;
    CU_ASSERT_EQUAL(adp_sign_verify(public_key, signature, "label", message, len),
                    ADP_ERR_SIGNATURE);
}

/* The zero byte between label and message keeps one from running into the other. */
static void test_labels_do_not_run_on(void)
{
    uint8_t seed[32], public_key[32], signature[64];

    adp_sign_generate(seed, public_key);
    CU_ASSERT_EQUAL(adp_sign(signature, seed, "label", (const uint8_t *)"xy", 2, NULL), ADP_OK);
    CU_ASSERT_EQUAL(adp_sign_verify(public_key, signature, "labelx", (const uint8_t *)"y", 1),
                    ADP_ERR_SIGNATURE);
}

/* -- AES-256-GCM and scrypt -------------------------------------------------------------------- */

static void test_aead(void)
{
    uint8_t key[32], nonce[ADP_AEAD_NONCE_LEN] = {0}, data[20 + ADP_AEAD_TAG_LEN];
    uint8_t sealed[sizeof(data)], zero[20] = {0};

    adp_random(key, sizeof(key));
    memcpy(data, "twenty secret bytes!", 20);
    CU_ASSERT_EQUAL(adp_aead_seal(data, 20, key, nonce, (const uint8_t *)"aad", 3, NULL), ADP_OK);
    memcpy(sealed, data, sizeof(data));
    CU_ASSERT_EQUAL(adp_aead_open(data, 20, key, nonce, (const uint8_t *)"aad", 3), ADP_OK);
    CU_ASSERT(memcmp(data, "twenty secret bytes!", 20) == 0);
    for (size_t i = 0; i < sizeof(data); i++) {
        memcpy(data, sealed, sizeof(data));
        data[i] ^= 1;
        CU_ASSERT_EQUAL(adp_aead_open(data, 20, key, nonce, (const uint8_t *)"aad", 3),
                        ADP_ERR_SEGMENT_TAG);
        CU_ASSERT(memcmp(data, zero, 20) == 0);
    }
    memcpy(data, sealed, sizeof(data));
    CU_ASSERT_EQUAL(adp_aead_open(data, 20, key, nonce, (const uint8_t *)"aaD", 3),
                    ADP_ERR_SEGMENT_TAG);
}

static void test_scrypt(void)
{
    uint8_t out[64], expected[64];

    /* RFC 7914 section 12, third vector, from the library in use. */
    et_hex(expected, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                     "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
    CU_ASSERT(EVP_PBE_scrypt("pleaseletmein", 13, (const uint8_t *)"SodiumChloride", 14, 16384, 8,
                             1, 64 << 20, out, sizeof(out)));
    CU_ASSERT(memcmp(out, expected, sizeof(out)) == 0);
    /* The same with a salt of 16 bytes, as identities have; the answer is OpenSSL's. */
    et_hex(expected, "f7d2bd1befac5a5bd950e569afa233d06ab554e25b451d4027f2142013beaea3");
    CU_ASSERT_EQUAL(
        adp_scrypt(out, "pleaseletmein", (const uint8_t *)"SodiumChloride\0", 14, 8, 1, NULL),
        ADP_OK);
    CU_ASSERT(memcmp(out, expected, 32) == 0);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"RFC 9180", test_rfc9180},
        {"a known wrap", test_known_wrap},
        {"wraps that are refused", test_wrap_refused},
        {"two wraps of one secret differ", test_wraps_differ},
        {"RFC 8032", test_sign_public},
        {"signatures", test_sign},
        {"labels do not run on", test_labels_do_not_run_on},
        {"AES-256-GCM in place", test_aead},
        {"scrypt", test_scrypt},
    };

    return adp_test_main("engine/wrap", cases, NUM_OF(cases));
}
