#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "index.h"
#include "index_entry.h"
#include "text.h"

void adp_index_writer_init(struct adp_index_writer *writer)
{
    *writer = (struct adp_index_writer){0};
}

void adp_index_writer_free(struct adp_index_writer *writer)
{
    adp_builder_free(&writer->frame);
    adp_builder_free(&writer->directory);
    adp_builder_free(&writer->body);
    free(writer->last_path);
    free(writer->first_path);
    *writer = (struct adp_index_writer){0};
}

static int index_copy_path(char **out, size_t *out_len, const char *path, size_t len)
{
    char *copy;

    if (path == *out)
        return 1;
    copy = realloc(*out, len + 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, path, len);
    copy[len] = '\0';
    *out = copy;
    *out_len = len;
    return 1;
}

static size_t index_common_len(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t max = a_len < b_len ? a_len : b_len;
    size_t len = 0;

    while (len < max && a[len] == b[len])
        len++;
    return len;
}

/* How many of |num| extents one entry takes whose body is already |body_len| long. */
static size_t index_extents_that_fit(size_t num, size_t body_len)
{
    size_t max = (ADP_ENTRY_MAX - body_len) / ADP_EXTENT_ENCODED_MAX;

    if (max > ADP_ENTRY_MAX_EXTENTS)
        max = ADP_ENTRY_MAX_EXTENTS;
    return num < max ? num : max;
}

/* Appends |entry| with as many of its extents as one entry takes; the others wait. */
static enum adp_status index_append(struct adp_index_writer *writer,
                                    const struct adp_index_entry *entry, struct adp_error *err)
{
    struct adp_builder *body = &writer->body;
    size_t shared = 0;
    size_t num;

    if (writer->frame_entries > 0)
        shared = index_common_len(writer->last_path, writer->last_path_len, entry->path,
                                  entry->path_len);
    else if (!index_copy_path(&writer->first_path, &writer->first_path_len, entry->path,
                              entry->path_len))
        return adp_fail_memory(err);
    body->len = 0;
    adp_build_u8(body, entry->type);
    adp_build_varint(body, entry->flags);
    adp_build_varint(body, shared);
    adp_build_vbytes(body, entry->path + shared, entry->path_len - shared);
    adp_entry_build_rest(body, entry);
    if (body->len > ADP_ENTRY_MAX - ADP_EXTENT_ENCODED_MAX)
        return adp_fail(err, ADP_ERR_INTERNAL, entry->path, "the entry is too large for the index");
    if (entry->type == ADP_ENTRY_FILE || entry->type == ADP_INDEX_CONTINUATION) {
        num = index_extents_that_fit(entry->num_extents, body->len);
        adp_entry_build_extents(body, entry->extents, num);
        writer->num_waiting = entry->num_extents - num;
        writer->waiting = writer->num_waiting > 0 ? entry->extents + num : NULL;
    }
    adp_build_vbytes(&writer->frame, body->data, body->len);
    if (body->failed || writer->frame.failed ||
        !index_copy_path(&writer->last_path, &writer->last_path_len, entry->path, entry->path_len))
        return adp_fail_memory(err);
    writer->frame_entries++;
    return ADP_OK;
}

/* Appends continuations until no extent waits or the frame is full. */
static enum adp_status index_append_waiting(struct adp_index_writer *writer, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    while (status == ADP_OK && writer->num_waiting > 0 && writer->frame.len < ADP_INDEX_FRAME_LEN) {
        struct adp_index_entry entry = {
            .type = ADP_INDEX_CONTINUATION,
            .path = writer->last_path,
            .path_len = writer->last_path_len,
            .extents = writer->waiting,
            .num_extents = writer->num_waiting,
        };

        status = index_append(writer, &entry, err);
    }
    return status;
}

enum adp_status adp_index_writer_add(struct adp_index_writer *writer,
                                     const struct adp_index_entry *entry, struct adp_error *err)
{
    enum adp_status status;

    if (writer->num_waiting > 0 || entry->type == ADP_INDEX_CONTINUATION)
        return adp_fail(err, ADP_ERR_INTERNAL, entry->path, "an index frame was not taken");
    if (!adp_path_check(entry->path, entry->path_len))
        return adp_fail(err, ADP_ERR_INTERNAL, entry->path, "the index takes no such path");
    if (writer->last_path != NULL && adp_path_compare(writer->last_path, writer->last_path_len,
                                                      entry->path, entry->path_len) >= 0)
        return adp_fail(err, ADP_ERR_INTERNAL, entry->path,
                        "an index entry is out of order: it follows \"%.200s\"", writer->last_path);
    if ((entry->flags & ADP_INDEX_FLAG_LABEL) != 0 &&
        (entry->label_len == 0 || entry->label_len > ADP_LABEL_MAX ||
         !adp_text_check(entry->label, entry->label_len)))
        return adp_fail(err, ADP_ERR_INTERNAL, entry->path, "the index takes no such label");
    status = index_append(writer, entry, err);
    if (status != ADP_OK)
        return status;
    writer->num_entries++;
    if (entry->type == ADP_ENTRY_FILE)
        writer->content_bytes += entry->size;
    return index_append_waiting(writer, err);
}

int adp_index_writer_frame_full(const struct adp_index_writer *writer)
{
    return writer->num_waiting > 0 || writer->frame.len >= ADP_INDEX_FRAME_LEN;
}

enum adp_status adp_index_writer_take(struct adp_index_writer *writer, size_t stored_len,
                                      struct adp_error *err)
{
    if (writer->frame_entries == 0 || stored_len == 0 || stored_len > ADP_INDEX_FRAME_MAX)
        return adp_fail(err, ADP_ERR_INTERNAL, NULL, "an index frame is empty or too large");
    adp_build_varint(&writer->directory, stored_len);
    adp_build_varint(&writer->directory, writer->frame.len);
    adp_build_varint(&writer->directory, writer->frame_entries);
    adp_build_vbytes(&writer->directory, writer->first_path, writer->first_path_len);
    if (writer->directory.failed)
        return adp_fail_memory(err);
    writer->num_frames++;
    writer->frame.len = 0;
    writer->frame_entries = 0;
    return index_append_waiting(writer, err);
}

enum adp_status adp_index_writer_directory(const struct adp_index_writer *writer,
                                           struct adp_builder *out, struct adp_error *err)
{
    if (writer->frame_entries > 0)
        return adp_fail(err, ADP_ERR_INTERNAL, NULL, "an index frame was not taken");
    adp_build_varint(out, 1); /* the archive table: this archive alone */
    adp_build_varint(out, writer->num_frames);
    adp_build_bytes(out, writer->directory.data, writer->directory.len);
    return out->failed ? adp_fail_memory(err) : ADP_OK;
}
