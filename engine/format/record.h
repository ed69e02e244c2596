/* The snapshot record: docs/FORMAT.md section 5. */
#ifndef ADP_RECORD_H
#define ADP_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "bytes.h"
#include "header.h"
#include "wrap.h"

#define ADP_RECORD_MAX (1u << 20)

struct adp_record_archive {
    uint16_t category;
    uint32_t epoch;
    uint8_t archive_id[ADP_ID_LEN];
    uint64_t size;
    uint8_t floe_header_tag[ADP_FLOE_TAG_LEN];
    uint8_t tags_digest[ADP_HASH_LEN];
    uint8_t attestation[ADP_HASH_LEN]; /* digest of its part of the attestation, if there is one */
};

struct adp_record {
    uint8_t vault_id[ADP_ID_LEN];
    char id[ADP_SNAPSHOT_ID_LEN + 1];
    int64_t started_ns, finished_ns;
    uint64_t keybag_generation;
    uint8_t author[ADP_ID_LEN];
    int is_attested; /* by attestation.h */
    size_t num_archives;
    struct adp_record_archive archives[ADP_NUM_CATEGORIES];
};

/* adp_record_build writes |record|, signed with |seed|, into the zeroed |out|. */
enum adp_status adp_record_build(struct adp_builder *out, const struct adp_record *record,
                                 const uint8_t seed[ADP_SIGN_SEED_LEN], struct adp_error *err);

/* adp_record_parse parses |data|. The signature is checked by adp_record_verify, once the author is
 * known. |path| is for messages. */
enum adp_status adp_record_parse(struct adp_record *out, const uint8_t *data, size_t len,
                                 const char *path, struct adp_error *err);
enum adp_status adp_record_verify(const uint8_t *data, size_t len,
                                  const uint8_t sign_pub[ADP_SIGN_PUB_LEN], const char *path,
                                  struct adp_error *err);

/* adp_snapshot_id_is_of returns whether |id| is of a snapshot started at |started_ns|. */
int adp_snapshot_id_is_of(const char *id, int64_t started_ns);

/* adp_snapshot_id_make draws an id for a snapshot started at |started_ns|; adp_snapshot_id_check
 * returns 1 if the |len| bytes of |id| have the form of one. */
void adp_snapshot_id_make(char out[ADP_SNAPSHOT_ID_LEN + 1], int64_t started_ns);
int adp_snapshot_id_check(const char *id, size_t len);

#endif
