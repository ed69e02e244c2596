#include <stdlib.h>

#include "codec.h"
#include "error.h"
#include "sealing.h"

/* An archive's own share beside content: header, index, trailer, segment overhead. A guess. */
#define OVERHEAD_GUESS (UINT64_C(1) << 20)

void sealing_fail(struct sealing *sealing, enum adp_status status, const struct adp_error *error)
{
    if (sealing->status != ADP_OK)
        return;
    sealing->status = status;
    sealing->error = *error;
    atomic_store(&sealing->context->run.is_abandoned, 1);
}

void sealing_fail_memory(struct sealing *sealing)
{
    struct adp_error error = {0};

    sealing_fail(sealing, adp_fail_memory(&error), &error);
}

static int is_finished(const struct sealing *sealing)
{
    if (sealing->status != ADP_OK)
        return sealing->context->run.in_flight == 0 && sealing->ready == NULL;
    return sealing->next_node == sealing->context->plan->num_nodes && sealing->first == NULL;
}

static void drive(struct sealing *sealing)
{
    struct adp_run *run = &sealing->context->run;

    while (!is_finished(sealing)) {
        struct adp_error error = {0};
        enum adp_status status;

        seal_issue(sealing);
        seal_place(sealing);
        seal_emit(sealing);
        status = adp_archive_writer_status(sealing->writer, &error);
        if (status == ADP_OK && sealing->context->tell->cancelled)
            status = adp_tell_cancelled(&error);
        if (status != ADP_OK)
            sealing_fail(sealing, status, &error);
        if (is_finished(sealing))
            break;
        status = adp_run_turn(run, 1, &error);
        if (status != ADP_OK) { /* the queue itself has failed: nothing will come back any more */
            sealing_fail(sealing, status, &error);
            adp_run_stop(run); /* readers and workers must not outlive what they work on */
            return;
        }
    }
}

static void cleanup(struct sealing *sealing)
{
    while (sealing->first != NULL) {
        struct seal_entry *entry = sealing->first;

        sealing->first = entry->next;
        if (entry->file >= 0)
            adp_ioq_file_remove(sealing->context->run.queue, entry->file);
        seal_entry_free(entry);
    }
    for (size_t i = 0; i < sealing->num_blobs; i++)
        free(sealing->blobs[i].data);
    free(sealing->blobs);
    adp_index_writer_free(&sealing->index);
    adp_codec_free(sealing->zstd);
}

enum adp_status adp_seal_archive(struct seal_context *context, unsigned category,
                                 struct adp_record_archive *out, struct adp_error *err)
{
    struct sealing sealing = {.context = context, .category = category};
    enum adp_status status = adp_archive_writer_new(
        &sealing.writer, context->memory.segments, context->vault, context->dir, context->id,
        category, context->plan->bytes[category] + OVERHEAD_GUESS, context->attest, err);

    if (status != ADP_OK)
        return status;
    sealing.last = &sealing.first;
    sealing.files_last = &sealing.files;
    sealing.ready_last = &sealing.ready;
    adp_index_writer_init(&sealing.index);
    drive(&sealing);
    status = sealing.status;
    if (status != ADP_OK && err != NULL)
        *err = sealing.error;
    if (status == ADP_OK)
        status = seal_finish_index(&sealing, err);
    if (status == ADP_OK)
        status = adp_archive_writer_finish(sealing.writer, out, err);
    else
        adp_archive_writer_abandon(sealing.writer);
    cleanup(&sealing);
    if (status == ADP_OK)
        context->report->categories[category].stored_bytes = out->size;
    return status;
}
