#include <stdio.h>
#include <string.h>

#include "error.h"
#include "vault.h"

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
    out_device->is_outdated =
        recipient->kind == ADP_RECIPIENT_DEVICE && recipient->level < ADP_KEYBAG_VERSION;
    out_device->added_ns = recipient->added_ns;
    adp_recipient_id(out_device->id, recipient);
}

int adp_vault_can_open(const struct adp_vault *vault, size_t index, unsigned category)
{
    const struct adp_keybag_category *slot = &vault->keybag.categories[category - 1];
    size_t at;

    return adp_keybag_find_wrap(&slot->epochs[slot->num_epochs - 1], index, &at);
}

static enum adp_status fail_known(const struct adp_recipient *known, struct adp_error *err)
{
    int is_active = known->state == ADP_RECIPIENT_ACTIVE;

    adp_fail(err, ADP_ERR_EXISTS, NULL, "this identity is already known as \"%s\"%s", known->name,
             is_active ? "" : ", which was removed");
    return adp_error_hint(err, ADP_ERR_EXISTS,
                          is_active ? "it has access: use it, once with --account"
                                    : "make a new one: name another file with --identity");
}

enum adp_status adp_keybag_check_new(const struct adp_keybag *keybag,
                                     const struct adp_recipient *candidate, size_t replaced,
                                     struct adp_error *err)
{
    const char *reserved = adp_kind_name(ADP_KIND_RECOVERY_KEY); /* what each of them is called */

    if (candidate->kind != ADP_RECIPIENT_RECOVERY && strcmp(candidate->name, reserved) == 0) {
        adp_fail(err, ADP_ERR_ARGUMENT, NULL, "nobody but a recovery key is called \"%s\"",
                 reserved);
        return adp_error_hint(err, ADP_ERR_ARGUMENT, "give it another name");
    }
    for (size_t i = 0; i < keybag->num_recipients; i++) {
        const struct adp_recipient *known = &keybag->recipients[i];

        if (memcmp(known->sign_pub, candidate->sign_pub, ADP_SIGN_PUB_LEN) == 0)
            return fail_known(known, err);
        if (known->state == ADP_RECIPIENT_ACTIVE && i != replaced &&
            strcmp(known->name, candidate->name) == 0) {
            adp_fail(err, ADP_ERR_EXISTS, NULL, "there is already a %s called \"%s\"",
                     adp_kind_name((enum adp_kind)known->kind), known->name);
            return adp_error_hint(err, ADP_ERR_EXISTS, "give it another name");
        }
    }
    return ADP_OK;
}

enum adp_status adp_vault_read_request(const struct adp_vault *vault, const char *request,
                                       const char *name, struct adp_recipient *out,
                                       struct adp_error *err)
{
    enum adp_status status = adp_vault_check_trusted(vault, err);

    if (status == ADP_OK)
        status = adp_request_parse(out, request, err);
    if (status != ADP_OK)
        return status;
    if (name != NULL && !adp_name_check(name, strlen(name)))
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL,
                        "a name is 1 to %d bytes of UTF-8 without control characters",
                        ADP_RECIPIENT_NAME_MAX);
    if (name != NULL)
        snprintf(out->name, sizeof(out->name), "%s", name);
    return ADP_OK;
}

static enum adp_status admit(struct adp_vault *vault, struct adp_recipient *recipient,
                             struct adp_error *err)
{
    struct adp_change change;
    size_t index;
    enum adp_status status = adp_change_begin(&change, vault, err);

    if (status == ADP_OK)
        status = adp_change_add(&change, recipient, &index, err);
    if (status == ADP_OK && recipient->kind == ADP_RECIPIENT_DEVICE)
        status = adp_change_wrap_account(&change, index, err);
    if (status == ADP_OK)
        status = adp_change_grant(&change, index, err);
    if (status == ADP_OK)
        status = adp_change_publish(&change, err, "%s added: %s",
                                    adp_kind_name((enum adp_kind)recipient->kind), recipient->name);
    adp_change_end(&change);
    return status;
}

enum adp_status adp_vault_add_device(struct adp_vault *vault, const char *request, const char *name,
                                     struct adp_error *err)
{
    struct adp_recipient recipient;
    enum adp_status status = adp_vault_read_request(vault, request, name, &recipient, err);

    if (status == ADP_OK && recipient.kind == ADP_RECIPIENT_OPERATOR) {
        adp_fail(err, ADP_ERR_ARGUMENT, NULL, "this is an operator's public key, not a device's");
        return adp_error_hint(err, ADP_ERR_ARGUMENT, "adp-seal operator set makes it the operator");
    }
    if (status == ADP_OK)
        status = adp_keybag_check_new(&vault->keybag, &recipient, ADP_NO_RECIPIENT, err);
    return status == ADP_OK ? admit(vault, &recipient, err) : status;
}

enum adp_status adp_vault_update_device(struct adp_vault *vault, struct adp_error *err)
{
    struct adp_change change;
    enum adp_status status = adp_change_begin(&change, vault, err);

    if (status == ADP_OK)
        status = adp_change_publish(&change, err, "device updated: %s",
                                    vault->keybag.recipients[vault->self].name);
    adp_change_end(&change);
    return status;
}
