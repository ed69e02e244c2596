#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "secret.h"
#include "vault.h"
#include "walk.h"

/* What is made once and must be wiped. */
struct creation {
    uint8_t account_seed[ADP_SIGN_SEED_LEN];
};

static const char *const folders[] = {"keybag", "snapshots", "archives"};

static int refuse_content(void *user, const struct adp_walk_entry *entry)
{
    (void)user;
    return entry->depth > 0 ? -ENOTEMPTY : ADP_WALK_CONTINUE;
}

/* Takes back what make_folders has made, so that the next try finds an empty folder again. */
static void remove_folders(const char *dir)
{
    int fd = adp_fs_open_dir(dir);

    for (size_t i = 0; fd >= 0 && i < sizeof(folders) / sizeof(folders[0]); i++)
        (void)adp_fs_remove_tree(fd, folders[i]);
    adp_fs_close(fd);
}

static enum adp_status make_folders(const char *dir, struct adp_error *err)
{
    int rc = adp_entry_make_dir(AT_FDCWD, dir, 0700), fd;

    if (rc < 0 && rc != -EEXIST)
        return adp_fail_errno(err, -rc, dir, "cannot make the vault's folder");
    if (adp_walk(dir, dir, 1, refuse_content, NULL) == -ENOTEMPTY) {
        adp_fail(err, ADP_ERR_EXISTS, dir, "the folder is not empty");
        return adp_error_hint(err, ADP_ERR_EXISTS,
                              "choose an empty folder, or one that does not exist yet");
    }
    fd = adp_fs_open_dir(dir);
    if (fd < 0)
        return adp_fail_errno(err, -fd, dir, "cannot open the vault's folder");
    rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(folders) / sizeof(folders[0]); i++)
        rc = adp_entry_make_dir(fd, folders[i], 0700);
    if (rc == 0)
        rc = adp_fs_sync_dir(fd);
    adp_fs_close(fd);
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, dir, "cannot make the vault's folders");
}

static enum adp_status first_device(struct adp_keybag *keybag, const struct adp_identity *identity,
                                    const char *device, struct creation *secrets,
                                    struct adp_error *err)
{
    struct adp_recipient recipient;
    size_t index;
    enum adp_status status;

    memset(&recipient, 0, sizeof(recipient));
    recipient.kind = ADP_RECIPIENT_DEVICE;
    recipient.state = ADP_RECIPIENT_ACTIVE;
    memcpy(recipient.name, device, strlen(device) + 1);
    memcpy(recipient.kem_pub, identity->kem_pub, ADP_KEM_KEY_LEN);
    memcpy(recipient.sign_pub, identity->sign_pub, ADP_SIGN_PUB_LEN);
    recipient.added_ns = adp_vault_now();
    status = adp_keybag_add_recipient(keybag, &recipient, &index, err);
    if (status == ADP_OK)
        status = adp_keybag_wrap_account(keybag, index, secrets->account_seed, err);
    return status;
}

static enum adp_status first_epochs(struct adp_keybag *keybag, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    for (unsigned category = 1; status == ADP_OK && category <= ADP_NUM_CATEGORIES; category++)
        status = adp_keybag_rotate(keybag, category, err);
    return status;
}

static enum adp_status first_keybag(struct adp_vault *vault, const char *device,
                                    struct creation *secrets, struct adp_error *err)
{
    struct adp_keybag keybag;
    uint8_t account[ADP_HASH_LEN];
    enum adp_status status;

    memset(&keybag, 0, sizeof(keybag));
    adp_random(keybag.vault_id, ADP_ID_LEN);
    keybag.protection = ADP_PROTECTION_STANDARD;
    adp_sign_generate(secrets->account_seed, keybag.account_pub);
    adp_sha256(account, keybag.account_pub, ADP_SIGN_PUB_LEN);
    status = first_device(&keybag, vault->identity, device, secrets, err);
    if (status == ADP_OK)
        status = first_epochs(&keybag, err);
    if (status == ADP_OK) {
        vault->self = 0;
        status = adp_vault_publish(vault, &keybag, secrets->account_seed, "vault created", err);
    }
    if (status == ADP_OK)
        status = adp_vault_trust_account(vault, account, err);
    adp_keybag_free(&keybag);
    return status;
}

static enum adp_status check_arguments(const char *dir, const struct adp_identity *identity,
                                       const char *device, struct adp_error *err)
{
    if (identity->kind != ADP_KIND_DEVICE)
        return adp_fail(err, ADP_ERR_ARGUMENT, dir,
                        "a vault's first identity is a device; this one is a sealer's");
    if (!adp_name_check(device, strlen(device)))
        return adp_fail(err, ADP_ERR_ARGUMENT, dir,
                        "a device name is 1 to %d bytes of UTF-8 without control characters",
                        ADP_RECIPIENT_NAME_MAX);
    return ADP_OK;
}

enum adp_status adp_vault_create(struct adp_vault **out_vault, const char *dir,
                                 struct adp_identity *identity, const char *device,
                                 struct adp_error *err)
{
    struct creation *secrets = NULL;
    struct adp_vault *vault = NULL;
    enum adp_status status = check_arguments(dir, identity, device, err);

    *out_vault = NULL;
    if (status == ADP_OK)
        status = make_folders(dir, err);
    if (status != ADP_OK)
        return status;
    secrets = adp_secret_new(sizeof(*secrets));
    status = secrets == NULL ? adp_fail_memory(err) : adp_vault_prepare(&vault, dir, identity, err);
    if (status == ADP_OK)
        status = first_keybag(vault, device, secrets, err);
    adp_secret_free(secrets, sizeof(*secrets));
    if (status != ADP_OK) {
        adp_vault_free(vault);
        remove_folders(dir);
        return status;
    }
    *out_vault = vault;
    return ADP_OK;
}
