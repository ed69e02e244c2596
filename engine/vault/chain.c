/* Which keybag is the vault's: the newest, if it follows from the one that the identity knows. */
#include <inttypes.h>
#include <string.h>

#include "error.h"
#include "vault.h"

/* Where among the recipients is the identity? Removed ones count: they still know who they are. */
static size_t find_self(const struct adp_keybag *keybag, const struct adp_identity *identity)
{
    if (identity == NULL)
        return ADP_NO_RECIPIENT;
    for (size_t i = 0; i < keybag->num_recipients; i++) {
        const struct adp_recipient *recipient = &keybag->recipients[i];

        if (recipient->kind == (uint8_t)identity->kind &&
            memcmp(recipient->sign_pub, identity->sign_pub, ADP_SIGN_PUB_LEN) == 0 &&
            (recipient->kind == ADP_RECIPIENT_SEALER ||
             memcmp(recipient->kem_pub, identity->kem_pub, ADP_KEM_KEY_LEN) == 0))
            return i;
    }
    return ADP_NO_RECIPIENT;
}

static enum adp_status fail_forked(const struct adp_generation *next, struct adp_error *err)
{
    adp_fail(err, ADP_ERR_MISMATCH, next->path,
             "it does not follow from the generation before it: the keybag has been forked");
    return adp_error_hint(err, ADP_ERR_MISMATCH,
                          "somebody who once had access has written it, or one file was changed: "
                          "compare keybag/ with a copy of the vault before you use it");
}

/* Whether |next| was made by somebody who in |from| may change it: holds the account's key. */
static int is_author_trusted(const struct adp_keybag *from, const struct adp_keybag *next)
{
    const struct adp_recipient *author = &next->recipients[next->author];

    for (size_t i = 0; i < from->num_recipients; i++) {
        const struct adp_recipient *known = &from->recipients[i];

        if (known->has_account && memcmp(known->sign_pub, author->sign_pub, ADP_SIGN_PUB_LEN) == 0)
            return 1;
    }
    return 0;
}

/* |next| names |from| as the one before it, and somebody whom |from| trusts has made it. A keybag
 * that does not say who made it comes before all that do, under one account. */
static enum adp_status check_step(const struct adp_generation *from,
                                  const struct adp_generation *next, struct adp_error *err)
{
    if (memcmp(next->keybag.vault_id, from->keybag.vault_id, ADP_ID_LEN) != 0 ||
        memcmp(next->keybag.previous, from->keybag.hash, ADP_HASH_LEN) != 0 ||
        next->keybag.version < from->keybag.version ||
        (next->keybag.version < ADP_KEYBAG_VERSION &&
         memcmp(next->keybag.account_pub, from->keybag.account_pub, ADP_SIGN_PUB_LEN) != 0))
        return fail_forked(next, err);
    if (is_author_trusted(&from->keybag, &next->keybag))
        return ADP_OK;
    adp_fail(err, ADP_ERR_SIGNATURE, next->path,
             "this keybag was made by \"%s\", which was no trusted device at that time",
             next->keybag.recipients[next->keybag.author].name);
    return adp_error_hint(err, ADP_ERR_SIGNATURE,
                          "set this file aside, and see who can write to the vault: a device that "
                          "was removed may have made it");
}

static int is_account(const struct adp_pin *pin, const struct adp_keybag *keybag)
{
    uint8_t account[ADP_HASH_LEN];

    adp_sha256(account, keybag->account_pub, ADP_SIGN_PUB_LEN);
    return memcmp(pin->account_hash, account, ADP_HASH_LEN) == 0;
}

/* Walks from the generation that is pinned to the |newest|. |*out_is_read|: all on the way could be
 * read, so that a failure is about what they say. */
static enum adp_status check_chain(const struct adp_vault *vault, const struct adp_pin *pin,
                                   const struct adp_generation *newest, int *out_is_read,
                                   struct adp_error *err)
{
    struct adp_generation at, next;
    enum adp_status status = adp_history_read(vault, pin->generation, 0, &at, err);

    *out_is_read = status == ADP_OK;
    if (status != ADP_OK)
        return status;
    if (!is_account(pin, &at.keybag) ||
        (pin->has_hash && memcmp(at.keybag.hash, pin->keybag_hash, ADP_HASH_LEN) != 0))
        status = fail_forked(&at, err);
    for (uint64_t g = pin->generation + 1; status == ADP_OK && g < newest->keybag.generation; g++) {
        status = adp_history_read(vault, g, 0, &next, err);
        *out_is_read = status == ADP_OK;
        if (status != ADP_OK)
            break;
        status = check_step(&at, &next, err);
        adp_generation_free(&at);
        at = next;
    }
    if (status == ADP_OK)
        status = check_step(&at, newest, err);
    adp_generation_free(&at);
    return status;
}

/* Without a pin there is only what lies there: the generation before, if it does, must be the one
 * that is named. */
static enum adp_status check_previous(const struct adp_vault *vault,
                                      const struct adp_generation *newest, struct adp_error *err)
{
    struct adp_generation previous;
    enum adp_status status;

    if (newest->keybag.generation == 1 ||
        adp_history_read(vault, newest->keybag.generation - 1, 0, &previous, NULL) != ADP_OK)
        return ADP_OK;
    status = check_step(&previous, newest, err);
    adp_generation_free(&previous);
    return status;
}

static enum adp_status remember(struct adp_vault *vault, const struct adp_keybag *keybag,
                                struct adp_error *err)
{
    return vault->identity == NULL || vault->first_contact ? ADP_OK
                                                           : adp_vault_pin(vault, keybag, err);
}

/* What is known of this vault, against its newest keybag. */
static enum adp_status check_known(struct adp_vault *vault, const struct adp_pin *pin,
                                   const struct adp_generation *newest, struct adp_error *err)
{
    const struct adp_keybag *keybag = &newest->keybag;
    struct adp_error why = {0};
    enum adp_status status;
    int is_read;

    if (keybag->generation > pin->generation) {
        status = check_chain(vault, pin, newest, &is_read, &why);
        if (status == ADP_OK)
            return remember(vault, keybag, err);
        if (is_account(pin, keybag) || !is_read) {
            if (err != NULL)
                *err = why;
            return status;
        }
    }
    if (!is_account(pin, keybag)) {
        adp_fail(err, ADP_ERR_ACCOUNT, newest->path,
                 "this keybag is signed by another account than the one this identity knows");
        return adp_error_hint(err, ADP_ERR_ACCOUNT,
                              "somebody has replaced it: compare it with another copy of the vault "
                              "before you trust it");
    }
    if (keybag->generation < pin->generation) {
        adp_fail(err, ADP_ERR_ROLLBACK, newest->path,
                 "this keybag is generation %" PRIu64 ", but this identity has seen %" PRIu64,
                 keybag->generation, pin->generation);
        return adp_error_hint(err, ADP_ERR_ROLLBACK,
                              "the vault has been set back to an older state: restore the newer "
                              "files of keybag/ from a copy");
    }
    if (!pin->has_hash) /* an older identity's: from now on it has */
        return remember(vault, keybag, err);
    return memcmp(newest->keybag.hash, pin->keybag_hash, ADP_HASH_LEN) == 0
               ? ADP_OK
               : fail_forked(newest, err);
}

static enum adp_status check_newest(struct adp_vault *vault, const struct adp_generation *newest,
                                    struct adp_error *err)
{
    const struct adp_pin *pin =
        vault->identity == NULL ? NULL : adp_identity_pin(vault->identity, newest->keybag.vault_id);
    struct adp_pin held;

    vault->first_contact = vault->identity != NULL && pin == NULL;
    if (pin != NULL)
        return check_known(vault, pin, newest, err);
    if (vault->keybag.generation == 0)
        return check_previous(vault, newest, err);
    held = adp_vault_make_pin(&vault->keybag);
    return check_known(vault, &held, newest, err);
}

/* Where a change is made at this moment, the one that was the newest may have lost keys by the time
 * it is read: then there is a newer one. */
static enum adp_status read_newest(const struct adp_vault *vault, struct adp_generation *out,
                                   struct adp_error *err)
{
    uint64_t number = 0, last;
    enum adp_status status;

    do {
        last = number;
        status = adp_history_newest(vault, &number, err);
        if (status != ADP_OK)
            return status;
        status = adp_history_read(vault, number, 1, out, err);
    } while (status != ADP_OK && number > last);
    return status;
}

enum adp_status adp_vault_load_keybag(struct adp_vault *vault, struct adp_error *err)
{
    struct adp_generation newest;
    enum adp_status status = read_newest(vault, &newest, err);

    if (status != ADP_OK)
        return status;
    status = check_newest(vault, &newest, err);
    if (status == ADP_OK) {
        adp_keybag_free(&vault->keybag);
        vault->keybag = newest.keybag;
        memset(&newest.keybag, 0, sizeof(newest.keybag));
        vault->self = find_self(&vault->keybag, vault->identity);
    }
    adp_generation_free(&newest);
    return status;
}

enum adp_status adp_vault_refresh(struct adp_vault *vault, struct adp_error *err)
{
    uint64_t number;
    enum adp_status status = adp_history_newest(vault, &number, err);

    return status != ADP_OK || number <= vault->keybag.generation
               ? status
               : adp_vault_load_keybag(vault, err);
}

enum adp_status adp_vault_refresh_for(struct adp_vault *vault, const struct adp_header *header,
                                      struct adp_error *err)
{
    uint32_t newest = adp_vault_newest_epoch(vault, header->category)->number;

    for (size_t i = 0; i < header->num_slots; i++) {
        if (header->slots[i].key_epoch > newest)
            return adp_vault_refresh(vault, err);
    }
    return ADP_OK;
}
