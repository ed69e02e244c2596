/* The attestation of a snapshot, digests of all that its archives are made of, by which somebody
 * without any key finds what has changed: docs/FORMAT.md section 6.1. */
#ifndef ADP_ATTESTATION_H
#define ADP_ATTESTATION_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "bytes.h"
#include "header.h"
#include "record.h"

#define ADP_ATTESTATION_NAME      "attestation.adpt" /* in the snapshot's folder of archives/ */
#define ADP_ATTESTATION_START_LEN 64
#define ADP_ATTESTED_START_LEN    48

/* struct adp_attested is the beginning of an archive's part. The digests of its segments follow,
 * ADP_HASH_LEN bytes each. */
struct adp_attested {
    uint16_t category;
    uint32_t header_len;
    uint32_t enc_seg_len;
    uint8_t header_digest[ADP_HASH_LEN]; /* of its fixed part and FLOE header */
};

/* adp_attestation_start writes the file's beginning; adp_attestation_check_start returns ADP_OK if
 * |data| is the one of snapshot |id| of the vault, ADP_ERR_MISMATCH if it is another's,
 * ADP_ERR_UNSUPPORTED for another version, else ADP_ERR_FORMAT. */
void adp_attestation_start(uint8_t out[ADP_ATTESTATION_START_LEN],
                           const uint8_t vault_id[ADP_ID_LEN], const char *id);
enum adp_status adp_attestation_check_start(const uint8_t data[ADP_ATTESTATION_START_LEN],
                                            const uint8_t vault_id[ADP_ID_LEN], const char *id);

/* adp_attested_init says what is attested of |header|. */
void adp_attested_init(struct adp_attested *out, const struct adp_header *header);

/* adp_attested_build writes the part's beginning, and adp_attested_parse reads it, returning
 * whether it is well formed and of the archive |record|. */
void adp_attested_build(uint8_t out[ADP_ATTESTED_START_LEN], const struct adp_attested *attested);
int adp_attested_parse(struct adp_attested *out, const uint8_t data[ADP_ATTESTED_START_LEN],
                       const struct adp_record_archive *record);

/* adp_attested_num_segments returns how many segments an archive of |size| bytes has, or 0 if none
 * can have that size. */
uint64_t adp_attested_num_segments(const struct adp_attested *attested, uint64_t size);

#endif
