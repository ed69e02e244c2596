#include <string.h>

#include "mending.h"

/* Archives that were healed are marked. */
struct repairing {
    struct mending run;
    struct adp_repair_report report;
};

/* What was healed by digests that anybody can make is held against what was signed. */
static void tell_unsigned(void *user, const struct adp_finding *finding)
{
    struct mending *run = user;

    if (finding->kind != ADP_FINDING_SURPLUS && finding->kind != ADP_FINDING_UNTOLD &&
        run->is_marked[finding->category])
        mending_failed(run, finding->error);
}

static enum adp_status check_signed(struct mending *run, const char *id, struct adp_error *err)
{
    struct adp_scrub_options options = {
        .common = {.num_threads = run->common->num_threads,
                   .memory = run->common->memory,
                   .io = run->common->io,
                   .user = run},
        .snapshot = id,
        .on_finding = tell_unsigned,
    };
    struct adp_scrub_report report;
    enum adp_status status = adp_scrub(run->vault, &options, &report, err);

    return status == ADP_ERR_CANCELLED || status == ADP_ERR_MEMORY ? status : ADP_OK;
}

static enum adp_status repair_archive(struct repairing *repairing, const char *id,
                                      const struct adp_record_archive *archive,
                                      struct adp_error *err)
{
    struct mending *run = &repairing->run;
    struct adp_repair_report *report = &repairing->report;
    struct adp_healed healed = {0};
    struct adp_error why = {0};
    enum adp_status status = adp_heal(run->vault, id, archive, &run->tell, &healed, &why);

    report->num_archives++;
    if (status == ADP_ERR_NOT_FOUND) {
        report->num_without++;
    } else if (status == ADP_ERR_CANCELLED || status == ADP_ERR_MEMORY) {
        if (err != NULL)
            *err = why;
        return status;
    } else if (status != ADP_OK) {
        mending_failed(run, &why);
    } else if (healed.num_shards == 0 && healed.num_blocks == 0 && !healed.is_header_damaged) {
        report->num_whole++;
    } else {
        report->num_healed++;
        report->healed_bytes += healed.bytes;
        run->is_marked[archive->category] = 1;
    }
    return ADP_OK;
}

static enum adp_status repair_snapshot(void *user, const struct adp_record *record,
                                       struct adp_error *err)
{
    struct repairing *repairing = user;
    struct mending *run = &repairing->run;
    uint64_t num_before = repairing->report.num_healed;
    enum adp_status status = ADP_OK;

    memset(run->is_marked, 0, sizeof(run->is_marked));
    for (size_t i = 0; status == ADP_OK && i < record->num_archives; i++) {
        status = repair_archive(repairing, record->id, &record->archives[i], err);
        run->tell.progress.done_entries++;
        if (status == ADP_OK && !adp_tell_progress(&run->tell))
            status = adp_tell_cancelled(err);
    }
    return status == ADP_OK && repairing->report.num_healed > num_before
               ? check_signed(run, record->id, err)
               : status;
}

enum adp_status adp_repair(struct adp_vault *vault, const struct adp_repair_options *options,
                           struct adp_repair_report *out_report, struct adp_error *err)
{
    struct repairing repairing = {.run = {.vault = vault, .common = &options->common}};
    enum adp_status status =
        mending_run(&repairing.run, "repair", options->snapshot, repair_snapshot, err);

    repairing.report.num_failed = repairing.run.num_failed;
    *out_report = repairing.report;
    return status;
}
