/* The index of an archive: entries, extents, index frames, directory, trailer (docs/FORMAT.md
 * section 7). Plain bytes in, plain bytes out: compression and encryption happen elsewhere. */
#ifndef ADP_INDEX_H
#define ADP_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "bytes.h"

#define ADP_FRAME_MAX            (4u << 20)
#define ADP_INDEX_FRAME_MAX      (1u << 20)
#define ADP_INDEX_FRAME_LEN      (64u << 10) /* what the writer aims at, plain */
#define ADP_ENTRY_MAX            (512u << 10)
#define ADP_ENTRY_MAX_EXTENTS    4096
#define ADP_ENTRY_MAX_XATTRS     1024
#define ADP_XATTR_MAX            65536
#define ADP_PATH_MAX             65535
#define ADP_NAME_MAX             255
#define ADP_LABEL_MAX            4096
#define ADP_DIGEST_LEN           16
#define ADP_TRAILER_LEN          64
#define ADP_DIRECTORY_STORED_MAX (64u << 20)
#define ADP_DIRECTORY_PLAIN_MAX  (256u << 20)
#define ADP_DIRECTORY_MAX_FRAMES (1u << 20)

enum adp_index_type { /* 1 to 6 are those of enum adp_entry_type */
                      ADP_INDEX_CONTINUATION = 7,
};

enum adp_skip_reason {
    ADP_SKIP_SOCKET = 1,
    ADP_SKIP_CHAR_DEVICE = 2,
    ADP_SKIP_BLOCK_DEVICE = 3,
    ADP_SKIP_UNREADABLE = 4,
    ADP_SKIP_VANISHED = 5,
    ADP_SKIP_OTHER = 6,
};

enum adp_codec {
    ADP_CODEC_RAW = 0,
    ADP_CODEC_ZSTD = 1,
};

enum adp_index_flag {
    ADP_INDEX_FLAG_CHANGED = 1,
    ADP_INDEX_FLAG_LABEL = 2, /* a label follows the path */
    ADP_INDEX_FLAG_DERIVED = 4,
};

struct adp_extent {
    uint64_t hole;
    uint32_t len;
    uint8_t codec;
    uint64_t frame_offset;
    uint32_t stored_len;
    uint32_t plain_len;
    uint32_t start;
    uint8_t digest[ADP_DIGEST_LEN];
};

struct adp_index_xattr {
    const uint8_t *name; /* not zero-terminated */
    size_t name_len;
    const uint8_t *value;
    size_t value_len;
};

/* struct adp_index_entry is one parsed entry. Pointers live until the next call on the cursor that
 * gave it; |path|, |label| and |target| are zero-terminated. A writer sets ADP_INDEX_FLAG_LABEL
 * together with |label|. */
struct adp_index_entry {
    uint8_t type;
    uint32_t flags;
    const char *path;
    size_t path_len;
    const char *label; /* NULL without one */
    size_t label_len;
    uint32_t mode, uid, gid;
    int64_t mtime_s, atime_s;
    uint32_t mtime_ns, atime_ns;
    const struct adp_index_xattr *xattrs;
    size_t num_xattrs;
    uint64_t size;
    const char *target;
    size_t target_len;
    uint8_t skip_reason;
    uint32_t skip_errno;
    const struct adp_extent *extents;
    size_t num_extents;
};

/* adp_path_compare orders paths as docs/FORMAT.md section 7.1 says: <0, 0, >0. */
int adp_path_compare(const char *a, size_t a_len, const char *b, size_t b_len);

/* adp_path_check returns 1 if |path| is one that an index may hold. */
int adp_path_check(const char *path, size_t len);

/* -- Writing: entries are appended in order of paths; whenever a frame is full the caller takes it,
 * compresses it and places it. */

struct adp_index_writer {
    struct adp_builder frame;     /* the frame being filled */
    struct adp_builder directory; /* per finished frame, as the directory has it */
    struct adp_builder body;      /* of the entry being added */
    char *last_path;              /* of the entry before */
    size_t last_path_len;
    char *first_path; /* of the frame being filled */
    size_t first_path_len;
    uint64_t frame_entries;
    uint64_t num_frames;
    uint64_t num_entries;
    uint64_t content_bytes;
    const struct adp_extent *waiting; /* extents of the last entry that the frame had no room for */
    size_t num_waiting;
};

void adp_index_writer_init(struct adp_index_writer *writer);
void adp_index_writer_free(struct adp_index_writer *writer);

/* adp_index_writer_add appends |entry|; more than ADP_ENTRY_MAX_EXTENTS extents are spread over
 * continuations, and these over frames. ADP_ERR_INTERNAL if the order of paths is broken, or an
 * entry too large. While adp_index_writer_frame_full says so, a frame must be taken before the next
 * call; |entry|'s extents must stay that long. */
enum adp_status adp_index_writer_add(struct adp_index_writer *writer,
                                     const struct adp_index_entry *entry, struct adp_error *err);
int adp_index_writer_frame_full(const struct adp_index_writer *writer);

/* adp_index_writer_take ends the frame in |writer->frame|, of which |stored_len| is the compressed
 * length: notes it in the directory, empties the frame, and goes on with extents that wait. */
enum adp_status adp_index_writer_take(struct adp_index_writer *writer, size_t stored_len,
                                      struct adp_error *err);

/* adp_index_writer_directory builds the directory's plain bytes into the zeroed |out|. */
enum adp_status adp_index_writer_directory(const struct adp_index_writer *writer,
                                           struct adp_builder *out, struct adp_error *err);

/* -- Trailer. */

struct adp_trailer {
    uint64_t directory_offset;
    uint32_t directory_stored_len;
    uint32_t directory_plain_len;
    uint64_t num_entries;
    uint64_t content_bytes;
};

void adp_trailer_build(uint8_t out[ADP_TRAILER_LEN], const struct adp_trailer *trailer);

/* adp_trailer_parse checks |data| against the stream's length. |path| is for messages. */
enum adp_status adp_trailer_parse(struct adp_trailer *out, const uint8_t data[ADP_TRAILER_LEN],
                                  uint64_t stream_len, const char *path, struct adp_error *err);

/* -- Reading. */

struct adp_index_frame {
    uint64_t offset; /* in the stream */
    uint32_t stored_len;
    uint32_t plain_len;
    uint64_t num_entries;
    const char *first_path; /* zero-terminated; lives as long as the directory */
    size_t first_path_len;
};

struct adp_directory {
    struct adp_index_frame *frames;
    size_t num_frames;
    uint64_t index_start;
    char *storage;
};

/* adp_directory_parse parses the directory's plain bytes; |trailer| has been checked. The result
 * owns its memory; the caller must call adp_directory_free. */
enum adp_status adp_directory_parse(struct adp_directory *out, const uint8_t *data, size_t len,
                                    const struct adp_trailer *trailer, const char *path,
                                    struct adp_error *err);
void adp_directory_free(struct adp_directory *directory);

/* adp_directory_find returns the number of the frame in which to begin looking for |path|. */
size_t adp_directory_find(const struct adp_directory *directory, const char *path, size_t path_len);

/* struct adp_index_cursor parses entries, frame after frame, keeping what the next entry needs
 * (path, order, parents). Set it up once, feed it frames in order; without |check_parents| frames
 * may be left out. */
struct adp_index_cursor;

/* adp_index_cursor_new: |index_start| bounds extents. |check_parents|: 1 if frames are fed from the
 * first on, so that every entry's parent must have been seen. On failure |*out| is NULL. */
enum adp_status adp_index_cursor_new(struct adp_index_cursor **out, uint64_t index_start,
                                     int check_parents, const char *path, struct adp_error *err);
void adp_index_cursor_free(struct adp_index_cursor *cursor);

/* adp_index_cursor_feed begins |frame| with its plain bytes |data|, which must stay until the
 * frame's last entry is read. */
enum adp_status adp_index_cursor_feed(struct adp_index_cursor *cursor,
                                      const struct adp_index_frame *frame, const uint8_t *data,
                                      size_t len, struct adp_error *err);

/* adp_index_cursor_next gives the next entry of the frame, or ADP_OK with |*out_entry| NULL at its
 * end. Continuations come as entries of type ADP_INDEX_CONTINUATION. */
enum adp_status adp_index_cursor_next(struct adp_index_cursor *cursor,
                                      const struct adp_index_entry **out_entry,
                                      struct adp_error *err);

/* adp_index_cursor_finish holds the sums of |trailer| against what was read. Only after every frame
 * was fed, from the first on, and read to its end. */
enum adp_status adp_index_cursor_finish(const struct adp_index_cursor *cursor,
                                        const struct adp_trailer *trailer, struct adp_error *err);

#endif
