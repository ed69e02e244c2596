/* What keybag and identity share: ids, names, infos; and the end of a keybag. */
#include "keybag.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define KEYBAG_EPOCH_LABEL   "adp-seal/1 epoch key"
#define KEYBAG_ACCOUNT_LABEL "adp-seal/1 account key"
#define KEYBAG_HALF_LABEL    "adp-seal/1 recovery half"

void adp_keybag_free(struct adp_keybag *keybag)
{
    for (size_t i = 0; i < ADP_NUM_CATEGORIES; i++) {
        for (size_t j = 0; j < keybag->categories[i].num_epochs; j++)
            free(keybag->categories[i].epochs[j].wraps);
        free(keybag->categories[i].epochs);
    }
    free(keybag->recipients);
    *keybag = (struct adp_keybag){0};
}

void adp_recipient_id(uint8_t out[ADP_ID_LEN], const struct adp_recipient *recipient)
{
    uint8_t keys[ADP_KEM_KEY_LEN + ADP_SIGN_PUB_LEN], hash[ADP_HASH_LEN];
    struct adp_builder builder;

    adp_builder_init_fixed(&builder, keys, sizeof(keys));
    adp_build_bytes(&builder, recipient->kem_pub, ADP_KEM_KEY_LEN);
    adp_build_bytes(&builder, recipient->sign_pub, ADP_SIGN_PUB_LEN);
    adp_sha256(hash, keys, sizeof(keys));
    adp_builder_init_fixed(&builder, out, ADP_ID_LEN);
    adp_build_bytes(&builder, hash, ADP_ID_LEN);
}

int adp_name_check(const char *name, size_t len)
{
    return len >= 1 && len <= ADP_RECIPIENT_NAME_MAX && adp_text_check(name, len);
}

size_t adp_epoch_info(uint8_t out[128], const uint8_t vault_id[ADP_ID_LEN], uint16_t category,
                      uint32_t epoch, const uint8_t pub[ADP_KEM_KEY_LEN])
{
    struct adp_builder builder;

    adp_builder_init_fixed(&builder, out, 128);
    adp_build_bytes(&builder, KEYBAG_EPOCH_LABEL, sizeof(KEYBAG_EPOCH_LABEL));
    adp_build_bytes(&builder, vault_id, ADP_ID_LEN);
    adp_build_u16(&builder, category);
    adp_build_u32(&builder, epoch);
    adp_build_bytes(&builder, pub, ADP_KEM_KEY_LEN);
    return builder.len;
}

/* A label, the vault, a public key. */
static size_t key_info(uint8_t out[128], const char *label, const uint8_t vault_id[ADP_ID_LEN],
                       const uint8_t pub[32])
{
    struct adp_builder builder;

    adp_builder_init_fixed(&builder, out, 128);
    adp_build_bytes(&builder, label, strlen(label) + 1);
    adp_build_bytes(&builder, vault_id, ADP_ID_LEN);
    adp_build_bytes(&builder, pub, 32);
    return builder.len;
}

size_t adp_account_info(uint8_t out[128], const uint8_t vault_id[ADP_ID_LEN],
                        const uint8_t account_pub[ADP_SIGN_PUB_LEN])
{
    return key_info(out, KEYBAG_ACCOUNT_LABEL, vault_id, account_pub);
}

size_t adp_half_info(uint8_t out[128], const uint8_t vault_id[ADP_ID_LEN],
                     const uint8_t contact_pub[ADP_KEM_KEY_LEN])
{
    return key_info(out, KEYBAG_HALF_LABEL, vault_id, contact_pub);
}
