/* Ways back for whoever has lost all devices: recovery key, recovery contacts. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "recovery.h"
#include "secret.h"
#include "vault.h"

/* What makes one and must be wiped. */
struct recovery_draft {
    struct adp_recovery_secret whole, half, other;
    uint8_t packed[ADP_SECRET_LEN];
};

/* Adds the recipient of |kind| whose keys follow from |secret|, in the place of |old| if there is
 * one; it may open everything, and change who has access. */
static enum adp_status add(struct adp_change *change, enum adp_kind kind, const char *name,
                           const struct adp_recovery_secret *secret, size_t old, size_t *out_index,
                           struct adp_error *err)
{
    struct adp_recipient recipient = {.kind = (uint8_t)kind};
    struct adp_identity *identity;
    enum adp_status status = adp_recovery_identity(&identity, secret, kind, err);

    if (status != ADP_OK)
        return status;
    snprintf(recipient.name, sizeof(recipient.name), "%s", name);
    memcpy(recipient.kem_pub, identity->kem_pub, ADP_KEM_KEY_LEN);
    memcpy(recipient.sign_pub, identity->sign_pub, ADP_SIGN_PUB_LEN);
    adp_identity_free(identity);
    status = adp_keybag_check_new(&change->next, &recipient, old, err);
    if (status == ADP_OK)
        status = adp_change_add(change, &recipient, out_index, err);
    if (status == ADP_OK)
        status = adp_change_wrap_account(change, *out_index, err);
    if (status == ADP_OK && old != ADP_NO_RECIPIENT)
        status = adp_change_remove(change, old, err);
    return status == ADP_OK ? adp_change_grant(change, *out_index, err) : status;
}

/* -- Recovery key ------------------------------------------------------------------------------ */

/* The recovery key that there is, or ADP_NO_RECIPIENT. */
static enum adp_status find_old_key(const struct adp_vault *vault, size_t *out_index,
                                    struct adp_error *err)
{
    if (!adp_keybag_find_kind(&vault->keybag, ADP_RECIPIENT_RECOVERY, out_index))
        *out_index = ADP_NO_RECIPIENT;
    if (*out_index == ADP_NO_RECIPIENT || *out_index != vault->self)
        return ADP_OK;
    adp_fail(err, ADP_ERR_ARGUMENT, vault->path, "a recovery key does not replace itself");
    return adp_error_hint(err, ADP_ERR_ARGUMENT,
                          "admit a device with it first: adp-seal recovery open");
}

enum adp_status adp_vault_add_recovery_key(struct adp_vault *vault,
                                           char out_code[ADP_RECOVERY_CODE_LEN],
                                           struct adp_error *err)
{
    struct recovery_draft *draft = adp_secret_new(sizeof(*draft));
    struct adp_change change;
    size_t old, index;
    enum adp_status status;

    out_code[0] = '\0';
    if (draft == NULL)
        return adp_fail_memory(err);
    adp_recovery_draw(&draft->whole);
    status = adp_change_begin(&change, vault, err);
    if (status == ADP_OK)
        status = find_old_key(vault, &old, err);
    if (status == ADP_OK)
        status = add(&change, ADP_KIND_RECOVERY_KEY, adp_kind_name(ADP_KIND_RECOVERY_KEY),
                     &draft->whole, old, &index, err);
    if (status == ADP_OK)
        status = adp_change_publish(&change, err, "recovery key made");
    if (change.is_published)
        adp_recovery_to_text(out_code, &draft->whole);
    adp_change_end(&change);
    adp_secret_free(draft, sizeof(*draft));
    return status;
}

/* -- Recovery contacts ------------------------------------------------------------------------- */

static enum adp_status check_contact(const struct adp_vault *vault, const char *name, int has_file,
                                     struct adp_error *err)
{
    size_t num = 0, index;

    if (!adp_name_check(name, strlen(name)))
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL,
                        "a name is 1 to %d bytes of UTF-8 without control characters",
                        ADP_RECIPIENT_NAME_MAX);
    for (size_t i = 0; i < vault->keybag.num_recipients; i++)
        num += vault->keybag.recipients[i].kind == ADP_RECIPIENT_CONTACT &&
               vault->keybag.recipients[i].state == ADP_RECIPIENT_ACTIVE;
    if (num >= ADP_MAX_CONTACTS)
        return adp_fail(err, ADP_ERR_REFUSED, vault->path, "there are %d recovery contacts already",
                        ADP_MAX_CONTACTS);
    if (has_file || adp_keybag_find_kind(&vault->keybag, ADP_RECIPIENT_OPERATOR, &index))
        return ADP_OK;
    adp_fail(err, ADP_ERR_ARGUMENT, vault->path,
             "the vault has no operator to hold the other half");
    return adp_error_hint(err, ADP_ERR_ARGUMENT, "name a file for it: --half FILE");
}

/* Wraps the half that the contact does not have to the operator. */
static enum adp_status leave_with_operator(struct adp_change *change, size_t contact,
                                           struct recovery_draft *draft, struct adp_error *err)
{
    struct adp_keybag *next = &change->next;
    struct adp_recipient *recipient = &next->recipients[contact];
    uint8_t info[128];
    size_t info_len = adp_half_info(info, next->vault_id, recipient->kem_pub), index;

    if (!adp_keybag_find_kind(next, ADP_RECIPIENT_OPERATOR, &index))
        return adp_fail(err, ADP_ERR_INTERNAL, NULL, "the operator has gone");
    recipient->has_half = 1;
    adp_recovery_pack(draft->packed, &draft->other);
    return adp_wrap_seal(&recipient->half.sealed, next->recipients[index].kem_pub, info, info_len,
                         draft->packed, err);
}

static enum adp_status add_contact(struct adp_vault *vault, const char *name,
                                   struct recovery_draft *draft, int has_file,
                                   int *out_is_published, struct adp_error *err)
{
    struct adp_change change;
    size_t index;
    enum adp_status status = adp_change_begin(&change, vault, err);

    if (status == ADP_OK)
        status = check_contact(vault, name, has_file, err);
    if (status == ADP_OK)
        status = add(&change, ADP_KIND_RECOVERY_CONTACT, name, &draft->whole, ADP_NO_RECIPIENT,
                     &index, err);
    if (status == ADP_OK && !has_file)
        status = leave_with_operator(&change, index, draft, err);
    if (status == ADP_OK)
        status = adp_change_publish(&change, err, "recovery contact added: %s", name);
    *out_is_published = change.is_published;
    adp_change_end(&change);
    return status;
}

enum adp_status adp_vault_add_recovery_contact(struct adp_vault *vault, const char *name,
                                               char out_code[ADP_RECOVERY_CODE_LEN],
                                               char out_half[ADP_RECOVERY_CODE_LEN],
                                               struct adp_error *err)
{
    struct recovery_draft *draft = adp_secret_new(sizeof(*draft));
    enum adp_status status;
    int is_published;

    out_code[0] = '\0';
    if (draft == NULL)
        return adp_fail_memory(err);
    adp_recovery_draw(&draft->whole);
    adp_recovery_draw(&draft->half);
    adp_recovery_combine(&draft->other, &draft->whole, &draft->half);
    status = add_contact(vault, name, draft, out_half != NULL, &is_published, err);
    if (is_published) {
        adp_recovery_to_text(out_code, &draft->half);
        if (out_half != NULL)
            adp_recovery_to_text(out_half, &draft->other);
    }
    adp_secret_free(draft, sizeof(*draft));
    return status;
}

/* -- The operator's side ----------------------------------------------------------------------- */

static enum adp_status find_contact(const struct adp_vault *vault, const char *name,
                                    size_t *out_index, struct adp_error *err)
{
    const struct adp_keybag *keybag = &vault->keybag;

    for (size_t i = 0; i < keybag->num_recipients; i++) {
        const struct adp_recipient *recipient = &keybag->recipients[i];

        if (recipient->kind != ADP_RECIPIENT_CONTACT || strcmp(recipient->name, name) != 0 ||
            recipient->state != ADP_RECIPIENT_ACTIVE)
            continue;
        *out_index = i;
        if (recipient->has_half)
            return ADP_OK;
        adp_fail(err, ADP_ERR_NOT_FOUND, vault->path,
                 "the other half of the recovery contact \"%s\" is in a file, not in the keybag",
                 name);
        return adp_error_hint(err, ADP_ERR_NOT_FOUND, "ask the vault's owner where it is kept");
    }
    adp_fail(err, ADP_ERR_NOT_FOUND, vault->path, "there is no recovery contact \"%s\"", name);
    return adp_error_hint(err, ADP_ERR_NOT_FOUND, "adp-seal recovery contact list shows them");
}

static enum adp_status open_half(const struct adp_vault *vault, size_t contact,
                                 struct recovery_draft *draft, struct adp_error *err)
{
    const struct adp_recipient *recipient = &vault->keybag.recipients[contact];
    uint8_t info[128];
    size_t info_len = adp_half_info(info, vault->keybag.vault_id, recipient->kem_pub);
    enum adp_status status = adp_identity_check_keys(vault->identity, err);

    if (status != ADP_OK)
        return status;
    if (vault->self == ADP_NO_RECIPIENT || vault->identity->kind != ADP_KIND_OPERATOR ||
        adp_wrap_open(draft->packed, &recipient->half.sealed, vault->identity->keys->kem_private,
                      info, info_len, NULL) != ADP_OK) {
        adp_fail(err, ADP_ERR_NO_KEY, vault->path, "only the operator can release this half");
        return adp_error_hint(err, ADP_ERR_NO_KEY, "name the operator's identity with --identity");
    }
    if (!adp_recovery_unpack(&draft->other, draft->packed))
        return adp_fail(err, ADP_ERR_FORMAT, vault->path,
                        "the keybag's half of the recovery contact \"%s\" is malformed",
                        recipient->name);
    return ADP_OK;
}

enum adp_status adp_vault_release_half(const struct adp_vault *vault, const char *name,
                                       char out_half[ADP_RECOVERY_CODE_LEN], struct adp_error *err)
{
    struct recovery_draft *draft;
    size_t index = 0;
    enum adp_status status = adp_vault_check_trusted(vault, err);

    if (status == ADP_OK)
        status = find_contact(vault, name, &index, err);
    if (status != ADP_OK)
        return status;
    draft = adp_secret_new(sizeof(*draft));
    if (draft == NULL)
        return adp_fail_memory(err);
    status = open_half(vault, index, draft, err);
    if (status == ADP_OK)
        adp_recovery_to_text(out_half, &draft->other);
    adp_secret_free(draft, sizeof(*draft));
    return status;
}
