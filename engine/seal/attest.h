/* The attestation of a snapshot being written (format/attestation.h): archive after archive, each
 * one's digests in the order of its segments. All of it runs on the driver; the digests themselves
 * are made by workers. */
#ifndef ADP_ATTEST_H
#define ADP_ATTEST_H

#include <openssl/sha.h>

#include "attestation.h"
#include "fs.h"
#include "vault.h"

struct adp_attest {
    struct adp_fs_temp temp;
    char path[ADP_VAULT_PATH_LEN];
    uint8_t buffer[64u << 10];
    size_t used;
    uint64_t written;
    int error; /* -errno of the first write that failed */
    SHA256_CTX part;
};

/* adp_attest_new begins the file of snapshot |id| in its folder |dir|, which must stay open. The
 * caller must call adp_attest_finish or adp_attest_free. */
enum adp_status adp_attest_new(struct adp_attest **out, const struct adp_vault *vault, int dir,
                               const char *id, struct adp_error *err);

/* adp_attest_begin begins the part of an archive, adp_attest_add adds a segment's digest, and
 * adp_attest_end gives the part's own digest, for the record. */
void adp_attest_begin(struct adp_attest *attest, const struct adp_header *header);
void adp_attest_add(struct adp_attest *attest, const uint8_t digest[ADP_HASH_LEN]);
void adp_attest_end(struct adp_attest *attest, uint8_t out_digest[ADP_HASH_LEN]);

/* adp_attest_finish writes what is left, syncs, and gives the file its name. A write that failed
 * earlier fails here. Frees it in every case. */
enum adp_status adp_attest_finish(struct adp_attest *attest, struct adp_error *err);

/* adp_attest_free removes the file. NULL is allowed. */
void adp_attest_free(struct adp_attest *attest);

#endif
