/* An archive's header block: in place at the archive's beginning, or, where that one is damaged,
 * beside it, where a rewrap that was cut off has left it (docs/FORMAT.md section 6.2). Either is
 * taken only if it is the one that the snapshot's record names. */
#ifndef ADP_ARCHIVE_HEADER_H
#define ADP_ARCHIVE_HEADER_H

#include <stdint.h>

#include "floe.h"
#include "record.h"
#include "vault.h"

/* Room for "ID/CATEGORY.adps". */
#define ADP_ARCHIVE_NAME_LEN 64

/* adp_archive_name writes the name, below archives/, of what belongs to the archive of |category|
 * in snapshot |id|: |suffix| is "adps" for the archive itself, "adph" for a header beside it. */
void adp_archive_name(char out[ADP_ARCHIVE_NAME_LEN], const char *id, unsigned category,
                      const char *suffix);

/* adp_archive_header_open opens the archive that |record| names for snapshot |id|, reads its header
 * and says whether that is the one beside. The file's size is held against the record's as well.
 * The caller closes |*out_fd|; it is -1 after a failure. */
enum adp_status adp_archive_header_open(int *out_fd, struct adp_header *out, int *out_is_beside,
                                        const struct adp_vault *vault, const char *id,
                                        const struct adp_record_archive *record,
                                        struct adp_error *err);

/* adp_archive_header_difference returns in what |header| differs from the archive that |record|
 * names, e.g. "category"; NULL if in nothing. */
const char *adp_archive_header_difference(const struct adp_header *header,
                                          const struct adp_vault *vault,
                                          const struct adp_record_archive *record);

/* adp_archive_header_beside returns 1 with the header beside the archive, 0 if there is none, -1 if
 * it is not to be used. |block| has ADP_HEADER_MAX bytes, the header block on success. */
int adp_archive_header_beside(struct adp_header *out, uint8_t *block, const struct adp_vault *vault,
                              const char *id, const struct adp_record_archive *record);

/* adp_archive_header_is_changing returns whether a rewrap that is at work has a header beside the
 * archive: it is about to change the one in place, and its copies. */
int adp_archive_header_is_changing(const struct adp_vault *vault, const char *id,
                                   const struct adp_record_archive *record);

/* adp_archive_header_key unwraps the archive's key by the first slot whose key the FLOE header
 * confirms. |path| is for messages. The caller frees |*out_floe|. */
enum adp_status adp_archive_header_key(const struct adp_vault *vault,
                                       const struct adp_header *header, const char *path,
                                       uint8_t out_key[ADP_FLOE_KEY_LEN],
                                       struct adp_floe **out_floe, struct adp_error *err);

#endif
