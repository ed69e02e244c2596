/* An archive and its parity: made by a seal or for one that is there, kept up by a rewrap, looked
 * at by a scrub, used by a repair. */
#ifndef ADP_ARCHIVE_PARITY_H
#define ADP_ARCHIVE_PARITY_H

#include "record.h"
#include "report.h"
#include "vault.h"

/* adp_parity_make reads the archive that |record| names for snapshot |id|, which must be whole, and
 * writes |percent| of parity beside it, in place of what was there. */
enum adp_status adp_parity_make(const struct adp_vault *vault, const char *id,
                                const struct adp_record_archive *record, unsigned percent,
                                struct adp_tell *tell, struct adp_error *err);

/* adp_parity_renew_header writes the archive's header as it is in place to the copies in its parity
 * file. ADP_OK if it has none. */
enum adp_status adp_parity_renew_header(const struct adp_vault *vault, const char *id,
                                        const struct adp_record_archive *record,
                                        struct adp_error *err);

/* adp_parity_look reads the archive's parity file and finds out whether it is whole:
 * ADP_ERR_DAMAGED if not, ADP_ERR_NOT_FOUND if there is none. */
enum adp_status adp_parity_look(const struct adp_vault *vault, const char *id,
                                const struct adp_record_archive *record, struct adp_tell *tell,
                                struct adp_error *err);

/* What was found of one archive and its parity file, and healed unless it is a look only. */
struct adp_healed {
    uint64_t num_shards;   /* of body and parity */
    uint64_t num_blocks;   /* copies of starts, headers and digests */
    uint64_t bytes;        /* of the archive that were damaged */
    int is_header_damaged; /* the one in place */
};

/* adp_heal heals the archive that |record| names. ADP_ERR_NOT_FOUND if it has no parity;
 * ADP_ERR_DAMAGED if there is more damage than that heals: then nothing was written. */
enum adp_status adp_heal(const struct adp_vault *vault, const char *id,
                         const struct adp_record_archive *record, struct adp_tell *tell,
                         struct adp_healed *out, struct adp_error *err);

#endif
