#include <stdio.h>
#include <string.h>

#include "error.h"
#include "secret.h"
#include "vault.h"

/* Names those who could open it: "laptop, phone, recovery key". */
static void name_holders(const struct adp_keybag *keybag, const struct adp_epoch *epoch, char *out,
                         size_t out_len)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < epoch->num_wraps && used < out_len; i++)
        used += (size_t)snprintf(out + used, out_len - used, "%s%s", used > 0 ? ", " : "",
                                 keybag->recipients[epoch->wraps[i].recipient].name);
}

static enum adp_status fail_erased(const struct adp_vault *vault, unsigned category,
                                   const struct adp_epoch *epoch, struct adp_error *err)
{
    adp_fail(err, ADP_ERR_NO_KEY, vault->path,
             "the keys of epoch %u of %s were destroyed: what was sealed under it is lost",
             epoch->number, adp_category_name(category));
    return adp_error_hint(err, ADP_ERR_NO_KEY,
                          "only a copy of keybag/ from before the erasure could open it");
}

static enum adp_status no_key(const struct adp_vault *vault, unsigned category,
                              const struct adp_epoch *epoch, struct adp_error *err)
{
    char holders[256];

    if (epoch->num_wraps == 0)
        return fail_erased(vault, category, epoch, err);
    name_holders(&vault->keybag, epoch, holders, sizeof(holders));
    if (vault->identity == NULL)
        adp_fail(err, ADP_ERR_NO_KEY, vault->path, "no identity was given to open %s with",
                 adp_category_name(category));
    else if (vault->self == ADP_NO_RECIPIENT)
        adp_fail(err, ADP_ERR_NO_KEY, vault->path,
                 "the identity \"%s\" has no access to this vault", vault->identity->name);
    else if (vault->identity->kind == ADP_KIND_SEALER)
        adp_fail(err, ADP_ERR_NO_KEY, vault->path,
                 "the identity \"%s\" is a sealer's: it can seal, but open nothing",
                 vault->identity->name);
    else
        adp_fail(err, ADP_ERR_NO_KEY, vault->path, "the %s \"%s\" holds no key for %s",
                 adp_kind_name(vault->identity->kind), vault->keybag.recipients[vault->self].name,
                 adp_category_name(category));
    return adp_error_hint(err, ADP_ERR_NO_KEY, "use the identity of one who does: %s", holders);
}

static const struct adp_epoch *find_epoch(const struct adp_keybag *keybag, unsigned category,
                                          uint32_t epoch)
{
    const struct adp_keybag_category *slot = &keybag->categories[category - 1];

    return epoch >= 1 && epoch <= slot->num_epochs ? &slot->epochs[epoch - 1] : NULL;
}

const struct adp_epoch *adp_vault_newest_epoch(const struct adp_vault *vault, unsigned category)
{
    const struct adp_keybag_category *slot = &vault->keybag.categories[category - 1];

    return &slot->epochs[slot->num_epochs - 1];
}

int adp_vault_is_erased(const struct adp_vault *vault, unsigned category, uint32_t epoch)
{
    const struct adp_epoch *found = find_epoch(&vault->keybag, category, epoch);

    return found != NULL && found->num_wraps == 0;
}

enum adp_status adp_vault_epoch_key(const struct adp_vault *vault, unsigned category,
                                    uint32_t epoch, uint8_t out[ADP_KEM_KEY_LEN],
                                    struct adp_error *err)
{
    const struct adp_epoch *found = find_epoch(&vault->keybag, category, epoch);
    uint8_t info[128], pub[ADP_KEM_KEY_LEN];
    size_t info_len;
    enum adp_status status = adp_identity_check_keys(vault->identity, err);

    if (status != ADP_OK)
        return status;
    if (found == NULL) {
        adp_fail(err, ADP_ERR_NO_KEY, vault->path, "the keybag has no epoch %u of %s", epoch,
                 adp_category_name(category));
        return adp_error_hint(err, ADP_ERR_NO_KEY,
                              "a newer keybag may have it: restore keybag/ from a copy");
    }
    info_len = adp_epoch_info(info, vault->keybag.vault_id, (uint16_t)category, epoch, found->pub);
    for (size_t i = 0; vault->self != ADP_NO_RECIPIENT && i < found->num_wraps; i++) {
        if (found->wraps[i].recipient != vault->self)
            continue;
        status = adp_wrap_open(out, &found->wraps[i].wrap.sealed,
                               vault->identity->keys->kem_private, info, info_len, err);
        if (status ==
            ADP_ERR_NO_KEY) /* a signed keybag that wraps wrongly: not the device's fault */
            return adp_fail(err, ADP_ERR_FORMAT, vault->path,
                            "the keybag's wrap of epoch %u of %s does not open", epoch,
                            adp_category_name(category));
        if (status != ADP_OK)
            return status;
        adp_kem_public(pub, out);
        if (memcmp(pub, found->pub, ADP_KEM_KEY_LEN) == 0)
            return ADP_OK;
        adp_wipe(out, ADP_KEM_KEY_LEN);
        return adp_fail(err, ADP_ERR_FORMAT, vault->path,
                        "the keybag's key for epoch %u of %s does not belong to its public key",
                        epoch, adp_category_name(category));
    }
    return no_key(vault, category, found, err);
}

enum adp_status adp_vault_slot_key(const struct adp_vault *vault, const struct adp_header *header,
                                   size_t index, const char *path, uint8_t out[ADP_FLOE_KEY_LEN],
                                   struct adp_error *err)
{
    const struct adp_slot *slot = &header->slots[index];
    uint8_t fixed[ADP_HEADER_FIXED_LEN], info[128], *key = adp_secret_new(ADP_KEM_KEY_LEN);
    enum adp_status status;
    size_t info_len;

    if (key == NULL)
        return adp_fail_memory(err);
    adp_header_fixed(fixed, header);
    info_len = adp_slot_info(info, fixed, slot->key_epoch);
    status = adp_vault_epoch_key(vault, header->category, slot->key_epoch, key, err);
    if (status == ADP_OK) {
        status = adp_wrap_open(out, &slot->wrap, key, info, info_len, err);
        if (status == ADP_ERR_NO_KEY) {
            adp_fail(err, status, path, "its key slot does not open with the category's key");
            adp_error_hint(err, status,
                           "the slot belongs to another archive or vault: restore the "
                           "archive from a copy");
        }
    }
    adp_secret_free(key, ADP_KEM_KEY_LEN);
    return status;
}

enum adp_status adp_vault_seal_slot(const struct adp_vault *vault, struct adp_header *header,
                                    const uint8_t key[ADP_FLOE_KEY_LEN], struct adp_error *err)
{
    const struct adp_epoch *epoch = adp_vault_newest_epoch(vault, header->category);
    uint8_t fixed[ADP_HEADER_FIXED_LEN], info[128];
    size_t info_len;

    adp_header_fixed(fixed, header);
    info_len = adp_slot_info(info, fixed, epoch->number);
    header->num_slots = 1;
    header->slots[0].key_epoch = epoch->number;
    return adp_wrap_seal(&header->slots[0].wrap, epoch->pub, info, info_len, key, err);
}
