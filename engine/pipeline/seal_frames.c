#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "error.h"
#include "fs.h"
#include "sealing.h"

/* -- Chunks. */

struct adp_chunk *seal_take_chunk(struct seal_context *context)
{
    struct adp_chunk *chunk = context->free_chunks;

    if (chunk == NULL)
        return NULL;
    context->free_chunks = chunk->next;
    context->num_free_chunks--;
    chunk->refs = 1;
    return chunk;
}

void seal_release_chunk(void *user, struct adp_chunk *chunk)
{
    struct seal_context *context = user;

    if (--chunk->refs > 0)
        return;
    chunk->next = context->free_chunks;
    context->free_chunks = chunk;
    context->num_free_chunks++;
}

/* -- Frames. */

static struct seal_frame *new_frame(struct sealing *sealing, size_t max_parts, int is_raw)
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

static void free_frame(struct seal_frame *frame)
{
    if (frame->chunk != NULL)
        seal_release_chunk(frame->sealing->context, frame->chunk);
    free(frame->parts);
    free(frame);
}

static void fail_memory(struct sealing *sealing)
{
    struct adp_error error = {0};

    sealing_fail(sealing, adp_fail_memory(&error), &error);
}

/* On a worker. Compressed data ends up in the worker's spare buffer, which then changes places with
 * the chunk's: nothing is copied. */
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
    if (compressed > 0) {
        uint8_t *spare = frame->chunk->data;

        frame->chunk->data = worker->buffer;
        worker->buffer = spare;
    }
}

static void frame_ready(struct adp_job *job)
{
    struct seal_frame *frame = (struct seal_frame *)job;
    struct sealing *sealing = frame->sealing;

    frame->next = NULL;
    *sealing->ready_last = frame;
    sealing->ready_last = &frame->next;
}

static void start_compressing(struct seal_frame *frame)
{
    frame->job.work = compress_frame;
    frame->job.done = frame_ready;
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
        sealing->ready = frame->next;
        if (sealing->ready == NULL)
            sealing->ready_last = &sealing->ready;
        free_frame(frame);
    }
}

/* -- Batches of small files, links, folders: all that is not read in chunks. */

static uint64_t planned_size(const struct adp_plan_node *node)
{
    return node->type == S_IFREG >> 12 && node->flags == 0 ? node->size : 0;
}

static void read_content(struct seal_frame *frame, struct seal_part *part)
{
    struct adp_capture *capture = &part->entry->capture;
    int64_t len = adp_fs_read_all(capture->fd, frame->chunk->data + frame->len,
                                  (size_t)capture->st.st_size, 0);

    if (len < 0) {
        capture->skip_reason = ADP_SKIP_UNREADABLE;
        capture->skip_errno = (int)-len;
        return;
    }
    part->len = (uint32_t)len;
    frame->len += (size_t)len;
    adp_capture_settle(capture);
    if (len < capture->st.st_size)
        capture->is_short = capture->is_changed = 1;
}

static void read_member(struct seal_frame *frame, struct seal_part *part,
                        struct adp_capture_dir *dir)
{
    const struct adp_plan *plan = frame->sealing->context->plan;
    struct seal_entry *entry = part->entry;
    const struct adp_plan_node *node = &plan->nodes[entry->node];
    struct adp_capture *capture = &entry->capture;

    part->start = (uint32_t)frame->len;
    frame->planned -= planned_size(node);
    adp_capture_entry(capture, plan, entry->node, dir);
    if (capture->fd < 0)
        return;
    /* One that has grown since the walk may not fit any more beside those that come after it. */
    if ((node->flags & ADP_PLAN_LINK) == 0 &&
        (uint64_t)capture->st.st_size > ADP_CHUNK_LEN - frame->len - frame->planned)
        entry->is_large = 1;
    else if ((node->flags & ADP_PLAN_LINK) == 0)
        read_content(frame, part);
    adp_capture_close(capture);
}

static void read_batch(struct adp_job *job, unsigned thread)
{
    struct seal_frame *frame = (struct seal_frame *)job;
    struct adp_capture_dir dir;

    (void)thread;
    adp_capture_dir_init(&dir);
    for (size_t i = 0; i < frame->num_parts; i++)
        read_member(frame, &frame->parts[i], &dir);
    adp_capture_dir_close(&dir);
}

static void append_file(struct sealing *sealing, struct seal_entry *entry)
{
    entry->next_file = NULL;
    *sealing->files_last = entry;
    sealing->files_last = &entry->next_file;
}

/* A large file is open: counts its extents and takes its place among those to be read. */
static void begin_file(struct seal_entry *entry)
{
    struct sealing *sealing = entry->sealing;
    struct adp_capture *capture = &entry->capture;
    size_t num = 0;

    for (size_t i = 0; i < capture->num_ranges; i++)
        num += (size_t)((capture->ranges[i].len + ADP_CHUNK_LEN - 1) / ADP_CHUNK_LEN);
    entry->extents = calloc(num > 0 ? num : 1, sizeof(*entry->extents));
    entry->file = adp_ioq_file_add(sealing->context->run.queue, capture->fd);
    if (entry->extents == NULL || entry->file < 0) {
        fail_memory(sealing);
        return;
    }
    entry->num_extents = num;
    if (num > 0) {
        entry->next_offset = capture->ranges[0].offset;
        append_file(sealing, entry);
    }
}

static void end_file(struct seal_entry *entry)
{
    struct sealing *sealing = entry->sealing;

    if (entry->file >= 0)
        adp_ioq_file_remove(sealing->context->run.queue, entry->file);
    entry->file = -1;
    if (entry->capture.fd >= 0)
        adp_capture_settle(&entry->capture);
    adp_capture_close(&entry->capture);
    sealing->num_files--;
}

static void file_opened(struct adp_job *job)
{
    struct seal_entry *entry = (struct seal_entry *)job;

    entry->is_captured = 1;
    if (entry->capture.fd >= 0 && entry->sealing->status == ADP_OK)
        begin_file(entry);
    if (entry->num_extents == 0)
        end_file(entry);
}

static void batch_read(struct adp_job *job)
{
    struct seal_frame *frame = (struct seal_frame *)job;
    struct sealing *sealing = frame->sealing;

    for (size_t i = 0; i < frame->num_parts; i++) {
        struct seal_part *part = &frame->parts[i];
        struct seal_entry *entry = part->entry;

        entry->is_captured = !entry->is_large;
        sealing->context->tell->progress.done_bytes += part->len;
        if (entry->is_large) {
            entry->next_file = sealing->grown;
            sealing->grown = entry;
        } else if (part->len > 0) {
            entry->extents = calloc(1, sizeof(*entry->extents));
            entry->num_extents = 1;
            if (entry->extents == NULL)
                fail_memory(sealing);
        }
    }
    start_compressing(frame);
}

static void submit_batch(struct sealing *sealing, int is_raw)
{
    struct seal_frame *frame = sealing->batch[is_raw];

    if (frame == NULL)
        return;
    sealing->batch[is_raw] = NULL;
    frame->job.work = read_batch;
    frame->job.done = batch_read;
    adp_run_read(&sealing->context->run, &frame->job);
}

/* -- Large files. */

static void open_large(struct adp_job *job, unsigned thread)
{
    struct seal_entry *entry = (struct seal_entry *)job;
    struct adp_capture_dir dir;

    (void)thread;
    adp_capture_free(&entry->capture); /* a small one that has grown was looked at before */
    adp_capture_dir_init(&dir);
    adp_capture_entry(&entry->capture, entry->sealing->context->plan, entry->node, &dir);
    adp_capture_dir_close(&dir);
    if (entry->capture.fd >= 0)
        adp_capture_holes(&entry->capture);
}

static void chunk_read(struct adp_transfer *transfer)
{
    struct seal_frame *frame =
        (struct seal_frame *)((char *)transfer - offsetof(struct seal_frame, read));
    struct seal_entry *entry = frame->parts[0].entry;
    struct adp_capture *capture = &entry->capture;
    int64_t result = transfer->req.result;

    if (result < 0) {
        capture->skip_reason = ADP_SKIP_UNREADABLE;
        capture->skip_errno = (int)-result;
        result = 0;
    } else if ((size_t)result < transfer->req.len) {
        capture->is_short = capture->is_changed = 1;
        if (frame->parts[0].extent + 1 < entry->num_extents)
            entry->extents[frame->parts[0].extent + 1].hole += transfer->req.len - (size_t)result;
    }
    frame->len = (size_t)result;
    frame->parts[0].len = (uint32_t)result;
    frame->sealing->context->tell->progress.done_bytes += (uint64_t)result;
    if (--entry->reads == 0 && entry->is_issued)
        end_file(entry);
    start_compressing(frame);
}

/* Starts the read of the next chunk of |entry|. Extents remember their place in the file by the
 * hole before them. */
static void read_chunk(struct seal_entry *entry, struct seal_frame *frame)
{
    struct adp_capture *capture = &entry->capture;
    const struct adp_data_range *range = &capture->ranges[entry->next_range];
    uint64_t end = range->offset + range->len;
    size_t len = end - entry->next_offset < ADP_CHUNK_LEN ? (size_t)(end - entry->next_offset)
                                                          : ADP_CHUNK_LEN;
    struct adp_error error = {0};
    enum adp_status status;

    frame->num_parts = 1;
    frame->parts[0] = (struct seal_part){.entry = entry, .extent = entry->next_extent};
    if (entry->next_offset == range->offset) {
        uint64_t before = entry->next_range > 0 ? range[-1].offset + range[-1].len : 0;

        entry->extents[entry->next_extent].hole += range->offset - before;
    }
    frame->read.done = chunk_read;
    frame->read.req = (struct adp_io_req){.op = ADP_IO_READ,
                                          .file = entry->file,
                                          .buf = frame->chunk->data,
                                          .len = len,
                                          .offset = entry->next_offset};
    entry->next_extent++;
    entry->next_offset += len;
    if (entry->next_offset == end && ++entry->next_range < capture->num_ranges)
        entry->next_offset = capture->ranges[entry->next_range].offset;
    entry->pending++;
    entry->reads++;
    entry->is_issued = entry->next_range == capture->num_ranges;
    status = adp_run_transfer(&frame->sealing->context->run, &frame->read, &error);
    if (status != ADP_OK) {
        sealing_fail(frame->sealing, status, &error);
        entry->pending--;
        entry->reads--;
        free_frame(frame);
    }
}

static void issue_chunks(struct sealing *sealing)
{
    struct seal_context *context = sealing->context;

    while (sealing->files != NULL && sealing->status == ADP_OK) {
        struct seal_entry *entry = sealing->files;
        struct seal_frame *frame;
        const struct adp_plan_node *node = &context->plan->nodes[entry->node];

        if (context->free_chunks == NULL)
            return;
        frame = new_frame(
            sealing, 1, adp_codec_is_compressed(context->plan->names + node->name, node->name_len));
        if (frame == NULL) {
            fail_memory(sealing);
            return;
        }
        frame->chunk = seal_take_chunk(context);
        read_chunk(entry, frame);
        if (entry->is_issued) {
            sealing->files = entry->next_file;
            if (sealing->files == NULL)
                sealing->files_last = &sealing->files;
        }
    }
}

/* -- From the plan's nodes to entries. */

static struct seal_entry *append_entry(struct sealing *sealing, uint32_t node)
{
    struct seal_entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL) {
        fail_memory(sealing);
        return NULL;
    }
    entry->sealing = sealing;
    entry->node = node;
    entry->capture.fd = entry->file = -1;
    entry->job.work = open_large;
    entry->job.done = file_opened;
    *sealing->last = entry;
    sealing->last = &entry->next;
    sealing->num_entries++;
    return entry;
}

static void start_file(struct sealing *sealing, struct seal_entry *entry)
{
    sealing->num_files++;
    adp_run_read(&sealing->context->run, &entry->job);
}

/* Finds room for |size| bytes in a batch. NULL if there is no chunk for a new one just now. */
static struct seal_frame *find_batch(struct sealing *sealing, uint64_t size, int is_raw)
{
    struct seal_frame **batch = &sealing->batch[is_raw];

    if (*batch != NULL &&
        ((*batch)->planned + size > ADP_CHUNK_LEN || (*batch)->num_parts == ADP_BATCH_FILES))
        submit_batch(sealing, is_raw);
    if (*batch == NULL && sealing->context->free_chunks != NULL) {
        *batch = new_frame(sealing, ADP_BATCH_FILES, is_raw);
        if (*batch == NULL)
            fail_memory(sealing);
        else
            (*batch)->chunk = seal_take_chunk(sealing->context);
    }
    return *batch;
}

/* Starts on the next node of this category. Returns 0 if it has to wait. */
static int issue_node(struct sealing *sealing)
{
    const struct adp_plan *plan = sealing->context->plan;
    const struct adp_plan_node *node = &plan->nodes[sealing->next_node];
    struct seal_frame *batch = NULL;
    struct seal_entry *entry;

    if (planned_size(node) > ADP_SMALL_MAX) {
        if (sealing->num_files >= ADP_MAX_FILES)
            return 0;
        entry = append_entry(sealing, sealing->next_node);
        if (entry == NULL)
            return 0;
        entry->is_large = 1;
        start_file(sealing, entry);
    } else {
        uint64_t size = planned_size(node);

        batch = find_batch(sealing, size,
                           size > 0 &&
                               adp_codec_is_compressed(plan->names + node->name, node->name_len));
        if (batch == NULL)
            return 0;
        entry = append_entry(sealing, sealing->next_node);
        if (entry == NULL)
            return 0;
        entry->pending = 1;
        batch->parts[batch->num_parts++].entry = entry;
        batch->planned += size;
    }
    sealing->next_node++;
    return 1;
}

void seal_issue(struct sealing *sealing)
{
    const struct adp_plan *plan = sealing->context->plan;

    issue_chunks(sealing);
    while (sealing->grown != NULL && sealing->num_files < ADP_MAX_FILES) {
        struct seal_entry *entry = sealing->grown;

        sealing->grown = entry->next_file;
        start_file(sealing, entry);
    }
    while (sealing->status == ADP_OK && sealing->next_node < plan->num_nodes &&
           sealing->num_entries < ADP_MAX_ENTRIES) {
        if (!adp_plan_has(plan, sealing->next_node, sealing->category))
            sealing->next_node++;
        else if (!issue_node(sealing))
            break;
    }
    /* What waits for company waits in vain if nothing more can come. */
    if (sealing->status != ADP_OK || sealing->next_node == plan->num_nodes ||
        sealing->num_entries == ADP_MAX_ENTRIES) {
        submit_batch(sealing, 0);
        submit_batch(sealing, 1);
    }
}
