/* Wraps, signatures and the keys they use: thin names for BoringSSL's HPKE (RFC 9180), Ed25519 (RFC
 * 8032), AES-256-GCM, scrypt (RFC 7914) and HKDF (RFC 5869), in the forms that docs/FORMAT.md gives
 * them. Randomness is BoringSSL's, which aborts rather than fail. */
#ifndef ADP_WRAP_H
#define ADP_WRAP_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"

#define ADP_KEM_KEY_LEN   32 /* X25519, private and public */
#define ADP_SIGN_SEED_LEN 32 /* Ed25519 private key (RFC 8032 section 5.1.5) */
#define ADP_SIGN_PUB_LEN  32
#define ADP_SIGNATURE_LEN 64
#define ADP_SECRET_LEN    32 /* what a wrap holds */
#define ADP_WRAP_CT_LEN   48
#define ADP_HASH_LEN      32 /* SHA-256 */

#define ADP_AEAD_NONCE_LEN 12
#define ADP_AEAD_TAG_LEN   16

/* struct adp_wrap is a 32-byte secret, sealed to a public key. */
struct adp_wrap {
    uint8_t enc[ADP_KEM_KEY_LEN];
    uint8_t ct[ADP_WRAP_CT_LEN];
};

/* adp_kem_generate draws an X25519 key pair; adp_kem_public derives the public key. */
void adp_kem_generate(uint8_t out_private[ADP_KEM_KEY_LEN], uint8_t out_public[ADP_KEM_KEY_LEN]);
void adp_kem_public(uint8_t out_public[ADP_KEM_KEY_LEN],
                    const uint8_t private_key[ADP_KEM_KEY_LEN]);

/* adp_wrap_seal seals |secret| to |public_key| with the HPKE |info|. ADP_ERR_FORMAT if the public
 * key is of low order. */
enum adp_status adp_wrap_seal(struct adp_wrap *out, const uint8_t public_key[ADP_KEM_KEY_LEN],
                              const uint8_t *info, size_t info_len,
                              const uint8_t secret[ADP_SECRET_LEN], struct adp_error *err);

/* adp_wrap_open opens |wrap|. ADP_ERR_NO_KEY, with |out| zeroed, if it is not for this key. */
enum adp_status adp_wrap_open(uint8_t out[ADP_SECRET_LEN], const struct adp_wrap *wrap,
                              const uint8_t private_key[ADP_KEM_KEY_LEN], const uint8_t *info,
                              size_t info_len, struct adp_error *err);

/* adp_sign_generate draws an Ed25519 seed; adp_sign_public derives the public key. */
void adp_sign_generate(uint8_t out_seed[ADP_SIGN_SEED_LEN], uint8_t out_public[ADP_SIGN_PUB_LEN]);
void adp_sign_public(uint8_t out_public[ADP_SIGN_PUB_LEN], const uint8_t seed[ADP_SIGN_SEED_LEN]);

/* adp_sign signs |label| || 0x00 || |message|. adp_sign_verify returns ADP_OK,
 * ADP_ERR_SIGNATURE if the signature is wrong, or ADP_ERR_MEMORY. */
enum adp_status adp_sign(uint8_t out_signature[ADP_SIGNATURE_LEN],
                         const uint8_t seed[ADP_SIGN_SEED_LEN], const char *label,
                         const uint8_t *message, size_t message_len, struct adp_error *err);
enum adp_status adp_sign_verify(const uint8_t public_key[ADP_SIGN_PUB_LEN],
                                const uint8_t signature[ADP_SIGNATURE_LEN], const char *label,
                                const uint8_t *message, size_t message_len);

/* adp_aead_seal encrypts |len| bytes in place with AES-256-GCM and writes the tag behind them: for
 * small things, once per key and nonce; archives go through floe.h. adp_aead_open is the reverse,
 * with the tag behind |len| bytes; it leaves zeros and returns ADP_ERR_SEGMENT_TAG if they are not
 * authentic, or ADP_ERR_MEMORY. */
enum adp_status adp_aead_seal(uint8_t *data, size_t len, const uint8_t key[32],
                              const uint8_t nonce[ADP_AEAD_NONCE_LEN], const uint8_t *aad,
                              size_t aad_len, struct adp_error *err);
enum adp_status adp_aead_open(uint8_t *data, size_t len, const uint8_t key[32],
                              const uint8_t nonce[ADP_AEAD_NONCE_LEN], const uint8_t *aad,
                              size_t aad_len);

/* adp_scrypt derives 32 bytes from a passphrase (RFC 7914). */
enum adp_status adp_scrypt(uint8_t out[32], const char *passphrase, const uint8_t salt[16],
                           unsigned log2_n, unsigned r, unsigned p, struct adp_error *err);

/* adp_hkdf derives 32 bytes from a secret of full strength: HKDF-SHA-256 (RFC 5869) without salt,
 * with |label| as its info. */
enum adp_status adp_hkdf(uint8_t out[32], const uint8_t *secret, size_t secret_len,
                         const char *label, struct adp_error *err);

/* adp_random fills |out| with |len| random bytes. */
void adp_random(void *out, size_t len);

/* adp_sha256 is one-shot SHA-256. */
void adp_sha256(uint8_t out[ADP_HASH_LEN], const void *data, size_t len);

#endif
