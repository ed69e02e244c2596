/* The state of a scrub. */
#ifndef ADP_SCRUBBING_H
#define ADP_SCRUBBING_H

#include <stddef.h>
#include <stdint.h>

#include "attested.h"
#include "record.h"
#include "report.h"
#include "run.h"
#include "vault.h"

struct scrub_piece;

struct scrubbing {
    struct adp_vault *vault;
    const struct adp_scrub_options *options;
    struct adp_tell tell;
    struct adp_run run;
    struct adp_scrub_report report;
    struct adp_error worst;     /* finding */
    struct scrub_piece *pieces; /* of a body, being read */
    uint8_t *block;             /* ADP_HEADER_MAX bytes */
    uint8_t *digests;           /* SCRUB_WINDOW of the attestation */
};

/* Digests that are read of an attestation at once. */
#define SCRUB_WINDOW 2048u

/* -- finding.c */

/* struct scrub_place is what is concerned. |len| zero: all of it. */
struct scrub_place {
    const char *id; /* of the snapshot, or NULL */
    unsigned category;
    const char *path;
    uint64_t offset, len;
};

/* scrub_find tells a finding that says |format|. */
void scrub_find(struct scrubbing *scrub, enum adp_finding_kind kind,
                const struct scrub_place *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* scrub_find_error tells that something was refused for |why|, which says what kind of finding it
 * is. */
void scrub_find_error(struct scrubbing *scrub, const struct scrub_place *place,
                      const struct adp_error *why);

/* -- scrub_snapshot.c */

/* scrub_snapshot scrubs all that |record| names. A failure ends the run. */
enum adp_status scrub_snapshot(struct scrubbing *scrub, const struct adp_record *record,
                               struct adp_error *err);

/* -- scrub_archive.c */

enum scrub_trust {
    SCRUB_UNATTESTED, /* there is no attestation, or its part cannot be found in it */
    SCRUB_CHANGED,    /* there is a part, but not the one that the record was signed for */
    SCRUB_ATTESTED,
};

struct scrub_archive {
    const char *id;
    const struct adp_record_archive *record;
    enum scrub_trust trust;
    struct adp_attested attested; /* unless it is SCRUB_UNATTESTED */
    const struct adp_attested_file *file;
    uint64_t digests_offset; /* in |file| */

    char path[ADP_VAULT_PATH_LEN];
    int fd;
    uint64_t size; /* of the file */
    uint32_t header_len, enc_seg_len;
    uint64_t num_segments; /* as the record's size says; 0: that is not known */
    uint64_t num_whole;    /* of them: the file has all bytes */
    uint64_t num_bad;      /* of these: not as attested, or not to be read */
    int is_foreign;        /* the header is whole in itself, and another's */
    int is_start_attested; /* bytes 0 to 137 are as attested, whatever vouches for that */
    int has_compared;      /* segments with the attestation */
    int has_unreadable;    /* segments */
    int tags_fit;
};

/* scrub_archive scrubs one archive, of which the first block of fields is set. Returns a failure
 * that ends the run; findings are told. |*out_fits| says whether everything fits an attestation
 * that is SCRUB_CHANGED. */
enum adp_status scrub_archive(struct scrubbing *scrub, struct scrub_archive *archive, int *out_fits,
                              struct adp_error *err);

/* -- scrub_header.c */

/* scrub_header checks the header, and finds out how the archive is laid out. */
void scrub_header(struct scrubbing *scrub, struct scrub_archive *archive);

/* -- scrub_body.c */

/* scrub_body_new allocates what scrub_body needs, for a run that is set up; freed by
 * scrub_body_free after the run was stopped. */
enum adp_status scrub_body_new(struct scrubbing *scrub, struct adp_error *err);
void scrub_body_free(struct scrubbing *scrub);

/* scrub_body reads all segments that the file has whole. */
enum adp_status scrub_body(struct scrubbing *scrub, struct scrub_archive *archive,
                           struct adp_error *err);

#endif
