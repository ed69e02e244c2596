/* Large files: opened by a reader, read in chunks by the queue. */
#include <errno.h>
#include <stdlib.h>

#include "codec.h"
#include "entry.h"
#include "sealing.h"

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
        sealing_fail_memory(sealing);
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

void seal_file_opened(struct adp_job *job)
{
    struct seal_entry *entry = (struct seal_entry *)job;

    entry->is_captured = 1;
    if (entry->capture.fd >= 0 && entry->sealing->status == ADP_OK)
        begin_file(entry);
    if (entry->num_extents == 0)
        end_file(entry);
}

void seal_open_large(struct adp_job *job, unsigned thread)
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
    /* Going round the page cache saves a copy, and leaves it to those who need it. */
    if (entry->capture.fd >= 0 && entry->capture.st.st_size > (off_t)ADP_SMALL_MAX)
        entry->is_direct = adp_entry_go_direct(entry->capture.fd);
}

/* Some file systems take O_DIRECT at open and refuse it at reading: once more, without. */
static int read_buffered(struct seal_frame *frame, struct seal_entry *entry)
{
    struct adp_error error = {0};

    if (frame->is_retried || adp_entry_go_buffered(entry->capture.fd) < 0)
        return 0;
    frame->is_retried = 1;
    frame->read.is_direct = 0;
    return adp_run_transfer(&frame->sealing->context->run, &frame->read, &error) == ADP_OK;
}

static void chunk_read(struct adp_transfer *transfer)
{
    struct seal_frame *frame =
        (struct seal_frame *)((char *)transfer - offsetof(struct seal_frame, read));
    struct seal_entry *entry = frame->parts[0].entry;
    struct adp_capture *capture = &entry->capture;
    int64_t result = transfer->req.result;

    if (result == -EINVAL && entry->is_direct && read_buffered(frame, entry))
        return;
    if (result > (int64_t)frame->len)
        result = (int64_t)frame->len; /* a length is rounded up for direct reads */
    if (result < 0) {
        capture->skip_reason = ADP_SKIP_UNREADABLE;
        capture->skip_errno = (int)-result;
        result = 0;
    } else if ((size_t)result < frame->len) {
        capture->is_short = capture->is_changed = 1;
        if (frame->parts[0].extent + 1 < entry->num_extents)
            entry->extents[frame->parts[0].extent + 1].hole += transfer->req.len - (size_t)result;
    }
    frame->len = (size_t)result;
    frame->parts[0].len = (uint32_t)result;
    if (--entry->reads == 0 && entry->is_issued)
        end_file(entry);
    seal_start_compressing(frame);
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
    frame->len = len;
    frame->read.done = chunk_read;
    frame->read.is_direct = entry->is_direct;
    frame->read.req = (struct adp_io_req){.op = ADP_IO_READ,
                                          .file = entry->file,
                                          .buf = frame->chunk->data,
                                          .len = (len + ADP_DIRECT_ALIGN - 1) / ADP_DIRECT_ALIGN *
                                                 ADP_DIRECT_ALIGN,
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
        seal_free_frame(frame);
    }
}

void seal_issue_chunks(struct sealing *sealing)
{
    struct seal_context *context = sealing->context;

    while (sealing->files != NULL && sealing->status == ADP_OK) {
        struct seal_entry *entry = sealing->files;
        struct seal_frame *frame;
        const struct adp_plan_node *node = &context->plan->nodes[entry->node];

        struct adp_chunk *chunk = seal_take_chunk(&context->memory);

        if (chunk == NULL)
            return;
        frame = seal_new_frame(
            sealing, 1, adp_codec_is_compressed(context->plan->names + node->name, node->name_len));
        if (frame == NULL) {
            seal_release_chunk(&context->memory, chunk);
            sealing_fail_memory(sealing);
            return;
        }
        frame->chunk = chunk;
        read_chunk(entry, frame);
        if (entry->is_issued) {
            sealing->files = entry->next_file;
            if (sealing->files == NULL)
                sealing->files_last = &sealing->files;
        }
    }
}

void seal_start_file(struct sealing *sealing, struct seal_entry *entry)
{
    sealing->num_files++;
    adp_run_read(&sealing->context->run, &entry->job);
}
