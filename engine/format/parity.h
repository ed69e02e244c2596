/* Parity of an archive, in a file beside it: docs/FORMAT.md section 6.3. */
#ifndef ADP_PARITY_H
#define ADP_PARITY_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "bytes.h"
#include "header.h"
#include "record.h"

#define ADP_PARITY_BLOCK   4096u
#define ADP_PARITY_DIGESTS 127u /* in a block */
#define ADP_PARITY_PIECES  64u  /* of a header block */
#define ADP_PARITY_RUN_MAX (1u << 20)

/* struct adp_parity is how it is laid out. */
struct adp_parity {
    uint8_t vault_id[ADP_ID_LEN];
    uint8_t archive_id[ADP_ID_LEN];
    uint64_t size; /* of the archive */
    uint32_t header_len;
    uint32_t shard_len;
    uint32_t num_groups;
    uint32_t band; /* groups */
    uint16_t num_rows;
    uint16_t num_parity; /* shards of a group */
};

/* adp_parity_choose lays out |percent| (1 to 100) of parity for an archive of |out->size| and
 * |out->header_len|, which are set. Returns 0 if no archive has these. */
int adp_parity_choose(struct adp_parity *out, unsigned percent);

/* adp_parity_build writes the start; adp_parity_parse returns whether |data| is one that is whole
 * and that of the archive |record| of the vault. */
void adp_parity_build(uint8_t out[ADP_PARITY_BLOCK], const struct adp_parity *parity);
int adp_parity_parse(struct adp_parity *out, const uint8_t data[ADP_PARITY_BLOCK],
                     const uint8_t vault_id[ADP_ID_LEN], const struct adp_record_archive *record);

/* -- Where things are. */

uint64_t adp_parity_num_shards(const struct adp_parity *parity); /* of the body */
uint32_t adp_parity_num_bands(const struct adp_parity *parity);

/* adp_parity_band_digests returns how many digests a band has, adp_parity_band_blocks how many
 * blocks they fill. */
uint32_t adp_parity_band_digests(const struct adp_parity *parity);
uint32_t adp_parity_band_blocks(const struct adp_parity *parity);

/* Offsets in the file; |copy| is 0 or 1. */
uint64_t adp_parity_start_offset(const struct adp_parity *parity, unsigned copy);
uint64_t adp_parity_header_offset(const struct adp_parity *parity, unsigned copy);
uint64_t adp_parity_digests_offset(const struct adp_parity *parity, unsigned copy, uint32_t band);
uint64_t adp_parity_shard_offset(const struct adp_parity *parity, unsigned row, uint32_t group);
uint64_t adp_parity_file_size(const struct adp_parity *parity);

/* -- Blocks with a checksum. */

/* adp_parity_close writes a block's checksum; adp_parity_is_whole returns whether it fits. */
void adp_parity_close(uint8_t block[ADP_PARITY_BLOCK]);
int adp_parity_is_whole(const uint8_t block[ADP_PARITY_BLOCK]);

/* adp_parity_guard makes the guard of a header block. */
void adp_parity_guard(uint8_t out[ADP_PARITY_BLOCK], const uint8_t *header, uint32_t header_len);

#endif
