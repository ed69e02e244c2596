/* The operator, and Advanced Data Protection, which takes from it what the owner may take. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "vault.h"

/* Adds |recipient| and, if there is one, removes the operator |old|: in this order, so that what is
 * new after the removal is wrapped to the new one. */
static enum adp_status replace_operator(struct adp_change *change, size_t old,
                                        struct adp_recipient *recipient, struct adp_error *err)
{
    size_t index = ADP_NO_RECIPIENT;
    enum adp_status status = adp_keybag_check_new(&change->next, recipient, old, err);

    if (status == ADP_OK && old != ADP_NO_RECIPIENT)
        status = adp_vault_check_halves(change->vault, err);
    if (status == ADP_OK)
        status = adp_change_add(change, recipient, &index, err);
    if (status == ADP_OK && old != ADP_NO_RECIPIENT)
        status = adp_change_remove(change, old, err);
    return status == ADP_OK ? adp_change_grant(change, index, err) : status;
}

static int is_recipient(const struct adp_keybag *keybag, size_t index,
                        const struct adp_recipient *recipient)
{
    return index != ADP_NO_RECIPIENT &&
           memcmp(keybag->recipients[index].sign_pub, recipient->sign_pub, ADP_SIGN_PUB_LEN) == 0;
}

static enum adp_status set_operator(struct adp_vault *vault, struct adp_recipient *recipient,
                                    struct adp_error *err)
{
    struct adp_change change;
    size_t old;
    enum adp_status status = adp_change_begin(&change, vault, err);

    if (!adp_keybag_find_kind(&vault->keybag, ADP_RECIPIENT_OPERATOR, &old))
        old = ADP_NO_RECIPIENT;
    if (status == ADP_OK && is_recipient(&vault->keybag, old, recipient)) {
        status = adp_change_finish(&change, err); /* one that was interrupted */
    } else if (status == ADP_OK) {
        status = replace_operator(&change, old, recipient, err);
        if (status == ADP_OK)
            status = adp_change_publish(&change, err, "operator set: %s", recipient->name);
    }
    adp_change_end(&change);
    return status;
}

enum adp_status adp_vault_set_operator(struct adp_vault *vault, const char *request,
                                       const char *name, struct adp_error *err)
{
    struct adp_recipient recipient;
    enum adp_status status = adp_vault_read_request(vault, request, name, &recipient, err);

    if (status != ADP_OK)
        return status;
    if (recipient.kind == ADP_RECIPIENT_OPERATOR)
        return set_operator(vault, &recipient, err);
    adp_fail(err, ADP_ERR_ARGUMENT, NULL, "this is a %s's request, not an operator's public key",
             adp_kind_name((enum adp_kind)recipient.kind));
    return adp_error_hint(err, ADP_ERR_ARGUMENT,
                          "the operator makes its key with: adp-seal operator keygen");
}

/* -- Advanced Data Protection ------------------------------------------------------------------ */

/* Without the operator nobody helps whoever has lost all devices. */
static enum adp_status check_recovery(const struct adp_vault *vault, struct adp_error *err)
{
    size_t index;

    if (adp_keybag_find_kind(&vault->keybag, ADP_RECIPIENT_RECOVERY, &index) ||
        adp_keybag_find_kind(&vault->keybag, ADP_RECIPIENT_CONTACT, &index))
        return ADP_OK;
    adp_fail(err, ADP_ERR_REFUSED, vault->path,
             "there is neither a recovery key nor a recovery contact: with all devices lost, "
             "everything would be");
    return adp_error_hint(
        err, ADP_ERR_REFUSED,
        "make one first: adp-seal recovery key, or adp-seal recovery contact add");
}

/* Names the devices that have not said yet that they read this version of keybags. */
static enum adp_status check_levels(const struct adp_vault *vault, struct adp_error *err)
{
    char names[256] = "";
    size_t used = 0;

    for (size_t i = 0; i < vault->keybag.num_recipients && used < sizeof(names); i++) {
        const struct adp_recipient *recipient = &vault->keybag.recipients[i];

        if (recipient->kind == ADP_RECIPIENT_DEVICE && recipient->state == ADP_RECIPIENT_ACTIVE &&
            i != vault->self && recipient->level < ADP_KEYBAG_VERSION)
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s\"%s\"",
                                     used > 0 ? ", " : "", recipient->name);
    }
    if (used == 0)
        return ADP_OK;
    adp_fail(err, ADP_ERR_REFUSED, vault->path,
             "the software of these devices is too old, or they have not said yet that it is not: "
             "%s",
             names);
    return adp_error_hint(
        err, ADP_ERR_REFUSED,
        "on each, with the present adp-seal: adp-seal device update %s; or remove "
        "the ones that are gone",
        vault->path);
}

/* The keys that the operator had are new, and it has them no more. */
static enum adp_status take_from_operator(struct adp_change *change, struct adp_error *err)
{
    enum adp_status status = ADP_OK;
    size_t index;
    int has_operator = adp_keybag_find_kind(&change->next, ADP_RECIPIENT_OPERATOR, &index);

    for (unsigned c = 1; status == ADP_OK && c <= ADP_NUM_CATEGORIES; c++) {
        if (adp_category_class_of(c) != ADP_CLASS_ADVANCED)
            continue;
        if (has_operator)
            adp_keybag_drop_wraps(&change->next, c, index);
        status = adp_keybag_rotate(&change->next, c, err);
    }
    return status;
}

static enum adp_status give_to_operator(struct adp_change *change, struct adp_error *err)
{
    size_t index;

    if (!adp_keybag_find_kind(&change->next, ADP_RECIPIENT_OPERATOR, &index))
        return ADP_OK;
    return adp_change_grant(change, index, err);
}

static enum adp_status change_protection(struct adp_change *change, enum adp_protection protection,
                                         struct adp_error *err)
{
    int is_on = protection == ADP_PROTECTION_ADVANCED;
    enum adp_status status = ADP_OK;

    if (is_on)
        status = check_recovery(change->vault, err);
    if (is_on && status == ADP_OK)
        status = check_levels(change->vault, err);
    if (status != ADP_OK)
        return status;
    change->next.protection = (uint8_t)protection;
    status = is_on ? take_from_operator(change, err) : give_to_operator(change, err);
    return status == ADP_OK ? adp_change_publish(change, err, "Advanced Data Protection %s",
                                                 is_on ? "on" : "off")
                            : status;
}

enum adp_status adp_vault_set_protection(struct adp_vault *vault, enum adp_protection protection,
                                         struct adp_error *err)
{
    struct adp_change change;
    enum adp_status status;

    if (protection != ADP_PROTECTION_STANDARD && protection != ADP_PROTECTION_ADVANCED)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "there is no protection %d", protection);
    status = adp_change_begin(&change, vault, err);
    if (status == ADP_OK)
        status = vault->keybag.protection == protection
                     ? adp_change_finish(&change, err) /* one that was interrupted */
                     : change_protection(&change, protection, err);
    adp_change_end(&change);
    return status;
}
