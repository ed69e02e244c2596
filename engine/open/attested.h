/* A snapshot's attestation, held against its record. */
#ifndef ADP_ATTESTED_H
#define ADP_ATTESTED_H

#include "attestation.h"
#include "vault.h"

/* adp_attested_check returns ADP_OK if the attestation of the snapshot |record| is there, whole, as
 * it was sealed, or if it never had one. It says nothing of the archives. */
enum adp_status adp_attested_check(const struct adp_vault *vault, const struct adp_record *record,
                                   struct adp_error *err);

#endif
