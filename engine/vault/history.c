/* The generations of the keybag, as they lie in the vault: each twice, and without the keys that
 * were taken away since. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "vault.h"

#define NUM_COPIES  2
#define NAME_FORMAT "%016" PRIx64 ".adpk"

static const char *const folders[NUM_COPIES] = {"keybag", "snapshots"};

static int folder_of(const struct adp_vault *vault, unsigned copy)
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

    if (folder_of(vault, copy) < 0)
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
static enum adp_status newest_up_to(const struct adp_vault *vault, uint64_t max,
                                    uint64_t *out_number, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    *out_number = 0;
    for (unsigned copy = 0; status == ADP_OK && copy < NUM_COPIES; copy++)
        status = newest_in(vault, copy, max, out_number, err);
    return status;
}

enum adp_status adp_history_newest(const struct adp_vault *vault, uint64_t *out_number,
                                   struct adp_error *err)
{
    enum adp_status status = newest_up_to(vault, UINT64_MAX, out_number, err);

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

static enum adp_status read_copy(const struct adp_vault *vault, unsigned copy, uint64_t number,
                                 struct adp_generation *out, struct adp_error *err)
{
    char name[32];
    enum adp_status status;
    int rc;

    memset(out, 0, sizeof(*out));
    snprintf(name, sizeof(name), NAME_FORMAT, number);
    adp_vault_path(out->path, vault, "%s/%s", folders[copy], name);
    rc = folder_of(vault, copy) < 0
             ? -ENOENT
             : adp_fs_load(folder_of(vault, copy), name, ADP_KEYBAG_MAX, &out->data, &out->len);
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
    enum adp_status status = read_copy(vault, 0, number, out, err);

    if (status == ADP_OK && (!whole || adp_keybag_is_whole(&out->keybag)))
        return ADP_OK;
    if (read_copy(vault, 1, number, &other, NULL) == ADP_OK) {
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
    return vault->keybag_dir < 0 ? vault->keybag_dir : 0;
}

enum adp_status adp_history_lock(struct adp_vault *vault, int *out_fd, struct adp_error *err)
{
    char path[ADP_VAULT_PATH_LEN];
    int rc = vault->keybag_dir < 0 ? make_keybag_dir(vault) : 0, fd = -1;

    if (rc == 0)
        fd = open_keybag_dir(vault);
    if (rc == 0)
        rc = fd < 0 ? fd : adp_entry_lock(fd, 1);
    if (rc == 0) {
        *out_fd = fd;
        return ADP_OK;
    }
    adp_fs_close(fd);
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

    snprintf(name, sizeof(name), NAME_FORMAT, number);
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

/* -- What was taken away ----------------------------------------------------------------------- */

static int has_wrap(const struct adp_epoch *epoch, uint16_t recipient)
{
    for (size_t i = 0; i < epoch->num_wraps; i++) {
        if (epoch->wraps[i].recipient == recipient)
            return 1;
    }
    return 0;
}

/* Destroys |wrap| unless |is_kept|; adds to |*num| what was there. */
static void keep(struct adp_keybag_wrap *wrap, int is_kept, uint64_t *num)
{
    if (is_kept || wrap->is_destroyed)
        return;
    adp_keybag_destroy_wrap(wrap);
    ++*num;
}

static void destroy_of_category(struct adp_keybag_category *old,
                                const struct adp_keybag_category *newest, uint64_t *num)
{
    for (size_t e = 0; e < old->num_epochs && e < newest->num_epochs; e++) {
        struct adp_epoch *epoch = &old->epochs[e];

        for (size_t i = 0; i < epoch->num_wraps; i++)
            keep(&epoch->wraps[i].wrap, has_wrap(&newest->epochs[e], epoch->wraps[i].recipient),
                 num);
    }
}

/* Destroys in |old| every wrap that |newest| has no more; recipients keep their numbers and
 * categories their epochs. Returns how many there were. */
static uint64_t destroy_taken(struct adp_keybag *old, const struct adp_keybag *newest)
{
    uint64_t num = 0;

    for (size_t i = 0; i < old->num_recipients && i < newest->num_recipients; i++) {
        struct adp_recipient *recipient = &old->recipients[i];

        if (recipient->has_account)
            keep(&recipient->account, newest->recipients[i].has_account, &num);
        if (recipient->has_half)
            keep(&recipient->half, newest->recipients[i].has_half, &num);
    }
    for (size_t c = 0; c < ADP_NUM_CATEGORIES; c++)
        destroy_of_category(&old->categories[c], &newest->categories[c], &num);
    return num;
}

/* -- Putting right ----------------------------------------------------------------------------- */

/* The two copies of a generation. */
struct copies {
    uint64_t number;
    struct adp_generation items[NUM_COPIES];
    int fit[NUM_COPIES];    /* it is the generation that was looked for */
    int absent[NUM_COPIES]; /* there is no such file */
    int best;               /* the one that fits and has most, or -1 */
};

/* A copy on a bad place of the disk is a damaged one. Whatever else keeps one from being read says
 * nothing about it, and with neither read nobody knows what it holds: then nothing is settled. */
static enum adp_status check_read(const struct copies *copies, const struct adp_error *why,
                                  struct adp_error *err)
{
    for (unsigned i = 0; i < NUM_COPIES; i++) {
        int is_unread = why[i].status == ADP_ERR_MEMORY || why[i].status == ADP_ERR_IO;

        if (is_unread && (copies->best < 0 || why[i].sys_errno != EIO)) {
            if (err != NULL)
                *err = why[i];
            return why[i].status;
        }
    }
    return ADP_OK;
}

/* |hash| NULL: nothing says which one it is, for the generation after it is gone. Then the first
 * that is there counts. */
static enum adp_status read_copies(const struct adp_vault *vault, uint64_t number,
                                   const uint8_t *hash, struct copies *out, struct adp_error *err)
{
    struct adp_error why[NUM_COPIES] = {0};

    memset(out, 0, sizeof(*out));
    out->number = number;
    out->best = -1;
    for (unsigned i = 0; i < NUM_COPIES; i++) {
        struct adp_generation *item = &out->items[i];
        enum adp_status status = read_copy(vault, i, number, item, &why[i]);

        out->absent[i] = status == ADP_ERR_MISSING;
        out->fit[i] = status == ADP_OK &&
                      memcmp(item->keybag.vault_id, vault->keybag.vault_id, ADP_ID_LEN) == 0 &&
                      (hash == NULL || memcmp(item->keybag.hash, hash, ADP_HASH_LEN) == 0);
        if (out->fit[i] && (out->best < 0 || item->len > out->items[out->best].len))
            out->best = (int)i;
        if (out->fit[i])
            hash = item->keybag.hash;
    }
    return check_read(out, why, err);
}

static void free_copies(struct copies *copies)
{
    for (unsigned i = 0; i < NUM_COPIES; i++)
        adp_generation_free(&copies->items[i]);
}

static enum adp_status write_copy(const struct adp_vault *vault, unsigned copy, uint64_t number,
                                  const struct adp_builder *bytes, struct adp_error *err)
{
    char path[ADP_VAULT_PATH_LEN], name[32];
    int rc;

    snprintf(name, sizeof(name), NAME_FORMAT, number);
    rc = adp_fs_publish(folder_of(vault, copy), name, 0600, bytes->data, bytes->len,
                        ADP_FS_PUBLISH_REPLACE);
    if (rc == 0)
        return ADP_OK;
    adp_vault_path(path, vault, "%s/%s", folders[copy], name);
    return adp_fail_errno(err, -rc, path, "cannot write this generation of the keybag again");
}

/* Makes both copies what |bytes| is. */
static enum adp_status write_copies(const struct adp_vault *vault, const struct copies *copies,
                                    const struct adp_builder *bytes, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    for (unsigned i = 0; status == ADP_OK && i < NUM_COPIES; i++) {
        const struct adp_generation *item = &copies->items[i];

        if (item->data == NULL || item->len != bytes->len ||
            memcmp(item->data, bytes->data, bytes->len) != 0)
            status = write_copy(vault, i, copies->number, bytes, err);
    }
    return status;
}

/* Whether a copy of the newest generation has lost keys, which older ones alone do. Where a change
 * has just made it one of those, there is a newer one. */
static int has_lost_keys(const struct adp_vault *vault, const struct copies *copies)
{
    uint64_t newest;
    int are_whole = 1;

    for (unsigned i = 0; i < NUM_COPIES; i++)
        are_whole &= !copies->fit[i] || adp_keybag_is_whole(&copies->items[i].keybag);
    return !are_whole && copies->number == vault->keybag.generation &&
           newest_up_to(vault, UINT64_MAX, &newest, NULL) == ADP_OK && newest == copies->number;
}

/* One generation: counts into |history| and, unless |is_dry|, puts right. |copies->best| is there.
 */
static enum adp_status settle(const struct adp_vault *vault, struct copies *copies, int is_dry,
                              struct adp_history *history, struct adp_error *err)
{
    struct adp_generation *best = &copies->items[copies->best];
    uint64_t num_taken = destroy_taken(&best->keybag, &vault->keybag);
    struct adp_builder bytes = {0};
    enum adp_status status = ADP_OK;

    history->num_generations++;
    history->num_single += copies->absent[0] || copies->absent[1];
    history->num_damaged +=
        copies->fit[0] + copies->absent[0] + copies->fit[1] + copies->absent[1] < NUM_COPIES ||
        has_lost_keys(vault, copies);
    if (best->keybag.version < ADP_KEYBAG_VERSION)
        history->num_fixed += num_taken > 0;
    else
        history->num_leftovers += num_taken;
    if (is_dry)
        return ADP_OK;
    adp_build_bytes(&bytes, best->data,
                    best->keybag.version < ADP_KEYBAG_VERSION ? best->len
                                                              : best->keybag.statement_len);
    if (best->keybag.version >= ADP_KEYBAG_VERSION)
        adp_keybag_build_wraps(&bytes, &best->keybag);
    status = bytes.failed ? adp_fail_memory(err) : write_copies(vault, copies, &bytes, err);
    adp_builder_free(&bytes);
    return status;
}

/* From the newest generation to the first, and on behind those that are gone: what they were to
 * shield has keys as well. */
static enum adp_status walk_from(const struct adp_vault *vault, struct copies *copies, int is_dry,
                                 struct adp_history *history, struct adp_error *err)
{
    uint8_t hash[ADP_HASH_LEN];
    const uint8_t *expected = memcpy(hash, vault->keybag.hash, sizeof(hash));
    enum adp_status status = ADP_OK;
    uint64_t g = vault->keybag.generation, below;

    while (status == ADP_OK && g > 0) {
        status = read_copies(vault, g, expected, copies, err);
        below = g - 1;
        if (status == ADP_OK && copies->best < 0) {
            status = newest_up_to(vault, g - 1, &below, err);
            history->num_missing += g - below;
            expected = NULL;
        } else if (status == ADP_OK) {
            expected = memcpy(hash, copies->items[copies->best].keybag.previous, sizeof(hash));
            status = settle(vault, copies, is_dry, history, err);
        }
        free_copies(copies);
        g = below;
    }
    return status;
}

static enum adp_status walk(const struct adp_vault *vault, int is_dry, struct adp_history *history,
                            struct adp_error *err)
{
    struct copies *copies = malloc(sizeof(*copies));
    enum adp_status status;

    memset(history, 0, sizeof(*history));
    if (copies == NULL)
        return adp_fail_memory(err);
    status = walk_from(vault, copies, is_dry, history, err);
    free(copies);
    return status;
}

enum adp_status adp_history_settle(const struct adp_vault *vault, struct adp_error *err)
{
    struct adp_history history;

    return walk(vault, 0, &history, err);
}

enum adp_status adp_vault_history(const struct adp_vault *vault, struct adp_history *out_history,
                                  struct adp_error *err)
{
    struct adp_history history;
    enum adp_status status = walk(vault, 1, &history, err);

    if (status == ADP_OK)
        *out_history = history;
    return status;
}
