#include "segments.h"

#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"

/* Space is set aside in steps of this: few calls, and little too much at the end. */
#define RESERVE_STEP (UINT64_C(1) << 30)

static void give_back(struct adp_segments *segments, struct segment_group *group)
{
    group->num_taken = group->num_sealed = 0;
    group->is_closed = group->is_failed = 0;
    group->next = segments->free;
    segments->free = group;
    segments->num_free++;
}

enum adp_status adp_segments_new(struct adp_segments **out, struct adp_run *run, uint8_t *memory,
                                 unsigned num, void (*release)(void *user, struct adp_chunk *chunk),
                                 void *user, struct adp_error *err)
{
    struct adp_segments *segments = calloc(1, sizeof(*segments));

    *out = NULL;
    if (segments == NULL)
        return adp_fail_memory(err);
    num -= num % GROUP_SEGMENTS;
    segments->all = calloc(num / GROUP_SEGMENTS, sizeof(*segments->all));
    if (segments->all == NULL) {
        free(segments);
        return adp_fail_memory(err);
    }
    segments->run = run;
    segments->num = num;
    segments->release = release;
    segments->user = user;
    for (unsigned i = 0; i < num; i++) {
        struct segment_group *group = &segments->all[i / GROUP_SEGMENTS];

        group->segments[i % GROUP_SEGMENTS].group = group;
        group->segments[i % GROUP_SEGMENTS].buf = memory + (size_t)i * ADP_SEGMENT_LEN;
    }
    for (unsigned i = 0; i < num / GROUP_SEGMENTS; i++)
        give_back(segments, &segments->all[i]);
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

/* Gives the group back once all that was to be done with it is done. */
static void group_done(struct segment_group *group)
{
    struct adp_archive_writer *writer = group->segments[0].writer;

    if (--group->pending > 0)
        return;
    writer->written_segments += group->num_taken;
    give_back(writer->segments, group);
}

static void group_written(struct adp_transfer *transfer)
{
    struct segment_group *group =
        (struct segment_group *)((char *)transfer - offsetof(struct segment_group, transfer));
    struct adp_archive_writer *writer = group->segments[0].writer;

    if (transfer->req.result < 0) {
        struct adp_error error = {0};

        adp_fail_errno(&error, (int)-transfer->req.result, writer->path,
                       "cannot write the archive");
        adp_error_offset(&error, error.status, transfer->req.offset);
        segments_fail(writer, error.status, &error);
    }
    group_done(group);
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
    group_done(segment->group);
}

static void start_attesting(struct segment *segment)
{
    segment->group->pending++;
    segment->attesting.work = attest_segment;
    segment->attesting.done = segment_attested;
    segment->attesting.stage = ADP_STAGE_ATTEST;
    segment->attesting.bytes = segment->filled;
    adp_run_work(segment->writer->run, &segment->attesting);
}

/* All segments but an archive's last one are full, so that they lie in a row. */
static enum adp_status start_writing(struct segment_group *group, struct adp_error *err)
{
    struct segment *first = &group->segments[0], *last = &group->segments[group->num_taken - 1];
    const struct adp_archive_writer *writer = first->writer;
    size_t last_len = last->filled + ADP_FLOE_OVERHEAD;
    size_t padded = (last_len + ADP_DIRECT_ALIGN - 1) / ADP_DIRECT_ALIGN * ADP_DIRECT_ALIGN;

    memset(last->buf + last_len, 0, padded - last_len);
    group->transfer.done = group_written;
    group->transfer.is_direct = writer->is_direct;
    group->transfer.req = (struct adp_io_req){.op = ADP_IO_WRITE,
                                              .file = writer->file,
                                              .buf = first->buf,
                                              .len = (size_t)(last->buf - first->buf) + padded,
                                              .offset = writer->header.header_len +
                                                        first->position * ADP_SEGMENT_LEN};
    return adp_run_transfer(writer->run, &group->transfer, err);
}

/* What becomes of a group whose segments are all sealed. */
static void finish_group(struct segment_group *group)
{
    struct adp_archive_writer *writer = group->segments[0].writer;
    struct adp_error error = {0};
    enum adp_status status;

    group->pending = 1;
    if (group->is_failed || writer->status != ADP_OK) {
        group_done(group);
        return;
    }
    status = start_writing(group, &error);
    if (status != ADP_OK) {
        segments_fail(writer, status, &error);
        group_done(group);
        return;
    }
    for (unsigned i = 0; i < group->num_taken; i++) {
        if (writer->attest != NULL)
            start_attesting(&group->segments[i]);
        else
            take_tag(writer, &group->segments[i]);
    }
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
    struct segment_group *group = segment->group;
    struct adp_archive_writer *writer = segment->writer;

    for (size_t i = 0; i < segment->num_holds; i++)
        writer->segments->release(writer->segments->user, segment->holds[i]);
    segment->num_holds = 0;
    if (segment->status != ADP_OK) {
        segments_fail(writer, segment->status, &segment->error);
        group->is_failed = 1;
    }
    group->num_sealed++;
    if (group->is_closed && group->num_sealed == group->num_taken)
        finish_group(group);
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
    if (is_final || segment->group->num_taken == GROUP_SEGMENTS) {
        segment->group->is_closed = 1;
        writer->group = NULL;
    }
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
    struct adp_segments *segments = writer->segments;
    struct segment *segment;

    if (writer->group == NULL) {
        writer->group = segments->free;
        segments->free = segments->free->next;
        segments->num_free--;
    }
    segment = &writer->group->segments[writer->group->num_taken++];
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
    size_t num = (size_t)writer->segments->num_free * GROUP_SEGMENTS +
                 (writer->group != NULL ? GROUP_SEGMENTS - writer->group->num_taken : 0);
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
