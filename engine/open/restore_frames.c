#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "entry.h"
#include "error.h"
#include "restoring.h"

/* The queue takes no more; a few places stay free. */
#define MAX_READS (ADP_QUEUE_DEPTH - 8)

void restoring_fail(struct restoring *restoring, enum adp_status status,
                    const struct adp_error *error)
{
    if (restoring->status != ADP_OK)
        return;
    restoring->status = status;
    restoring->error = *error;
}

/* -- The window's parts, frames and segments, sorted by the stream. */

static int compare_parts(const void *a, const void *b)
{
    const struct restore_part *x = a, *y = b;

    if (x->extent->frame_offset != y->extent->frame_offset)
        return x->extent->frame_offset < y->extent->frame_offset ? -1 : 1;
    return x->extent->start < y->extent->start ? -1 : x->extent->start > y->extent->start;
}

static enum adp_status gather_parts(struct restoring *restoring, size_t *out_num,
                                    struct adp_error *err)
{
    size_t num = 0;

    restoring->parts = calloc(restoring->num_extents + 1, sizeof(*restoring->parts));
    if (restoring->parts == NULL)
        return adp_fail_memory(err);
    for (size_t i = 0; i < restoring->num_entries; i++) {
        struct restore_entry *entry = restoring->entries[i];
        uint64_t offset = 0;

        atomic_store(&entry->remaining, entry->num_extents);
        for (size_t k = 0; k < entry->num_extents; k++) {
            offset += entry->extents[k].hole;
            restoring->parts[num++] = (struct restore_part){
                .entry = entry, .extent = &entry->extents[k], .file_offset = offset};
            offset += entry->extents[k].len;
        }
    }
    if (num > 1)
        qsort(restoring->parts, num, sizeof(*restoring->parts), compare_parts);
    *out_num = num;
    return ADP_OK;
}

/* Adds the segments of one frame; they ascend from frame to frame, so most are new or the last. */
static int add_segments(struct restoring *restoring, struct restore_frame *frame)
{
    const struct adp_extent *extent = frame->parts[0].extent;
    uint64_t first = extent->frame_offset / adp_archive_plain_len(restoring->archive);
    uint64_t last =
        (extent->frame_offset + extent->stored_len - 1) / adp_archive_plain_len(restoring->archive);
    size_t at = restoring->num_segments;

    while (at > 0 && restoring->segments[at - 1].position >= first)
        at--;
    frame->first_segment = at;
    frame->num_segments = (size_t)(last - first + 1);
    frame->start = (size_t)(extent->frame_offset % adp_archive_plain_len(restoring->archive));
    if (at + frame->num_segments > restoring->cap_segments) {
        size_t cap = 2 * (at + frame->num_segments);
        struct restore_segment *grown = realloc(restoring->segments, cap * sizeof(*grown));

        if (grown == NULL)
            return 0;
        restoring->segments = grown;
        restoring->cap_segments = cap;
    }
    for (uint64_t position = first; position <= last; position++, at++) {
        if (at == restoring->num_segments)
            restoring->segments[restoring->num_segments++] =
                (struct restore_segment){.position = position};
        restoring->segments[at].refs++;
    }
    return 1;
}

static enum adp_status gather_frames(struct restoring *restoring, size_t num_parts,
                                     struct adp_error *err)
{
    restoring->frames = calloc(num_parts + 1, sizeof(*restoring->frames));
    if (restoring->frames == NULL)
        return adp_fail_memory(err);
    for (size_t i = 0; i < num_parts;) {
        const struct adp_extent *extent = restoring->parts[i].extent;
        struct restore_frame *frame = &restoring->frames[restoring->num_frames++];

        frame->restoring = restoring;
        frame->parts = &restoring->parts[i];
        for (; i < num_parts && restoring->parts[i].extent->frame_offset == extent->frame_offset;
             i++) {
            const struct adp_extent *other = restoring->parts[i].extent;

            if (other->codec != extent->codec || other->stored_len != extent->stored_len ||
                other->plain_len != extent->plain_len)
                return adp_archive_fail_extent(restoring->archive, other, err);
            frame->num_parts++;
        }
        if (!add_segments(restoring, frame))
            return adp_fail_memory(err);
    }
    return ADP_OK;
}

/* -- On the driver. */

static void drop_buffer(struct restoring *restoring, struct restore_buffer *buffer)
{
    buffer->segment = NULL;
    buffer->next = restoring->free_buffers;
    restoring->free_buffers = buffer;
}

static void fail_frame(struct restoring *restoring, const struct restore_frame *frame)
{
    struct adp_error error = {0};

    if (frame->refused != NULL)
        adp_archive_fail_extent(restoring->archive, frame->refused, &error);
    else if (frame->status == ADP_ERR_DECODER)
        adp_archive_fail_decoder(restoring->archive, frame->parts[0].extent->frame_offset, &error);
    else
        adp_fail_memory(&error);
    restoring_fail(restoring, frame->status, &error);
}

static void frame_opened(struct adp_job *job)
{
    struct restore_frame *frame = (struct restore_frame *)job;
    struct restoring *restoring = frame->restoring;

    if (frame->status != ADP_OK && (frame->status != ADP_ERR_CONTENT || !restoring->keep_going))
        fail_frame(restoring, frame);
    if (restoring->keep_going)
        restore_damage_take(restoring, frame);
    for (size_t i = 0; i < frame->num_parts; i++)
        restoring->tell->progress.done_bytes += frame->parts[i].extent->len;
    for (size_t i = 0; i < frame->num_segments; i++) {
        struct restore_segment *segment = &restoring->segments[frame->first_segment + i];

        if (--segment->refs == 0) {
            drop_buffer(restoring, segment->buffer);
            segment->buffer = NULL;
        }
    }
    restoring->frames_done++;
}

static void open_segment(struct adp_job *job, unsigned thread)
{
    struct restore_buffer *buffer = (struct restore_buffer *)job;

    buffer->status =
        adp_archive_open_segment(buffer->restoring->archive, job->run->worker[thread].scratch,
                                 buffer->data, buffer->segment->position, &buffer->error);
}

static void fail_segment(const struct restore_buffer *buffer, const struct adp_error *why)
{
    struct restoring *restoring = buffer->restoring;

    buffer->segment->is_bad = restore_damage_note(restoring, buffer->segment->position, why);
    if (!buffer->segment->is_bad)
        restoring_fail(restoring, why->status, why);
}

static void segment_opened(struct adp_job *job)
{
    struct restore_buffer *buffer = (struct restore_buffer *)job;

    if (buffer->status != ADP_OK)
        fail_segment(buffer, &buffer->error);
    buffer->segment->state = RESTORE_READY;
}

/* Some file systems take O_DIRECT at open and refuse it at reading: once more, without. */
static int read_buffered(struct restore_buffer *buffer)
{
    struct adp_archive *archive = buffer->restoring->archive;
    struct adp_error error = {0};

    if (buffer->is_retried || !archive->is_direct || adp_entry_go_buffered(archive->bulk_fd) < 0)
        return 0;
    buffer->is_retried = 1;
    buffer->read.is_direct = 0;
    return adp_run_transfer(&buffer->restoring->run, &buffer->read, &error) == ADP_OK;
}

static void segment_read(struct adp_transfer *transfer)
{
    struct restore_buffer *buffer =
        (struct restore_buffer *)((char *)transfer - offsetof(struct restore_buffer, read));
    struct restoring *restoring = buffer->restoring;
    struct adp_error error = {0};
    int64_t result = transfer->req.result;
    uint32_t len = adp_archive_segment_len(restoring->archive, buffer->segment->position);

    if (result == -EINVAL && read_buffered(buffer))
        return;
    restoring->num_reads--;
    if (result >= (int64_t)len && restoring->status == ADP_OK) {
        buffer->job.work = open_segment;
        buffer->job.done = segment_opened;
        buffer->job.stage = ADP_STAGE_DECRYPT;
        buffer->job.bytes = len;
        adp_run_work(&restoring->run, &buffer->job);
        return;
    }
    if (result < 0)
        adp_fail_errno(&error, (int)-result, restoring->archive->path, "cannot read the archive");
    else
        adp_fail(&error, ADP_ERR_TRUNCATED, restoring->archive->path, "the archive ends too early");
    adp_error_offset(&error, error.status, transfer->req.offset);
    fail_segment(buffer, &error);
    buffer->segment->state = RESTORE_READY;
}

static void issue_reads(struct restoring *restoring)
{
    while (restoring->status == ADP_OK && restoring->free_buffers != NULL &&
           restoring->num_reads < MAX_READS && restoring->next_segment < restoring->num_segments) {
        struct restore_segment *segment = &restoring->segments[restoring->next_segment++];
        struct restore_buffer *buffer = restoring->free_buffers;
        struct adp_error error = {0};
        enum adp_status status;

        restoring->free_buffers = buffer->next;
        buffer->segment = segment;
        segment->buffer = buffer;
        segment->state = RESTORE_BUSY;
        buffer->is_retried = 0;
        buffer->read.done = segment_read;
        buffer->read.is_direct = restoring->archive->is_direct;
        buffer->read.req = (struct adp_io_req){
            .op = ADP_IO_READ,
            .file = restoring->file,
            .buf = buffer->data,
            .len = (adp_archive_segment_len(restoring->archive, segment->position) +
                    ADP_DIRECT_ALIGN - 1) /
                   ADP_DIRECT_ALIGN * ADP_DIRECT_ALIGN,
            .offset = adp_archive_segment_offset(restoring->archive, segment->position)};
        status = adp_run_transfer(&restoring->run, &buffer->read, &error);
        if (status != ADP_OK)
            restoring_fail(restoring, status, &error);
        else
            restoring->num_reads++;
    }
}

static int is_ready(const struct restoring *restoring, const struct restore_frame *frame)
{
    for (size_t i = 0; i < frame->num_segments; i++) {
        if (restoring->segments[frame->first_segment + i].state != RESTORE_READY)
            return 0;
    }
    return 1;
}

static void issue_frames(struct restoring *restoring)
{
    while (restoring->status == ADP_OK && restoring->next_frame < restoring->num_frames) {
        struct restore_frame *frame = &restoring->frames[restoring->next_frame];

        if (!is_ready(restoring, frame))
            return;
        restoring->next_frame++;
        frame->job.work = restore_frame_open;
        frame->job.done = frame_opened;
        frame->job.stage = ADP_STAGE_RESTORE;
        for (size_t i = 0; i < frame->num_parts; i++)
            frame->job.bytes += frame->parts[i].extent->len;
        adp_run_work(&restoring->run, &frame->job);
    }
}

static enum adp_status drive(struct restoring *restoring, struct adp_error *err)
{
    while (restoring->frames_done < restoring->num_frames) {
        struct adp_error error = {0};
        enum adp_status status;

        issue_reads(restoring);
        issue_frames(restoring);
        if (restoring->status != ADP_OK && restoring->run.in_flight == 0)
            break;
        status = adp_run_turn(&restoring->run, 1, &error);
        if (status == ADP_OK && restoring->tell->cancelled)
            status = adp_tell_cancelled(&error);
        if (status != ADP_OK)
            restoring_fail(restoring, status, &error);
    }
    if (restoring->status != ADP_OK && err != NULL)
        *err = restoring->error;
    return restoring->status;
}

static void free_window(struct restoring *restoring)
{
    for (size_t i = 0; i < restoring->num_segments; i++) {
        if (restoring->segments[i].buffer != NULL)
            drop_buffer(restoring, restoring->segments[i].buffer);
    }
    free(restoring->frames);
    free(restoring->parts);
    restoring->frames = NULL;
    restoring->parts = NULL;
    restoring->num_frames = restoring->num_segments = 0;
    restoring->next_frame = restoring->next_segment = restoring->frames_done = 0;
}

enum adp_status restore_frames(struct restoring *restoring, struct adp_error *err)
{
    size_t num_parts = 0;
    enum adp_status status = gather_parts(restoring, &num_parts, err);

    if (status == ADP_OK)
        status = gather_frames(restoring, num_parts, err);
    if (status == ADP_OK)
        status = drive(restoring, err);
    free_window(restoring);
    return status;
}
