/* An archive being written: bytes of the stream go in, sealed segments go to the disk.
 *
 * The driver appends to the stream; whenever a segment's worth is together, a worker seals it and
 * the queue writes it. Large pieces are sealed from where they lie, without a copy: the segment
 * holds a reference to their chunk until then. Everything here runs on the driver. */
#ifndef ADP_ARCHIVE_WRITE_H
#define ADP_ARCHIVE_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "attest.h"
#include "record.h"
#include "run.h"
#include "vault.h"

/* ENC_SEG_LEN of new archives: large enough for a disk's full speed at a moderate queue depth,
 * small enough that a segment and its key tables stay in a core's L2 and that one small file costs
 * little to read. */
#define ADP_SEGMENT_LEN (256u << 10)

struct adp_archive_writer;

/* adp_segments is the set of segment buffers, shared by the archives of a run. */
struct adp_segments;

/* adp_segments_new makes |num| buffers out of |memory|; |release| is called whenever a segment
 * gives a reference to a chunk back. */
enum adp_status adp_segments_new(struct adp_segments **out, struct adp_run *run, uint8_t *memory,
                                 unsigned num, void (*release)(void *user, struct adp_chunk *chunk),
                                 void *user, struct adp_error *err);
void adp_segments_free(struct adp_segments *segments);

/* adp_archive_writer_new begins the archive of |category| in the folder |dir| of snapshot |id|.
 * |expected| is a guess of its size, to reserve space by. |attest| gets its digests, unless it is
 * NULL; one archive at a time. The caller must call
 * adp_archive_writer_finish or adp_archive_writer_abandon. */
enum adp_status adp_archive_writer_new(struct adp_archive_writer **out,
                                       struct adp_segments *segments, const struct adp_vault *vault,
                                       int dir, const char *id, unsigned category,
                                       uint64_t expected, struct adp_attest *attest,
                                       struct adp_error *err);

/* adp_archive_writer_offset returns the stream's length so far. */
uint64_t adp_archive_writer_offset(const struct adp_archive_writer *writer);

/* adp_archive_writer_room returns how many bytes can be appended without waiting. */
size_t adp_archive_writer_room(const struct adp_archive_writer *writer);

/* adp_archive_writer_status returns whether a segment could not be written. */
enum adp_status adp_archive_writer_status(const struct adp_archive_writer *writer,
                                          struct adp_error *err);

/* adp_archive_writer_put appends |len| bytes, for which there must be room. If |chunk| is not NULL
 * the data lies in it and may be used in place; else it is copied. */
void adp_archive_writer_put(struct adp_archive_writer *writer, const uint8_t *data, size_t len,
                            struct adp_chunk *chunk);

/* adp_archive_writer_append appends any number of bytes, waiting for room as needed. */
enum adp_status adp_archive_writer_append(struct adp_archive_writer *writer, const uint8_t *data,
                                          size_t len, struct adp_error *err);

/* adp_archive_writer_finish seals the last segment, waits for everything to be on the disk, gives
 * the archive its name, and fills |out| for the record. Frees the writer in every case; on failure
 * nothing is left of the archive. */
enum adp_status adp_archive_writer_finish(struct adp_archive_writer *writer,
                                          struct adp_record_archive *out, struct adp_error *err);

/* adp_archive_writer_abandon waits for what is in flight and removes the archive. NULL is allowed.
 */
void adp_archive_writer_abandon(struct adp_archive_writer *writer);

#endif
