#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attested.h"
#include "codec.h"
#include "entry.h"
#include "error.h"
#include "fs.h"
#include "restoring.h"

/* Twice what the largest frame needs where segments are the shortest. */
#define MAX_BUFFERS 2080u

/* -- Set-up, for both open and verify. */

static enum adp_status make_buffers(struct restoring *restoring, struct adp_error *err)
{
    uint32_t len = restoring->archive->header.enc_seg_len;
    size_t num = restoring->run.memory_len / len;

    if (num > MAX_BUFFERS)
        num = MAX_BUFFERS;
    if (num > restoring->archive->layout.num_segments)
        num = (size_t)restoring->archive->layout.num_segments;
    free(restoring->buffers);
    restoring->free_buffers = NULL;
    restoring->num_buffers = num;
    restoring->buffers = calloc(num, sizeof(*restoring->buffers));
    if (restoring->buffers == NULL)
        return adp_fail_memory(err);
    for (size_t i = 0; i < num; i++) {
        struct restore_buffer *buffer = &restoring->buffers[i];

        buffer->restoring = restoring;
        buffer->data = restoring->run.memory + i * len;
        buffer->next = restoring->free_buffers;
        restoring->free_buffers = buffer;
    }
    return ADP_OK;
}

/* Workers decode frames into memory of their own, which is part of what the caller allows. */
static size_t segment_memory(const struct adp_options *options)
{
    size_t all = options->memory != 0 ? options->memory : ADP_MEMORY_DEFAULT;
    size_t frames = (size_t)adp_run_num_threads(options) * ADP_FRAME_MAX;

    if (all < ADP_MEMORY_MIN) /* which the run refuses */
        return all;
    return all >= ADP_MEMORY_MIN + frames ? all - frames : ADP_MEMORY_MIN;
}

static enum adp_status start(struct restoring *restoring, const struct adp_options *options,
                             struct adp_error *err)
{
    struct adp_options ours = *options;
    enum adp_status status;

    ours.num_threads = adp_run_num_threads(options);
    ours.memory = segment_memory(options);
    status = adp_run_init(&restoring->run, &ours, restoring->tell, err);
    restoring->file = -1;
    restoring->set_owner = geteuid() == 0;
    if (status != ADP_OK)
        return status;
    restoring->entries = calloc(ADP_WINDOW_ENTRIES, sizeof(*restoring->entries));
    restoring->places = calloc(restoring->run.num_workers + 1, sizeof(*restoring->places));
    if (restoring->entries == NULL || restoring->places == NULL)
        return adp_fail_memory(err);
    for (unsigned i = 0; i <= restoring->run.num_workers; i++)
        restoring->places[i].fd = -1;
    return ADP_OK;
}

static void stop(struct restoring *restoring)
{
    adp_run_stop(&restoring->run);
    for (unsigned i = 0; restoring->run.worker != NULL && i < restoring->run.num_workers; i++) {
        adp_codec_free_decoder(restoring->run.worker[i].zstd);
        free(restoring->run.worker[i].buffer);
    }
    for (unsigned i = 0; restoring->places != NULL && i <= restoring->run.num_workers; i++) {
        adp_fs_close(restoring->places[i].fd);
        free(restoring->places[i].path);
    }
    for (size_t i = 0; i < restoring->num_dirs; i++)
        free(restoring->dirs[i].path);
    free(restoring->dirs);
    restore_arena_reset(&restoring->dir_arena);
    restore_arena_reset(&restoring->arena);
    free(restoring->places);
    free(restoring->entries);
    free(restoring->segments);
    free(restoring->buffers);
    adp_run_cleanup(&restoring->run);
}

/* Of all archives the least protected is told. */
static void note_sandbox(struct restoring *restoring)
{
    if (restoring->report->sandbox == NULL || restoring->archive->sandbox == NULL)
        restoring->report->sandbox = adp_sandbox_name(restoring->archive->sandbox);
}

/* One archive, selected entries only. |check_tags|: every segment is read, so that the record's
 * digest can be checked, unless some entries turn out not to be wanted. */
static enum adp_status restore_archive(struct restoring *restoring,
                                       const struct adp_record_archive *record, int check_tags,
                                       struct adp_error *err)
{
    enum adp_status status =
        adp_archive_open(&restoring->archive, restoring->vault, restoring->select->record.id,
                         record, check_tags, restoring->run.num_workers, err);

    if (status != ADP_OK) {
        char path[ADP_VAULT_PATH_LEN];

        adp_vault_archive_path(path, restoring->vault, restoring->select->record.id,
                               record->category);
        restore_damage_unopened(restoring, path, err);
        return status;
    }
    if (restoring->keep_going) {
        restoring->archive->on_lost = restore_damage_index;
        restoring->archive->lost_user = restoring;
    }
    if (restoring->archive->is_header_beside)
        adp_tell_event(restoring->tell, ADP_EVENT_NOTE, ADP_OK, 0, restoring->archive->path,
                       "its header is damaged, and the one that a rewrap has left beside it was "
                       "used: run adp-seal rewrap to mend it");
    note_sandbox(restoring);
    restoring->category = record->category;
    restoring->status = ADP_OK;
    restoring->has_skipped = 0;
    restoring->file = adp_ioq_file_add(restoring->run.queue, restoring->archive->bulk_fd);
    if (restoring->file < 0)
        status =
            adp_fail_errno(err, -restoring->file, restoring->archive->path, "cannot queue reads");
    if (status == ADP_OK)
        status = make_buffers(restoring, err);
    if (status == ADP_OK)
        status = adp_select_each(restoring->select, restoring->archive, restoring->target >= 0,
                                 restore_take, restoring, err);
    if (status == ADP_OK)
        status = restore_flush(restoring, err);
    check_tags = check_tags && !restoring->has_skipped;
    if (status == ADP_OK)
        status = restore_damage_end(restoring, check_tags && restoring->keep_going, err);
    if (status == ADP_OK && check_tags)
        status = adp_archive_check_tags(restoring->archive, err);
    if (status == ADP_OK)
        restoring->report->categories[record->category].stored_bytes += record->size;
    else if (restoring->num_entries > 0)
        restore_discard(restoring);
    restore_damage_reset(restoring);
    adp_path_set_clear(&restoring->files);
    adp_path_set_clear(&restoring->failed);
    if (restoring->file >= 0)
        adp_ioq_file_remove(restoring->run.queue, restoring->file);
    adp_tell_child(restoring->tell, ADP_STAGE_RESTORE,
                   adp_sandbox_free(restoring->archive->sandbox));
    restoring->archive->sandbox = NULL;
    adp_archive_close(restoring->archive);
    restoring->archive = NULL;
    return status;
}

/* A failure is told, and the next archive gets its turn: damage in one category takes nothing from
 * another. Returns the first failure. */
static enum adp_status restore_selected(struct restoring *restoring, int check_tags,
                                        struct adp_error *first)
{
    struct adp_select *select = restoring->select;

    for (size_t i = 0; i < select->num_archives && !restoring->tell->cancelled; i++) {
        struct adp_error why = {0};
        enum adp_status status = restore_archive(
            restoring, &select->record.archives[select->archives[i]], check_tags, &why);

        if (status == ADP_OK)
            continue;
        if (status != ADP_ERR_CANCELLED)
            adp_tell_error(restoring->tell, ADP_EVENT_REFUSED, &why);
        if (first->status == ADP_OK)
            *first = why;
    }
    return first->status;
}

static void sum_up(struct restoring *restoring)
{
    struct adp_report *report = restoring->report;
    const uint64_t *counts = restoring->tell->counts;

    adp_report_total(report->categories);
    report->num_not_restored = counts[ADP_EVENT_NOT_RESTORED];
    report->num_metadata = counts[ADP_EVENT_METADATA];
    adp_tell_sum_up(restoring->tell, report);
    report->io = adp_ioq_backend_name(restoring->run.queue);
    report->kernel = adp_gcm_kernel_name(restoring->vault->kernel);
}

/* -- Open. */

static enum adp_status open_target(struct restoring *restoring, const char *path,
                                   struct adp_error *err)
{
    int rc = adp_entry_make_dir(AT_FDCWD, path, 0777);

    if (rc < 0 && rc != -EEXIST)
        return adp_fail_errno(err, -rc, path, "cannot make the folder to restore to");
    restoring->target = adp_fs_open_dir(path);
    if (restoring->target < 0)
        return adp_fail_errno(err, -restoring->target, path,
                              "cannot open the folder to restore to");
    adp_fs_temp_clean(restoring->target, RESTORE_TEMP); /* an interrupted run's */
    restore_case_probe(restoring);
    return ADP_OK;
}

/* Sizes are known from the records only roughly: good enough for a bar. */
static void expect(struct restoring *restoring)
{
    const struct adp_select *select = restoring->select;

    for (size_t i = 0; i < select->num_archives; i++)
        restoring->tell->progress.total_bytes += select->record.archives[select->archives[i]].size;
}

static enum adp_status open_archives(struct restoring *restoring, struct adp_error *err)
{
    struct adp_error first = {0};
    enum adp_status status = restore_selected(restoring, restoring->select->num_paths == 0, &first);
    struct adp_watch watch = adp_watch_start();
    int rc;

    restore_dirs_finish(restoring);
    rc = adp_fs_sync_all(restoring->target);
    adp_watch_stop(restoring->tell, ADP_STAGE_COMMIT, watch, 0);
    if (status == ADP_OK && rc < 0)
        status = adp_fail_errno(&first, -rc, NULL, "cannot sync what was restored");
    if (status == ADP_OK)
        return adp_select_unmatched(restoring->select, err);
    if (err != NULL)
        *err = first;
    return status;
}

static enum adp_status conclude(const struct restoring *restoring, struct adp_error *err)
{
    const struct adp_report *report = restoring->report;

    if (report->num_not_restored == 0 && report->num_metadata == 0 && !restoring->is_partial)
        return ADP_OK;
    if (report->num_not_restored == 0 && report->num_metadata == 0)
        adp_fail(err, ADP_ERR_PARTIAL, NULL,
                 "restored, but for categories that this identity holds no key for");
    else
        adp_fail(err, ADP_ERR_PARTIAL, NULL,
                 "restored, but %llu entries were not, and %llu lack some metadata",
                 (unsigned long long)report->num_not_restored,
                 (unsigned long long)report->num_metadata);
    return adp_error_hint(err, ADP_ERR_PARTIAL, "each is named above");
}

static int is_damaged(enum adp_status status)
{
    return adp_status_exit_code(status) == adp_status_exit_code(ADP_ERR_FORMAT) ||
           status == ADP_ERR_IO; /* a bad place of the disk, for one */
}

enum adp_status adp_open(struct adp_vault *vault, const struct adp_open_options *options,
                         struct adp_report *out_report, struct adp_error *err)
{
    struct adp_report report = {0};
    struct adp_select select;
    struct adp_tell tell;
    struct restoring restoring = {.vault = vault,
                                  .tell = &tell,
                                  .report = &report,
                                  .target = -1,
                                  .naming = PTHREAD_MUTEX_INITIALIZER,
                                  .overwrite = options->overwrite,
                                  .sync_each = options->sync_each,
                                  .skip_derived = options->skip_derived,
                                  .keep_going = options->keep_going,
                                  .select = &select};
    enum adp_status status;

    adp_tell_init(&tell, &options->common, "open");
    status =
        adp_select_make(&select, vault, &options->selection, &tell, &restoring.is_partial, err);
    if (status == ADP_OK)
        status = open_target(&restoring, options->target, err);
    if (status == ADP_OK) {
        status = start(&restoring, &options->common, err);
        expect(&restoring);
        if (status == ADP_OK)
            status = open_archives(&restoring, err);
        if (status == ADP_OK || (options->keep_going && is_damaged(status))) {
            sum_up(&restoring);
            memcpy(report.snapshot, select.record.id, sizeof(report.snapshot));
            adp_tell_end(&tell);
            *out_report = report;
        }
        if (status == ADP_OK)
            status = conclude(&restoring, err);
        stop(&restoring);
    }
    adp_fs_close(restoring.target);
    adp_select_free(&select);
    return status;
}

/* -- Verify. */

static enum adp_status verify_snapshot(struct restoring *restoring,
                                       const struct adp_selection *selection,
                                       struct adp_error *first)
{
    struct adp_select select;
    struct adp_error why = {0};
    enum adp_status status;

    restoring->select = &select;
    status = adp_select_make(&select, restoring->vault, selection, restoring->tell,
                             &restoring->is_partial, &why);
    expect(restoring);
    if (status == ADP_OK) {
        memcpy(restoring->report->snapshot, select.record.id, sizeof(restoring->report->snapshot));
        (void)restore_selected(restoring, 1, first);
        status = adp_attested_check(restoring->vault, &select.record, &why);
    }
    if (status != ADP_OK) {
        adp_tell_error(restoring->tell, ADP_EVENT_REFUSED, &why);
        if (first->status == ADP_OK)
            *first = why;
    }
    adp_select_free(&select);
    restoring->select = NULL;
    return status;
}

static enum adp_status verify_all(struct restoring *restoring,
                                  const struct adp_selection *selection, struct adp_error *first)
{
    struct adp_selection one = *selection;
    struct adp_vault_names names;
    enum adp_status status = adp_vault_list_snapshots(restoring->vault, &names, first);

    for (size_t i = 0; status == ADP_OK && i < names.num && !restoring->tell->cancelled; i++) {
        one.snapshot = names.items[i];
        (void)verify_snapshot(restoring, &one, first);
    }
    adp_vault_names_free(&names);
    return status;
}

enum adp_status adp_verify(struct adp_vault *vault, const struct adp_verify_options *options,
                           struct adp_report *out_report, struct adp_error *err)
{
    struct adp_report report = {0};
    struct adp_error first = {0};
    struct adp_tell tell;
    struct restoring restoring = {
        .vault = vault, .tell = &tell, .report = &report, .target = -1, .keep_going = 1};
    enum adp_status status = adp_vault_check_trusted(vault, err);

    if (status == ADP_OK && options->selection.num_paths > 0)
        status = adp_fail(err, ADP_ERR_ARGUMENT, NULL, "verify takes whole archives, not paths");
    if (status != ADP_OK)
        return status;
    adp_tell_init(&tell, &options->common, "verify");
    status = start(&restoring, &options->common, &first);
    if (status == ADP_OK && options->selection.snapshot != NULL)
        (void)verify_snapshot(&restoring, &options->selection, &first);
    else if (status == ADP_OK)
        (void)verify_all(&restoring, &options->selection, &first);
    if (status == ADP_OK) {
        sum_up(&restoring);
        adp_tell_end(&tell);
    }
    if (first.status == ADP_OK && tell.cancelled)
        adp_tell_cancelled(&first);
    if (first.status == ADP_OK && restoring.is_partial)
        adp_fail(&first, ADP_ERR_PARTIAL, vault->path,
                 "verified, but for categories that this identity holds no key for");
    stop(&restoring);
    *out_report = report;
    if (err != NULL)
        *err = first;
    return first.status;
}
