/* What making parity and using it have in common: a run over the archives of a vault, one snapshot
 * after the other. What goes wrong with one archive is told, and the run goes on. */
#ifndef ADP_MENDING_H
#define ADP_MENDING_H

#include "archive_parity.h"
#include "report.h"
#include "vault.h"

struct mending {
    struct adp_vault *vault;
    const struct adp_options *common;
    struct adp_tell tell;
    uint64_t num_failed;
    struct adp_error first;                /* failure */
    int is_marked[ADP_NUM_CATEGORIES + 1]; /* archives of the snapshot at hand, for the run's use */
};

/* mending_failed tells what went wrong with an archive or record. */
void mending_failed(struct mending *run, const struct adp_error *why);

/* mending_run calls |on_record| with |run|, the first member of the caller's own struct, for
 * |snapshot|, or for each one if that is NULL. Meanwhile nobody else changes archives. |stage|
 * names it in its progress. The result is that of |on_record| if it fails, else the status of the
 * first failure that was told. */
enum adp_status mending_run(struct mending *run, const char *stage, const char *snapshot,
                            adp_record_fn on_record, struct adp_error *err);

#endif
