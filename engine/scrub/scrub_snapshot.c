#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive_parity.h"
#include "entry.h"
#include "error.h"
#include "scrubbing.h"

/* A snapshot's attestation, being read beside its archives. */
struct attestation {
    struct adp_attested_file file;
    int is_usable;                      /* the next part can be read */
    struct adp_error start;             /* what is wrong with its start */
    uint64_t num_attested, num_changed; /* parts that are the record's, and that are not */
};

static struct scrub_place place_in(const struct attestation *attestation, uint64_t offset,
                                   uint64_t len)
{
    return (struct scrub_place){.id = attestation->file.record->id,
                                .path = attestation->file.path,
                                .offset = offset,
                                .len = len};
}

static uint64_t file_size(const struct attestation *attestation)
{
    struct stat st;

    return adp_entry_stat(attestation->file.fd, NULL, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* -- The attestation. */

static void begin(struct scrubbing *scrub, const struct adp_record *record,
                  struct attestation *attestation)
{
    struct adp_error why = {0};
    struct scrub_place place;

    attestation->file.fd = -1;
    if (!record->is_attested)
        return;
    if (adp_attested_open(&attestation->file, scrub->vault, record, &why) == ADP_OK) {
        (void)adp_attested_start(&attestation->file, &why);
        attestation->is_usable = attestation->file.offset > 0;
    }
    if (attestation->is_usable) {
        attestation->start = why;
        return;
    }
    place = place_in(attestation, 0, 0);
    scrub_find_error(scrub, &place, &why);
}

static enum scrub_trust next_part(struct scrubbing *scrub, struct attestation *attestation,
                                  struct scrub_archive *archive)
{
    struct adp_error why = {0};
    uint64_t start = attestation->file.offset, size;
    struct scrub_place place;
    enum adp_status status;

    if (!attestation->is_usable)
        return SCRUB_UNATTESTED;
    archive->file = &attestation->file;
    archive->digests_offset = start + ADP_ATTESTED_START_LEN;
    status = adp_attested_part(&attestation->file, archive->record, &archive->attested, &why);
    if (status == ADP_OK || status == ADP_ERR_MISMATCH)
        return status == ADP_OK ? SCRUB_ATTESTED : SCRUB_CHANGED;
    /* Where a part is not to be read, nobody knows where the next one begins. */
    attestation->is_usable = 0;
    size = file_size(attestation);
    place = place_in(attestation, start, size > start ? size - start : 0);
    scrub_find_error(scrub, &place, &why);
    return SCRUB_UNATTESTED;
}

/* An attestation that is whole, of another snapshot, fits nothing; that is told once. */
static int is_anothers(const struct attestation *attestation)
{
    return attestation->start.status == ADP_ERR_MISMATCH && attestation->num_attested == 0;
}

static void find_changed(struct scrubbing *scrub, const struct attestation *attestation,
                         const struct scrub_archive *archive)
{
    uint64_t start = archive->digests_offset - ADP_ATTESTED_START_LEN;
    struct scrub_place place = place_in(attestation, start, attestation->file.offset - start);

    if (is_anothers(attestation))
        return;
    place.category = archive->record->category;
    scrub_find(scrub, ADP_FINDING_DAMAGED, &place,
               "the attestation's part for %s is damaged: it is not the one that was sealed",
               adp_category_name(place.category));
}

static void end(struct scrubbing *scrub, const struct attestation *attestation)
{
    uint64_t offset = attestation->file.offset, size;
    struct adp_error why = {0};
    struct scrub_place place;

    if (attestation->start.status != ADP_OK && is_anothers(attestation)) {
        place = place_in(attestation, 0, 0);
        scrub_find(scrub, ADP_FINDING_EXCHANGED, &place,
                   "the attestation was exchanged: it is not that of this snapshot");
    } else if (attestation->start.status != ADP_OK) {
        place = place_in(attestation, 0, ADP_ATTESTATION_START_LEN);
        scrub_find(scrub, ADP_FINDING_DAMAGED, &place,
                   "the start of the attestation is damaged; what follows counts");
    }
    if (!attestation->is_usable || adp_attested_end(&attestation->file, &why) == ADP_OK)
        return;
    size = file_size(attestation);
    place = place_in(attestation, offset, size > offset ? size - offset : 0);
    scrub_find_error(scrub, &place, &why);
}

/* -- What belongs into the folder. */

static int is_named(const struct adp_record *record, const char *name)
{
    char expected[64];

    if (strcmp(name, ADP_ATTESTATION_NAME) == 0)
        return record->is_attested;
    for (size_t i = 0; i < record->num_archives; i++) {
        const char *category = adp_category_name(record->archives[i].category);

        snprintf(expected, sizeof(expected), "%s.adps", category);
        if (strcmp(name, expected) == 0)
            return 1;
        snprintf(expected, sizeof(expected), "%s.adpp", category);
        if (strcmp(name, expected) == 0)
            return 1;
    }
    return 0;
}

static void find_surplus(struct scrubbing *scrub, const struct adp_record *record)
{
    struct adp_vault_names names;
    char folder[64], path[ADP_VAULT_PATH_LEN];
    struct scrub_place place = {.id = record->id, .path = path};

    snprintf(folder, sizeof(folder), "archives/%s", record->id);
    if (adp_vault_list_names(scrub->vault, folder, "", &names, NULL) != ADP_OK)
        return; /* what is missing in it is told already */
    for (size_t i = 0; i < names.num; i++) {
        const char *name = names.items[i], *dot = strrchr(name, '.');

        if (is_named(record, name))
            continue;
        adp_vault_path(path, scrub->vault, "%s/%s", folder, name);
        scrub_find(scrub, ADP_FINDING_SURPLUS, &place,
                   dot != NULL && strcmp(dot, ".adph") == 0
                       ? "this is the rest of a rewrap that was interrupted: run it again"
                       : "the snapshot's record does not name this file");
    }
    adp_vault_names_free(&names);
}

/* -- All of it. */

static void find_untold(struct scrubbing *scrub, const struct adp_record *record, uint64_t num)
{
    char path[ADP_VAULT_PATH_LEN];
    struct scrub_place place = {.id = record->id, .path = path};

    if (num == 0)
        return;
    adp_vault_path(path, scrub->vault, "archives/%s", record->id);
    scrub_find(scrub, ADP_FINDING_UNTOLD, &place,
               "%" PRIu64 " of its archives have no attestation%s: sizes, headers' checksums and "
               "segments' tags were checked; whether other bytes have changed cannot be told",
               num, record->is_attested ? " that is whole" : ", for it was sealed without");
}

static enum adp_status check_parity(struct scrubbing *scrub, const char *id,
                                    const struct adp_record_archive *record, struct adp_error *err)
{
    struct adp_error why = {0};
    struct scrub_place place = {.id = id, .category = record->category, .path = why.path};
    enum adp_status status = adp_parity_look(scrub->vault, id, record, &scrub->tell, &why);

    if (status == ADP_ERR_CANCELLED || status == ADP_ERR_MEMORY) {
        if (err != NULL)
            *err = why;
        return status;
    }
    if (status != ADP_OK && status != ADP_ERR_NOT_FOUND)
        scrub_find_error(scrub, &place, &why);
    return ADP_OK;
}

static enum adp_status scrub_one(struct scrubbing *scrub, struct attestation *attestation,
                                 struct scrub_archive *archive, struct adp_error *err)
{
    int fits;
    enum adp_status status;

    archive->trust = next_part(scrub, attestation, archive);
    attestation->num_attested += archive->trust == SCRUB_ATTESTED;
    attestation->num_changed += archive->trust == SCRUB_CHANGED;
    status = scrub_archive(scrub, archive, &fits, err);
    if (status == ADP_OK && archive->trust == SCRUB_CHANGED && !fits)
        find_changed(scrub, attestation, archive);
    if (status != ADP_OK || scrub->options->without_parity)
        return status;
    return check_parity(scrub, archive->id, archive->record, err);
}

enum adp_status scrub_snapshot(struct scrubbing *scrub, const struct adp_record *record,
                               struct adp_error *err)
{
    struct attestation attestation = {.file = {.record = record}};
    enum adp_status status = ADP_OK;

    scrub->report.num_snapshots++;
    scrub->report.num_archives += record->num_archives;
    for (size_t i = 0; i < record->num_archives; i++)
        scrub->tell.progress.total_bytes += record->archives[i].size;
    begin(scrub, record, &attestation);
    for (size_t i = 0; status == ADP_OK && i < record->num_archives; i++) {
        struct scrub_archive archive = {.id = record->id, .record = &record->archives[i]};

        status = scrub_one(scrub, &attestation, &archive, err);
        scrub->tell.progress.done_entries++;
        if (status == ADP_OK && !adp_tell_progress(&scrub->tell))
            status = adp_tell_cancelled(err);
    }
    if (status == ADP_OK) {
        end(scrub, &attestation);
        scrub->report.num_attested += attestation.num_attested;
        find_untold(scrub, record, record->num_archives - attestation.num_attested);
        find_surplus(scrub, record);
    }
    adp_attested_close(&attestation.file);
    return status;
}
