/* Taking access away. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "secret.h"
#include "vault.h"

/* What a removal needs and must be wiped. */
struct removal {
    uint8_t old_seed[ADP_SIGN_SEED_LEN]; /* of the account: shows that the identity may */
    uint8_t seed[ADP_SIGN_SEED_LEN];
};

static enum adp_status find(const struct adp_vault *vault, const char *name, size_t *out_index,
                            struct adp_error *err)
{
    const struct adp_keybag *keybag = &vault->keybag;

    for (size_t i = 0; i < keybag->num_recipients; i++) {
        const struct adp_recipient *recipient = &keybag->recipients[i];

        if (recipient->state != ADP_RECIPIENT_ACTIVE || strcmp(recipient->name, name) != 0)
            continue;
        *out_index = i;
        if (i != vault->self)
            return ADP_OK;
        adp_fail(err, ADP_ERR_ARGUMENT, vault->path, "a device does not remove itself");
        return adp_error_hint(err, ADP_ERR_ARGUMENT, "run it on another trusted device");
    }
    adp_fail(err, ADP_ERR_NOT_FOUND, vault->path, "nobody called \"%s\" has access to the vault",
             name);
    return adp_error_hint(err, ADP_ERR_NOT_FOUND, "adp-seal device list shows them");
}

static void drop_wraps(struct adp_keybag *keybag, size_t index)
{
    for (size_t c = 0; c < ADP_NUM_CATEGORIES; c++) {
        for (size_t e = 0; e < keybag->categories[c].num_epochs; e++) {
            struct adp_epoch *epoch = &keybag->categories[c].epochs[e];
            size_t kept = 0;

            for (size_t i = 0; i < epoch->num_wraps; i++) {
                if (epoch->wraps[i].recipient != index)
                    epoch->wraps[kept++] = epoch->wraps[i];
            }
            epoch->num_wraps = kept;
        }
    }
}

/* What the one that was removed knew is new from now on: a device the account's key, each but a
 * sealer those of categories. */
static enum adp_status renew(struct adp_keybag *keybag, enum adp_recipient_kind kind,
                             struct removal *secrets, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    if (kind == ADP_RECIPIENT_SEALER)
        return ADP_OK;
    if (kind == ADP_RECIPIENT_DEVICE)
        status = adp_keybag_new_account(keybag, secrets->seed, err);

    for (unsigned category = 1; status == ADP_OK && category <= ADP_NUM_CATEGORIES; category++)
        status = adp_keybag_rotate(keybag, category, err);
    return status;
}

static enum adp_status remove_recipient(struct adp_vault *vault, size_t index,
                                        struct removal *secrets, struct adp_error *err)
{
    struct adp_keybag next;
    struct adp_recipient *recipient;
    char reason[sizeof(next.reason)];
    enum adp_recipient_kind kind;
    enum adp_status status = adp_keybag_copy(&next, &vault->keybag, err);

    if (status != ADP_OK)
        return status;
    recipient = &next.recipients[index];
    kind = (enum adp_recipient_kind)recipient->kind;
    recipient->state = ADP_RECIPIENT_REMOVED;
    recipient->removed_ns = adp_vault_now();
    recipient->removed_generation = vault->keybag.generation + 1;
    recipient->has_account = 0;
    snprintf(reason, sizeof(reason), "%s removed: %s", adp_kind_name((enum adp_kind)kind),
             recipient->name);
    drop_wraps(&next, index);
    status = renew(&next, kind, secrets, err);
    if (status == ADP_OK)
        status = adp_vault_publish(vault, &next,
                                   kind == ADP_RECIPIENT_DEVICE ? secrets->seed : secrets->old_seed,
                                   reason, err);
    adp_keybag_free(&next);
    return status;
}

enum adp_status adp_vault_remove_device(struct adp_vault *vault, const char *name,
                                        struct adp_error *err)
{
    struct removal *secrets;
    size_t index = 0;
    enum adp_status status = adp_vault_check_trusted(vault, err);

    if (status == ADP_OK)
        status = find(vault, name, &index, err);
    if (status != ADP_OK)
        return status;
    secrets = adp_secret_new(sizeof(*secrets));
    if (secrets == NULL)
        return adp_fail_memory(err);
    status = adp_vault_account_seed(vault, secrets->old_seed, err);
    if (status == ADP_OK)
        status = remove_recipient(vault, index, secrets, err);
    adp_secret_free(secrets, sizeof(*secrets));
    return status;
}
