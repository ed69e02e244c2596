/* A change of who may open the vault: what every one of them begins and ends with. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "fs.h"
#include "secret.h"
#include "vault.h"

/* What a change needs and must be wiped. */
struct adp_change_keys {
    uint8_t account_seed[ADP_SIGN_SEED_LEN];
    uint8_t epoch_private[ADP_KEM_KEY_LEN];
};

static enum adp_status fail_not_trusted(const struct adp_vault *vault, struct adp_error *err)
{
    if (vault->identity != NULL && vault->identity->path == NULL) {
        adp_fail(err, ADP_ERR_NO_KEY, vault->path, "this is no recovery code of this vault");
        return adp_error_hint(err, ADP_ERR_NO_KEY,
                              "a newer one may have replaced it, or it belongs to another vault");
    }
    adp_fail(err, ADP_ERR_NO_KEY, vault->path, "only a trusted device may change who has access");
    return adp_error_hint(err, ADP_ERR_NO_KEY,
                          "run it on a trusted device, or name its identity with --identity");
}

static enum adp_status unwrap_account(struct adp_change *change, struct adp_error *err)
{
    const struct adp_vault *vault = change->vault;
    const struct adp_keybag *keybag = &vault->keybag;
    enum adp_status status = adp_identity_check_keys(vault->identity, err);
    uint8_t info[128];
    size_t info_len;

    if (status != ADP_OK)
        return status;
    if (vault->self == ADP_NO_RECIPIENT || !keybag->recipients[vault->self].has_account)
        return fail_not_trusted(vault, err);
    info_len = adp_account_info(info, keybag->vault_id, keybag->account_pub);
    return adp_wrap_open(change->keys->account_seed,
                         &keybag->recipients[vault->self].account.sealed,
                         vault->identity->keys->kem_private, info, info_len, err);
}

enum adp_status adp_change_begin(struct adp_change *out, struct adp_vault *vault,
                                 struct adp_error *err)
{
    enum adp_status status = adp_vault_check_trusted(vault, err);

    memset(out, 0, sizeof(*out));
    out->vault = vault;
    if (status != ADP_OK)
        return status;
    out->keys = adp_secret_new(sizeof(*out->keys));
    status = out->keys == NULL ? adp_fail_memory(err) : unwrap_account(out, err);
    return status == ADP_OK ? adp_keybag_copy(&out->next, &vault->keybag, err) : status;
}

enum adp_status adp_change_first(struct adp_change *out, struct adp_vault *vault,
                                 struct adp_error *err)
{
    memset(out, 0, sizeof(*out));
    out->vault = vault;
    out->keys = adp_secret_new(sizeof(*out->keys));
    return out->keys == NULL ? adp_fail_memory(err) : adp_change_new_account(out, err);
}

void adp_change_end(struct adp_change *change)
{
    adp_keybag_free(&change->next);
    adp_secret_free(change->keys, sizeof(*change->keys));
    change->keys = NULL;
}

enum adp_status adp_change_new_account(struct adp_change *change, struct adp_error *err)
{
    return adp_keybag_new_account(&change->next, change->keys->account_seed, err);
}

enum adp_status adp_change_add(struct adp_change *change, struct adp_recipient *recipient,
                               size_t *out_index, struct adp_error *err)
{
    recipient->state = ADP_RECIPIENT_ACTIVE;
    recipient->added_ns = adp_vault_now();
    return adp_keybag_add_recipient(&change->next, recipient, out_index, err);
}

enum adp_status adp_change_wrap_account(struct adp_change *change, size_t index,
                                        struct adp_error *err)
{
    return adp_keybag_wrap_account(&change->next, index, change->keys->account_seed, err);
}

/* Wraps what the author can open of |category|. Epochs that were erased nobody opens; those that
 * are new in this change were wrapped to all when they were made. */
static enum adp_status grant_category(struct adp_change *change, unsigned category, size_t index,
                                      struct adp_error *err)
{
    struct adp_keybag_category *slot = &change->next.categories[category - 1];
    enum adp_status status = ADP_OK;
    size_t at;

    for (size_t i = 0; status == ADP_OK && i < slot->num_epochs; i++) {
        struct adp_epoch *epoch = &slot->epochs[i];

        if (epoch->num_wraps == 0 || adp_keybag_find_wrap(epoch, index, &at))
            continue;
        status = adp_vault_epoch_key(change->vault, category, epoch->number,
                                     change->keys->epoch_private, err);
        if (status == ADP_OK)
            status = adp_keybag_add_wrap(&change->next, category, epoch, index,
                                         change->keys->epoch_private, err);
    }
    return status;
}

enum adp_status adp_change_grant(struct adp_change *change, size_t index, struct adp_error *err)
{
    const struct adp_recipient *recipient = &change->next.recipients[index];
    enum adp_status status = ADP_OK;

    for (unsigned c = 1; status == ADP_OK && c <= ADP_NUM_CATEGORIES; c++) {
        if (adp_keybag_may_open(&change->next, recipient, c))
            status = grant_category(change, c, index, err);
    }
    return status;
}

enum adp_status adp_change_remove(struct adp_change *change, size_t index, struct adp_error *err)
{
    struct adp_recipient *recipient = &change->next.recipients[index];
    int had_account = recipient->has_account;
    enum adp_status status = ADP_OK;

    recipient->state = ADP_RECIPIENT_REMOVED;
    recipient->removed_ns = adp_vault_now();
    recipient->removed_generation = change->vault->keybag.generation + 1;
    recipient->has_account = recipient->has_half = 0;
    if (had_account)
        status = adp_change_new_account(change, err);
    for (unsigned c = 1; status == ADP_OK && c <= ADP_NUM_CATEGORIES; c++) {
        if (adp_keybag_drop_wraps(&change->next, c, index))
            status = adp_keybag_rotate(&change->next, c, err);
    }
    return status;
}

static enum adp_status write_next(struct adp_change *change, struct adp_error *err)
{
    struct adp_vault *vault = change->vault;
    struct adp_builder bytes = {0};
    enum adp_status status = adp_keybag_build(
        &bytes, &change->next, vault->identity->keys->sign_seed, change->keys->account_seed, err);

    if (status == ADP_OK)
        status = adp_history_publish(vault, &bytes, change->next.generation, err);
    adp_builder_free(&bytes);
    if (status != ADP_OK)
        return status;
    change->is_published = 1;
    status = adp_vault_load_keybag(vault, err);
    if (status == ADP_OK)
        status = adp_history_settle(vault, err);
    if (status == ADP_OK || change->next.generation == 1) /* init takes back all that it made */
        return status;
    return adp_error_hint(err, status,
                          "the change is made, but not finished: keys that it took away may still "
                          "be in older keybags; put this right, and run: adp-seal device update %s",
                          vault->path);
}

enum adp_status adp_change_publish(struct adp_change *change, struct adp_error *err,
                                   const char *format, ...)
{
    struct adp_vault *vault = change->vault;
    struct adp_keybag *next = &change->next;
    enum adp_status status;
    va_list args;
    int lock;

    next->generation = vault->keybag.generation + 1;
    memcpy(next->previous, vault->keybag.hash, ADP_HASH_LEN);
    next->created_ns = adp_vault_now();
    next->author = (uint16_t)vault->self;
    next->recipients[vault->self].level = ADP_KEYBAG_VERSION;
    va_start(args, format);
    vsnprintf(next->reason, sizeof(next->reason), format, args);
    va_end(args);
    status = adp_history_lock(vault, &lock, err);
    if (status != ADP_OK)
        return status;
    status = write_next(change, err);
    adp_fs_close(lock);
    /* It was read again: still the account that was trusted? */
    return status == ADP_OK && next->generation > 1 ? adp_vault_check_trusted(vault, err) : status;
}

enum adp_status adp_change_finish(struct adp_change *change, struct adp_error *err)
{
    int lock;
    enum adp_status status = adp_history_lock(change->vault, &lock, err);

    if (status != ADP_OK)
        return status;
    status = adp_vault_load_keybag(change->vault, err); /* somebody may have been here meanwhile */
    if (status == ADP_OK)
        status = adp_history_settle(change->vault, err);
    adp_fs_close(lock);
    return status;
}
