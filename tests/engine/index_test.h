/* An index in memory, as the pipeline would have it: frames that were taken, directory, trailer. */
#ifndef ADP_INDEX_TEST_H
#define ADP_INDEX_TEST_H

#include "engine_test.h"
#include "index.h"

#define IT_MAX_FRAMES  512
#define IT_CONTENT_LEN UINT64_C(1000000) /* of content frames before the index */

struct it_index {
    struct adp_index_writer writer;
    uint8_t *frames[IT_MAX_FRAMES];
    uint64_t stored_len; /* of all frames */
    struct adp_directory directory;
    struct adp_trailer trailer;
};

/* Takes the frames that are full, or every one if |all|. They are "stored" as they are. */
static inline void it_take(struct it_index *index, int all)
{
    struct adp_index_writer *writer = &index->writer;
    struct adp_error err = {0};

    while (adp_index_writer_frame_full(writer) || (all && writer->frame_entries > 0)) {
        size_t len = writer->frame.len;
        uint8_t *copy = malloc(len);

        CU_ASSERT_FATAL(copy != NULL && writer->num_frames < IT_MAX_FRAMES);
        CU_ASSERT(len <= ADP_INDEX_FRAME_MAX);
        memcpy(copy, writer->frame.data, len);
        index->frames[writer->num_frames] = copy;
        index->stored_len += len;
        et_expect(adp_index_writer_take(writer, len, &err), ADP_OK, &err, "take");
    }
}

static inline void it_add(struct it_index *index, const struct adp_index_entry *entry)
{
    struct adp_error err = {0};

    et_expect(adp_index_writer_add(&index->writer, entry, &err), ADP_OK, &err, entry->path);
    it_take(index, 0);
}

/* Adds an entry without anything but its path and type. */
static inline void it_add_plain(struct it_index *index, uint8_t type, const char *path)
{
    struct adp_index_entry entry = {.type = type, .path = path, .path_len = strlen(path)};

    it_add(index, &entry);
}

/* Ends the index: parses directory and trailer as a reader does. */
static inline void it_finish(struct it_index *index)
{
    const struct adp_index_writer *writer = &index->writer;
    uint8_t trailer[ADP_TRAILER_LEN];
    struct adp_builder directory = {0};
    struct adp_error err = {0};
    struct adp_trailer built;
    uint64_t offset;

    it_take(index, 1);
    offset = IT_CONTENT_LEN + index->stored_len;
    et_expect(adp_index_writer_directory(writer, &directory, &err), ADP_OK, &err, "directory");
    built = (struct adp_trailer){offset, (uint32_t)directory.len, (uint32_t)directory.len,
                                 writer->num_entries, writer->content_bytes};
    adp_trailer_build(trailer, &built);
    et_expect(adp_trailer_parse(&index->trailer, trailer, offset + directory.len + ADP_TRAILER_LEN,
                                "a", &err),
              ADP_OK, &err, "trailer");
    et_expect(adp_directory_parse(&index->directory, directory.data, directory.len, &index->trailer,
                                  "a", &err),
              ADP_OK, &err, "directory");
    CU_ASSERT_EQUAL(index->directory.index_start, IT_CONTENT_LEN);
    CU_ASSERT_EQUAL(index->directory.num_frames, writer->num_frames);
    adp_builder_free(&directory);
}

static inline void it_free(struct it_index *index)
{
    for (size_t i = 0; i < IT_MAX_FRAMES; i++)
        free(index->frames[i]);
    adp_directory_free(&index->directory);
    adp_index_writer_free(&index->writer);
    memset(index, 0, sizeof(*index));
}

/* Begins frame |number| on |cursor|. */
static inline enum adp_status it_feed(const struct it_index *index, struct adp_index_cursor *cursor,
                                      size_t number, struct adp_error *err)
{
    const struct adp_index_frame *frame = &index->directory.frames[number];

    return adp_index_cursor_feed(cursor, frame, index->frames[number], frame->plain_len, err);
}

#endif
