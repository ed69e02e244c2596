/* On a worker: from opened segments to files. */
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "restoring.h"

/* A frame of 4 MiB may lie in this many segments of the shortest kind, and two more. */
#define MAX_PIECES (ADP_FRAME_MAX / (4096 - ADP_FLOE_OVERHEAD) + 3)

/* Cuts the range |start|, |len| of the frame's stored bytes into what lies in each segment. */
static size_t cut(const struct restore_frame *frame, size_t start, size_t len,
                  struct adp_gcm_piece pieces[MAX_PIECES])
{
    const struct restoring *restoring = frame->restoring;
    size_t step_len = adp_archive_plain_len(restoring->archive), at = frame->start + start, num = 0;

    while (len > 0) {
        const struct restore_segment *segment =
            &restoring->segments[frame->first_segment + at / step_len];
        size_t skip = at % step_len, step = step_len - skip < len ? step_len - skip : len;

        pieces[num++] =
            (struct adp_gcm_piece){segment->buffer->data + ADP_FLOE_DATA_OFFSET + skip, step};
        at += step;
        len -= step;
    }
    return num;
}

/* The worker's buffer: stored bytes first, where they have to be put together, then plain. Made
 * once for the largest frame: what is not used of it is no memory, and new memory for each longer
 * frame would be new pages. */
static int reserve(struct adp_worker *worker)
{
    if (worker->buffer == NULL)
        worker->buffer = malloc(2 * (size_t)ADP_FRAME_MAX);
    return worker->buffer != NULL;
}

static enum adp_status refuse(struct restore_frame *frame, const struct adp_extent *extent)
{
    frame->refused = extent;
    return ADP_ERR_CONTENT;
}

/* Puts the pieces together at |out|. */
static void join(uint8_t *out, const struct adp_gcm_piece *pieces, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        memcpy(out, pieces[i].data, pieces[i].len);
        out += pieces[i].len;
    }
}

static enum adp_status decode_here(struct restore_frame *frame, struct adp_worker *worker,
                                   const uint8_t **out, const struct adp_gcm_piece *pieces,
                                   size_t num)
{
    const struct adp_extent *extent = frame->parts[0].extent;

    if (!reserve(worker))
        return ADP_ERR_MEMORY;
    if (num > 1)
        join(worker->buffer, pieces, num);
    *out = worker->buffer + extent->stored_len;
    return adp_codec_decompress(&worker->zstd, worker->buffer + extent->stored_len,
                                extent->plain_len, num == 1 ? pieces[0].data : worker->buffer,
                                extent->stored_len);
}

static enum adp_status decode_in(struct adp_sandbox *sandbox, unsigned lane,
                                 const struct adp_extent *extent, const uint8_t **out,
                                 const struct adp_gcm_piece *pieces, size_t num)
{
    const struct adp_sandbox_frame frame = {.stored_len = extent->stored_len,
                                            .plain_len = extent->plain_len};

    join(adp_sandbox_room(sandbox, lane), pieces, num);
    return adp_sandbox_decode(sandbox, lane, &frame, out);
}

/* |*lane| is the sandbox's lane in which |*out| lies afterwards. */
static enum adp_status decode(struct restore_frame *frame, unsigned thread, unsigned *lane,
                              const uint8_t **out, struct adp_gcm_piece pieces[MAX_PIECES])
{
    const struct adp_extent *extent = frame->parts[0].extent;
    struct adp_sandbox *sandbox = frame->restoring->archive->sandbox;
    size_t num = cut(frame, 0, extent->stored_len, pieces);
    enum adp_status status;

    if (sandbox == NULL) {
        status = decode_here(frame, &frame->restoring->run.worker[thread], out, pieces, num);
    } else {
        *lane = adp_sandbox_enter(sandbox, thread);
        status = decode_in(sandbox, *lane, extent, out, pieces, num);
    }
    return status == ADP_ERR_CONTENT ? refuse(frame, extent) : status;
}

/* Loses the parts that lie in damaged segments; of a compressed frame that is all or none. Returns
 * whether anything is left. */
static int drop_lost(struct restore_frame *frame)
{
    struct restoring *restoring = frame->restoring;
    const struct adp_extent *extent = frame->parts[0].extent;
    uint64_t position = 0;
    int is_raw = extent->codec == ADP_CODEC_RAW, num_left = 0;
    int is_lost = !is_raw && restore_damage_is_lost(frame, 0, extent->stored_len, &position);

    for (size_t i = 0; i < frame->num_parts; i++) {
        struct restore_part *part = &frame->parts[i];

        part->is_lost = is_lost || (is_raw && restore_damage_is_lost(frame, part->extent->start,
                                                                     part->extent->len, &position));
        if (part->is_lost)
            restore_file_lose(restoring, part->entry, ADP_ERR_SEGMENT_TAG,
                              adp_archive_segment_offset(restoring->archive, position));
        num_left += !part->is_lost;
    }
    return num_left > 0;
}

/* What does not decode as the index says is lost as well, where the work goes on. */
static void lose_content(struct restore_frame *frame, size_t first, size_t num)
{
    struct restoring *restoring = frame->restoring;
    uint64_t position = restoring->segments[frame->first_segment].position;

    for (size_t i = first; i < first + num; i++) {
        if (frame->parts[i].is_lost)
            continue;
        frame->parts[i].is_lost = 1;
        restore_file_lose(restoring, frame->parts[i].entry, ADP_ERR_CONTENT,
                          adp_archive_segment_offset(restoring->archive, position));
    }
}

static void open_part(struct restore_frame *frame, struct restore_part *part, unsigned thread,
                      const uint8_t *plain)
{
    struct restoring *restoring = frame->restoring;
    const struct adp_extent *extent = part->extent;
    struct adp_gcm_piece pieces[MAX_PIECES];
    size_t num = 1;

    if (plain == NULL)
        num = cut(frame, extent->start, extent->len, pieces);
    else
        pieces[0] = (struct adp_gcm_piece){plain + extent->start, extent->len};
    if (!adp_codec_check_digest(extent->digest, pieces, num)) {
        frame->status = refuse(frame, extent);
        if (restoring->keep_going)
            lose_content(frame, (size_t)(part - frame->parts), 1);
    } else if (restoring->target >= 0) {
        restore_file_write(restoring, part->entry, thread, part->file_offset, pieces, num);
    } else {
        atomic_fetch_sub(&part->entry->remaining, 1);
    }
}

/* After damage the other parts are opened, but not where memory was short or the decoder broke. */
static void open_parts(struct restore_frame *frame, unsigned thread, const uint8_t *plain)
{
    int keep_going = frame->restoring->keep_going;

    if (keep_going && frame->status == ADP_ERR_CONTENT)
        lose_content(frame, 0, frame->num_parts);
    for (size_t i = 0; i < frame->num_parts; i++) {
        if (frame->status != ADP_OK && (frame->status != ADP_ERR_CONTENT || !keep_going))
            return;
        if (!frame->parts[i].is_lost)
            open_part(frame, &frame->parts[i], thread, plain);
    }
}

void restore_frame_open(struct adp_job *job, unsigned thread)
{
    struct restore_frame *frame = (struct restore_frame *)job;
    struct adp_sandbox *sandbox = frame->restoring->archive->sandbox;
    int is_raw = frame->parts[0].extent->codec == ADP_CODEC_RAW;
    struct adp_gcm_piece pieces[MAX_PIECES];
    const uint8_t *plain = NULL;
    unsigned lane = 0;

    if (frame->restoring->keep_going && !drop_lost(frame))
        return;
    if (!is_raw)
        frame->status = decode(frame, thread, &lane, &plain, pieces);
    open_parts(frame, thread, plain);
    if (!is_raw && sandbox != NULL)
        adp_sandbox_leave(sandbox, lane);
}
