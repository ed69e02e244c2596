/* Changes of a keybag in memory, before it is signed. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "secret.h"
#include "vault.h"

enum adp_status adp_keybag_add_recipient(struct adp_keybag *keybag,
                                         const struct adp_recipient *recipient, size_t *out_index,
                                         struct adp_error *err)
{
    struct adp_recipient *grown;

    if (keybag->num_recipients >= ADP_KEYBAG_MAX_RECIPIENTS)
        return adp_keybag_fail_full(err,
                                    "a keybag holds at most 1024 recipients, removed ones too");
    grown = realloc(keybag->recipients, (keybag->num_recipients + 1) * sizeof(*grown));
    if (grown == NULL)
        return adp_fail_memory(err);
    keybag->recipients = grown;
    *out_index = keybag->num_recipients++;
    grown[*out_index] = *recipient;
    return ADP_OK;
}

enum adp_status adp_keybag_add_wrap(struct adp_keybag *keybag, unsigned category,
                                    struct adp_epoch *epoch, size_t index,
                                    const uint8_t private_key[ADP_KEM_KEY_LEN],
                                    struct adp_error *err)
{
    struct adp_epoch_wrap *grown = realloc(epoch->wraps, (epoch->num_wraps + 1) * sizeof(*grown));
    uint8_t info[128];
    size_t at = epoch->num_wraps, info_len;

    if (grown == NULL)
        return adp_fail_memory(err);
    epoch->wraps = grown;
    for (; at > 0 && grown[at - 1].recipient > index; at--)
        grown[at] = grown[at - 1];
    epoch->num_wraps++;
    memset(&grown[at], 0, sizeof(grown[at]));
    grown[at].recipient = (uint16_t)index;
    info_len =
        adp_epoch_info(info, keybag->vault_id, (uint16_t)category, epoch->number, epoch->pub);
    return adp_wrap_seal(&grown[at].wrap.sealed, keybag->recipients[index].kem_pub, info, info_len,
                         private_key, err);
}

enum adp_status adp_keybag_wrap_account(struct adp_keybag *keybag, size_t index,
                                        const uint8_t seed[ADP_SIGN_SEED_LEN],
                                        struct adp_error *err)
{
    struct adp_recipient *recipient = &keybag->recipients[index];
    uint8_t info[128];
    size_t info_len = adp_account_info(info, keybag->vault_id, keybag->account_pub);

    recipient->has_account = 1;
    return adp_wrap_seal(&recipient->account.sealed, recipient->kem_pub, info, info_len, seed, err);
}

static enum adp_status copy_category(struct adp_keybag_category *out,
                                     const struct adp_keybag_category *from)
{
    out->epochs = calloc(from->num_epochs, sizeof(*out->epochs));
    if (out->epochs == NULL)
        return ADP_ERR_MEMORY;
    out->num_epochs = from->num_epochs;
    for (size_t i = 0; i < from->num_epochs; i++) {
        size_t size = from->epochs[i].num_wraps * sizeof(*out->epochs[i].wraps);

        out->epochs[i] = from->epochs[i];
        out->epochs[i].wraps = size > 0 ? malloc(size) : NULL;
        if (size > 0 && out->epochs[i].wraps == NULL) {
            out->num_epochs = i;
            return ADP_ERR_MEMORY;
        }
        if (size > 0)
            memcpy(out->epochs[i].wraps, from->epochs[i].wraps, size);
    }
    return ADP_OK;
}

enum adp_status adp_keybag_copy(struct adp_keybag *out, const struct adp_keybag *from,
                                struct adp_error *err)
{
    size_t size = from->num_recipients * sizeof(*out->recipients);

    *out = *from;
    memset(out->categories, 0, sizeof(out->categories));
    out->recipients = malloc(size);
    if (out->recipients == NULL) {
        out->num_recipients = 0;
        return adp_fail_memory(err);
    }
    memcpy(out->recipients, from->recipients, size);
    for (size_t i = 0; i < ADP_NUM_CATEGORIES; i++) {
        if (copy_category(&out->categories[i], &from->categories[i]) != ADP_OK) {
            adp_keybag_free(out);
            return adp_fail_memory(err);
        }
    }
    return ADP_OK;
}

/* -- Who may have which key -------------------------------------------------------------------- */

int adp_keybag_may_open(const struct adp_keybag *keybag, const struct adp_recipient *recipient,
                        unsigned category)
{
    if (recipient->state != ADP_RECIPIENT_ACTIVE || recipient->kind == ADP_RECIPIENT_SEALER)
        return 0;
    if (recipient->kind != ADP_RECIPIENT_OPERATOR)
        return 1;
    switch (adp_category_class_of(category)) {
    case ADP_CLASS_NEVER:
        return 1;
    case ADP_CLASS_ADVANCED:
        return keybag->protection == ADP_PROTECTION_STANDARD;
    default:
        return 0;
    }
}

/* An epoch after the last one, with a key of its own and no wraps. */
static enum adp_status append_epoch(struct adp_keybag_category *category,
                                    uint8_t out_private[ADP_KEM_KEY_LEN], struct adp_error *err)
{
    struct adp_epoch *grown;

    if (category->num_epochs >= UINT16_MAX)
        return adp_keybag_fail_full(err, "a category has at most 65535 keys, old ones too");
    grown = realloc(category->epochs, (category->num_epochs + 1) * sizeof(*grown));
    if (grown == NULL)
        return adp_fail_memory(err);
    category->epochs = grown;
    grown += category->num_epochs++;
    *grown =
        (struct adp_epoch){.number = (uint32_t)category->num_epochs, .created_ns = adp_vault_now()};
    adp_kem_generate(out_private, grown->pub);
    return ADP_OK;
}

enum adp_status adp_keybag_rotate(struct adp_keybag *keybag, unsigned category,
                                  struct adp_error *err)
{
    struct adp_keybag_category *slot = &keybag->categories[category - 1];
    uint8_t *private_key = adp_secret_new(ADP_KEM_KEY_LEN);
    enum adp_status status =
        private_key == NULL ? adp_fail_memory(err) : append_epoch(slot, private_key, err);

    for (size_t i = 0; status == ADP_OK && i < keybag->num_recipients; i++) {
        if (adp_keybag_may_open(keybag, &keybag->recipients[i], category))
            status = adp_keybag_add_wrap(keybag, category, &slot->epochs[slot->num_epochs - 1], i,
                                         private_key, err);
    }
    adp_secret_free(private_key, ADP_KEM_KEY_LEN);
    return status;
}

enum adp_status adp_keybag_new_account(struct adp_keybag *keybag,
                                       uint8_t out_seed[ADP_SIGN_SEED_LEN], struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    adp_sign_generate(out_seed, keybag->account_pub);
    for (size_t i = 0; status == ADP_OK && i < keybag->num_recipients; i++) {
        if (keybag->recipients[i].has_account)
            status = adp_keybag_wrap_account(keybag, i, out_seed, err);
    }
    return status;
}

int adp_keybag_find_wrap(const struct adp_epoch *epoch, size_t index, size_t *out_at)
{
    for (size_t i = 0; i < epoch->num_wraps; i++) {
        if (epoch->wraps[i].recipient == index) {
            *out_at = i;
            return 1;
        }
    }
    return 0;
}

int adp_keybag_drop_wraps(struct adp_keybag *keybag, unsigned category, size_t index)
{
    struct adp_keybag_category *slot = &keybag->categories[category - 1];
    int has_dropped = 0;
    size_t at;

    for (size_t e = 0; e < slot->num_epochs; e++) {
        struct adp_epoch *epoch = &slot->epochs[e];

        if (!adp_keybag_find_wrap(epoch, index, &at))
            continue;
        memmove(&epoch->wraps[at], &epoch->wraps[at + 1],
                (--epoch->num_wraps - at) * sizeof(*epoch->wraps));
        has_dropped = 1;
    }
    return has_dropped;
}

void adp_keybag_erase(struct adp_keybag *keybag, unsigned category)
{
    struct adp_keybag_category *slot = &keybag->categories[category - 1];

    for (size_t e = 0; e < slot->num_epochs; e++)
        slot->epochs[e].num_wraps = 0;
}

int adp_keybag_find_kind(const struct adp_keybag *keybag, enum adp_recipient_kind kind,
                         size_t *out_index)
{
    for (size_t i = 0; i < keybag->num_recipients; i++) {
        if (keybag->recipients[i].kind == kind &&
            keybag->recipients[i].state == ADP_RECIPIENT_ACTIVE) {
            *out_index = i;
            return 1;
        }
    }
    return 0;
}
