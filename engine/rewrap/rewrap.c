/* A run over the vault. At any moment each archive has a whole header, in place or beside it, that
 * is on the disk: a header is overwritten only after a sync of the one beside, which is removed
 * only after a sync of the one in place. So there are two syncs, whatever the number of archives,
 * and a third where an interrupted run has left something. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "rewrapping.h"

/* -- Every archive of every snapshot. */

typedef enum adp_status (*archive_fn)(struct rewrapping *run, const struct rewrap_archive *archive,
                                      struct adp_error *err);

/* What would happen to every other archive as well ends the run. */
static int is_fatal(const struct adp_error *why)
{
    return why->sys_errno == ENOSPC || why->sys_errno == EDQUOT || why->sys_errno == EROFS ||
           why->status == ADP_ERR_MEMORY;
}

static void tell_failure(struct rewrapping *run, const struct adp_error *why)
{
    if (run->report.num_failed++ == 0)
        run->first = *why;
    adp_tell_error(&run->tell, ADP_EVENT_REFUSED, why);
}

static enum adp_status each_of_record(struct rewrapping *run, const struct adp_record *record,
                                      archive_fn fn, struct adp_error *err)
{
    for (size_t i = 0; i < record->num_archives; i++) {
        struct rewrap_archive archive = {.id = record->id, .record = &record->archives[i]};
        struct adp_error why = {0};

        adp_vault_archive_path(archive.path, run->vault, record->id, archive.record->category);
        if (fn(run, &archive, &why) != ADP_OK) {
            if (is_fatal(&why)) {
                if (err != NULL)
                    *err = why;
                return why.status;
            }
            tell_failure(run, &why);
        }
        run->tell.progress.done_entries++;
        if (!adp_tell_progress(&run->tell))
            return adp_tell_cancelled(err);
    }
    return ADP_OK;
}

/* Records that are refused are told in the second round. */
static enum adp_status each_archive(struct rewrapping *run, const struct adp_vault_names *ids,
                                    archive_fn fn, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    for (size_t i = 0; status == ADP_OK && i < ids->num; i++) {
        struct adp_record record;
        struct adp_error why = {0};

        if (adp_vault_load_record(run->vault, ids->items[i], &record, &why) == ADP_OK)
            status = each_of_record(run, &record, fn, err);
        else if (fn == rewrap_stage)
            tell_failure(run, &why);
    }
    return status;
}

/* -- The order. */

static enum adp_status sync_all(const struct rewrapping *run, struct adp_error *err)
{
    int rc = adp_fs_sync_all(run->vault->archives_dir);

    return rc == 0 ? ADP_OK
                   : adp_fail_errno(err, -rc, run->vault->path, "cannot sync the new headers");
}

/* The headers in place go to the disk, then those beside are gone. Returns how many were. */
static enum adp_status finish(struct rewrapping *run, uint64_t *out_num, struct adp_error *err)
{
    enum adp_status status = run->num_beside > 0 ? sync_all(run, err) : ADP_OK;

    *out_num = 0;
    for (size_t i = 0; status == ADP_OK && i < run->num_beside; i++) {
        if (!run->beside[i].is_done)
            continue;
        rewrap_remove_beside(run, &run->beside[i]);
        (*out_num)++;
    }
    run->num_beside = 0;
    return status;
}

static enum adp_status settle(struct rewrapping *run, const struct adp_vault_names *ids,
                              struct adp_error *err)
{
    uint64_t num;
    enum adp_status status = each_archive(run, ids, rewrap_settle, err);

    return status == ADP_OK ? finish(run, &num, err) : status;
}

/* Until the first header is overwritten, nothing has happened that could not be taken back. */
static enum adp_status stage(struct rewrapping *run, const struct adp_vault_names *ids,
                             struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    if (!adp_tell_stage(&run->tell, "rewrap", 0, run->tell.progress.done_entries))
        return adp_tell_cancelled(err);
    status = each_archive(run, ids, rewrap_stage, err);
    if (status == ADP_OK && run->num_beside > 0)
        status = sync_all(run, err);
    for (size_t i = 0; status != ADP_OK && i < run->num_beside; i++)
        rewrap_remove_beside(run, &run->beside[i]);
    return status;
}

static enum adp_status rewrap(struct rewrapping *run, const struct adp_vault_names *ids,
                              struct adp_error *err)
{
    enum adp_status status = settle(run, ids, err);

    if (status == ADP_OK)
        status = stage(run, ids, err);
    if (status != ADP_OK)
        return status;
    run->report.num_archives = run->tell.progress.done_entries;
    for (size_t i = 0; i < run->num_beside; i++) {
        struct adp_error why = {0};

        if (rewrap_place(run, &run->beside[i], &why) != ADP_OK)
            tell_failure(run, &why);
    }
    return finish(run, &run->report.num_rewritten, err);
}

/* -- From the outside. */

static enum adp_status check_vault(const struct adp_vault *vault, struct adp_error *err)
{
    enum adp_status status = adp_vault_check_trusted(vault, err);
    const struct adp_recipient *self;

    if (status == ADP_OK)
        status = adp_identity_check_keys(vault->identity, err);
    if (status != ADP_OK)
        return status;
    self = vault->self != ADP_NO_RECIPIENT ? &vault->keybag.recipients[vault->self] : NULL;
    if (self != NULL && self->state == ADP_RECIPIENT_ACTIVE && self->kind != ADP_RECIPIENT_SEALER)
        return ADP_OK;
    adp_fail(err, ADP_ERR_NO_KEY, vault->path, "this identity holds no keys of the vault");
    return adp_error_hint(err, ADP_ERR_NO_KEY,
                          "run it on a trusted device, or name its identity with --identity");
}

static enum adp_status rewrap_selected(struct rewrapping *run, const char *snapshot,
                                       struct adp_error *err)
{
    struct adp_vault_names ids = {0};
    struct adp_record record;
    char *one = record.id;
    enum adp_status status;

    if (snapshot == NULL) {
        status = adp_vault_list_snapshots(run->vault, &ids, err);
        if (status == ADP_OK)
            status = rewrap(run, &ids, err);
        adp_vault_names_free(&ids);
        return status;
    }
    status = adp_vault_resolve(run->vault, snapshot, &record, err);
    ids = (struct adp_vault_names){.items = &one, .num = 1};
    return status == ADP_OK ? rewrap(run, &ids, err) : status;
}

static enum adp_status conclude(const struct rewrapping *run, struct adp_error *err)
{
    const struct adp_rewrap_report *report = &run->report;

    if (report->num_failed == 0)
        return ADP_OK;
    if (report->num_rewritten + report->num_new + report->num_erased == 0) {
        if (err != NULL)
            *err = run->first;
        return run->first.status;
    }
    adp_fail(err, ADP_ERR_PARTIAL, run->vault->path,
             "%" PRIu64 " archives or records could not be dealt with, and have the slots they had",
             report->num_failed);
    return adp_error_hint(err, ADP_ERR_PARTIAL, "each is named above");
}

enum adp_status adp_rewrap(struct adp_vault *vault, const struct adp_rewrap_options *options,
                           struct adp_rewrap_report *out_report, struct adp_error *err)
{
    struct rewrapping run = {.vault = vault};
    int lock = -1;
    enum adp_status status = check_vault(vault, err);

    if (status == ADP_OK)
        status = adp_vault_lock_archives(vault, &lock, err);
    if (status != ADP_OK)
        goto err0;
    adp_tell_init(&run.tell, &options->common, "rewrap");
    run.block = malloc(ADP_HEADER_MAX);
    status =
        run.block == NULL ? adp_fail_memory(err) : rewrap_selected(&run, options->snapshot, err);
    if (status == ADP_OK) {
        adp_tell_end(&run.tell);
        status = conclude(&run, err);
        *out_report = run.report;
    }
    free(run.beside);
    free(run.block);
err0:
    adp_fs_close(lock);
    return status;
}
