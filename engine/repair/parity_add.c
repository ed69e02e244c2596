#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "archive_parity.h"
#include "error.h"
#include "fs.h"

/* A run over the vault. Parity of what is damaged would keep the damage: each snapshot is scrubbed
 * first. */
struct adding {
    struct adp_vault *vault;
    const struct adp_parity_options *options;
    struct adp_tell tell;
    struct adp_parity_report report;
    struct adp_error first;                 /* failure */
    int is_damaged[ADP_NUM_CATEGORIES + 1]; /* archives of the snapshot at hand */
};

static void tell_failure(struct adding *run, const struct adp_error *why)
{
    if (run->report.num_failed++ == 0)
        run->first = *why;
    adp_tell_error(&run->tell, ADP_EVENT_REFUSED, why);
}

static void note_finding(void *user, const struct adp_finding *finding)
{
    struct adding *run = user;

    if (finding->kind == ADP_FINDING_SURPLUS || finding->kind == ADP_FINDING_UNTOLD ||
        finding->category == 0)
        return;
    if (!run->is_damaged[finding->category])
        tell_failure(run, finding->error);
    run->is_damaged[finding->category] = 1;
}

static enum adp_status scrub(struct adding *run, const char *id, struct adp_error *err)
{
    struct adp_scrub_options options = {.common = run->options->common,
                                        .snapshot = id,
                                        .on_finding = note_finding,
                                        .without_parity = 1}; /* which is made anew */
    struct adp_scrub_report report;
    enum adp_status status;

    options.common.on_progress = NULL;
    options.common.on_event = NULL;
    options.common.user = run;
    memset(run->is_damaged, 0, sizeof(run->is_damaged));
    status = adp_scrub(run->vault, &options, &report, err);
    return status == ADP_ERR_MEMORY || status == ADP_ERR_ARGUMENT ? status : ADP_OK;
}

static enum adp_status add_to_snapshot(void *user, const struct adp_record *record,
                                       struct adp_error *err)
{
    struct adding *run = user;
    enum adp_status status = scrub(run, record->id, err);

    for (size_t i = 0; status == ADP_OK && i < record->num_archives; i++) {
        const struct adp_record_archive *archive = &record->archives[i];
        struct adp_error why = {0};

        run->report.num_archives++;
        if (run->is_damaged[archive->category])
            continue;
        status = adp_parity_make(run->vault, record->id, archive, run->options->percent, &run->tell,
                                 &why);
        if (status == ADP_OK) {
            run->report.num_made++;
        } else if (status != ADP_ERR_CANCELLED && status != ADP_ERR_MEMORY &&
                   why.sys_errno != ENOSPC) {
            tell_failure(run, &why);
            status = ADP_OK;
        } else if (err != NULL) {
            *err = why;
        }
        run->tell.progress.done_entries++;
    }
    return status;
}

static void refuse(void *user, const char *id, const struct adp_error *why)
{
    (void)id;
    tell_failure(user, why);
}

enum adp_status adp_parity_add(struct adp_vault *vault, const struct adp_parity_options *options,
                               struct adp_parity_report *out_report, struct adp_error *err)
{
    struct adding run = {.vault = vault, .options = options};
    int lock = -1;
    enum adp_status status;

    if (options->percent < 1 || options->percent > 100)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "parity is 1 to 100 percent");
    status = adp_vault_lock_archives(vault, &lock, err);
    adp_tell_init(&run.tell, &options->common, "parity");
    if (status == ADP_OK)
        status =
            adp_vault_each_record(vault, options->snapshot, add_to_snapshot, refuse, &run, err);
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
