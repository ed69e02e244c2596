/* The state of healing one archive. */
#ifndef ADP_HEALING_H
#define ADP_HEALING_H

#include "code.h"
#include "parity_internal.h"

struct healing {
    const struct adp_vault *vault;
    const char *id;
    const struct adp_record_archive *record;
    struct adp_tell *tell;
    struct adp_sidecar sidecar;
    const struct adp_parity *parity; /* the sidecar's */
    struct adp_code *code;
    struct adp_healed found;
    char path[ADP_VAULT_PATH_LEN];
    int fd;
    int mend;
    size_t run_len;
    uint8_t *header;
    uint8_t *row;      /* one run */
    uint8_t *sums;     /* what the good rows account for: a run for each row of parity */
    uint8_t *rows;     /* of parity, as they are in the file */
    uint8_t *digests;  /* blocks of the band */
    uint8_t *is_bad;   /* (K + M) * W, as the digests are ordered */
    uint8_t *solution; /* M shards */
};

/* healing_band looks at the archive's and the parity's part of a band, and finds out whether all of
 * it heals; if |healing->mend|, it overwrites what is damaged. */
enum adp_status healing_band(struct healing *healing, uint32_t band, struct adp_error *err);

/* healing_look_at_parity does so for row |r| of the parity alone, whose digests have been read, and
 * changes nothing. */
void healing_look_at_parity(struct healing *healing, unsigned r, uint32_t band);

/* healing_write writes |len| bytes to a file, unless it is a look only. |path| is for messages. */
enum adp_status healing_write(const struct healing *healing, int fd, const char *path,
                              const uint8_t *data, size_t len, uint64_t offset,
                              struct adp_error *err);

#endif
