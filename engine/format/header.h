/* The archive's header block: docs/FORMAT.md section 6. Parsing looks at bytes alone; keys are
 * tried by the vault (vault/keys.h). */
#ifndef ADP_HEADER_H
#define ADP_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "floe.h"
#include "wrap.h"

#define ADP_ID_LEN           16
#define ADP_HEADER_BLOCK     4096u
#define ADP_HEADER_MAX       65536u
#define ADP_HEADER_FIXED_LEN 64
#define ADP_HEADER_MAX_SLOTS 64
#define ADP_SEGMENT_MAX      (4u << 20)

struct adp_slot {
    uint32_t key_epoch;
    struct adp_wrap wrap;
};

struct adp_header {
    uint32_t header_len;
    uint8_t vault_id[ADP_ID_LEN];
    uint8_t archive_id[ADP_ID_LEN];
    uint16_t category;
    uint32_t epoch;
    uint8_t floe_header[ADP_FLOE_HEADER_LEN];
    uint32_t enc_seg_len; /* out of the FLOE header */
    size_t num_slots;     /* of type 1 */
    size_t num_unknown;   /* slots of other types, which are passed over and not built */
    struct adp_slot slots[ADP_HEADER_MAX_SLOTS];
};

/* adp_header_fixed writes the fixed part, FLOE's aad, of a header whose fields up to |epoch| are
 * set. */
void adp_header_fixed(uint8_t out[ADP_HEADER_FIXED_LEN], const struct adp_header *header);

/* adp_header_build writes the whole block of |header->header_len| bytes to |out|. */
enum adp_status adp_header_build(uint8_t *out, const struct adp_header *header,
                                 struct adp_error *err);

/* adp_header_parse parses a block. |len| is what was read of the file's beginning, up to
 * ADP_HEADER_MAX bytes. |path| is for messages. Errors: ADP_ERR_FORMAT, ADP_ERR_CHECKSUM,
 * ADP_ERR_UNSUPPORTED, ADP_ERR_TRUNCATED, with the offset. */
enum adp_status adp_header_parse(struct adp_header *out, const uint8_t *data, size_t len,
                                 const char *path, struct adp_error *err);

/* adp_header_is_whole returns whether |data| is a block whose checksum fits: nobody's accident. */
int adp_header_is_whole(const uint8_t *data, size_t len);

/* adp_slot_info writes the HPKE info of a slot; returns its length (at most 128). */
size_t adp_slot_info(uint8_t out[128], const uint8_t fixed[ADP_HEADER_FIXED_LEN],
                     uint32_t key_epoch);

#endif
