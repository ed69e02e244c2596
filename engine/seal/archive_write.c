#include "archive_write.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "secret.h"
#include "segments.h"

static enum adp_status wrap_key(struct adp_archive_writer *writer, uint8_t *key,
                                struct adp_error *err)
{
    const struct adp_floe_params params = {ADP_SEGMENT_LEN, ADP_FLOE_ROTATION};
    uint8_t fixed[ADP_HEADER_FIXED_LEN];
    enum adp_status status;

    writer->header.epoch = adp_vault_newest_epoch(writer->vault, writer->header.category)->number;
    adp_header_fixed(fixed, &writer->header);
    status = adp_floe_seal_start(&writer->floe, writer->header.floe_header, &params,
                                 writer->vault->kernel, key, fixed, sizeof(fixed), err);
    return status == ADP_OK ? adp_vault_seal_slot(writer->vault, &writer->header, key, err)
                            : status;
}

/* Draws the archive's key and id; the key is gone when this returns, but for FLOE's own copy. */
static enum adp_status make_keys(struct adp_archive_writer *writer, unsigned category,
                                 struct adp_error *err)
{
    uint8_t *key = adp_secret_new(ADP_FLOE_KEY_LEN);
    enum adp_status status;

    if (key == NULL)
        return adp_fail_memory(err);
    adp_random(key, ADP_FLOE_KEY_LEN);
    writer->header.header_len = ADP_HEADER_BLOCK;
    writer->header.category = (uint16_t)category;
    writer->header.enc_seg_len = ADP_SEGMENT_LEN;
    memcpy(writer->header.vault_id, writer->vault->keybag.vault_id, ADP_ID_LEN);
    adp_random(writer->header.archive_id, ADP_ID_LEN);
    status = wrap_key(writer, key, err);
    adp_secret_free(key, ADP_FLOE_KEY_LEN);
    return status;
}

static enum adp_status open_file(struct adp_archive_writer *writer, int dir, struct adp_error *err)
{
    int rc =
        adp_fs_temp_create(&writer->temp, dir, writer->name, 0600, O_DIRECT, &writer->is_direct);

    if (rc < 0) {
        writer->temp.fd = -1;
        return adp_fail_errno(err, -rc, writer->path, "cannot create the archive");
    }
    writer->file = adp_ioq_file_add(writer->run->queue, writer->temp.fd);
    if (writer->file < 0)
        return adp_fail_errno(err, -writer->file, writer->path, "cannot queue writes");
    return ADP_OK;
}

static void free_writer(struct adp_archive_writer *writer)
{
    if (writer->file >= 0)
        adp_ioq_file_remove(writer->run->queue, writer->file);
    adp_fs_temp_abandon(&writer->temp);
    adp_floe_free(writer->floe);
    free(writer->tag);
    free(writer);
}

enum adp_status adp_archive_writer_new(struct adp_archive_writer **out,
                                       struct adp_segments *segments, const struct adp_vault *vault,
                                       int dir, const char *id, unsigned category,
                                       uint64_t expected, struct adp_attest *attest,
                                       struct adp_error *err)
{
    struct adp_archive_writer *writer = calloc(1, sizeof(*writer));
    enum adp_status status;

    *out = NULL;
    if (writer == NULL)
        return adp_fail_memory(err);
    writer->segments = segments;
    writer->run = segments->run;
    writer->vault = vault;
    writer->expected = expected;
    writer->file = writer->temp.fd = -1;
    snprintf(writer->name, sizeof(writer->name), "%s.adps", adp_category_name(category));
    adp_vault_archive_path(writer->path, vault, id, category);
    SHA256_Init(&writer->tags);
    writer->tag_window = segments->num * 2;
    writer->tag = calloc(writer->tag_window, sizeof(*writer->tag));
    status = writer->tag == NULL ? adp_fail_memory(err) : ADP_OK;
    if (status == ADP_OK)
        status = make_keys(writer, category, err);
    if (status == ADP_OK)
        status = open_file(writer, dir, err);
    if (status == ADP_OK && attest != NULL) {
        writer->attest = attest;
        adp_attest_begin(attest, &writer->header);
    }
    if (status != ADP_OK) {
        free_writer(writer);
        return status;
    }
    *out = writer;
    return ADP_OK;
}

static enum adp_status drain(struct adp_archive_writer *writer, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    while (status == ADP_OK && writer->written_segments < writer->next_position)
        status = adp_run_turn(writer->run, 1, err);
    if (status != ADP_OK) /* nothing must outlive what it works on */
        adp_run_stop(writer->run);
    return status;
}

/* The header block goes to the disk last, from the memory of a segment that is free by now. */
static enum adp_status write_header(struct adp_archive_writer *writer, struct adp_error *err)
{
    uint8_t *block = writer->segments->free->segments[0].buf;
    enum adp_status status = adp_header_build(block, &writer->header, err);
    int rc;

    if (status != ADP_OK)
        return status;
    rc = adp_fs_write_all(writer->temp.fd, block, writer->header.header_len, 0);
    return rc == 0 ? ADP_OK
                   : adp_fail_errno(err, -rc, writer->path, "cannot write the archive's header");
}

static enum adp_status commit(struct adp_archive_writer *writer, uint64_t size,
                              struct adp_error *err)
{
    struct adp_watch watch;
    int rc;

    adp_ioq_file_remove(writer->run->queue, writer->file);
    writer->file = -1;
    watch = adp_watch_start();
    rc = adp_fs_temp_commit(&writer->temp, writer->name, size, ADP_FS_PUBLISH_NEW);
    adp_watch_stop(writer->run->tell, ADP_STAGE_COMMIT, watch, size);
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, writer->path, "cannot finish the archive");
}

enum adp_status adp_archive_writer_finish(struct adp_archive_writer *writer,
                                          struct adp_record_archive *out, struct adp_error *err)
{
    const struct adp_header *header = &writer->header;
    enum adp_status status;
    uint64_t size;

    if (writer->current == NULL)
        writer->current = segments_take(writer);
    size = header->header_len + writer->current->position * ADP_SEGMENT_LEN +
           writer->current->filled + ADP_FLOE_OVERHEAD;
    segments_dispatch(writer, 1);
    status = drain(writer, err);
    if (status == ADP_OK)
        status = adp_archive_writer_status(writer, err);
    if (status == ADP_OK)
        status = write_header(writer, err);
    if (status == ADP_OK)
        status = commit(writer, size, err);
    if (status == ADP_OK) {
        out->category = header->category;
        out->epoch = header->epoch;
        out->size = size;
        memcpy(out->archive_id, header->archive_id, ADP_ID_LEN);
        memcpy(out->floe_header_tag, header->floe_header + ADP_FLOE_HEADER_LEN - ADP_FLOE_TAG_LEN,
               ADP_FLOE_TAG_LEN);
        SHA256_Final(out->tags_digest, &writer->tags);
        if (writer->attest != NULL)
            adp_attest_end(writer->attest, out->attestation);
    }
    free_writer(writer);
    return status;
}

void adp_archive_writer_abandon(struct adp_archive_writer *writer)
{
    static const struct adp_error abandoned = {.status = ADP_ERR_CANCELLED};

    if (writer == NULL)
        return;
    segments_fail(writer, ADP_ERR_CANCELLED, &abandoned); /* what is sealed now is not written */
    if (!adp_run_is_stopped(writer->run)) {
        if (writer->current != NULL)
            segments_dispatch(writer, 1);
        (void)drain(writer, NULL);
    }
    free_writer(writer);
}
