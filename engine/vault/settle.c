/* The history put right: both copies of each generation, without the keys that were taken away
 * since.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fs.h"
#include "history.h"

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
    struct adp_generation items[HISTORY_NUM_COPIES];
    int fit[HISTORY_NUM_COPIES];    /* it is the generation that was looked for */
    int absent[HISTORY_NUM_COPIES]; /* there is no such file */
    int best;                       /* the one that fits and has most, or -1 */
};

/* A copy on a bad place of the disk is a damaged one. Whatever else keeps one from being read says
 * nothing about it, and with neither read nobody knows what it holds: then nothing is settled. */
static enum adp_status check_read(const struct copies *copies, const struct adp_error *why,
                                  struct adp_error *err)
{
    for (unsigned i = 0; i < HISTORY_NUM_COPIES; i++) {
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
    struct adp_error why[HISTORY_NUM_COPIES] = {0};

    memset(out, 0, sizeof(*out));
    out->number = number;
    out->best = -1;
    for (unsigned i = 0; i < HISTORY_NUM_COPIES; i++) {
        struct adp_generation *item = &out->items[i];
        enum adp_status status = history_read_copy(vault, i, number, item, &why[i]);

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
    for (unsigned i = 0; i < HISTORY_NUM_COPIES; i++)
        adp_generation_free(&copies->items[i]);
}

static enum adp_status write_copy(const struct adp_vault *vault, unsigned copy, uint64_t number,
                                  const struct adp_builder *bytes, struct adp_error *err)
{
    char path[ADP_VAULT_PATH_LEN], name[32];
    int rc;

    snprintf(name, sizeof(name), HISTORY_NAME_FORMAT, number);
    rc = adp_fs_publish(history_dir(vault, copy), name, 0600, bytes->data, bytes->len,
                        ADP_FS_PUBLISH_REPLACE);
    if (rc == 0)
        return ADP_OK;
    adp_vault_path(path, vault, "%s/%s", history_folder(copy), name);
    return adp_fail_errno(err, -rc, path, "cannot write this generation of the keybag again");
}

/* Makes both copies what |bytes| is. */
static enum adp_status write_copies(const struct adp_vault *vault, const struct copies *copies,
                                    const struct adp_builder *bytes, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    for (unsigned i = 0; status == ADP_OK && i < HISTORY_NUM_COPIES; i++) {
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

    for (unsigned i = 0; i < HISTORY_NUM_COPIES; i++)
        are_whole &= !copies->fit[i] || adp_keybag_is_whole(&copies->items[i].keybag);
    return !are_whole && copies->number == vault->keybag.generation &&
           history_newest(vault, UINT64_MAX, &newest, NULL) == ADP_OK && newest == copies->number;
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
        copies->fit[0] + copies->absent[0] + copies->fit[1] + copies->absent[1] <
            HISTORY_NUM_COPIES ||
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
            status = history_newest(vault, g - 1, &below, err);
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

    /* What an interrupted change has left may hold keys that are to be destroyed. */
    for (unsigned i = 0; i < HISTORY_NUM_COPIES; i++)
        adp_fs_temp_clean(history_dir(vault, i), NULL);
    return walk(vault, 0, &history, err);
}

/* What is not as it should be may be so because a change is at work: that puts it right. So it
 * counts only if it is still so while nobody makes one. */
static enum adp_status look_again(const struct adp_vault *vault, struct adp_history *history,
                                  struct adp_error *err)
{
    int lock = history_lock(vault, 0);
    enum adp_status status = ADP_OK;

    if (lock >= 0)
        status = walk(vault, 1, history, err);
    else if (lock == -EBUSY)
        history->num_single = history->num_damaged = history->num_leftovers = 0;
    adp_fs_close(lock);
    return status;
}

enum adp_status adp_vault_history(const struct adp_vault *vault, struct adp_history *out_history,
                                  struct adp_error *err)
{
    struct adp_history history;
    enum adp_status status = walk(vault, 1, &history, err);

    if (status == ADP_OK && history.num_single + history.num_damaged + history.num_leftovers > 0)
        status = look_again(vault, &history, err);
    if (status == ADP_OK)
        *out_history = history;
    return status;
}
