/* The cursor: entries one by one, with what binds them to those before. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "index.h"
#include "index_entry.h"

/* What the entry before was, as far as continuations care. */
enum index_open_file {
    INDEX_FILE_NONE = 0,    /* no file: nothing to go on with */
    INDEX_FILE_KNOWN = 1,   /* a file, of which |size| and |covered| are known */
    INDEX_FILE_UNKNOWN = 2, /* frames were left out: maybe a file whose beginning was not read */
};

struct adp_index_cursor {
    struct adp_entry_parser parser;
    struct adp_index_entry entry;
    struct adp_reader reader;
    const struct adp_index_frame *frame;
    uint64_t next_offset; /* of the frame that follows it directly */
    uint64_t num_read;    /* entries of this frame */
    int after_gap;        /* no entry was read yet since frames were left out */
    char *name;           /* of the archive, for messages */
    int check_parents;

    char *path; /* of the entry before; room for ADP_PATH_MAX and a zero */
    size_t path_len;
    uint8_t last_type;
    enum index_open_file open_file;
    uint64_t size, covered;

    uint64_t num_entries, content_bytes; /* of all frames */
};

enum adp_status adp_index_cursor_new(struct adp_index_cursor **out, uint64_t index_start,
                                     int check_parents, const char *path, struct adp_error *err)
{
    struct adp_index_cursor *cursor = calloc(1, sizeof(*cursor));

    *out = NULL;
    if (cursor == NULL)
        return adp_fail_memory(err);
    cursor->parser.index_start = index_start;
    cursor->check_parents = check_parents;
    cursor->name = strdup(path != NULL ? path : "");
    cursor->path = calloc(1, ADP_PATH_MAX + 1);
    if (cursor->name == NULL || cursor->path == NULL) {
        adp_index_cursor_free(cursor);
        return adp_fail_memory(err);
    }
    *out = cursor;
    return ADP_OK;
}

void adp_index_cursor_free(struct adp_index_cursor *cursor)
{
    if (cursor == NULL)
        return;
    adp_entry_parser_free(&cursor->parser);
    free(cursor->name);
    free(cursor->path);
    free(cursor);
}

enum adp_status adp_index_cursor_feed(struct adp_index_cursor *cursor,
                                      const struct adp_index_frame *frame, const uint8_t *data,
                                      size_t len, struct adp_error *err)
{
    if (len != frame->plain_len)
        return adp_fail(err, ADP_ERR_FORMAT, cursor->name,
                        "an index frame has another length than the directory says");
    if (!cursor->check_parents && (cursor->frame == NULL || frame->offset != cursor->next_offset)) {
        cursor->after_gap = 1;
        cursor->open_file = INDEX_FILE_UNKNOWN;
    }
    adp_reader_init(&cursor->reader, data, len);
    cursor->frame = frame;
    cursor->next_offset = frame->offset + frame->stored_len;
    cursor->num_read = 0;
    return ADP_OK;
}

/* -- Paths ------------------------------------------------------------------------------------- */

/* struct index_step is how the new path comes out of the one before. */
struct index_step {
    size_t shared;
    const char *suffix;
    size_t suffix_len;
};

/* Whether the new path's parent is a directory that was seen. Entries come in the order of a walk,
 * so it is the entry before, or one of that entry's own parents. */
static int index_parent_seen(const struct adp_index_cursor *cursor, const struct index_step *step)
{
    const char *slash = memrchr(step->suffix, '/', step->suffix_len);
    size_t parent_len = 0;

    if (slash != NULL) {
        size_t more = (size_t)(slash - step->suffix);

        if (more > cursor->path_len - step->shared ||
            memcmp(cursor->path + step->shared, step->suffix, more) != 0)
            return 0;
        parent_len = step->shared + more;
    } else {
        slash = memrchr(cursor->path, '/', step->shared);
        if (slash == NULL)
            return 1;
        parent_len = (size_t)(slash - cursor->path);
    }
    if (parent_len == cursor->path_len)
        return cursor->last_type == ADP_ENTRY_DIRECTORY;
    return cursor->path[parent_len] == '/';
}

static int index_check_step(struct adp_index_cursor *cursor, struct adp_reader *body,
                            const struct index_step *step)
{
    int order = adp_path_compare(cursor->path + step->shared, cursor->path_len - step->shared,
                                 step->suffix, step->suffix_len);

    if (cursor->entry.type == ADP_INDEX_CONTINUATION) {
        if (cursor->open_file == INDEX_FILE_NONE || order > 0 || (order < 0 && !cursor->after_gap))
            return adp_entry_refuse(&cursor->parser, body, "a continuation follows no file");
        return 1;
    }
    if (order >= 0)
        return adp_entry_refuse(&cursor->parser, body, "paths do not ascend");
    if (cursor->check_parents && !index_parent_seen(cursor, step))
        return adp_entry_refuse(&cursor->parser, body,
                                "an entry's parent is no directory of the index");
    return 1;
}

static int index_read_path(struct adp_index_cursor *cursor, struct adp_reader *body)
{
    struct adp_entry_parser *parser = &cursor->parser;
    struct index_step step;
    const uint8_t *suffix;
    uint64_t shared;

    if (!adp_read_varint(body, &shared, cursor->num_read > 0 ? cursor->path_len : 0) ||
        !adp_read_vbytes(body, &suffix, &step.suffix_len, ADP_PATH_MAX - shared))
        return 0;
    step.shared = shared;
    step.suffix = (const char *)suffix;
    if (!index_check_step(cursor, body, &step))
        return 0;
    memcpy(cursor->path + shared, suffix, step.suffix_len);
    cursor->path_len = shared + step.suffix_len;
    cursor->path[cursor->path_len] = '\0';
    if (!adp_path_check(cursor->path, cursor->path_len))
        return adp_entry_refuse(parser, body, "an entry's path is not valid");
    if (cursor->num_read == 0 &&
        (cursor->path_len != cursor->frame->first_path_len ||
         memcmp(cursor->path, cursor->frame->first_path, cursor->path_len) != 0))
        return adp_entry_refuse(parser, body, "a frame begins with another path than it should");
    cursor->after_gap = 0;
    cursor->entry.path = cursor->path;
    cursor->entry.path_len = cursor->path_len;
    return 1;
}

/* -- Entries ----------------------------------------------------------------------------------- */

/* Adds the entry's extents to what its file has of them, and refuses more than its size. */
static int index_cover(struct adp_index_cursor *cursor, struct adp_reader *body)
{
    const struct adp_index_entry *entry = &cursor->entry;

    if (cursor->open_file != INDEX_FILE_KNOWN)
        return 1;
    for (size_t i = 0; i < entry->num_extents; i++) {
        uint64_t left = cursor->size - cursor->covered;
        const struct adp_extent *extent = &entry->extents[i];

        if (extent->hole > left || extent->len > left - extent->hole)
            return adp_entry_refuse(&cursor->parser, body, "extents are more than their file");
        cursor->covered += extent->hole + extent->len;
    }
    return 1;
}

/* What the entry just parsed means for the next ones, and for the sums. */
static int index_account(struct adp_index_cursor *cursor, struct adp_reader *body)
{
    const struct adp_index_entry *entry = &cursor->entry;

    if (entry->type != ADP_INDEX_CONTINUATION) {
        cursor->last_type = entry->type;
        cursor->open_file = entry->type == ADP_ENTRY_FILE ? INDEX_FILE_KNOWN : INDEX_FILE_NONE;
        cursor->size = entry->size;
        cursor->covered = 0;
        cursor->num_entries++;
        if (entry->size > UINT64_MAX - cursor->content_bytes)
            return adp_entry_refuse(&cursor->parser, body, "the sizes of all files overflow");
        cursor->content_bytes += entry->size;
    }
    return index_cover(cursor, body);
}

static uint64_t index_known_flags(uint8_t type)
{
    if (type == ADP_INDEX_CONTINUATION)
        return ADP_INDEX_FLAG_CHANGED;
    return ADP_INDEX_FLAG_CHANGED | ADP_INDEX_FLAG_LABEL | ADP_INDEX_FLAG_DERIVED;
}

static int index_parse_entry(struct adp_index_cursor *cursor, struct adp_reader *body)
{
    uint64_t flags;

    cursor->entry = (struct adp_index_entry){0};
    cursor->parser.what = NULL;
    adp_read_u8(body, &cursor->entry.type);
    if (!adp_read_varint(body, &flags, UINT64_MAX))
        return 0;
    if ((flags & ~index_known_flags(cursor->entry.type)) != 0)
        return adp_entry_refuse(&cursor->parser, body, "an entry has unknown flags");
    cursor->entry.flags = (uint32_t)flags;
    return index_read_path(cursor, body) &&
           adp_entry_parse_rest(&cursor->parser, &cursor->entry, body) &&
           index_account(cursor, body);
}

static enum adp_status index_malformed(const struct adp_index_cursor *cursor, const char *what,
                                       struct adp_error *err)
{
    if (cursor->parser.out_of_memory)
        return adp_fail_memory(err);
    return adp_fail(
        err, ADP_ERR_FORMAT, cursor->name,
        "the index is malformed: %s (entry %" PRIu64 " of the frame that begins with \"%.100s\")",
        what != NULL ? what : "a field does not fit", cursor->num_read, cursor->frame->first_path);
}

enum adp_status adp_index_cursor_next(struct adp_index_cursor *cursor,
                                      const struct adp_index_entry **out_entry,
                                      struct adp_error *err)
{
    struct adp_reader body;
    const uint8_t *view;
    size_t len;

    if (cursor->reader.pos == cursor->reader.len && !cursor->reader.failed) {
        if (cursor->num_read != cursor->frame->num_entries)
            return index_malformed(cursor, "entries are missing", err);
        *out_entry = NULL;
        return ADP_OK;
    }
    cursor->parser.what = NULL;
    if (cursor->num_read == cursor->frame->num_entries)
        return index_malformed(cursor, "more entries than the directory says", err);
    if (!adp_read_vbytes(&cursor->reader, &view, &len, ADP_ENTRY_MAX))
        return index_malformed(cursor, NULL, err);
    adp_reader_init(&body, view, len);
    if (!index_parse_entry(cursor, &body)) {
        adp_reader_fail(&cursor->reader);
        return index_malformed(cursor, cursor->parser.what, err);
    }
    cursor->num_read++;
    *out_entry = &cursor->entry;
    return ADP_OK;
}

enum adp_status adp_index_cursor_finish(const struct adp_index_cursor *cursor,
                                        const struct adp_trailer *trailer, struct adp_error *err)
{
    if (cursor->num_entries != trailer->num_entries)
        return adp_fail(err, ADP_ERR_FORMAT, cursor->name,
                        "the index has %" PRIu64 " entries, its trailer says %" PRIu64,
                        cursor->num_entries, trailer->num_entries);
    if (cursor->content_bytes != trailer->content_bytes)
        return adp_fail(err, ADP_ERR_FORMAT, cursor->name,
                        "the files of the index have %" PRIu64 " bytes, its trailer says %" PRIu64,
                        cursor->content_bytes, trailer->content_bytes);
    return ADP_OK;
}
