#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "archive_parity.h"
#include "error.h"
#include "fs.h"

/* A run over the vault. */
struct repairing {
    struct adp_vault *vault;
    const struct adp_repair_options *options;
    struct adp_tell tell;
    struct adp_repair_report report;
    struct adp_error first;                /* failure */
    int is_healed[ADP_NUM_CATEGORIES + 1]; /* archives of the snapshot at hand */
};

static void tell_failure(struct repairing *run, const struct adp_error *why)
{
    if (run->report.num_failed++ == 0)
        run->first = *why;
    adp_tell_error(&run->tell, ADP_EVENT_REFUSED, why);
}

/* What was healed by digests that anybody can make is held against what was signed. */
static void tell_unsigned(void *user, const struct adp_finding *finding)
{
    struct repairing *run = user;

    if (finding->kind != ADP_FINDING_SURPLUS && finding->kind != ADP_FINDING_UNTOLD &&
        run->is_healed[finding->category])
        tell_failure(run, finding->error);
}

static enum adp_status check_signed(struct repairing *run, const char *id, struct adp_error *err)
{
    struct adp_scrub_options options = {
        .common = {.num_threads = run->options->common.num_threads,
                   .memory = run->options->common.memory,
                   .io = run->options->common.io,
                   .user = run},
        .snapshot = id,
        .on_finding = tell_unsigned,
    };
    struct adp_scrub_report report;
    enum adp_status status = adp_scrub(run->vault, &options, &report, err);

    return status == ADP_ERR_CANCELLED || status == ADP_ERR_MEMORY ? status : ADP_OK;
}

static enum adp_status repair_archive(struct repairing *run, const struct adp_record *record,
                                      const struct adp_record_archive *archive,
                                      struct adp_error *err)
{
    struct adp_healed healed = {0};
    struct adp_error why = {0};
    enum adp_status status = adp_heal(run->vault, record->id, archive, &run->tell, &healed, &why);

    run->report.num_archives++;
    if (status == ADP_ERR_NOT_FOUND) {
        run->report.num_without++;
    } else if (status == ADP_ERR_CANCELLED || status == ADP_ERR_MEMORY) {
        if (err != NULL)
            *err = why;
        return status;
    } else if (status != ADP_OK) {
        tell_failure(run, &why);
    } else if (healed.num_shards == 0 && healed.num_blocks == 0 && !healed.is_header_damaged) {
        run->report.num_whole++;
    } else {
        run->report.num_healed++;
        run->report.healed_bytes += healed.bytes;
        run->is_healed[archive->category] = 1;
    }
    return ADP_OK;
}

static enum adp_status repair_snapshot(void *user, const struct adp_record *record,
                                       struct adp_error *err)
{
    struct repairing *run = user;
    uint64_t num_before = run->report.num_healed;
    enum adp_status status = ADP_OK;

    memset(run->is_healed, 0, sizeof(run->is_healed));
    for (size_t i = 0; status == ADP_OK && i < record->num_archives; i++) {
        status = repair_archive(run, record, &record->archives[i], err);
        run->tell.progress.done_entries++;
        if (status == ADP_OK && !adp_tell_progress(&run->tell))
            status = adp_tell_cancelled(err);
    }
    return status == ADP_OK && run->report.num_healed > num_before
               ? check_signed(run, record->id, err)
               : status;
}

static void refuse(void *user, const char *id, const struct adp_error *why)
{
    (void)id;
    tell_failure(user, why);
}

enum adp_status adp_repair(struct adp_vault *vault, const struct adp_repair_options *options,
                           struct adp_repair_report *out_report, struct adp_error *err)
{
    struct repairing run = {.vault = vault, .options = options};
    int lock = -1;
    enum adp_status status = adp_vault_lock_archives(vault, &lock, err);

    adp_tell_init(&run.tell, &options->common, "repair");
    if (status == ADP_OK)
        status =
            adp_vault_each_record(vault, options->snapshot, repair_snapshot, refuse, &run, err);
    if (status == ADP_OK)
        adp_tell_end(&run.tell);
    adp_fs_close(lock);
    *out_report = run.report;
    if (status != ADP_OK || run.report.num_failed == 0)
        return status;
    if (err != NULL)
        *err = run.first;
    return run.first.status;
}
