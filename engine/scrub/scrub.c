#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "scrubbing.h"

/* -- What is the vault's as a whole. */

static void check_keybag(struct scrubbing *scrub)
{
    struct adp_history history;
    struct adp_error why = {0};
    char path[ADP_VAULT_PATH_LEN];
    struct scrub_place place = {.path = path};

    adp_vault_path(path, scrub->vault, "keybag");
    if (adp_vault_history(scrub->vault, &history, &why) != ADP_OK) {
        scrub_find_error(scrub, &place, &why);
        return;
    }
    if (history.num_damaged > 0)
        scrub_find(scrub, ADP_FINDING_DAMAGED, &place,
                   "%" PRIu64 " generations of the keybag have a damaged copy, in keybag/ or "
                   "snapshots/; the other copies are whole, and the next change mends these",
                   history.num_damaged);
    /* Before the first change by software that makes them there are no second copies. */
    if (history.num_single > 0 && scrub->vault->keybag.version >= ADP_KEYBAG_VERSION)
        scrub_find(scrub, ADP_FINDING_MISSING, &place,
                   "%" PRIu64 " generations of the keybag lack one of their two copies, in keybag/ "
                   "or snapshots/; the next change makes it anew",
                   history.num_single);
    if (history.num_missing > 0)
        scrub_find(scrub, ADP_FINDING_MISSING, &place,
                   "%" PRIu64 " generations of the keybag are not there in either copy",
                   history.num_missing);
}

/* A seal that is at work has its folder locked. */
static int is_at_work(const struct adp_vault *vault, const char *id)
{
    int fd = adp_fs_open_beneath(vault->archives_dir, id, O_RDONLY | O_DIRECTORY, 0);
    int is_locked = fd >= 0 && adp_entry_lock(fd, 0) == -EBUSY;

    adp_fs_close(fd);
    return is_locked;
}

static int has_record(const struct adp_vault *vault, const char *id)
{
    char name[NAME_MAX + 8];
    struct stat st;

    snprintf(name, sizeof(name), "%s.adpr", id);
    return adp_entry_stat(vault->snapshots_dir, name, &st) != -ENOENT;
}

static void find_surplus_folders(struct scrubbing *scrub)
{
    struct adp_vault_names names;
    char path[ADP_VAULT_PATH_LEN];
    struct scrub_place place = {.path = path};

    if (adp_vault_list_names(scrub->vault, "archives", "", &names, NULL) != ADP_OK)
        return;
    for (size_t i = 0; i < names.num; i++) {
        const char *id = names.items[i];

        if (has_record(scrub->vault, id) || is_at_work(scrub->vault, id))
            continue;
        adp_vault_path(path, scrub->vault, "archives/%s", id);
        scrub_find(scrub, ADP_FINDING_SURPLUS, &place,
                   "no record is signed for this folder: a seal was interrupted, or its record is "
                   "gone");
    }
    adp_vault_names_free(&names);
}

/* -- A run. */

static enum adp_status scrub_record(void *user, const struct adp_record *record,
                                    struct adp_error *err)
{
    struct scrubbing *scrub = user;

    if (scrub->options->snapshot != NULL)
        memcpy(scrub->report.work.snapshot, record->id, sizeof(record->id));
    return scrub_snapshot(scrub, record, err);
}

static void find_refused(void *user, const char *id, const struct adp_error *why)
{
    struct scrubbing *scrub = user;
    char path[ADP_VAULT_PATH_LEN];
    struct scrub_place place = {.id = id, .path = path};

    adp_vault_path(path, scrub->vault, "snapshots/%s.adpr", id);
    scrub_find_error(scrub, &place, why);
}

static enum adp_status scrub_selected(struct scrubbing *scrub, struct adp_error *err)
{
    const char *snapshot = scrub->options->snapshot;
    enum adp_status status =
        adp_vault_each_record(scrub->vault, snapshot, scrub_record, find_refused, scrub, err);

    if (status == ADP_OK && snapshot == NULL) {
        check_keybag(scrub);
        find_surplus_folders(scrub);
    }
    return status;
}

static enum adp_status conclude(const struct scrubbing *scrub, struct adp_error *err)
{
    const struct adp_scrub_report *report = &scrub->report;
    uint64_t num = 0;

    if (scrub->worst.status == ADP_OK)
        return ADP_OK;
    if (scrub->worst.status == ADP_ERR_PARTIAL) {
        adp_fail(err, ADP_ERR_PARTIAL, scrub->vault->path,
                 "nothing wrong was found, but of %" PRIu64 " of %" PRIu64
                 " archives not all can be told: they have no attestation",
                 report->num_archives - report->num_attested, report->num_archives);
        return ADP_ERR_PARTIAL;
    }
    for (unsigned kind = 1; kind < ADP_FINDING_UNTOLD; kind++)
        num += report->num_findings[kind];
    if (num > 0)
        adp_fail(err, scrub->worst.status, scrub->vault->path,
                 "the vault is not as it was sealed: %" PRIu64 " findings", num);
    else
        adp_fail(err, scrub->worst.status, scrub->vault->path, "not all of it could be checked");
    return adp_error_hint(err, scrub->worst.status, "each is named above");
}

static void sum_up(struct scrubbing *scrub)
{
    struct adp_report *work = &scrub->report.work;

    adp_report_total(work->categories);
    adp_tell_sum_up(&scrub->tell, work);
    if (scrub->run.queue != NULL)
        work->io = adp_ioq_backend_name(scrub->run.queue);
}

enum adp_status adp_scrub(struct adp_vault *vault, const struct adp_scrub_options *options,
                          struct adp_scrub_report *out_report, struct adp_error *err)
{
    struct scrubbing scrub = {.vault = vault, .options = options};
    enum adp_status status;

    adp_tell_init(&scrub.tell, &options->common, "scrub");
    status = adp_run_init(&scrub.run, &options->common, &scrub.tell, err);
    if (status == ADP_OK)
        status = scrub_body_new(&scrub, err);
    if (status == ADP_OK)
        status = scrub_selected(&scrub, err);
    if (status == ADP_OK) {
        adp_tell_end(&scrub.tell);
        status = conclude(&scrub, err);
    }
    sum_up(&scrub);
    adp_run_stop(&scrub.run);
    scrub_body_free(&scrub);
    adp_run_cleanup(&scrub.run);
    *out_report = scrub.report;
    return status;
}
