#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fs.h"
#include "secret.h"
#include "vault.h"

enum adp_status adp_vault_account_seed(const struct adp_vault *vault,
                                       uint8_t out_seed[ADP_SIGN_SEED_LEN], struct adp_error *err)
{
    const struct adp_keybag *keybag = &vault->keybag;
    enum adp_status status = adp_identity_check_keys(vault->identity, err);
    uint8_t info[128];
    size_t info_len;

    if (status != ADP_OK)
        return status;
    if (vault->self == ADP_NO_RECIPIENT || !keybag->recipients[vault->self].has_account) {
        adp_fail(err, ADP_ERR_NO_KEY, vault->path,
                 "only a trusted device may change who has access");
        return adp_error_hint(err, ADP_ERR_NO_KEY,
                              "run it on a trusted device, or name its identity with --identity");
    }
    info_len = adp_account_info(info, keybag->vault_id, keybag->account_pub);
    return adp_wrap_open(out_seed, &keybag->recipients[vault->self].account,
                         vault->identity->keys->kem_private, info, info_len, err);
}

static enum adp_status write_generation(struct adp_vault *vault, const struct adp_builder *bytes,
                                        uint64_t generation, struct adp_error *err)
{
    char path[ADP_VAULT_PATH_LEN], name[32];
    int rc;

    snprintf(name, sizeof(name), "%016" PRIx64 ".adpk", generation);
    adp_vault_path(path, vault, "keybag/%s", name);
    rc = adp_fs_publish(vault->keybag_dir, name, 0600, bytes->data, bytes->len, ADP_FS_PUBLISH_NEW);
    if (rc == -EEXIST) {
        adp_fail(err, ADP_ERR_CONFLICT, path,
                 "somebody else has changed the keybag at the same time; nothing was changed here");
        return adp_error_hint(err, ADP_ERR_CONFLICT, "run the command again");
    }
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, path, "cannot write the keybag");
}

enum adp_status adp_vault_publish(struct adp_vault *vault, struct adp_keybag *next,
                                  const uint8_t seed[ADP_SIGN_SEED_LEN], const char *reason,
                                  struct adp_error *err)
{
    struct adp_builder bytes = {0};
    enum adp_status status;

    next->version = ADP_KEYBAG_VERSION;
    next->generation = vault->keybag.generation + 1;
    memcpy(next->previous, vault->keybag_hash, ADP_HASH_LEN);
    next->created_ns = adp_vault_now();
    next->author = (uint16_t)vault->self;
    snprintf(next->reason, sizeof(next->reason), "%s", reason);
    status = adp_keybag_build(&bytes, next, vault->identity->keys->sign_seed, seed, err);
    if (status == ADP_OK)
        status = write_generation(vault, &bytes, next->generation, err);
    adp_builder_free(&bytes);
    return status == ADP_OK ? adp_vault_load_keybag(vault, err) : status;
}

enum adp_status adp_keybag_add_recipient(struct adp_keybag *keybag,
                                         const struct adp_recipient *recipient, size_t *out_index,
                                         struct adp_error *err)
{
    struct adp_recipient *grown;

    if (keybag->num_recipients >= ADP_KEYBAG_MAX_RECIPIENTS)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "a keybag holds at most %d recipients",
                        ADP_KEYBAG_MAX_RECIPIENTS);
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
    size_t info_len =
        adp_epoch_info(info, keybag->vault_id, (uint16_t)category, epoch->number, epoch->pub);

    if (grown == NULL)
        return adp_fail_memory(err);
    epoch->wraps = grown;
    grown[epoch->num_wraps].recipient = (uint16_t)index;
    epoch->num_wraps++;
    return adp_wrap_seal(&grown[epoch->num_wraps - 1].wrap, keybag->recipients[index].kem_pub, info,
                         info_len, private_key, err);
}

enum adp_status adp_keybag_wrap_account(struct adp_keybag *keybag, size_t index,
                                        const uint8_t seed[ADP_SIGN_SEED_LEN],
                                        struct adp_error *err)
{
    struct adp_recipient *recipient = &keybag->recipients[index];
    uint8_t info[128];
    size_t info_len = adp_account_info(info, keybag->vault_id, keybag->account_pub);

    recipient->has_account = 1;
    return adp_wrap_seal(&recipient->account, recipient->kem_pub, info, info_len, seed, err);
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
