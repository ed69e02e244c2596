/* An identity as the bytes of its file: docs/FORMAT.md section 8. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fuzzing.h"
#include "identity.h"
#include "secret.h"

#define IDENTITY_MAGIC       "ADPSIDEN"
#define IDENTITY_MAGIC_LEN   8
#define IDENTITY_HASHLESS    1 /* the version without the keybags' hashes */
#define IDENTITY_LEN_OFFSET  12
#define IDENTITY_PAYLOAD_POS 48 /* where the payload begins; what is before it is its aad */
#define IDENTITY_PIN_MIN_LEN (ADP_ID_LEN + ADP_HASH_LEN + 8)

enum identity_protection {
    IDENTITY_PLAIN = 0,
    IDENTITY_PASSPHRASE = 1,
};

/* -- Encoding ---------------------------------------------------------------------------------- */

static void identity_build_payload(struct adp_builder *out, const struct adp_identity *identity)
{
    adp_build_u8(out, (uint8_t)identity->kind);
    adp_build_str8(out, identity->name, strlen(identity->name));
    adp_build_bytes(out, identity->keys->kem_private, ADP_KEM_KEY_LEN);
    adp_build_bytes(out, identity->keys->sign_seed, ADP_SIGN_SEED_LEN);
    adp_build_u16(out, (uint16_t)identity->num_pins);
    for (size_t i = 0; i < identity->num_pins; i++) {
        adp_build_bytes(out, identity->pins[i].vault_id, ADP_ID_LEN);
        adp_build_bytes(out, identity->pins[i].account_hash, ADP_HASH_LEN);
        adp_build_u64(out, identity->pins[i].generation);
        adp_build_bytes(out, identity->pins[i].keybag_hash, ADP_HASH_LEN);
    }
}

/* Everything in the clear, with room for the end. */
static void identity_build_plain(struct adp_builder *out, const struct adp_identity *identity,
                                 const uint8_t nonce[ADP_AEAD_NONCE_LEN], size_t end_len)
{
    adp_build_bytes(out, IDENTITY_MAGIC, IDENTITY_MAGIC_LEN);
    adp_build_u32(out, ADP_IDENTITY_VERSION);
    adp_build_u32(out, 0); /* length, below */
    adp_build_u8(out, identity->has_passphrase ? IDENTITY_PASSPHRASE : IDENTITY_PLAIN);
    adp_build_u8(out, identity->log2_n);
    adp_build_u8(out, identity->r);
    adp_build_u8(out, identity->p);
    adp_build_bytes(out, identity->salt, sizeof(identity->salt));
    adp_build_bytes(out, nonce, ADP_AEAD_NONCE_LEN);
    identity_build_payload(out, identity);
    adp_build_zeros(out, end_len);
    adp_build_patch_u32(out, IDENTITY_LEN_OFFSET, (uint32_t)out->len);
}

enum adp_status adp_identity_encode(struct adp_builder *out, const struct adp_identity *identity,
                                    struct adp_error *err)
{
    size_t end_len = identity->has_passphrase ? ADP_AEAD_TAG_LEN : ADP_HASH_LEN;
    uint8_t nonce[ADP_AEAD_NONCE_LEN] = {0};
    enum adp_status status = adp_identity_check_keys(identity, err);

    if (status != ADP_OK)
        return status;
    if (identity->has_passphrase)
        adp_random(nonce, sizeof(nonce));
    identity_build_plain(out, identity, nonce, end_len);
    if (out->failed)
        return adp_fail_memory(err);
    if (identity->has_passphrase)
        return adp_aead_seal(out->data + IDENTITY_PAYLOAD_POS,
                             out->len - IDENTITY_PAYLOAD_POS - end_len, identity->keys->file_key,
                             nonce, out->data, IDENTITY_PAYLOAD_POS, err);
    adp_sha256(out->data + out->len - end_len, out->data, out->len - end_len);
    return ADP_OK;
}

/* -- Decoding ---------------------------------------------------------------------------------- */

/* scrypt's parameters are bounded: a file must not make its reader take gigabytes for long. */
static int identity_check_protection(const struct adp_identity *identity, uint8_t protection)
{
    if (protection == IDENTITY_PLAIN)
        return identity->log2_n == 0 && identity->r == 0 && identity->p == 0;
    return protection == IDENTITY_PASSPHRASE && identity->log2_n >= 10 && identity->log2_n <= 20 &&
           identity->r >= 1 && identity->r <= 16 && identity->p >= 1 && identity->p <= 4;
}

/* All before the payload. */
static enum adp_status identity_parse_start(struct adp_identity *out, struct adp_reader *reader,
                                            uint8_t nonce[ADP_AEAD_NONCE_LEN],
                                            struct adp_error *err)
{
    uint32_t len;
    uint8_t protection;

    if (!adp_read_magic(reader, IDENTITY_MAGIC, IDENTITY_MAGIC_LEN))
        return adp_fail(err, ADP_ERR_FORMAT, out->path, "this is not an identity file");
    if (adp_read_u32(reader, &out->version) && out->version != ADP_IDENTITY_VERSION &&
        out->version != IDENTITY_HASHLESS)
        return adp_fail_at(err, ADP_ERR_UNSUPPORTED, out->path, IDENTITY_MAGIC_LEN,
                           "the identity has version %u of the format", out->version);
    if (!adp_read_u32(reader, &len) || len != reader->len || len > ADP_IDENTITY_MAX)
        return adp_fail_at(err, ADP_ERR_FORMAT, out->path, IDENTITY_LEN_OFFSET,
                           "the identity's length is not the file's");
    adp_read_u8(reader, &protection);
    adp_read_u8(reader, &out->log2_n);
    adp_read_u8(reader, &out->r);
    adp_read_u8(reader, &out->p);
    adp_read_bytes(reader, out->salt, sizeof(out->salt));
    adp_read_bytes(reader, nonce, ADP_AEAD_NONCE_LEN);
    if (reader->failed || !identity_check_protection(out, protection))
        return adp_fail(err, ADP_ERR_FORMAT, out->path,
                        "the identity's protection is unknown or out of range");
    out->has_passphrase = protection == IDENTITY_PASSPHRASE;
    return ADP_OK;
}

static int identity_all_zero(const uint8_t *data, size_t len)
{
    while (len > 0 && data[len - 1] == 0)
        len--;
    return len == 0;
}

static int identity_parse_pins(struct adp_identity *out, struct adp_reader *reader)
{
    uint16_t num;

    if (!adp_read_u16(reader, &num) || num > ADP_IDENTITY_MAX_PINS ||
        num > (reader->len - reader->pos) / IDENTITY_PIN_MIN_LEN)
        return adp_reader_fail(reader);
    out->pins = calloc(num > 0 ? num : 1, sizeof(*out->pins));
    if (out->pins == NULL)
        return 0; /* not a failure of the reader: out of memory */
    for (size_t i = 0; i < num; i++) {
        struct adp_pin *pin = &out->pins[i];

        adp_read_bytes(reader, pin->vault_id, ADP_ID_LEN);
        adp_read_bytes(reader, pin->account_hash, ADP_HASH_LEN);
        adp_read_u64(reader, &pin->generation);
        if (out->version != IDENTITY_HASHLESS)
            adp_read_bytes(reader, pin->keybag_hash, ADP_HASH_LEN);
        pin->has_hash = !identity_all_zero(pin->keybag_hash, ADP_HASH_LEN);
        if (i > 0 && memcmp(pin[-1].vault_id, pin->vault_id, ADP_ID_LEN) >= 0)
            return adp_reader_fail(reader);
    }
    out->num_pins = num;
    return 1;
}

static int identity_parse_fields(struct adp_identity *out, struct adp_reader *reader)
{
    const uint8_t *name;
    uint8_t kind;
    size_t len;

    adp_read_u8(reader, &kind);
    if (!adp_read_str8(reader, &name, &len) || !adp_name_check((const char *)name, len) ||
        !adp_identity_has_kind(kind))
        return adp_reader_fail(reader);
    out->kind = (enum adp_kind)kind;
    memcpy(out->name, name, len);
    adp_read_bytes(reader, out->keys->kem_private, ADP_KEM_KEY_LEN);
    adp_read_bytes(reader, out->keys->sign_seed, ADP_SIGN_SEED_LEN);
    if (kind == ADP_KIND_SEALER && !identity_all_zero(out->keys->kem_private, ADP_KEM_KEY_LEN))
        return adp_reader_fail(reader);
    return identity_parse_pins(out, reader);
}

static enum adp_status identity_parse_payload(struct adp_identity *out, const uint8_t *payload,
                                              size_t len, struct adp_error *err)
{
    struct adp_reader reader;

    adp_reader_init(&reader, payload, len);
    if (!identity_parse_fields(out, &reader) && !reader.failed)
        return adp_fail_memory(err);
    if (!adp_reader_at_end(&reader))
        return adp_fail(err, ADP_ERR_FORMAT, out->path, "the identity is malformed");
    return ADP_OK;
}

static enum adp_status identity_open_plain(struct adp_identity *out, const uint8_t *data,
                                           size_t len, struct adp_error *err)
{
    uint8_t checksum[ADP_HASH_LEN];

    if (len < IDENTITY_PAYLOAD_POS + ADP_HASH_LEN)
        return adp_fail(err, ADP_ERR_FORMAT, out->path, "the identity ends too soon");
    adp_sha256(checksum, data, len - ADP_HASH_LEN);
    if (!ADP_SKIP_AUTHENTICATION &&
        memcmp(checksum, data + len - ADP_HASH_LEN, ADP_HASH_LEN) != 0) {
        (void)adp_fail(err, ADP_ERR_CHECKSUM, out->path, "the identity's checksum does not fit");
        return adp_error_hint(err, ADP_ERR_CHECKSUM,
                              "the file is damaged: restore it from a copy, or admit a new device");
    }
    /* Salt and nonce are zero where there is no passphrase. */
    if (!identity_all_zero(data + IDENTITY_PAYLOAD_POS - 28, 28))
        return adp_fail(err, ADP_ERR_FORMAT, out->path, "the identity is malformed");
    return identity_parse_payload(out, data + IDENTITY_PAYLOAD_POS,
                                  len - IDENTITY_PAYLOAD_POS - ADP_HASH_LEN, err);
}

/* Decrypts with the key from the passphrase, which |out| has by now. */
static enum adp_status identity_open_sealed(struct adp_identity *out, const uint8_t *data,
                                            size_t len, const uint8_t *nonce, struct adp_error *err)
{
    size_t sealed_len = len - IDENTITY_PAYLOAD_POS;
    enum adp_status status;
    uint8_t *payload;

    if (sealed_len < ADP_AEAD_TAG_LEN)
        return adp_fail(err, ADP_ERR_FORMAT, out->path, "the identity ends too soon");
    payload = adp_secret_new(sealed_len);
    if (payload == NULL)
        return adp_fail_memory(err);
    memcpy(payload, data + IDENTITY_PAYLOAD_POS, sealed_len);
    status = adp_aead_open(payload, sealed_len - ADP_AEAD_TAG_LEN, out->keys->file_key, nonce, data,
                           IDENTITY_PAYLOAD_POS);
    if (status == ADP_OK)
        status = identity_parse_payload(out, payload, sealed_len - ADP_AEAD_TAG_LEN, err);
    else if (status == ADP_ERR_MEMORY)
        status = adp_fail_memory(err);
    else
        status = adp_fail(err, ADP_ERR_PASSPHRASE, out->path,
                          "the passphrase is wrong, or the identity file is damaged");
    adp_secret_free(payload, sealed_len);
    return status;
}

/* The key from the passphrase; or from |known|, whose file this was or is. */
static enum adp_status identity_file_key(struct adp_identity *out, const char *passphrase,
                                         const struct adp_identity *known, struct adp_error *err)
{
    if (known != NULL && known->has_passphrase &&
        memcmp(known->salt, out->salt, sizeof(out->salt)) == 0) {
        memcpy(out->keys->file_key, known->keys->file_key, sizeof(out->keys->file_key));
        return ADP_OK;
    }
    if (passphrase == NULL)
        return adp_fail(err, ADP_ERR_PASSPHRASE, out->path, "the identity is under a passphrase");
    return adp_scrypt(out->keys->file_key, passphrase, out->salt, out->log2_n, out->r, out->p, err);
}

static enum adp_status identity_decode(struct adp_identity **out, const uint8_t *data, size_t len,
                                       const char *passphrase, const struct adp_identity *known,
                                       const char *path, struct adp_error *err)
{
    struct adp_identity *identity = adp_identity_new(path);
    uint8_t nonce[ADP_AEAD_NONCE_LEN];
    struct adp_reader reader;
    enum adp_status status;

    if (identity == NULL)
        return adp_fail_memory(err);
    adp_reader_init(&reader, data, len);
    status = identity_parse_start(identity, &reader, nonce, err);
    if (status == ADP_OK && identity->has_passphrase) {
        status = identity_file_key(identity, passphrase, known, err);
        if (status == ADP_OK)
            status = identity_open_sealed(identity, data, len, nonce, err);
    } else if (status == ADP_OK) {
        status = identity_open_plain(identity, data, len, err);
    }
    if (status != ADP_OK) {
        adp_identity_free(identity);
        return status;
    }
    adp_identity_derive(identity);
    *out = identity;
    return ADP_OK;
}

enum adp_status adp_identity_decode(struct adp_identity **out, const uint8_t *data, size_t len,
                                    const char *passphrase, const char *path, struct adp_error *err)
{
    return identity_decode(out, data, len, passphrase, NULL, path, err);
}

enum adp_status adp_identity_decode_again(struct adp_identity **out,
                                          const struct adp_identity *identity, const uint8_t *data,
                                          size_t len)
{
    return identity_decode(out, data, len, NULL, identity, identity->path, NULL);
}
