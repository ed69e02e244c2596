/* Batches: small files, links, folders, all that is not read in chunks. */
#include <stdlib.h>

#include "entry.h"
#include "fs.h"
#include "sealing.h"

/* Files that a reader opens before it reads the first of them, so that the disk has something to
 * do meanwhile, and requests to merge. Each reader holds so many descriptors. */
#define LOOK_AHEAD 32u

uint64_t seal_planned_size(const struct adp_plan_node *node)
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

/* Looks at a member, and has its content on the way. */
static void open_member(struct seal_frame *frame, struct seal_part *part,
                        struct adp_capture_dir *dir)
{
    const struct adp_plan *plan = frame->sealing->context->plan;
    struct seal_entry *entry = part->entry;

    adp_capture_entry(&entry->capture, plan, entry->node, dir);
    if (entry->capture.fd >= 0 && (plan->nodes[entry->node].flags & ADP_PLAN_LINK) == 0)
        adp_entry_read_ahead(entry->capture.fd);
}

static void read_member(struct seal_frame *frame, struct seal_part *part)
{
    struct seal_entry *entry = part->entry;
    const struct adp_plan_node *node = &frame->sealing->context->plan->nodes[entry->node];
    struct adp_capture *capture = &entry->capture;

    part->start = (uint32_t)frame->len;
    frame->planned -= seal_planned_size(node);
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
    for (size_t i = 0; i < frame->num_parts + LOOK_AHEAD; i++) {
        if (i < frame->num_parts)
            open_member(frame, &frame->parts[i], &dir);
        if (i >= LOOK_AHEAD && i - LOOK_AHEAD < frame->num_parts)
            read_member(frame, &frame->parts[i - LOOK_AHEAD]);
    }
    adp_capture_dir_close(&dir);
}

static void batch_read(struct adp_job *job)
{
    struct seal_frame *frame = (struct seal_frame *)job;
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

void seal_submit_batch(struct sealing *sealing, int is_raw)
{
    struct seal_frame *frame = sealing->batch[is_raw];

    if (frame == NULL)
        return;
    sealing->batch[is_raw] = NULL;
    frame->job.work = read_batch;
    frame->job.done = batch_read;
    adp_run_read(&sealing->context->run, &frame->job);
}

/* Finds room for |size| bytes in a batch. NULL if there is no chunk for a new one just now. */
struct seal_frame *seal_find_batch(struct sealing *sealing, uint64_t size, int is_raw)
{
    struct seal_frame **batch = &sealing->batch[is_raw];

    if (*batch != NULL &&
        ((*batch)->planned + size > ADP_CHUNK_LEN || (*batch)->num_parts == ADP_BATCH_FILES))
        seal_submit_batch(sealing, is_raw);
    if (*batch == NULL && sealing->context->free_chunks != NULL) {
        *batch = seal_new_frame(sealing, ADP_BATCH_FILES, is_raw);
        if (*batch == NULL)
            sealing_fail_memory(sealing);
        else
            (*batch)->chunk = seal_take_chunk(sealing->context);
    }
    return *batch;
}
