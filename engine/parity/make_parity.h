/* Parity of an archive: made by a seal or for one that is there, kept up by a rewrap, looked at by
 * a scrub. */
#ifndef ADP_MAKE_PARITY_H
#define ADP_MAKE_PARITY_H

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

#endif
