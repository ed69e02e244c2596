/* The state of a run that renews key slots. */
#ifndef ADP_REWRAPPING_H
#define ADP_REWRAPPING_H

#include <stddef.h>
#include <stdint.h>

#include "record.h"
#include "report.h"
#include "vault.h"

/* A header that lies beside its archive. */
struct rewrap_beside {
    char id[ADP_SNAPSHOT_ID_LEN + 1];
    struct adp_record_archive record;
    int is_done; /* the one in place is as good, and once that is on the disk this one may go */
    uint8_t checksum[ADP_HASH_LEN];
};

struct rewrapping {
    struct adp_vault *vault;
    struct adp_tell tell;
    struct adp_rewrap_report report;
    struct adp_error first; /* failure */
    struct rewrap_beside *beside;
    size_t num_beside, cap_beside;
    uint8_t *block; /* ADP_HEADER_MAX bytes */
};

/* One archive of a snapshot, looked at. */
struct rewrap_archive {
    const char *id;
    const struct adp_record_archive *record;
    char path[ADP_VAULT_PATH_LEN];
};

/* All of these fill |err| for one archive; the others have their turn all the same. */

/* rewrap_settle takes up what an interrupted run has left of an archive: a header beside it goes
 * into the place of one that is damaged. */
enum adp_status rewrap_settle(struct rewrapping *run, const struct rewrap_archive *archive,
                              struct adp_error *err);

/* rewrap_stage puts a header with a slot of the newest epoch beside an archive that lacks one. */
enum adp_status rewrap_stage(struct rewrapping *run, const struct rewrap_archive *archive,
                             struct adp_error *err);

/* rewrap_place puts a header that was staged, and is on the disk, into its place. */
enum adp_status rewrap_place(struct rewrapping *run, struct rewrap_beside *beside,
                             struct adp_error *err);

/* rewrap_remove_beside removes the header beside. Best effort: one that is left means nothing. */
void rewrap_remove_beside(const struct rewrapping *run, const struct rewrap_beside *beside);

#endif
