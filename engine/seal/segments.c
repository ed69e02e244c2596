#include "segments.h"

#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"

/* Space is set aside in steps of this: few calls, and little too much at the end. */
#define RESERVE_STEP (UINT64_C(1) << 30)

enum adp_status adp_segments_new(struct adp_segments **out, struct adp_run *run, uint8_t *memory,
                                 unsigned num, void (*release)(void *user, struct adp_chunk *chunk),
                                 void *user, struct adp_error *err)
{
    struct adp_segments *segments = calloc(1, sizeof(*segments));

    *out = NULL;
    if (segments == NULL)
        return adp_fail_memory(err);
    segments->all = calloc(num, sizeof(*segments->all));
    if (segments->all == NULL) {
        free(segments);
        return adp_fail_memory(err);
    }
    segments->run = run;
    segments->num = segments->num_free = num;
    segments->release = release;
    segments->user = user;
    for (unsigned i = 0; i < num; i++) {
        segments->all[i].buf = memory + (size_t)i * ADP_SEGMENT_LEN;
        segments->all[i].next = segments->free;
        segments->free = &segments->all[i];
    }
    *out = segments;
    return ADP_OK;
}

void adp_segments_free(struct adp_segments *segments)
{
    if (segments == NULL)
        return;
    free(segments->all);
    free(segments);
}

/* -- From a filled segment to the disk. */

void segments_fail(struct adp_archive_writer *writer, enum adp_status status,
                   const struct adp_error *error)
{
    if (writer->status != ADP_OK)
        return;
    writer->status = status;
    writer->error = *error;
}

/* Gives the segment back once all that was to be done with it is done. */
static void segment_done(struct segment *segment)
{
    struct adp_segments *segments = segment->writer->segments;

    if (--segment->pending > 0)
        return;
    segment->writer->written_segments++;
    segment->next = segments->free;
    segments->free = segment;
    segments->num_free++;
}

static void segment_written(struct adp_transfer *transfer)
{
    struct segment *segment =
        (struct segment *)((char *)transfer - offsetof(struct segment, transfer));
    struct adp_archive_writer *writer = segment->writer;

    if (transfer->req.result < 0) {
        struct adp_error error = {0};

        adp_fail_errno(&error, (int)-transfer->req.result, writer->path,
                       "cannot write the archive");
        adp_error_offset(&error, error.status, transfer->req.offset);
        segments_fail(writer, error.status, &error);
    }
    segment_done(segment);
}

/* Takes the tag and digest of a segment, and then all that are in order. */
static void take_tag(struct adp_archive_writer *writer, const struct segment *segment)
{
    struct sealed_tag *tag = &writer->tag[segment->position % writer->tag_window];

    memcpy(tag->tag, segment->buf + ADP_FLOE_DATA_OFFSET + segment->filled, ADP_GCM_TAG_LEN);
    memcpy(tag->digest, segment->digest, ADP_HASH_LEN);
    tag->is_there = 1;
    for (tag = &writer->tag[writer->next_tag % writer->tag_window]; tag->is_there;
         tag = &writer->tag[writer->next_tag % writer->tag_window]) {
        SHA256_Update(&writer->tags, tag->tag, ADP_GCM_TAG_LEN);
        if (writer->attest != NULL)
            adp_attest_add(writer->attest, tag->digest);
        tag->is_there = 0;
        writer->next_tag++;
    }
}

static struct segment *segment_of_attesting(struct adp_job *job)
{
    return (struct segment *)((char *)job - offsetof(struct segment, attesting));
}

static void attest_segment(struct adp_job *job, unsigned thread)
{
    struct segment *segment = segment_of_attesting(job);

    (void)thread;
    adp_sha256(segment->digest, segment->buf, segment->filled + ADP_FLOE_OVERHEAD);
}

static void segment_attested(struct adp_job *job)
{
    struct segment *segment = segment_of_attesting(job);

    take_tag(segment->writer, segment);
    segment_done(segment);
}

static void start_attesting(struct segment *segment)
{
    segment->pending++;
    segment->attesting.work = attest_segment;
    segment->attesting.done = segment_attested;
    segment->attesting.stage = ADP_STAGE_ATTEST;
    segment->attesting.bytes = segment->filled;
    adp_run_work(segment->writer->run, &segment->attesting);
}

static enum adp_status start_writing(struct segment *segment)
{
    const struct adp_archive_writer *writer = segment->writer;
    size_t len = segment->filled + ADP_FLOE_OVERHEAD;
    size_t padded = (len + ADP_DIRECT_ALIGN - 1) / ADP_DIRECT_ALIGN * ADP_DIRECT_ALIGN;

    memset(segment->buf + len, 0, padded - len);
    segment->transfer.done = segment_written;
    segment->transfer.is_direct = writer->is_direct;
    segment->transfer.req = (struct adp_io_req){.op = ADP_IO_WRITE,
                                                .file = writer->file,
                                                .buf = segment->buf,
                                                .len = padded,
                                                .offset = writer->header.header_len +
                                                          segment->position * ADP_SEGMENT_LEN};
    return adp_run_transfer(writer->run, &segment->transfer, &segment->error);
}

static void seal_segment(struct adp_job *job, unsigned thread)
{
    struct segment *segment = (struct segment *)job;

    segment->status = adp_floe_seal_segment(segment->writer->floe, job->run->worker[thread].scratch,
                                            segment->buf, segment->pieces, segment->num_pieces,
                                            segment->position, segment->is_final, &segment->error);
}

static void segment_sealed(struct adp_job *job)
{
    struct segment *segment = (struct segment *)job;
    struct adp_archive_writer *writer = segment->writer;

    for (size_t i = 0; i < segment->num_holds; i++)
        writer->segments->release(writer->segments->user, segment->holds[i]);
    segment->num_holds = 0;
    segment->pending = 1;
    if (segment->status == ADP_OK && writer->status == ADP_OK) {
        segment->status = start_writing(segment);
        if (segment->status == ADP_OK) {
            if (writer->attest != NULL)
                start_attesting(segment);
            else
                take_tag(writer, segment);
            return;
        }
    }
    if (segment->status != ADP_OK)
        segments_fail(writer, segment->status, &segment->error);
    segment_done(segment);
}

static void reserve_ahead(struct adp_archive_writer *writer)
{
    uint64_t wanted = writer->offset + RESERVE_STEP;

    if (writer->offset + ADP_SEGMENT_LEN < writer->reserved)
        return;
    if (wanted > writer->expected)
        wanted = writer->expected;
    /* A disk too full for the guess may still hold the archive: writing will tell. */
    if (wanted > writer->reserved)
        (void)adp_entry_reserve(writer->temp.fd, wanted);
    writer->reserved = writer->offset + RESERVE_STEP;
}

void segments_dispatch(struct adp_archive_writer *writer, int is_final)
{
    struct segment *segment = writer->current;

    writer->current = NULL;
    segment->is_final = is_final;
    segment->job.work = seal_segment;
    segment->job.done = segment_sealed;
    segment->job.stage = ADP_STAGE_ENCRYPT;
    segment->job.bytes = segment->filled;
    reserve_ahead(writer);
    adp_run_work(writer->run, &segment->job);
}

struct segment *segments_take(struct adp_archive_writer *writer)
{
    struct segment *segment = writer->segments->free;

    writer->segments->free = segment->next;
    writer->segments->num_free--;
    segment->writer = writer;
    segment->filled = 0;
    segment->num_pieces = segment->num_holds = 0;
    /* Until a worker has sealed it: an abandoned run's workers seal nothing, and what is not sealed
     * must not be written. */
    segment->status = ADP_ERR_CANCELLED;
    segment->error = (struct adp_error){.status = ADP_ERR_CANCELLED};
    segment->position = writer->next_position++;
    return segment;
}

/* -- Appending. */

uint64_t adp_archive_writer_offset(const struct adp_archive_writer *writer)
{
    return writer->offset;
}

size_t adp_archive_writer_room(const struct adp_archive_writer *writer)
{
    uint64_t window = writer->next_tag + writer->tag_window - writer->next_position;
    size_t num = writer->segments->num_free;
    size_t left = writer->current != NULL ? PLAIN_LEN - writer->current->filled : 0;

    if (num > window)
        num = (size_t)window;
    return num * PLAIN_LEN + left;
}

enum adp_status adp_archive_writer_status(const struct adp_archive_writer *writer,
                                          struct adp_error *err)
{
    if (writer->status != ADP_OK && err != NULL)
        *err = writer->error;
    return writer->status;
}

/* The piece that ends where the next copy goes, if the last one was a copy. */
static struct adp_gcm_piece *last_copy(struct segment *segment, const uint8_t *place)
{
    struct adp_gcm_piece *last;

    if (segment->num_pieces == 0)
        return NULL;
    last = &segment->pieces[segment->num_pieces - 1];
    return last->data + last->len == place ? last : NULL;
}

static void add_piece(struct segment *segment, const uint8_t *data, size_t len,
                      struct adp_chunk *chunk)
{
    uint8_t *place = segment->buf + ADP_FLOE_DATA_OFFSET + segment->filled;
    struct adp_gcm_piece *last;

    segment->filled += len;
    if (chunk != NULL && len >= REFERENCE_MIN && segment->num_pieces + 1 < MAX_PIECES) {
        segment->pieces[segment->num_pieces++] = (struct adp_gcm_piece){data, len};
        segment->holds[segment->num_holds++] = chunk;
        chunk->refs++;
        return;
    }
    memcpy(place, data, len);
    last = last_copy(segment, place);
    if (last != NULL)
        last->len += len;
    else
        segment->pieces[segment->num_pieces++] = (struct adp_gcm_piece){place, len};
}

void adp_archive_writer_put(struct adp_archive_writer *writer, const uint8_t *data, size_t len,
                            struct adp_chunk *chunk)
{
    while (len > 0) {
        size_t step;

        /* A full segment waits for the next byte: only the last one is final. */
        if (writer->current != NULL && writer->current->filled == PLAIN_LEN)
            segments_dispatch(writer, 0);
        if (writer->current == NULL)
            writer->current = segments_take(writer);
        step = PLAIN_LEN - writer->current->filled;
        if (step > len)
            step = len;
        add_piece(writer->current, data, step, chunk);
        writer->offset += step;
        data += step;
        len -= step;
    }
}

enum adp_status adp_archive_writer_append(struct adp_archive_writer *writer, const uint8_t *data,
                                          size_t len, struct adp_error *err)
{
    while (len > 0) {
        size_t room = adp_archive_writer_room(writer);
        enum adp_status status = adp_archive_writer_status(writer, err);

        if (status != ADP_OK)
            return status;
        if (room == 0) {
            status = adp_run_turn(writer->run, 1, err);
            if (status != ADP_OK)
                return status;
            continue;
        }
        if (room > len)
            room = len;
        adp_archive_writer_put(writer, data, room, NULL);
        data += room;
        len -= room;
    }
    return ADP_OK;
}
