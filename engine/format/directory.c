/* Trailer and directory: what locates the index and its frames. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "index.h"

#define TRAILER_MAGIC           "ADPSINDX"
#define TRAILER_MAGIC_LEN       8
#define TRAILER_VERSION         1
#define DIRECTORY_FRAME_MIN_LEN 5 /* three numbers, a length, one byte of path */

/* -- Trailer ----------------------------------------------------------------------------------- */

void adp_trailer_build(uint8_t out[ADP_TRAILER_LEN], const struct adp_trailer *trailer)
{
    struct adp_builder builder;

    adp_builder_init_fixed(&builder, out, ADP_TRAILER_LEN);
    adp_build_bytes(&builder, TRAILER_MAGIC, TRAILER_MAGIC_LEN);
    adp_build_u32(&builder, TRAILER_VERSION);
    adp_build_u32(&builder, 0);
    adp_build_u64(&builder, trailer->directory_offset);
    adp_build_u32(&builder, trailer->directory_stored_len);
    adp_build_u32(&builder, trailer->directory_plain_len);
    adp_build_u64(&builder, trailer->num_entries);
    adp_build_u64(&builder, trailer->content_bytes);
    adp_build_zeros(&builder, 16);
}

/* Whether the directory lies exactly before the trailer of a stream of |stream_len| bytes. */
static int trailer_check(const struct adp_trailer *trailer, uint64_t stream_len)
{
    uint64_t end = stream_len - ADP_TRAILER_LEN;

    return stream_len >= ADP_TRAILER_LEN && trailer->directory_stored_len >= 1 &&
           trailer->directory_stored_len <= ADP_DIRECTORY_STORED_MAX &&
           trailer->directory_plain_len >= 1 &&
           trailer->directory_plain_len <= ADP_DIRECTORY_PLAIN_MAX &&
           trailer->directory_offset <= end &&
           trailer->directory_stored_len == end - trailer->directory_offset;
}

enum adp_status adp_trailer_parse(struct adp_trailer *out, const uint8_t data[ADP_TRAILER_LEN],
                                  uint64_t stream_len, const char *path, struct adp_error *err)
{
    struct adp_trailer trailer = {0};
    struct adp_reader reader;
    uint32_t version;

    adp_reader_init(&reader, data, ADP_TRAILER_LEN);
    if (!adp_read_magic(&reader, TRAILER_MAGIC, TRAILER_MAGIC_LEN))
        return adp_fail(err, ADP_ERR_FORMAT, path, "the archive's trailer is missing");
    adp_read_u32(&reader, &version);
    if (version != TRAILER_VERSION)
        return adp_fail(err, ADP_ERR_UNSUPPORTED, path, "the index has version %u of the format",
                        version);
    if (!adp_read_zeros(&reader, 4))
        return adp_fail(err, ADP_ERR_UNSUPPORTED, path,
                        "the index has flags that this version does not know");
    adp_read_u64(&reader, &trailer.directory_offset);
    adp_read_u32(&reader, &trailer.directory_stored_len);
    adp_read_u32(&reader, &trailer.directory_plain_len);
    adp_read_u64(&reader, &trailer.num_entries);
    adp_read_u64(&reader, &trailer.content_bytes);
    adp_read_zeros(&reader, 16);
    if (!adp_reader_at_end(&reader) || !trailer_check(&trailer, stream_len))
        return adp_fail(err, ADP_ERR_FORMAT, path, "the archive's trailer is malformed");
    *out = trailer;
    return ADP_OK;
}

/* -- Directory --------------------------------------------------------------------------------- */

void adp_directory_free(struct adp_directory *directory)
{
    free(directory->frames);
    free(directory->storage);
    *directory = (struct adp_directory){0};
}

/* Reads one frame's line; its path goes to |storage|, which has room. Offsets come later. */
static int directory_parse_frame(struct adp_index_frame *out, struct adp_reader *reader,
                                 char *storage)
{
    const uint8_t *path;
    uint64_t len;

    adp_read_varint(reader, &len, ADP_INDEX_FRAME_MAX);
    out->stored_len = (uint32_t)len;
    adp_read_varint(reader, &len, ADP_INDEX_FRAME_MAX);
    out->plain_len = (uint32_t)len;
    adp_read_varint(reader, &out->num_entries, ADP_INDEX_FRAME_MAX);
    if (!adp_read_vbytes(reader, &path, &out->first_path_len, ADP_PATH_MAX))
        return 0;
    if (out->stored_len == 0 || out->plain_len == 0 || out->num_entries == 0 ||
        !adp_path_check((const char *)path, out->first_path_len))
        return adp_reader_fail(reader);
    memcpy(storage, path, out->first_path_len);
    storage[out->first_path_len] = '\0';
    out->first_path = storage;
    return 1;
}

/* First paths ascend; two are alike only where a file's continuations fill a whole frame. */
static int directory_in_order(const struct adp_index_frame *a, const struct adp_index_frame *b)
{
    return adp_path_compare(a->first_path, a->first_path_len, b->first_path, b->first_path_len) <=
           0;
}

static int directory_parse_frames(struct adp_directory *out, struct adp_reader *reader)
{
    char *storage = out->storage;

    for (size_t i = 0; i < out->num_frames; i++) {
        struct adp_index_frame *frame = &out->frames[i];

        if (!directory_parse_frame(frame, reader, storage))
            return 0;
        if (i > 0 && !directory_in_order(frame - 1, frame))
            return adp_reader_fail(reader);
        storage += frame->first_path_len + 1;
    }
    return adp_reader_at_end(reader);
}

/* Lays the frames out backwards from the directory. Returns 0 if they begin before the stream, or
 * hold fewer entries than the trailer says. */
static int directory_place_frames(struct adp_directory *out, const struct adp_trailer *trailer)
{
    uint64_t offset = trailer->directory_offset;
    uint64_t num_entries = 0;

    for (size_t i = out->num_frames; i > 0; i--) {
        struct adp_index_frame *frame = &out->frames[i - 1];

        if (frame->stored_len > offset)
            return 0;
        offset -= frame->stored_len;
        frame->offset = offset;
        num_entries += frame->num_entries;
    }
    out->index_start = offset;
    return num_entries >= trailer->num_entries && (num_entries == 0) == (trailer->num_entries == 0);
}

enum adp_status adp_directory_parse(struct adp_directory *out, const uint8_t *data, size_t len,
                                    const struct adp_trailer *trailer, const char *path,
                                    struct adp_error *err)
{
    struct adp_directory directory = {0};
    uint64_t num_archives, num_frames;
    struct adp_reader reader;

    adp_reader_init(&reader, data, len);
    adp_read_varint(&reader, &num_archives, 1);
    if (!adp_read_varint(&reader, &num_frames, ADP_DIRECTORY_MAX_FRAMES) ||
        num_frames > (len - reader.pos) / DIRECTORY_FRAME_MIN_LEN || num_archives != 1 ||
        len != trailer->directory_plain_len)
        return adp_fail(err, ADP_ERR_FORMAT, path, "the index directory is malformed");
    directory.num_frames = num_frames;
    directory.frames = calloc(num_frames > 0 ? num_frames : 1, sizeof(*directory.frames));
    directory.storage = malloc(len); /* a path's own length makes room for its last zero */
    if (directory.frames == NULL || directory.storage == NULL) {
        adp_directory_free(&directory);
        return adp_fail_memory(err);
    }
    if (!directory_parse_frames(&directory, &reader) ||
        !directory_place_frames(&directory, trailer)) {
        adp_directory_free(&directory);
        return adp_fail(err, ADP_ERR_FORMAT, path,
                        "the index directory is malformed at its byte %zu", reader.pos);
    }
    *out = directory;
    return ADP_OK;
}

size_t adp_directory_find(const struct adp_directory *directory, const char *path, size_t path_len)
{
    size_t low = 0, high = directory->num_frames;

    /* Frames below |low| begin before |path|, those from |high| on do not. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct adp_index_frame *frame = &directory->frames[middle];

        if (adp_path_compare(frame->first_path, frame->first_path_len, path, path_len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}
