#include <string.h>

#include "error.h"
#include "keybag.h"
#include "keybag_bytes.h"

static void keybag_build_start(struct adp_builder *out, const struct adp_keybag *keybag)
{
    adp_build_bytes(out, KEYBAG_MAGIC, KEYBAG_MAGIC_LEN);
    adp_build_u32(out, ADP_KEYBAG_VERSION);
    adp_build_u32(out, 0); /* length, when it is known */
    adp_build_bytes(out, keybag->vault_id, ADP_ID_LEN);
    adp_build_u64(out, keybag->generation);
    adp_build_bytes(out, keybag->previous, ADP_HASH_LEN);
    adp_build_i64(out, keybag->created_ns);
    adp_build_bytes(out, keybag->account_pub, ADP_SIGN_PUB_LEN);
    adp_build_u8(out, keybag->protection);
    adp_build_u8(out, 0);
    adp_build_u16(out, keybag->author);
    adp_build_str8(out, keybag->reason, strlen(keybag->reason));
}

/* What is signed of a wrap. */
static void keybag_build_digest(struct adp_builder *out, const struct adp_keybag_wrap *wrap)
{
    uint8_t digest[ADP_HASH_LEN];

    if (wrap->is_destroyed) {
        adp_build_bytes(out, wrap->digest, ADP_HASH_LEN);
        return;
    }
    adp_sha256(digest, &wrap->sealed, sizeof(wrap->sealed));
    adp_build_bytes(out, digest, sizeof(digest));
}

static void keybag_build_recipient(struct adp_builder *out, const struct adp_recipient *recipient)
{
    adp_build_u8(out, recipient->kind);
    adp_build_u8(out, recipient->state);
    adp_build_str8(out, recipient->name, strlen(recipient->name));
    adp_build_bytes(out, recipient->kem_pub, ADP_KEM_KEY_LEN);
    adp_build_bytes(out, recipient->sign_pub, ADP_SIGN_PUB_LEN);
    adp_build_i64(out, recipient->added_ns);
    adp_build_i64(out, recipient->removed_ns);
    adp_build_u64(out, recipient->removed_generation);
    adp_build_u8(out, recipient->level);
    adp_build_u8(out, recipient->has_account ? 1 : 0);
    if (recipient->has_account)
        keybag_build_digest(out, &recipient->account);
    adp_build_u8(out, recipient->has_half ? 1 : 0);
    if (recipient->has_half)
        keybag_build_digest(out, &recipient->half);
}

static void keybag_build_epoch(struct adp_builder *out, const struct adp_epoch *epoch)
{
    adp_build_u32(out, epoch->number);
    adp_build_i64(out, epoch->created_ns);
    adp_build_bytes(out, epoch->pub, ADP_KEM_KEY_LEN);
    adp_build_u16(out, (uint16_t)epoch->num_wraps);
    for (size_t i = 0; i < epoch->num_wraps; i++) {
        adp_build_u16(out, epoch->wraps[i].recipient);
        keybag_build_digest(out, &epoch->wraps[i].wrap);
    }
}

static void keybag_build_body(struct adp_builder *out, const struct adp_keybag *keybag)
{
    adp_build_u16(out, (uint16_t)keybag->num_recipients);
    for (size_t i = 0; i < keybag->num_recipients; i++)
        keybag_build_recipient(out, &keybag->recipients[i]);
    adp_build_u16(out, ADP_NUM_CATEGORIES);
    for (size_t i = 0; i < ADP_NUM_CATEGORIES; i++) {
        const struct adp_keybag_category *category = &keybag->categories[i];

        adp_build_u16(out, (uint16_t)(i + 1));
        adp_build_u16(out, (uint16_t)category->num_epochs);
        for (size_t j = 0; j < category->num_epochs; j++)
            keybag_build_epoch(out, &category->epochs[j]);
    }
}

/* A keybag that no reader takes would lock its owner out: never let one be published. */
static enum adp_status keybag_check(const struct adp_builder *built, struct adp_error *err)
{
    struct adp_keybag keybag;
    struct adp_error why = {0};

    if (adp_keybag_parse(&keybag, built->data, built->len, NULL, &why) != ADP_OK)
        return adp_fail(err, ADP_ERR_INTERNAL, NULL, "the new keybag breaks the format: %.400s",
                        why.message);
    adp_keybag_free(&keybag);
    return ADP_OK;
}

static enum adp_status keybag_sign(struct adp_builder *out, const char *label,
                                   const uint8_t seed[ADP_SIGN_SEED_LEN], struct adp_error *err)
{
    uint8_t signature[ADP_SIGNATURE_LEN];
    enum adp_status status = adp_sign(signature, seed, label, out->data, out->len, err);

    if (status != ADP_OK)
        return status;
    adp_build_bytes(out, signature, sizeof(signature));
    return out->failed ? adp_fail_memory(err) : ADP_OK;
}

enum adp_status adp_keybag_fail_full(struct adp_error *err, const char *what)
{
    adp_fail(err, ADP_ERR_REFUSED, NULL, "%s: nothing was changed", what);
    return adp_error_hint(
        err, ADP_ERR_REFUSED,
        "this vault has been changed too often: go on in a new one, and keep this "
        "one for what is in it");
}

enum adp_status adp_keybag_build(struct adp_builder *out, const struct adp_keybag *keybag,
                                 const uint8_t author_seed[ADP_SIGN_SEED_LEN],
                                 const uint8_t account_seed[ADP_SIGN_SEED_LEN],
                                 struct adp_error *err)
{
    enum adp_status status;

    keybag_build_start(out, keybag);
    keybag_build_body(out, keybag);
    if (out->failed)
        return adp_fail_memory(err);
    adp_build_patch_u32(out, KEYBAG_LEN_OFFSET, (uint32_t)(out->len + 2 * ADP_SIGNATURE_LEN));
    status = keybag_sign(out, KEYBAG_AUTHOR_LABEL, author_seed, err);
    if (status == ADP_OK)
        status = keybag_sign(out, KEYBAG_SIGN_LABEL, account_seed, err);
    if (status != ADP_OK)
        return status;
    adp_keybag_build_wraps(out, keybag);
    if (out->failed)
        return adp_fail_memory(err);
    if (out->len > ADP_KEYBAG_MAX)
        return adp_keybag_fail_full(err, "the keybag would be larger than 16 MiB");
    return keybag_check(out, err);
}
