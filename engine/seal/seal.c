#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_parity.h"
#include "codec.h"
#include "entry.h"
#include "error.h"
#include "fs.h"
#include "sealing.h"

/* Makes and locks the snapshot's folder in archives/: locked, so that no other run takes it for the
 * rest of an interrupted one. */
static enum adp_status make_folder(struct seal_context *context, struct adp_record *record,
                                   struct adp_error *err)
{
    struct adp_vault *vault = context->vault;
    char path[ADP_VAULT_PATH_LEN];
    struct stat ours, named;
    int rc, tries = 0;

    do {
        adp_fs_close(context->dir);
        context->dir = -1;
        adp_snapshot_id_make(record->id, record->started_ns);
        adp_vault_path(path, vault, "archives/%s", record->id);
        rc = adp_entry_make_dir(vault->archives_dir, record->id, 0700);
        if (rc == -EEXIST) /* another snapshot's: neither to be used nor to be removed */
            continue;
        if (rc < 0)
            return adp_fail_errno(err, -rc, path, "cannot make the snapshot's folder");
        context->dir =
            adp_fs_open_beneath(vault->archives_dir, record->id, O_RDONLY | O_DIRECTORY, 0);
        rc = context->dir < 0 ? context->dir : adp_entry_lock(context->dir, 1);
        if (rc == 0)
            rc = adp_entry_stat(context->dir, NULL, &ours);
        if (rc == 0) /* a cleaner may have been there between making and locking */
            rc = adp_entry_stat(vault->archives_dir, record->id, &named);
        if (rc == 0 && ours.st_ino != named.st_ino)
            rc = -EBUSY;
    } while (rc < 0 && tries++ < 8);
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, path, "cannot use the snapshot's folder");
}

static enum adp_status check_vault(const struct adp_vault *vault, struct adp_error *err)
{
    enum adp_status status = adp_vault_check_trusted(vault, err);

    if (status == ADP_OK)
        status = adp_identity_check_keys(vault->identity, err);
    if (status != ADP_OK)
        return status;
    if (vault->self == ADP_NO_RECIPIENT ||
        vault->keybag.recipients[vault->self].state != ADP_RECIPIENT_ACTIVE ||
        vault->keybag.recipients[vault->self].kind > ADP_RECIPIENT_SEALER) {
        adp_fail(err, ADP_ERR_NO_KEY, vault->path, "this identity may not seal into the vault");
        return adp_error_hint(err, ADP_ERR_NO_KEY,
                              "let a trusted device admit it: adp-seal device add %s REQUEST",
                              vault->path);
    }
    return ADP_OK;
}

static enum adp_status seal_categories(struct seal_context *context, struct adp_record *record,
                                       struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    for (unsigned c = 1; status == ADP_OK && c <= ADP_NUM_CATEGORIES; c++) {
        if (context->plan->entries[c] == 0)
            continue;
        status = adp_seal_archive(context, c, &record->archives[record->num_archives], err);
        if (status == ADP_OK)
            record->num_archives++;
    }
    return status;
}

/* Who erases a category means what was sealed before: not what is being sealed, which would be lost
 * without a word. Removed devices are another matter; their epochs still open. */
static enum adp_status check_not_erased(struct adp_vault *vault, const struct adp_record *record,
                                        struct adp_error *err)
{
    enum adp_status status = adp_vault_refresh(vault, err);

    if (status == ADP_OK)
        status = adp_vault_check_trusted(vault, err);
    for (size_t i = 0; status == ADP_OK && i < record->num_archives; i++) {
        const struct adp_record_archive *archive = &record->archives[i];

        if (adp_vault_is_erased(vault, archive->category, archive->epoch)) {
            status = adp_fail(err, ADP_ERR_CONFLICT, vault->path,
                              "%s was erased while it was being sealed; there is no snapshot",
                              adp_category_name(archive->category));
            adp_error_hint(err, status, "seal again: there is a new key");
        }
    }
    return status;
}

/* The commit point: with the record the snapshot is there, without it it is not. */
static enum adp_status publish_record(const struct adp_vault *vault, struct adp_record *record,
                                      struct adp_error *err)
{
    const struct adp_identity *identity = vault->identity;
    struct adp_builder bytes = {0};
    char path[ADP_VAULT_PATH_LEN], name[64];
    enum adp_status status;
    int rc;

    record->finished_ns = adp_vault_now();
    snprintf(name, sizeof(name), "%s.adpr", record->id);
    adp_vault_path(path, vault, "snapshots/%s", name);
    status = adp_record_build(&bytes, record, identity->keys->sign_seed, err);
    if (status == ADP_OK) /* never publish what no reader takes */
        status = adp_record_verify(bytes.data, bytes.len, identity->sign_pub, path, err);
    if (status == ADP_OK) {
        rc = adp_fs_sync_dir(vault->archives_dir);
        if (rc == 0)
            rc = adp_fs_publish(vault->snapshots_dir, name, 0600, bytes.data, bytes.len,
                                ADP_FS_PUBLISH_NEW);
        if (rc < 0)
            status = adp_fail_errno(err, -rc, path, "cannot write the snapshot's record");
    }
    adp_builder_free(&bytes);
    return status;
}

/* Takes a record back that nobody was told of. Returns whether it is gone from the disk, so that
 * its archives may go. */
static int withdraw_record(const struct adp_vault *vault, const struct adp_record *record)
{
    char name[64];

    snprintf(name, sizeof(name), "%s.adpr", record->id);
    return adp_entry_unlink(vault->snapshots_dir, name) == 0 &&
           adp_fs_sync_dir(vault->snapshots_dir) == 0;
}

/* An erasure may come between the last look and the record: so there is one look more behind it. */
static enum adp_status commit(struct seal_context *context, struct adp_record *record,
                              struct adp_error *err)
{
    struct adp_vault *vault = context->vault;
    enum adp_status status = check_not_erased(vault, record, err);

    if (status == ADP_OK)
        status = publish_record(vault, record, err);
    if (status != ADP_OK)
        return status;
    status = check_not_erased(vault, record, err);
    if (status != ADP_OK)
        context->is_committed = !withdraw_record(vault, record);
    return status;
}

static enum adp_status conclude(struct seal_context *context, const struct adp_record *record,
                                struct adp_error *err)
{
    struct adp_report *report = context->report;
    const uint64_t *counts = context->tell->counts;

    memcpy(report->snapshot, record->id, sizeof(report->snapshot));
    report->num_skipped = counts[ADP_EVENT_SKIPPED];
    report->num_unreadable = counts[ADP_EVENT_UNREADABLE];
    report->num_changed = counts[ADP_EVENT_CHANGED];
    adp_tell_sum_up(context->tell, report);
    report->io = adp_ioq_backend_name(context->run.queue);
    report->kernel = adp_gcm_kernel_name(context->vault->kernel);
    report->left_out_files = context->plan->skipped_files;
    report->left_out_bytes = context->plan->skipped_bytes;
    adp_report_total(report->categories);
    adp_tell_end(context->tell);
    if (report->num_unreadable == 0 && report->num_changed == 0)
        return ADP_OK;
    adp_fail(err, ADP_ERR_PARTIAL, NULL,
             "sealed, but %llu sources could not be read and %llu changed meanwhile",
             (unsigned long long)report->num_unreadable, (unsigned long long)report->num_changed);
    return adp_error_hint(err, ADP_ERR_PARTIAL,
                          "each is named above; make them readable and quiet, and seal again");
}

/* Under which keybag, and by whom. */
static void begin_record(struct adp_record *record, const struct adp_vault *vault)
{
    memset(record, 0, sizeof(*record));
    record->started_ns = adp_vault_now();
    memcpy(record->vault_id, vault->keybag.vault_id, ADP_ID_LEN);
    record->keybag_generation = vault->keybag.generation;
    adp_recipient_id(record->author, &vault->keybag.recipients[vault->self]);
}

/* Parity needs the archive as a whole: it is read once more. */
static enum adp_status make_parity(struct seal_context *context, const struct adp_record *record,
                                   struct adp_error *err)
{
    uint64_t total = 0;
    enum adp_status status = ADP_OK;

    for (size_t i = 0; i < record->num_archives; i++)
        total += record->archives[i].size;
    if (!adp_tell_stage(context->tell, "parity", total, 0))
        return adp_tell_cancelled(err);
    for (size_t i = 0; status == ADP_OK && i < record->num_archives; i++)
        status = adp_parity_make(context->vault, record->id, &record->archives[i],
                                 context->options->parity_percent, context->tell, err);
    return status;
}

static enum adp_status seal_snapshot(struct seal_context *context, struct adp_error *err)
{
    struct adp_record record;
    enum adp_status status;

    begin_record(&record, context->vault);
    status = make_folder(context, &record, err);

    context->id = record.id;
    record.is_attested = !context->options->without_attestation;
    if (status == ADP_OK && record.is_attested)
        status = adp_attest_new(&context->attest, context->vault, context->dir, record.id, err);
    if (status == ADP_OK)
        status = seal_categories(context, &record, err);
    if (status == ADP_OK && context->options->parity_percent > 0)
        status = make_parity(context, &record, err);
    if (status == ADP_OK) {
        struct adp_watch watch = adp_watch_start();

        if (record.is_attested) {
            status = adp_attest_finish(context->attest, err);
            context->attest = NULL;
        }
        if (status == ADP_OK)
            status = commit(context, &record, err);
        adp_watch_stop(context->tell, ADP_STAGE_COMMIT, watch, 0);
    }
    adp_attest_free(context->attest);
    context->attest = NULL;
    if (status != ADP_OK && context->dir >= 0 && !context->is_committed)
        (void)adp_fs_remove_tree(context->vault->archives_dir, record.id);
    context->id = NULL;
    return status == ADP_OK ? conclude(context, &record, err) : status;
}

static void free_context(struct seal_context *context)
{
    adp_run_cleanup(&context->run);
    seal_memory_cleanup(&context->memory);
    adp_fs_close(context->dir);
    free(context->path);
    free(context->target);
}

/* The pipelines keep a zstd context per worker; the run does not know what it is. */
static void free_compressors(struct adp_run *run)
{
    for (unsigned i = 0; run->worker != NULL && i < run->num_workers; i++)
        adp_codec_free(run->worker[i].zstd);
}

static enum adp_status run_seal(struct seal_context *context, struct adp_error *err)
{
    struct adp_options options = context->options->common;
    enum adp_status status;

    options.num_threads = adp_run_num_threads(&options);
    /* The run pins what it gets: no more than is of use. A wish that it refuses, it shall see. */
    if (options.num_threads <= ADP_MAX_THREADS &&
        (options.memory == 0 || options.memory >= ADP_MEMORY_MIN))
        options.memory = seal_memory_plan(
            &context->memory, options.memory != 0 ? options.memory : ADP_MEMORY_DEFAULT,
            options.num_threads, context->plan->bytes[0], context->plan->entries[0]);
    context->look_ahead = adp_entry_max_open() / 4 / ADP_NUM_READERS;
    if (context->look_ahead > ADP_LOOK_AHEAD)
        context->look_ahead = ADP_LOOK_AHEAD;
    context->path = malloc(ADP_PATH_MAX + 1);
    context->target = malloc(ADP_PATH_MAX + 1);
    status = context->path == NULL || context->target == NULL
                 ? adp_fail_memory(err)
                 : adp_run_init(&context->run, &options, context->tell, err);
    if (status == ADP_OK)
        status = seal_memory_init(&context->memory, &context->run, err);
    if (status == ADP_OK)
        status = seal_snapshot(context, err);
    adp_run_stop(&context->run);
    free_compressors(&context->run);
    return status;
}

enum adp_status adp_seal(struct adp_vault *vault, const struct adp_seal_options *options,
                         struct adp_report *out_report, struct adp_error *err)
{
    struct adp_report report = {0};
    struct adp_plan plan = {0};
    struct adp_tell tell;
    struct adp_watch watch;
    struct stat vault_stat;
    struct seal_context context = {.plan = &plan,
                                   .vault = vault,
                                   .options = options,
                                   .tell = &tell,
                                   .report = &report,
                                   .dir = -1};
    enum adp_status status = adp_plan_check(options, err);
    int rc = adp_entry_stat(vault->dir, NULL, &vault_stat);

    if (status == ADP_OK)
        status = check_vault(vault, err);
    if (status == ADP_OK && rc < 0)
        status = adp_fail_errno(err, -rc, vault->path, "cannot look at the vault");
    if (status != ADP_OK)
        return status;
    adp_vault_clean(vault);
    adp_tell_init(&tell, &options->common, "scan");
    watch = adp_watch_start();
    status = adp_plan_make(&plan, options, &vault_stat, &tell, err);
    adp_watch_stop(&tell, ADP_STAGE_SCAN, watch, plan.bytes[0]);
    if (status == ADP_OK && !adp_tell_stage(&tell, "seal", plan.bytes[0], plan.entries[0]))
        status = adp_tell_cancelled(err);
    if (status == ADP_OK) {
        status = run_seal(&context, err);
        free_context(&context);
    }
    adp_plan_free(&plan);
    if (status == ADP_OK || status == ADP_ERR_PARTIAL)
        *out_report = report;
    return status;
}
