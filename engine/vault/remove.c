/* Taking access away. */
#include <string.h>

#include "error.h"
#include "vault.h"

/* The recipient called |name|: the active one, else the last of those that were removed. */
static enum adp_status find(const struct adp_vault *vault, const char *name, size_t *out_index,
                            struct adp_error *err)
{
    const struct adp_keybag *keybag = &vault->keybag;
    size_t found = ADP_NO_RECIPIENT;

    for (size_t i = 0; i < keybag->num_recipients; i++) {
        if (strcmp(keybag->recipients[i].name, name) != 0)
            continue;
        found = i;
        if (keybag->recipients[i].state == ADP_RECIPIENT_ACTIVE)
            break;
    }
    if (found == ADP_NO_RECIPIENT) {
        adp_fail(err, ADP_ERR_NOT_FOUND, vault->path,
                 "nobody called \"%s\" has access to the vault", name);
        return adp_error_hint(err, ADP_ERR_NOT_FOUND, "adp-seal device list shows them");
    }
    if (found == vault->self) {
        adp_fail(err, ADP_ERR_ARGUMENT, vault->path, "a device does not remove itself");
        return adp_error_hint(err, ADP_ERR_ARGUMENT, "run it on another trusted device");
    }
    *out_index = found;
    return ADP_OK;
}

enum adp_status adp_vault_check_halves(const struct adp_vault *vault, struct adp_error *err)
{
    for (size_t i = 0; i < vault->keybag.num_recipients; i++) {
        const struct adp_recipient *contact = &vault->keybag.recipients[i];

        if (!contact->has_half)
            continue;
        adp_fail(err, ADP_ERR_REFUSED, vault->path,
                 "the operator holds half of what restores access with the recovery contact \"%s\"",
                 contact->name);
        return adp_error_hint(
            err, ADP_ERR_REFUSED,
            "remove the contact first (adp-seal recovery contact remove), and add "
            "it again afterwards");
    }
    return ADP_OK;
}

static enum adp_status remove_active(struct adp_change *change, size_t index, struct adp_error *err)
{
    const struct adp_recipient *recipient = &change->next.recipients[index];
    enum adp_status status = ADP_OK;

    if (recipient->kind == ADP_RECIPIENT_OPERATOR)
        status = adp_vault_check_halves(change->vault, err);
    if (status == ADP_OK)
        status = adp_change_remove(change, index, err);
    if (status != ADP_OK)
        return status;
    return adp_change_publish(change, err, "%s removed: %s",
                              adp_kind_name((enum adp_kind)recipient->kind), recipient->name);
}

enum adp_status adp_vault_remove_device(struct adp_vault *vault, const char *name,
                                        struct adp_error *err)
{
    struct adp_change change;
    size_t index = 0;
    enum adp_status status = adp_change_begin(&change, vault, err);

    if (status == ADP_OK)
        status = find(vault, name, &index, err);
    if (status == ADP_OK)
        status = vault->keybag.recipients[index].state == ADP_RECIPIENT_REMOVED
                     ? adp_change_finish(&change, err) /* one that was interrupted */
                     : remove_active(&change, index, err);
    adp_change_end(&change);
    return status;
}
