/* Batches: small files, links, folders, all that is not read in chunks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "fs.h"
#include "sealing.h"

uint64_t seal_planned_size(const struct adp_plan_node *node)
{
    return adp_plan_has_content(node) ? node->size : 0;
}

/* Reads into the member's place, and clears what it does not fill: chunks hold other content's
 * remains. */
static void read_content(struct seal_frame *frame, struct seal_part *part)
{
    struct adp_capture *capture = &part->entry->capture;
    uint8_t *place = frame->chunk->data + part->start;
    int64_t len = adp_fs_read_all(capture->fd, place, (size_t)capture->st.st_size, 0);

    if (len < 0) {
        capture->skip_reason = ADP_SKIP_UNREADABLE;
        capture->skip_errno = (int)-len;
        return;
    }
    part->len = (uint32_t)len;
    adp_capture_settle(capture);
    if (len < capture->st.st_size)
        capture->is_short = capture->is_changed = 1;
}

/* Looks at a member, and has its content on the way. */
static void open_member(struct seal_frame *frame, struct seal_part *part,
                        struct adp_capture_dir *dir)
{
    const struct seal_context *context = frame->sealing->context;
    struct seal_entry *entry = part->entry;

    adp_capture_entry(&entry->capture, context->plan, entry->node, dir);
    if (entry->capture.fd < 0 || (context->plan->nodes[entry->node].flags & ADP_PLAN_LINK) != 0)
        return;
    /* To ask and to forget costs a tenth of the time: for who has asked to give way. */
    if (context->options->common.is_idle)
        entry->is_guest = !adp_entry_is_cached(entry->capture.fd);
    adp_entry_read_ahead(entry->capture.fd);
}

static void read_member(struct seal_frame *frame, struct seal_part *part)
{
    struct seal_entry *entry = part->entry;
    const struct adp_plan_node *node = &frame->sealing->context->plan->nodes[entry->node];
    struct adp_capture *capture = &entry->capture;
    uint32_t planned = part->len;

    part->len = 0;
    /* One that has grown since the walk has no place beside those that come after it. */
    if (capture->fd >= 0 && (node->flags & ADP_PLAN_LINK) == 0) {
        if ((uint64_t)capture->st.st_size > planned)
            entry->is_large = 1;
        else
            read_content(frame, part);
    }
    memset(frame->chunk->data + part->start + part->len, 0, planned - part->len);
    if (entry->is_guest)
        adp_entry_forget(capture->fd);
    adp_capture_close(capture);
}

static int lacks_descriptors(const struct seal_part *part)
{
    int error = part->entry->capture.skip_errno;

    return error == EMFILE || error == ENFILE;
}

static void read_some(struct adp_job *job, unsigned thread)
{
    struct seal_reading *reading = (struct seal_reading *)job;
    struct seal_frame *frame = reading->frame;
    struct seal_part *parts = frame->parts + reading->first;
    unsigned look_ahead = frame->sealing->context->look_ahead;
    struct adp_capture_dir dir;
    size_t next = 0; /* to be read */

    (void)thread;
    adp_capture_dir_init(&dir);
    for (size_t i = 0; i < reading->num; i++) {
        open_member(frame, &parts[i], &dir);
        if (next < i && lacks_descriptors(&parts[i])) {
            while (next < i)
                read_member(frame, &parts[next++]);
            open_member(frame, &parts[i], &dir);
        }
        if (i - next >= look_ahead)
            read_member(frame, &parts[next++]);
    }
    while (next < reading->num)
        read_member(frame, &parts[next++]);
    for (size_t i = 0; i < reading->num; i++)
        job->bytes += parts[i].len;
    adp_capture_dir_close(&dir);
}

static void batch_read(struct seal_frame *frame)
{
    struct sealing *sealing = frame->sealing;

    for (size_t i = 0; i < frame->num_parts; i++) {
        struct seal_part *part = &frame->parts[i];
        struct seal_entry *entry = part->entry;

        entry->is_captured = !entry->is_large;
        if (entry->is_large) {
            entry->next_file = sealing->grown;
            sealing->grown = entry;
        } else if (part->len > 0) {
            entry->extents = calloc(1, sizeof(*entry->extents));
            entry->num_extents = 1;
            if (entry->extents == NULL)
                sealing_fail_memory(sealing);
        }
    }
    seal_start_compressing(frame);
}

static void some_read(struct adp_job *job)
{
    struct seal_frame *frame = ((struct seal_reading *)job)->frame;

    if (--frame->num_readings == 0)
        batch_read(frame);
}

void seal_submit_batch(struct sealing *sealing, int is_raw)
{
    struct seal_frame *frame = sealing->batch[is_raw];
    size_t num;

    if (frame == NULL)
        return;
    sealing->batch[is_raw] = NULL;
    if (frame->num_parts == 0) { /* memory was short for its first member */
        seal_free_frame(frame);
        return;
    }
    num = (frame->num_parts + ADP_READING_FILES - 1) / ADP_READING_FILES;
    frame->readings = calloc(num, sizeof(*frame->readings));
    if (frame->readings == NULL) {
        sealing_fail_memory(sealing);
        seal_free_frame(frame);
        return;
    }
    frame->num_readings = num;
    for (size_t i = 0; i < num; i++) {
        struct seal_reading *reading = &frame->readings[i];

        reading->frame = frame;
        reading->first = i * ADP_READING_FILES;
        reading->num = i + 1 < num ? ADP_READING_FILES : frame->num_parts - reading->first;
        reading->job.work = read_some;
        reading->job.done = some_read;
        reading->job.stage = ADP_STAGE_READ;
        adp_run_read(&sealing->context->run, &reading->job);
    }
}

/* What is compressed already is sealed from where it lies and gains nothing by a long frame. For
 * the rest a slab is worth waiting for, unless nothing moves: a segment that is being filled may
 * hold parts of several. */
static struct adp_chunk *take_room(struct sealing *sealing, int is_raw)
{
    struct seal_memory *memory = &sealing->context->memory;
    struct adp_chunk *chunk = is_raw ? seal_take_chunk(memory) : seal_take_slab(memory);

    if (chunk == NULL && sealing->context->run.in_flight == 0)
        chunk = seal_take_chunk(memory);
    return chunk;
}

struct seal_frame *seal_find_batch(struct sealing *sealing, uint64_t size, int is_raw)
{
    struct seal_frame **batch = &sealing->batch[is_raw];
    struct adp_chunk *chunk;

    if (*batch != NULL &&
        ((*batch)->len + size > (*batch)->chunk->len || (*batch)->num_parts == ADP_BATCH_FILES))
        seal_submit_batch(sealing, is_raw);
    if (*batch != NULL || sealing->status != ADP_OK)
        return *batch;
    chunk = take_room(sealing, is_raw);
    if (chunk == NULL)
        return NULL;
    *batch = seal_new_frame(sealing, ADP_BATCH_FILES, is_raw);
    if (*batch == NULL) {
        seal_release_chunk(&sealing->context->memory, chunk);
        sealing_fail_memory(sealing);
        return NULL;
    }
    (*batch)->chunk = chunk;
    return *batch;
}

void seal_add_member(struct seal_frame *batch, struct seal_entry *entry, uint32_t planned_len)
{
    batch->parts[batch->num_parts++] =
        (struct seal_part){.entry = entry, .start = (uint32_t)batch->len, .len = planned_len};
    batch->len += planned_len;
}
