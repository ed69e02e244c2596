/* The generations of the keybag, as they lie in the vault: each twice. */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "fs.h"

static const char *const folders[HISTORY_NUM_COPIES] = {"keybag", "snapshots"};

const char *history_folder(unsigned copy)
{
    return folders[copy];
}

int history_dir(const struct adp_vault *vault, unsigned copy)
{
    return copy == 0 ? vault->keybag_dir : vault->snapshots_dir;
}

void adp_generation_free(struct adp_generation *generation)
{
    adp_keybag_free(&generation->keybag);
    free(generation->data);
    generation->data = NULL;
}

/* -- Reading ----------------------------------------------------------------------------------- */

/* Raises |*newest| to the highest number in one folder that is not above |max|. */
static enum adp_status newest_in(const struct adp_vault *vault, unsigned copy, uint64_t max,
                                 uint64_t *newest, struct adp_error *err)
{
    struct adp_vault_names names;
    enum adp_status status;

    if (history_dir(vault, copy) < 0)
        return ADP_OK;
    status = adp_vault_list_names(vault, folders[copy], ".adpk", &names, err);
    if (status != ADP_OK)
        return status;
    for (size_t i = 0; i < names.num; i++) {
        uint64_t number;

        if (strlen(names.items[i]) != 16 || strspn(names.items[i], "0123456789abcdef") != 16)
            continue;
        number = strtoull(names.items[i], NULL, 16);
        if (number > *newest && number <= max)
            *newest = number;
    }
    adp_vault_names_free(&names);
    return ADP_OK;
}

/* The highest number of a generation that is not above |max|; 0 if there is none. */
enum adp_status history_newest(const struct adp_vault *vault, uint64_t max, uint64_t *out_number,
                               struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    *out_number = 0;
    for (unsigned copy = 0; status == ADP_OK && copy < HISTORY_NUM_COPIES; copy++)
        status = newest_in(vault, copy, max, out_number, err);
    return status;
}

enum adp_status adp_history_newest(const struct adp_vault *vault, uint64_t *out_number,
                                   struct adp_error *err)
{
    enum adp_status status = history_newest(vault, UINT64_MAX, out_number, err);

    if (status != ADP_OK || *out_number > 0)
        return status;
    adp_fail(err, ADP_ERR_NOT_FOUND, vault->path, "the vault has no keybag");
    return adp_error_hint(err, ADP_ERR_NOT_FOUND,
                          "restore the folder keybag/ from a copy of the vault");
}

static enum adp_status parse_copy(struct adp_generation *out, uint64_t number,
                                  struct adp_error *err)
{
    enum adp_status status = adp_keybag_parse(&out->keybag, out->data, out->len, out->path, err);

    if (status != ADP_OK || out->keybag.generation == number)
        return status;
    adp_fail(err, ADP_ERR_FORMAT, out->path,
             "the keybag's name does not say its generation, %" PRIu64, out->keybag.generation);
    return adp_error_hint(err, ADP_ERR_FORMAT, "restore the file from a copy of the vault");
}

enum adp_status history_read_copy(const struct adp_vault *vault, unsigned copy, uint64_t number,
                                  struct adp_generation *out, struct adp_error *err)
{
    char name[32];
    enum adp_status status;
    int rc;

    memset(out, 0, sizeof(*out));
    snprintf(name, sizeof(name), HISTORY_NAME_FORMAT, number);
    adp_vault_path(out->path, vault, "%s/%s", folders[copy], name);
    rc = history_dir(vault, copy) < 0
             ? -ENOENT
             : adp_fs_load(history_dir(vault, copy), name, ADP_KEYBAG_MAX, &out->data, &out->len);
    if (rc == -ENOENT) {
        adp_fail(err, ADP_ERR_MISSING, out->path, "this generation of the keybag is missing");
        return adp_error_hint(err, ADP_ERR_MISSING,
                              "restore the file from a copy of the vault; if no copy has it, a "
                              "newer keybag may be forged: set that aside");
    }
    if (rc < 0)
        return adp_fail_errno(err, -rc, out->path, "cannot read the keybag");
    status = parse_copy(out, number, err);
    if (status != ADP_OK)
        adp_generation_free(out);
    return status;
}

enum adp_status adp_history_read(const struct adp_vault *vault, uint64_t number, int whole,
                                 struct adp_generation *out, struct adp_error *err)
{
    struct adp_generation other;
    enum adp_status status = history_read_copy(vault, 0, number, out, err);

    if (status == ADP_OK && (!whole || adp_keybag_is_whole(&out->keybag)))
        return ADP_OK;
    if (history_read_copy(vault, 1, number, &other, NULL) == ADP_OK) {
        if (status != ADP_OK || adp_keybag_is_whole(&other.keybag)) {
            if (status == ADP_OK)
                adp_generation_free(out);
            *out = other;
            status = ADP_OK;
        } else {
            adp_generation_free(&other);
        }
    }
    if (status != ADP_OK || !whole || adp_keybag_is_whole(&out->keybag))
        return status;
    adp_fail(err, ADP_ERR_FORMAT, out->path, "keys were destroyed in the newest keybag");
    adp_error_hint(err, ADP_ERR_FORMAT,
                   "only older generations lose keys, so somebody has changed it: restore the file "
                   "from a copy of the vault");
    adp_generation_free(out);
    return ADP_ERR_FORMAT;
}

/* -- Writing ----------------------------------------------------------------------------------- */

static int open_keybag_dir(const struct adp_vault *vault)
{
    return adp_fs_open_beneath(vault->dir, folders[0], O_RDONLY | O_DIRECTORY, 0);
}

static int make_keybag_dir(struct adp_vault *vault)
{
    int rc = adp_entry_make_dir(vault->dir, folders[0], 0700);

    if (rc < 0 && rc != -EEXIST)
        return rc;
    vault->keybag_dir = open_keybag_dir(vault);
    return vault->keybag_dir < 0 ? vault->keybag_dir : adp_fs_sync_dir(vault->dir);
}

int history_lock(const struct adp_vault *vault, int exclusive)
{
    int fd = open_keybag_dir(vault);
    int rc = fd < 0 ? fd : adp_entry_lock(fd, exclusive);

    if (rc == 0)
        return fd;
    adp_fs_close(fd);
    return rc;
}

enum adp_status adp_history_lock(struct adp_vault *vault, int *out_fd, struct adp_error *err)
{
    char path[ADP_VAULT_PATH_LEN];
    int rc = vault->keybag_dir < 0 ? make_keybag_dir(vault) : 0;

    if (rc == 0)
        rc = *out_fd = history_lock(vault, 1);
    if (rc >= 0)
        return ADP_OK;
    adp_vault_path(path, vault, "%s", folders[0]);
    if (rc != -EBUSY)
        return adp_fail_errno(err, -rc, path, "cannot lock the keybag");
    return adp_fail(err, ADP_ERR_CONFLICT, path,
                    "somebody else changes the keybag at this moment; nothing was changed here");
}

enum adp_status adp_history_publish(const struct adp_vault *vault, const struct adp_builder *bytes,
                                    uint64_t number, struct adp_error *err)
{
    char path[ADP_VAULT_PATH_LEN], name[32];
    int rc;

    snprintf(name, sizeof(name), HISTORY_NAME_FORMAT, number);
    adp_vault_path(path, vault, "%s/%s", folders[0], name);
    rc = adp_fs_publish(vault->keybag_dir, name, 0600, bytes->data, bytes->len, ADP_FS_PUBLISH_NEW);
    if (rc == 0)
        return ADP_OK;
    if (rc != -EEXIST)
        return adp_fail_errno(err, -rc, path, "cannot write the keybag");
    return adp_fail(err, ADP_ERR_CONFLICT, path,
                    "somebody else has changed the keybag at the same time; nothing was changed "
                    "here");
}
