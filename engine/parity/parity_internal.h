/* What the parts of parity share. */
#ifndef ADP_PARITY_INTERNAL_H
#define ADP_PARITY_INTERNAL_H

#include "make_parity.h"
#include "report.h"
#include "sidecar.h"

/* What was found of one archive and its parity file, and healed unless it is a look only. */
struct adp_healed {
    uint64_t num_shards;   /* of body and parity */
    uint64_t num_blocks;   /* copies of starts, headers and digests */
    uint64_t bytes;        /* of the archive that were damaged */
    int is_header_damaged; /* the one in place */
};

/* adp_header_heal puts the header in place together and, if |mend|, in place, or else only finds
 * out whether that can be done. |block| is the whole header afterwards. */
enum adp_status adp_header_heal(const struct adp_vault *vault, const char *id,
                                const struct adp_record_archive *record,
                                const struct adp_sidecar *sidecar, int fd, int mend, uint8_t *block,
                                struct adp_healed *healed, struct adp_error *err);

/* adp_header_heal_copies makes the copies in the parity file those of the header |block|. */
enum adp_status adp_header_heal_copies(const struct adp_sidecar *sidecar, const uint8_t *block,
                                       int mend, struct adp_healed *healed, struct adp_error *err);

/* adp_heal heals the archive that |record| names. ADP_ERR_NOT_FOUND if it has no parity;
 * ADP_ERR_DAMAGED if there is more damage than that heals: then nothing was written. */
enum adp_status adp_heal(const struct adp_vault *vault, const char *id,
                         const struct adp_record_archive *record, struct adp_tell *tell,
                         struct adp_healed *out, struct adp_error *err);

#endif
