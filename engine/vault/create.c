#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "vault.h"
#include "walk.h"

static const char *const folders[] = {"keybag", "snapshots", "archives"};

#define NUM_FOLDERS (sizeof(folders) / sizeof(folders[0]))

static int is_folder(const struct adp_walk_entry *entry)
{
    for (size_t i = 0; i < NUM_FOLDERS; i++) {
        if (entry->depth == 1 && S_ISDIR(entry->st->st_mode) &&
            strcmp(entry->name, folders[i]) == 0)
            return 1;
    }
    return 0;
}

/* What an interrupted run has made may be there: the folders, and temporary files in them. */
static int refuse_content(void *user, const struct adp_walk_entry *entry)
{
    (void)user;
    if (entry->event == ADP_WALK_ERROR)
        return -entry->error;
    if (entry->event != ADP_WALK_ENTRY || entry->depth == 0 || is_folder(entry) ||
        (entry->depth == 2 && adp_fs_is_temp(entry->name)))
        return ADP_WALK_CONTINUE;
    return -ENOTEMPTY;
}

/* Takes back what was made, so that the next try finds an empty folder again. */
static void remove_folders(int fd)
{
    for (size_t i = 0; i < NUM_FOLDERS; i++)
        (void)adp_fs_remove_tree(fd, folders[i]);
}

static int fill_folder(int fd)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < NUM_FOLDERS; i++) {
        rc = adp_entry_make_dir(fd, folders[i], 0700);
        rc = rc == -EEXIST ? 0 : rc;
    }
    if (rc == 0)
        rc = adp_fs_sync_dir(fd);
    return rc == 0 ? adp_fs_sync_parent(fd) : rc;
}

/* Makes and opens the vault's folder. It stays locked until it is closed, so that nobody else makes
 * a vault in it meanwhile. */
static enum adp_status open_folder(const char *dir, int *out_fd, struct adp_error *err)
{
    int rc = adp_entry_make_dir(AT_FDCWD, dir, 0700), fd;

    if (rc < 0 && rc != -EEXIST)
        return adp_fail_errno(err, -rc, dir, "cannot make the vault's folder");
    fd = adp_fs_open_dir(dir);
    rc = fd < 0 ? fd : adp_entry_lock(fd, 1);
    if (rc == 0) {
        *out_fd = fd;
        return ADP_OK;
    }
    adp_fs_close(fd);
    if (rc == -EBUSY)
        return adp_fail(err, ADP_ERR_CONFLICT, dir,
                        "somebody else makes a vault there at this moment");
    return adp_fail_errno(err, -rc, dir, "cannot open the vault's folder");
}

static enum adp_status make_folders(const char *dir, int fd, struct adp_error *err)
{
    int rc = adp_walk(dir, dir, 1, refuse_content, NULL);

    if (rc == -ENOTEMPTY) {
        adp_fail(err, ADP_ERR_EXISTS, dir, "the folder is not empty");
        return adp_error_hint(err, ADP_ERR_EXISTS,
                              "choose an empty folder, or one that does not exist yet");
    }
    if (rc < 0)
        return adp_fail_errno(err, -rc, dir, "cannot read the vault's folder");
    rc = fill_folder(fd);
    if (rc == 0)
        return ADP_OK;
    remove_folders(fd);
    return adp_fail_errno(err, -rc, dir, "cannot make the vault's folders");
}

static enum adp_status first_device(struct adp_change *change, const char *device,
                                    struct adp_error *err)
{
    const struct adp_identity *identity = change->vault->identity;
    struct adp_recipient recipient = {.kind = ADP_RECIPIENT_DEVICE};
    enum adp_status status;

    memcpy(recipient.name, device, strlen(device) + 1);
    memcpy(recipient.kem_pub, identity->kem_pub, ADP_KEM_KEY_LEN);
    memcpy(recipient.sign_pub, identity->sign_pub, ADP_SIGN_PUB_LEN);
    status = adp_change_add(change, &recipient, &change->vault->self, err);
    return status == ADP_OK ? adp_change_wrap_account(change, change->vault->self, err) : status;
}

static enum adp_status first_keybag(struct adp_vault *vault, const char *device,
                                    struct adp_error *err)
{
    struct adp_change change;
    uint8_t account[ADP_HASH_LEN];
    enum adp_status status = adp_change_first(&change, vault, err);

    adp_random(change.next.vault_id, ADP_ID_LEN);
    change.next.protection = ADP_PROTECTION_STANDARD;
    adp_sha256(account, change.next.account_pub, ADP_SIGN_PUB_LEN);
    if (status == ADP_OK)
        status = first_device(&change, device, err);
    for (unsigned c = 1; status == ADP_OK && c <= ADP_NUM_CATEGORIES; c++)
        status = adp_keybag_rotate(&change.next, c, err);
    if (status == ADP_OK)
        status = adp_change_publish(&change, err, "vault created");
    if (status == ADP_OK)
        status = adp_vault_trust_account(vault, account, err);
    adp_change_end(&change);
    return status;
}

static enum adp_status check_arguments(const char *dir, const struct adp_identity *identity,
                                       const char *device, struct adp_error *err)
{
    if (identity->kind != ADP_KIND_DEVICE)
        return adp_fail(err, ADP_ERR_ARGUMENT, dir,
                        "a vault's first identity is a device's; this one is of another kind");
    if (!adp_name_check(device, strlen(device)))
        return adp_fail(err, ADP_ERR_ARGUMENT, dir,
                        "a device name is 1 to %d bytes of UTF-8 without control characters",
                        ADP_RECIPIENT_NAME_MAX);
    return adp_identity_check_keys(identity, err);
}

enum adp_status adp_vault_create(struct adp_vault **out_vault, const char *dir,
                                 struct adp_identity *identity, const char *device,
                                 struct adp_error *err)
{
    struct adp_vault *vault = NULL;
    enum adp_status status = check_arguments(dir, identity, device, err);
    int fd = -1;

    *out_vault = NULL;
    if (status == ADP_OK)
        status = open_folder(dir, &fd, err);
    if (status == ADP_OK)
        status = make_folders(dir, fd, err);
    if (status != ADP_OK)
        goto err0;
    status = adp_vault_prepare(&vault, dir, identity, err);
    if (status == ADP_OK)
        status = first_keybag(vault, device, err);
    if (status != ADP_OK) {
        adp_vault_free(vault);
        remove_folders(fd);
    } else {
        *out_vault = vault;
    }
err0:
    adp_fs_close(fd);
    return status;
}
