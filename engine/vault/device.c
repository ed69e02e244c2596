#include <stdio.h>
#include <string.h>

#include "error.h"
#include "secret.h"
#include "vault.h"

/* What an admission needs and must be wiped. */
struct admission {
    uint8_t account_seed[ADP_SIGN_SEED_LEN];
    uint8_t epoch_private[ADP_KEM_KEY_LEN];
};

const char *adp_kind_name(enum adp_kind kind)
{
    static const char *const names[] = {
        [ADP_KIND_DEVICE] = "device",
        [ADP_KIND_SEALER] = "sealer",
        [ADP_KIND_RECOVERY_KEY] = "recovery key",
        [ADP_KIND_OPERATOR] = "operator",
        [ADP_KIND_RECOVERY_CONTACT] = "recovery contact",
    };

    return kind >= ADP_KIND_DEVICE && kind <= ADP_KIND_RECOVERY_CONTACT ? names[kind] : NULL;
}

size_t adp_vault_num_devices(const struct adp_vault *vault)
{
    return vault->keybag.num_recipients;
}

void adp_vault_device(const struct adp_vault *vault, size_t index, struct adp_device *out_device)
{
    const struct adp_recipient *recipient = &vault->keybag.recipients[index];

    memset(out_device, 0, sizeof(*out_device));
    out_device->name = recipient->name;
    out_device->kind = (enum adp_kind)recipient->kind;
    out_device->is_active = recipient->state == ADP_RECIPIENT_ACTIVE;
    out_device->is_self = index == vault->self;
    out_device->added_ns = recipient->added_ns;
    adp_recipient_id(out_device->id, recipient);
}

static enum adp_status check_new(const struct adp_keybag *keybag,
                                 const struct adp_recipient *candidate, struct adp_error *err)
{
    for (size_t i = 0; i < keybag->num_recipients; i++) {
        const struct adp_recipient *known = &keybag->recipients[i];

        if (memcmp(known->sign_pub, candidate->sign_pub, ADP_SIGN_PUB_LEN) == 0)
            return adp_fail(err, ADP_ERR_EXISTS, NULL, "this identity is already known as \"%s\"%s",
                            known->name,
                            known->state == ADP_RECIPIENT_ACTIVE ? "" : ", which was removed");
        if (known->state == ADP_RECIPIENT_ACTIVE && strcmp(known->name, candidate->name) == 0) {
            adp_fail(err, ADP_ERR_EXISTS, NULL, "there is already a device called \"%s\"",
                     known->name);
            return adp_error_hint(err, ADP_ERR_EXISTS, "give it another name with --name");
        }
    }
    return ADP_OK;
}

/* Wraps every epoch of every category that the present identity can open, the account's key too. */
static enum adp_status wrap_all(const struct adp_vault *vault, struct adp_keybag *next,
                                size_t index, struct admission *secrets, struct adp_error *err)
{
    enum adp_status status = adp_keybag_wrap_account(next, index, secrets->account_seed, err);

    for (unsigned category = 1; category <= ADP_NUM_CATEGORIES; category++) {
        struct adp_keybag_category *slot = &next->categories[category - 1];

        for (size_t i = 0; status == ADP_OK && i < slot->num_epochs; i++) {
            struct adp_epoch *epoch = &slot->epochs[i];

            status =
                adp_vault_epoch_key(vault, category, epoch->number, secrets->epoch_private, err);
            if (status == ADP_OK)
                status =
                    adp_keybag_add_wrap(next, category, epoch, index, secrets->epoch_private, err);
        }
    }
    return status;
}

static enum adp_status admit(struct adp_vault *vault, struct adp_recipient *recipient,
                             struct admission *secrets, struct adp_error *err)
{
    struct adp_keybag next;
    char reason[256];
    size_t index;
    enum adp_status status = adp_keybag_copy(&next, &vault->keybag, err);

    if (status != ADP_OK)
        return status;
    recipient->state = ADP_RECIPIENT_ACTIVE;
    recipient->added_ns = adp_vault_now();
    status = adp_keybag_add_recipient(&next, recipient, &index, err);
    if (status == ADP_OK && recipient->kind == ADP_RECIPIENT_DEVICE)
        status = wrap_all(vault, &next, index, secrets, err);
    snprintf(reason, sizeof(reason), "%s added: %s",
             recipient->kind == ADP_RECIPIENT_SEALER ? "sealer" : "device", recipient->name);
    if (status == ADP_OK)
        status = adp_vault_publish(vault, &next, secrets->account_seed, reason, err);
    adp_keybag_free(&next);
    return status;
}

enum adp_status adp_vault_add_device(struct adp_vault *vault, const char *request, const char *name,
                                     struct adp_error *err)
{
    struct admission *secrets;
    struct adp_recipient recipient;
    enum adp_status status = adp_vault_check_trusted(vault, err);

    if (status == ADP_OK)
        status = adp_request_parse(&recipient, request, err);
    if (status != ADP_OK)
        return status;
    if (name != NULL && !adp_name_check(name, strlen(name)))
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL,
                        "a device name is 1 to %d bytes of UTF-8 without control characters",
                        ADP_RECIPIENT_NAME_MAX);
    if (name != NULL)
        snprintf(recipient.name, sizeof(recipient.name), "%s", name);
    status = check_new(&vault->keybag, &recipient, err);
    if (status != ADP_OK)
        return status;
    secrets = adp_secret_new(sizeof(*secrets));
    if (secrets == NULL)
        return adp_fail_memory(err);
    status = adp_vault_account_seed(vault, secrets->account_seed, err);
    if (status == ADP_OK)
        status = admit(vault, &recipient, secrets, err);
    if (status == ADP_OK) /* it was read again: still the account that was trusted? */
        status = adp_vault_check_trusted(vault, err);
    adp_secret_free(secrets, sizeof(*secrets));
    return status;
}
