#include <errno.h>
#include <string.h>

#include "error.h"
#include "mending.h"

/* Parity of what is damaged would keep the damage: each snapshot is scrubbed first, and damaged
 * archives are marked. */
struct adding {
    struct mending run;
    unsigned percent;
    struct adp_parity_report report;
};

static void note_finding(void *user, const struct adp_finding *finding)
{
    struct mending *run = user;

    if (finding->kind == ADP_FINDING_SURPLUS || finding->kind == ADP_FINDING_UNTOLD ||
        finding->category == 0)
        return;
    if (!run->is_marked[finding->category])
        mending_failed(run, finding->error);
    run->is_marked[finding->category] = 1;
}

static enum adp_status scrub(struct mending *run, const char *id, struct adp_error *err)
{
    struct adp_scrub_options options = {.common = *run->common,
                                        .snapshot = id,
                                        .on_finding = note_finding,
                                        .without_parity = 1}; /* which is made anew */
    struct adp_scrub_report report;
    enum adp_status status;

    options.common.on_progress = NULL;
    options.common.on_event = NULL;
    options.common.user = run;
    memset(run->is_marked, 0, sizeof(run->is_marked));
    status = adp_scrub(run->vault, &options, &report, err);
    return status == ADP_ERR_MEMORY || status == ADP_ERR_ARGUMENT ? status : ADP_OK;
}

static enum adp_status add_to_archive(struct adding *adding, const char *id,
                                      const struct adp_record_archive *archive,
                                      struct adp_error *err)
{
    struct adp_error why = {0};
    enum adp_status status =
        adp_parity_make(adding->run.vault, id, archive, adding->percent, &adding->run.tell, &why);

    if (status == ADP_OK) {
        adding->report.num_made++;
        return ADP_OK;
    }
    if (status != ADP_ERR_CANCELLED && status != ADP_ERR_MEMORY && why.sys_errno != ENOSPC) {
        mending_failed(&adding->run, &why);
        return ADP_OK;
    }
    if (err != NULL)
        *err = why;
    return status;
}

static enum adp_status add_to_snapshot(void *user, const struct adp_record *record,
                                       struct adp_error *err)
{
    struct adding *adding = user;
    enum adp_status status = scrub(&adding->run, record->id, err);

    for (size_t i = 0; status == ADP_OK && i < record->num_archives; i++) {
        adding->report.num_archives++;
        if (!adding->run.is_marked[record->archives[i].category])
            status = add_to_archive(adding, record->id, &record->archives[i], err);
        adding->run.tell.progress.done_entries++;
    }
    return status;
}

enum adp_status adp_parity_add(struct adp_vault *vault, const struct adp_parity_options *options,
                               struct adp_parity_report *out_report, struct adp_error *err)
{
    struct adding adding = {.run = {.vault = vault, .common = &options->common},
                            .percent = options->percent};
    enum adp_status status;

    if (options->percent < 1 || options->percent > 100)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "parity is 1 to 100 percent");
    status = mending_run(&adding.run, "parity", options->snapshot, add_to_snapshot, err);
    adding.report.num_failed = adding.run.num_failed;
    *out_report = adding.report;
    return status;
}
