/* New keys: an epoch of a category, the account. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "secret.h"
#include "vault.h"

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
        return adp_fail(err, ADP_ERR_UNSUPPORTED, NULL, "a category has at most %d epochs",
                        UINT16_MAX);
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

/* "rotated: photos, notes, drive", cut where there is no room. */
static void describe(char *out, size_t out_len, const unsigned *categories, size_t num)
{
    size_t used;

    if (num == ADP_NUM_CATEGORIES) {
        snprintf(out, out_len, "all categories rotated");
        return;
    }
    used = (size_t)snprintf(out, out_len, "rotated:");
    for (size_t i = 0; i < num && used < out_len; i++)
        used += (size_t)snprintf(out + used, out_len - used, "%s %s", i > 0 ? "," : "",
                                 adp_category_name(categories[i]));
}

static enum adp_status rotate(struct adp_vault *vault, const unsigned *categories, size_t num,
                              const uint8_t seed[ADP_SIGN_SEED_LEN], struct adp_error *err)
{
    struct adp_keybag next;
    char reason[sizeof(next.reason)];
    enum adp_status status = adp_keybag_copy(&next, &vault->keybag, err);

    if (status != ADP_OK)
        return status;
    for (size_t i = 0; status == ADP_OK && i < num; i++)
        status = adp_keybag_rotate(&next, categories[i], err);
    describe(reason, sizeof(reason), categories, num);
    if (status == ADP_OK)
        status = adp_vault_publish(vault, &next, seed, reason, err);
    adp_keybag_free(&next);
    return status;
}

enum adp_status adp_vault_rotate(struct adp_vault *vault, const unsigned *categories, size_t num,
                                 struct adp_error *err)
{
    unsigned all[ADP_NUM_CATEGORIES];
    uint8_t *seed;
    enum adp_status status = adp_vault_check_trusted(vault, err);

    for (unsigned i = 0; i < ADP_NUM_CATEGORIES; i++)
        all[i] = i + 1;
    for (size_t i = 0; status == ADP_OK && i < num; i++) {
        if (categories[i] < 1 || categories[i] > ADP_NUM_CATEGORIES)
            status =
                adp_fail(err, ADP_ERR_ARGUMENT, NULL, "there is no category %u", categories[i]);
    }
    if (status != ADP_OK)
        return status;
    seed = adp_secret_new(ADP_SIGN_SEED_LEN);
    if (seed == NULL)
        return adp_fail_memory(err);
    status = adp_vault_account_seed(vault, seed, err);
    if (status == ADP_OK)
        status = num > 0 ? rotate(vault, categories, num, seed, err)
                         : rotate(vault, all, ADP_NUM_CATEGORIES, seed, err);
    adp_secret_free(seed, ADP_SIGN_SEED_LEN);
    return status;
}
