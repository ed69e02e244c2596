/* An index that parses keeps its bounds, and written again says the same.
 *
 * An input is a trailer, the plain directory that it describes, and plain index frames, back to
 * back. What an index says is compared entry by entry, not byte by byte: a path may be cut into
 * shared bytes and suffix in more than one way. */
#include "fuzz.h"
#include "index.h"

/* Above it the writer may spread extents over more entries than the input had. */
#define MAX_LEN (256u << 10)

/* struct reading is one pass over an index. */
struct reading {
    struct adp_directory directory;
    struct adp_trailer trailer;
    const uint8_t *frames;
    size_t frames_len;
    struct adp_builder said;          /* what the entries say */
    struct adp_index_writer *rewrite; /* NULL: only read */
    struct adp_builder rewritten;     /* frames of |rewrite|, back to back */
    int has_continuations;            /* they cannot be written by themselves */
};

static void take_frames(struct reading *reading, int all)
{
    struct adp_index_writer *writer = reading->rewrite;

    while (adp_index_writer_frame_full(writer) || (all && writer->frame_entries > 0)) {
        size_t len = writer->frame.len;

        FUZZ_CHECK(len <= ADP_INDEX_FRAME_MAX);
        adp_build_bytes(&reading->rewritten, writer->frame.data, len);
        FUZZ_CHECK(adp_index_writer_take(writer, len, NULL) == ADP_OK);
    }
}

static void check_extents(const struct reading *reading, const struct adp_index_entry *entry)
{
    uint64_t left = entry->size;

    for (size_t i = 0; i < entry->num_extents; i++) {
        const struct adp_extent *extent = &entry->extents[i];

        FUZZ_CHECK(extent->frame_offset + extent->stored_len <= reading->directory.index_start);
        FUZZ_CHECK(extent->start + extent->len <= extent->plain_len);
        FUZZ_CHECK(extent->plain_len <= ADP_FRAME_MAX && extent->stored_len <= ADP_FRAME_MAX);
        if (entry->type != ADP_ENTRY_FILE)
            continue;
        FUZZ_CHECK(extent->hole <= left && extent->len <= left - extent->hole);
        left -= extent->hole + extent->len;
    }
}

static void say_bytes(struct adp_builder *said, const void *data, size_t len)
{
    adp_build_vbytes(said, data, len);
}

static void say_entry(struct adp_builder *said, const struct adp_index_entry *entry)
{
    const uint64_t numbers[] = {
        entry->type,        entry->flags,
        entry->mode,        entry->uid,
        entry->gid,         (uint64_t)entry->mtime_s,
        entry->mtime_ns,    (uint64_t)entry->atime_s,
        entry->atime_ns,    entry->size,
        entry->skip_reason, entry->skip_errno,
        entry->num_xattrs,  entry->num_extents,
    };

    say_bytes(said, numbers, sizeof(numbers));
    say_bytes(said, entry->path, entry->path_len);
    say_bytes(said, entry->label, entry->label_len);
    say_bytes(said, entry->target, entry->target_len);
    for (size_t i = 0; i < entry->num_xattrs; i++) {
        say_bytes(said, entry->xattrs[i].name, entry->xattrs[i].name_len);
        say_bytes(said, entry->xattrs[i].value, entry->xattrs[i].value_len);
    }
    for (size_t i = 0; i < entry->num_extents; i++) {
        const struct adp_extent *e = &entry->extents[i];
        const uint64_t fields[] = {e->hole,       e->len,       e->codec, e->frame_offset,
                                   e->stored_len, e->plain_len, e->start};

        say_bytes(said, fields, sizeof(fields));
        say_bytes(said, e->digest, ADP_DIGEST_LEN);
    }
}

static void see_entry(struct reading *reading, const struct adp_index_entry *entry)
{
    FUZZ_CHECK(adp_path_check(entry->path, entry->path_len));
    FUZZ_CHECK(entry->path[entry->path_len] == '\0');
    if (entry->label != NULL)
        FUZZ_CHECK(entry->label_len > 0 && strlen(entry->label) == entry->label_len);
    check_extents(reading, entry);
    say_entry(&reading->said, entry);
    if (entry->type == ADP_INDEX_CONTINUATION)
        reading->has_continuations = 1;
    if (reading->rewrite == NULL || reading->has_continuations)
        return;
    FUZZ_CHECK(adp_index_writer_add(reading->rewrite, entry, NULL) == ADP_OK);
    take_frames(reading, 0);
}

static int read_frame(struct reading *reading, struct adp_index_cursor *cursor,
                      const struct adp_index_frame *frame, size_t pos)
{
    const struct adp_index_entry *entry = NULL;

    if (frame->plain_len > reading->frames_len - pos ||
        adp_index_cursor_feed(cursor, frame, reading->frames + pos, frame->plain_len, NULL) !=
            ADP_OK)
        return 0;
    while (adp_index_cursor_next(cursor, &entry, NULL) == ADP_OK) {
        if (entry == NULL)
            return 1;
        see_entry(reading, entry);
    }
    return 0;
}

/* Reads every frame. Returns 1 if all that the index says holds. */
static int read_frames(struct reading *reading)
{
    struct adp_index_cursor *cursor = NULL;
    size_t pos = 0;
    int ok = 1;

    FUZZ_CHECK(adp_index_cursor_new(&cursor, reading->directory.index_start, 1, "fuzz", NULL) ==
               ADP_OK);
    for (size_t i = 0; ok && i < reading->directory.num_frames; i++) {
        ok = read_frame(reading, cursor, &reading->directory.frames[i], pos);
        pos += reading->directory.frames[i].plain_len;
    }
    ok = ok && adp_index_cursor_finish(cursor, &reading->trailer, NULL) == ADP_OK;
    adp_index_cursor_free(cursor);
    return ok;
}

static void reading_free(struct reading *reading)
{
    adp_directory_free(&reading->directory);
    adp_builder_free(&reading->said);
    adp_builder_free(&reading->rewritten);
}

/* Reads what |first| has written and compares. */
static void check_rewritten(struct reading *first, const struct adp_index_writer *writer)
{
    struct reading second = {.trailer = first->trailer};
    struct adp_builder directory = {0};

    take_frames(first, 1);
    FUZZ_CHECK(adp_index_writer_directory(writer, &directory, NULL) == ADP_OK);
    FUZZ_CHECK(writer->num_entries == first->trailer.num_entries);
    FUZZ_CHECK(writer->content_bytes == first->trailer.content_bytes);
    second.trailer.directory_plain_len = (uint32_t)directory.len;
    second.trailer.directory_offset = first->directory.index_start + first->rewritten.len;
    FUZZ_CHECK(adp_directory_parse(&second.directory, directory.data, directory.len,
                                   &second.trailer, "fuzz", NULL) == ADP_OK);
    second.frames = first->rewritten.data;
    second.frames_len = first->rewritten.len;
    FUZZ_CHECK(read_frames(&second));
    FUZZ_CHECK(
        second.said.len == first->said.len &&
        (first->said.len == 0 || memcmp(second.said.data, first->said.data, first->said.len) == 0));
    adp_builder_free(&directory);
    reading_free(&second);
}

/* The stream's length that a trailer believes in. */
static uint64_t stream_len_of(const uint8_t *trailer)
{
    struct adp_reader reader;
    uint64_t offset;
    uint32_t stored_len;

    adp_reader_init(&reader, trailer + 16, 12);
    adp_read_u64(&reader, &offset);
    adp_read_u32(&reader, &stored_len);
    return offset + stored_len + ADP_TRAILER_LEN;
}

static int start_reading(struct reading *out, const uint8_t *data, size_t len)
{
    size_t plain_len;

    if (len < ADP_TRAILER_LEN || len > MAX_LEN ||
        adp_trailer_parse(&out->trailer, data, stream_len_of(data), "fuzz", NULL) != ADP_OK)
        return 0;
    plain_len = out->trailer.directory_plain_len;
    if (plain_len > len - ADP_TRAILER_LEN ||
        adp_directory_parse(&out->directory, data + ADP_TRAILER_LEN, plain_len, &out->trailer,
                            "fuzz", NULL) != ADP_OK)
        return 0;
    out->frames = data + ADP_TRAILER_LEN + plain_len;
    out->frames_len = len - ADP_TRAILER_LEN - plain_len;
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct adp_index_writer writer;
    struct reading reading = {.rewrite = &writer};

    adp_index_writer_init(&writer);
    if (start_reading(&reading, data, len) && read_frames(&reading) && !reading.has_continuations)
        check_rewritten(&reading, &writer);
    adp_index_writer_free(&writer);
    reading_free(&reading);
    return 0;
}
