/* From the plan's nodes to entries, as far as buffers go. */
#include <stdlib.h>

#include "codec.h"
#include "sealing.h"

static struct seal_entry *append_entry(struct sealing *sealing, uint32_t node)
{
    struct seal_entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL) {
        sealing_fail_memory(sealing);
        return NULL;
    }
    entry->sealing = sealing;
    entry->node = node;
    entry->capture.fd = entry->file = -1;
    entry->job.work = seal_open_large;
    entry->job.done = seal_file_opened;
    entry->job.stage = ADP_STAGE_READ;
    *sealing->last = entry;
    sealing->last = &entry->next;
    sealing->num_entries++;
    return entry;
}

/* Starts on the next node of this category. Returns 0 if it has to wait. */
static int issue_node(struct sealing *sealing)
{
    const struct adp_plan *plan = sealing->context->plan;
    const struct adp_plan_node *node = &plan->nodes[sealing->next_node];
    struct seal_frame *batch = NULL;
    struct seal_entry *entry;

    if (seal_planned_size(node) > ADP_SMALL_MAX) {
        if (sealing->num_files >= ADP_MAX_FILES)
            return 0;
        entry = append_entry(sealing, sealing->next_node);
        if (entry == NULL)
            return 0;
        entry->is_large = 1;
        seal_start_file(sealing, entry);
    } else {
        uint64_t size = seal_planned_size(node);

        batch = seal_find_batch(
            sealing, size,
            size > 0 && adp_codec_is_compressed(plan->names + node->name, node->name_len));
        if (batch == NULL)
            return 0;
        entry = append_entry(sealing, sealing->next_node);
        if (entry == NULL)
            return 0;
        entry->pending = 1;
        seal_add_member(batch, entry, (uint32_t)size);
    }
    sealing->next_node++;
    return 1;
}

void seal_issue(struct sealing *sealing)
{
    const struct adp_plan *plan = sealing->context->plan;

    seal_issue_chunks(sealing);
    while (sealing->grown != NULL && sealing->num_files < ADP_MAX_FILES) {
        struct seal_entry *entry = sealing->grown;

        sealing->grown = entry->next_file;
        seal_start_file(sealing, entry);
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
        seal_submit_batch(sealing, 0);
        seal_submit_batch(sealing, 1);
    }
}
