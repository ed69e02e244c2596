/* An archive's parity file, open. */
#ifndef ADP_SIDECAR_H
#define ADP_SIDECAR_H

#include <stdint.h>

#include "parity.h"
#include "vault.h"

struct adp_sidecar {
    int fd;
    char path[ADP_VAULT_PATH_LEN];
    uint64_t size; /* of the file */
    struct adp_parity parity;
    int is_start_whole[2];
};

/* adp_sidecar_open opens the parity file of the archive that |record| names and reads its start.
 * ADP_ERR_NOT_FOUND if there is none, ADP_ERR_DAMAGED if both copies of the start are. The caller
 * must call adp_sidecar_close, also after a failure. */
enum adp_status adp_sidecar_open(struct adp_sidecar *out, const struct adp_vault *vault,
                                 const char *id, const struct adp_record_archive *record,
                                 struct adp_error *err);
void adp_sidecar_close(struct adp_sidecar *sidecar);

/* adp_sidecar_digests reads the digests of |band| into |out| (as many blocks as a band has),
 * block by block of the copy that is whole, and counts copies of blocks that are not. If |mend|,
 * these are overwritten. ADP_ERR_DAMAGED where both copies of one are damaged. */
enum adp_status adp_sidecar_digests(const struct adp_sidecar *sidecar, uint32_t band, int mend,
                                    uint8_t *out, uint64_t *num_damaged, struct adp_error *err);

/* adp_digest_of returns where, among the blocks of a band, the digest of shard |index| of row |row|
 * is; parity shards are rows behind the data's. */
uint8_t *adp_digest_of(const struct adp_parity *parity, uint8_t *blocks, unsigned row,
                       uint32_t index);

/* adp_run_offset returns where the band's part of |row| begins in the archive, and adp_run_len how
 * many of |len| bytes at |offset| the archive has, when it is whole. */
uint64_t adp_run_offset(const struct adp_parity *parity, unsigned row, uint32_t band);
size_t adp_run_len(const struct adp_parity *parity, uint64_t offset, size_t len);

/* adp_run_ahead has the kernel begin to read what follows in some runs: they lie so far apart that
 * it does not guess it. */
void adp_run_ahead(const struct adp_parity *parity, int fd, unsigned row, uint32_t band);

#endif
