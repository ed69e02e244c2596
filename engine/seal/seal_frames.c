#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "sealing.h"

struct seal_frame *seal_new_frame(struct sealing *sealing, size_t max_parts, int is_raw)
{
    struct seal_frame *frame = calloc(1, sizeof(*frame));

    if (frame == NULL)
        return NULL;
    frame->parts = calloc(max_parts, sizeof(*frame->parts));
    if (frame->parts == NULL) {
        free(frame);
        return NULL;
    }
    frame->sealing = sealing;
    frame->is_raw = is_raw;
    return frame;
}

void seal_free_frame(struct seal_frame *frame)
{
    if (frame->chunk != NULL)
        seal_release_chunk(&frame->sealing->context->memory, frame->chunk);
    free(frame->readings);
    free(frame->parts);
    free(frame);
}

/* On a worker. Compressed data goes through the worker's buffer, and back to where it came from. */
static void compress_frame(struct adp_job *job, unsigned thread)
{
    struct seal_frame *frame = (struct seal_frame *)job;
    struct adp_worker *worker = &job->run->worker[thread];
    int level = frame->sealing->context->options->compression_level;
    size_t compressed = 0;

    for (size_t i = 0; i < frame->num_parts; i++) {
        struct seal_part *part = &frame->parts[i];

        adp_codec_digest(part->digest, frame->chunk->data + part->start, part->len);
    }
    if (!frame->is_raw && frame->len > 0)
        compressed = adp_codec_compress(&worker->zstd, worker->buffer, frame->chunk->data,
                                        frame->len, level != 0 ? level : ADP_LEVEL_DEFAULT);
    frame->codec = compressed > 0 ? ADP_CODEC_ZSTD : ADP_CODEC_RAW;
    frame->stored_len = compressed > 0 ? compressed : frame->len;
    if (compressed > 0)
        memcpy(frame->chunk->data, worker->buffer, compressed);
}

static void frame_ready(struct adp_job *job)
{
    struct seal_frame *frame = (struct seal_frame *)job;
    struct sealing *sealing = frame->sealing;

    frame->next = NULL;
    *sealing->ready_last = frame;
    sealing->ready_last = &frame->next;
}

void seal_start_compressing(struct seal_frame *frame)
{
    frame->job.work = compress_frame;
    frame->job.done = frame_ready;
    frame->job.stage = ADP_STAGE_COMPRESS;
    frame->job.bytes = frame->len;
    adp_run_work(&frame->sealing->context->run, &frame->job);
}

static void place_part(struct seal_frame *frame, const struct seal_part *part, uint64_t offset)
{
    struct seal_entry *entry = part->entry;

    entry->pending--;
    if (part->len == 0 || entry->extents == NULL)
        return;
    struct adp_extent *extent = &entry->extents[part->extent];

    extent->len = part->len;
    extent->codec = frame->codec;
    extent->frame_offset = offset;
    extent->stored_len = (uint32_t)frame->stored_len;
    extent->plain_len = (uint32_t)frame->len;
    extent->start = part->start;
    memcpy(extent->digest, part->digest, ADP_DIGEST_LEN);
}

void seal_place(struct sealing *sealing)
{
    while (sealing->ready != NULL) {
        struct seal_frame *frame = sealing->ready;
        uint64_t offset = adp_archive_writer_offset(sealing->writer);

        if (sealing->status == ADP_OK) {
            if (adp_archive_writer_room(sealing->writer) < frame->stored_len)
                return;
            adp_archive_writer_put(sealing->writer, frame->chunk->data, frame->stored_len,
                                   frame->codec == ADP_CODEC_RAW ? frame->chunk : NULL);
        }
        for (size_t i = 0; i < frame->num_parts; i++)
            place_part(frame, &frame->parts[i], offset);
        sealing->context->tell->progress.done_bytes += frame->len;
        sealing->ready = frame->next;
        if (sealing->ready == NULL)
            sealing->ready_last = &sealing->ready;
        seal_free_frame(frame);
    }
}
