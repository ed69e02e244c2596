/* A snapshot's attestation, held against its record: docs/FORMAT.md section 6.1. */
#ifndef ADP_ATTESTED_H
#define ADP_ATTESTED_H

#include "attestation.h"
#include "vault.h"

/* struct adp_attested_file is one being read from its start to its end. |record| is the caller's
 * and must outlive it. */
struct adp_attested_file {
    const struct adp_record *record;
    int fd;
    char path[ADP_VAULT_PATH_LEN];
    uint64_t offset; /* of what is read next */
};

/* adp_attested_check returns ADP_OK if the attestation of the snapshot |record| is there, whole, as
 * it was sealed, or if it never had one. It says nothing of the archives. */
enum adp_status adp_attested_check(const struct adp_vault *vault, const struct adp_record *record,
                                   struct adp_error *err);

/* adp_attested_open opens it: ADP_ERR_MISSING if it is gone. The caller must call
 * adp_attested_close, also after a failure. */
enum adp_status adp_attested_open(struct adp_attested_file *out, const struct adp_vault *vault,
                                  const struct adp_record *record, struct adp_error *err);
void adp_attested_close(struct adp_attested_file *file);

/* adp_attested_start reads the start, then adp_attested_part one part per archive of the record,
 * then adp_attested_end finds nothing more. A start that is another's (ADP_ERR_MISMATCH,
 * ADP_ERR_UNSUPPORTED) and a part that is not the one of the record (ADP_ERR_MISMATCH) have been
 * read to their end nevertheless, and |*out| is what that part says: nothing vouches for it. */
enum adp_status adp_attested_start(struct adp_attested_file *file, struct adp_error *err);
enum adp_status adp_attested_part(struct adp_attested_file *file,
                                  const struct adp_record_archive *archive,
                                  struct adp_attested *out, struct adp_error *err);
enum adp_status adp_attested_end(const struct adp_attested_file *file, struct adp_error *err);

/* adp_attested_read reads |len| bytes at |offset|, once more. */
enum adp_status adp_attested_read(const struct adp_attested_file *file, uint64_t offset,
                                  uint8_t *out, size_t len, struct adp_error *err);

#endif
