/* What the parts of parity share. */
#ifndef ADP_PARITY_INTERNAL_H
#define ADP_PARITY_INTERNAL_H

#include "archive_parity.h"
#include "report.h"
#include "sidecar.h"

/* adp_header_heal puts the header in place together and, if |mend|, in place, or else only finds
 * out whether that can be done. |block| is the whole header afterwards. */
enum adp_status adp_header_heal(const struct adp_vault *vault, const char *id,
                                const struct adp_record_archive *record,
                                const struct adp_sidecar *sidecar, int fd, int mend, uint8_t *block,
                                struct adp_healed *healed, struct adp_error *err);

/* adp_header_heal_copies makes the copies in the parity file those of the header |block|. */
enum adp_status adp_header_heal_copies(const struct adp_sidecar *sidecar, const uint8_t *block,
                                       int mend, struct adp_healed *healed, struct adp_error *err);

#endif
