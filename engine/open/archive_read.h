/* An archive opened for reading: header checked against the record, key unwrapped, index at hand.
 *
 * Reading through here is sequential and on one thread: for the index, for one file, for what a
 * pipeline needs before it starts. Pipelines read segments themselves (restoring.h). */
#ifndef ADP_ARCHIVE_READ_H
#define ADP_ARCHIVE_READ_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "floe.h"
#include "index.h"
#include "record.h"
#include "sandbox.h"
#include "vault.h"

struct adp_archive {
    int fd;
    int bulk_fd;   /* for pipelines: around the page cache, where that can be had */
    int is_direct; /* it is */
    char path[ADP_VAULT_PATH_LEN];
    struct adp_record_archive record;
    struct adp_header header;
    int is_header_beside; /* the one in place is damaged: archive_header.h */
    struct adp_floe *floe;
    struct adp_floe_layout layout;
    struct adp_trailer trailer;
    struct adp_directory directory;
    struct adp_gcm_scratch *scratch;
    uint8_t *segment;  /* one, as it is on the disk; plaintext after it was opened in place */
    uint64_t position; /* of the one that is open, or UINT64_MAX */
    void *zstd;
    struct adp_sandbox *sandbox; /* decodes instead of |zstd|; NULL: none */
    /* Tags as they were met, to be held against the record's digest; NULL if nobody asks. */
    uint8_t (*tags)[ADP_GCM_TAG_LEN];
    uint8_t *tag_there; /* one byte a segment */
    atomic_uint num_diagnosed;
    /* What to do about an index frame that is damaged: NULL ends the reading of the index. */
    enum adp_status (*on_lost)(void *user, size_t frame, const struct adp_error *why);
    void *lost_user;
};

/* adp_archive_open opens the archive that |record| names for snapshot |id|, checks that it is that
 * one, unwraps its key, starts its sandbox as |vault| says, and reads trailer and directory.
 * |collect_tags| keeps tags for adp_archive_check_tags. |num_workers| threads will decode frames
 * beside the caller's. The caller must call adp_archive_close. */
enum adp_status adp_archive_open(struct adp_archive **out, struct adp_vault *vault, const char *id,
                                 const struct adp_record_archive *record, int collect_tags,
                                 unsigned num_workers, struct adp_error *err);
void adp_archive_close(struct adp_archive *archive);

/* adp_archive_plain_len returns how many bytes of the stream a segment holds that is not the last.
 */
uint32_t adp_archive_plain_len(const struct adp_archive *archive);

/* adp_archive_segment_len returns the length on the disk of segment |position|, and
 * adp_archive_segment_offset where it begins in the file. */
uint32_t adp_archive_segment_len(const struct adp_archive *archive, uint64_t position);
uint64_t adp_archive_segment_offset(const struct adp_archive *archive, uint64_t position);

/* adp_archive_open_segment opens |segment|, in place, and says in |err| which one failed and where.
 * Threads: any, each with its own |scratch|; with |collect_tags| each segment by one at a time. */
enum adp_status adp_archive_open_segment(struct adp_archive *archive,
                                         struct adp_gcm_scratch *scratch, uint8_t *segment,
                                         uint64_t position, struct adp_error *err);

/* adp_archive_load reads and opens segment |position|, for nothing but to see that it can be. */
enum adp_status adp_archive_load(struct adp_archive *archive, uint64_t position,
                                 struct adp_error *err);

/* adp_archive_is_damage returns whether |why| says that bytes are not what was sealed, or are on a
 * bad place of the disk: what can be left out. What breaks the decoder ends the work on its
 * archive. */
int adp_archive_is_damage(const struct adp_error *why);

/* adp_archive_read reads |len| bytes of the stream at |offset|, which must lie in it. */
enum adp_status adp_archive_read(struct adp_archive *archive, uint64_t offset, uint8_t *out,
                                 size_t len, struct adp_error *err);

/* adp_archive_decode reads the |frame| at |offset| of the stream and decodes it into |out|. |err|
 * is left alone for ADP_ERR_CONTENT: the caller knows what it is. */
enum adp_status adp_archive_decode(struct adp_archive *archive, uint64_t offset,
                                   const struct adp_sandbox_frame *frame, uint8_t *out,
                                   struct adp_error *err);

/* adp_archive_frame reads and decodes index frame |number| into memory that the caller frees. */
enum adp_status adp_archive_frame(struct adp_archive *archive, size_t number, uint8_t **out,
                                  size_t *out_len, struct adp_error *err);

/* adp_archive_extent reads the bytes of one extent into |out|, through |buffer| (ADP_FRAME_MAX
 * bytes each), and checks its digest. */
enum adp_status adp_archive_extent(struct adp_archive *archive, const struct adp_extent *extent,
                                   uint8_t *out, uint8_t *buffer, struct adp_error *err);

/* adp_archive_check_tags holds the tags digest against the record: ADP_ERR_MISMATCH if it is not
 * the same. Segments not met so far are read first. */
enum adp_status adp_archive_check_tags(struct adp_archive *archive, struct adp_error *err);

/* adp_archive_fail_extent fills |err| for an extent whose frame does not decode or digest,
 * adp_archive_fail_decoder for a frame at |offset| of the stream that was ADP_ERR_DECODER, and
 * adp_archive_fail_link for a hard link to what is no file of the archive. */
enum adp_status adp_archive_fail_extent(const struct adp_archive *archive,
                                        const struct adp_extent *extent, struct adp_error *err);
enum adp_status adp_archive_fail_decoder(const struct adp_archive *archive, uint64_t offset,
                                         struct adp_error *err);
enum adp_status adp_archive_fail_link(const struct adp_archive *archive, struct adp_error *err);

#endif
