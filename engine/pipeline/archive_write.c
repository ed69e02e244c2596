#include "archive_write.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "floe.h"
#include "fs.h"
#include "header.h"
#include "secret.h"

/* A raw piece below this is copied: the copy costs less than another piece of scattered input. */
#define REFERENCE_MIN (64u << 10)
#define PLAIN_LEN     (ADP_SEGMENT_LEN - ADP_FLOE_OVERHEAD)
/* References of at least REFERENCE_MIN, copies between them, and cut-off pieces at both ends. */
#define MAX_PIECES   (2 * (PLAIN_LEN / REFERENCE_MIN + 2) + 1)
#define DIRECT_ALIGN 4096u
/* Space is set aside in steps of this: few calls, and little too much at the end. */
#define RESERVE_STEP (UINT64_C(128) << 20)

struct segment {
    struct adp_job job; /* first: sealing */
    struct adp_transfer transfer;
    struct adp_archive_writer *writer;
    uint8_t *buf; /* ADP_SEGMENT_LEN bytes */
    size_t filled;
    uint64_t position;
    int is_final;
    enum adp_status status;
    struct adp_error error;
    struct adp_gcm_piece pieces[MAX_PIECES];
    struct adp_chunk *holds[MAX_PIECES];
    size_t num_pieces, num_holds;
    struct segment *next;
};

struct adp_segments {
    struct adp_run *run;
    struct segment *all;
    unsigned num, num_free;
    struct segment *free;
    void (*release)(void *user, struct adp_chunk *chunk);
    void *user;
};

struct adp_archive_writer {
    struct adp_segments *segments;
    struct adp_run *run;
    const struct adp_vault *vault;
    struct adp_fs_temp temp;
    int file; /* in the queue, or -1 */
    char path[ADP_VAULT_PATH_LEN];
    char name[64];
    struct adp_header header;
    struct adp_floe *floe;
    struct segment *current; /* being filled, or NULL */
    uint64_t offset;         /* stream length so far */
    uint64_t next_position;
    uint64_t written_segments;
    uint64_t reserved, expected;
    enum adp_status status;
    struct adp_error error;
    /* Tags wait here until those before them have arrived. */
    SHA256_CTX tags;
    uint64_t next_tag;
    uint8_t (*tag)[ADP_GCM_TAG_LEN]; /* [num segments * 2], by position modulo */
    uint8_t *tag_there;
    unsigned tag_window;
};

enum adp_status adp_segments_new(struct adp_segments **out, struct adp_run *run, uint8_t *memory,
                                 unsigned num, void (*release)(void *user, struct adp_chunk *chunk),
                                 void *user, struct adp_error *err)
{
    struct adp_segments *segments = calloc(1, sizeof(*segments));

    *out = NULL;
    if (segments == NULL)
        return adp_fail_memory(err);
    segments->all = calloc(num, sizeof(*segments->all));
    if (segments->all == NULL) {
        free(segments);
        return adp_fail_memory(err);
    }
    segments->run = run;
    segments->num = segments->num_free = num;
    segments->release = release;
    segments->user = user;
    for (unsigned i = 0; i < num; i++) {
        segments->all[i].buf = memory + (size_t)i * ADP_SEGMENT_LEN;
        segments->all[i].next = segments->free;
        segments->free = &segments->all[i];
    }
    *out = segments;
    return ADP_OK;
}

void adp_segments_free(struct adp_segments *segments)
{
    if (segments == NULL)
        return;
    free(segments->all);
    free(segments);
}

/* -- From a filled segment to the disk. */

static void fail_writer(struct adp_archive_writer *writer, enum adp_status status,
                        const struct adp_error *error)
{
    if (writer->status != ADP_OK)
        return;
    writer->status = status;
    writer->error = *error;
}

static void free_segment(struct segment *segment)
{
    struct adp_segments *segments = segment->writer->segments;

    segment->writer->written_segments++;
    segment->next = segments->free;
    segments->free = segment;
    segments->num_free++;
}

static void segment_written(struct adp_transfer *transfer)
{
    struct segment *segment =
        (struct segment *)((char *)transfer - offsetof(struct segment, transfer));
    struct adp_archive_writer *writer = segment->writer;

    if (transfer->req.result < 0) {
        struct adp_error error = {0};

        adp_fail_errno(&error, (int)-transfer->req.result, writer->path,
                       "cannot write the archive");
        adp_error_offset(&error, error.status, transfer->req.offset);
        fail_writer(writer, error.status, &error);
    }
    free_segment(segment);
}

static void take_tag(struct adp_archive_writer *writer, const struct segment *segment)
{
    size_t slot = segment->position % writer->tag_window;

    memcpy(writer->tag[slot], segment->buf + ADP_FLOE_DATA_OFFSET + segment->filled,
           ADP_GCM_TAG_LEN);
    writer->tag_there[slot] = 1;
    for (slot = writer->next_tag % writer->tag_window; writer->tag_there[slot];
         slot = writer->next_tag % writer->tag_window) {
        SHA256_Update(&writer->tags, writer->tag[slot], ADP_GCM_TAG_LEN);
        writer->tag_there[slot] = 0;
        writer->next_tag++;
    }
}

static void seal_segment(struct adp_job *job, unsigned thread)
{
    struct segment *segment = (struct segment *)job;

    segment->status = adp_floe_seal_segment(segment->writer->floe, job->run->worker[thread].scratch,
                                            segment->buf, segment->pieces, segment->num_pieces,
                                            segment->position, segment->is_final, &segment->error);
}

static void segment_sealed(struct adp_job *job)
{
    struct segment *segment = (struct segment *)job;
    struct adp_archive_writer *writer = segment->writer;
    size_t len = segment->filled + ADP_FLOE_OVERHEAD;
    size_t padded = (len + DIRECT_ALIGN - 1) / DIRECT_ALIGN * DIRECT_ALIGN;

    for (size_t i = 0; i < segment->num_holds; i++)
        writer->segments->release(writer->segments->user, segment->holds[i]);
    segment->num_holds = 0;
    if (segment->status == ADP_OK && writer->status == ADP_OK) {
        take_tag(writer, segment);
        memset(segment->buf + len, 0, padded - len);
        segment->transfer.done = segment_written;
        segment->transfer.req = (struct adp_io_req){.op = ADP_IO_WRITE,
                                                    .file = writer->file,
                                                    .buf = segment->buf,
                                                    .len = padded,
                                                    .offset = writer->header.header_len +
                                                              segment->position * ADP_SEGMENT_LEN};
        segment->status = adp_run_transfer(job->run, &segment->transfer, &segment->error);
        if (segment->status == ADP_OK)
            return;
    }
    if (segment->status != ADP_OK)
        fail_writer(writer, segment->status, &segment->error);
    free_segment(segment);
}

static void reserve_ahead(struct adp_archive_writer *writer)
{
    uint64_t wanted = writer->offset + RESERVE_STEP;

    if (writer->offset + ADP_SEGMENT_LEN < writer->reserved)
        return;
    if (wanted > writer->expected)
        wanted = writer->expected;
    /* A disk too full for the guess may still hold the archive: writing will tell. */
    if (wanted > writer->reserved)
        (void)adp_entry_reserve(writer->temp.fd, wanted);
    writer->reserved = writer->offset + RESERVE_STEP;
}

static void dispatch(struct adp_archive_writer *writer, int is_final)
{
    struct segment *segment = writer->current;

    writer->current = NULL;
    segment->is_final = is_final;
    segment->job.work = seal_segment;
    segment->job.done = segment_sealed;
    reserve_ahead(writer);
    adp_run_work(writer->run, &segment->job);
}

static struct segment *take_segment(struct adp_archive_writer *writer)
{
    struct segment *segment = writer->segments->free;

    writer->segments->free = segment->next;
    writer->segments->num_free--;
    segment->writer = writer;
    segment->filled = 0;
    segment->num_pieces = segment->num_holds = 0;
    segment->status = ADP_OK;
    segment->position = writer->next_position++;
    return segment;
}

/* -- Appending. */

uint64_t adp_archive_writer_offset(const struct adp_archive_writer *writer)
{
    return writer->offset;
}

size_t adp_archive_writer_room(const struct adp_archive_writer *writer)
{
    uint64_t window = writer->next_tag + writer->tag_window - writer->next_position;
    size_t num = writer->segments->num_free;
    size_t left = writer->current != NULL ? PLAIN_LEN - writer->current->filled : 0;

    if (num > window)
        num = (size_t)window;
    return num * PLAIN_LEN + left;
}

enum adp_status adp_archive_writer_status(const struct adp_archive_writer *writer,
                                          struct adp_error *err)
{
    if (writer->status != ADP_OK && err != NULL)
        *err = writer->error;
    return writer->status;
}

/* The piece that ends where the next copy goes, if the last one was a copy. */
static struct adp_gcm_piece *last_copy(struct segment *segment, const uint8_t *place)
{
    struct adp_gcm_piece *last;

    if (segment->num_pieces == 0)
        return NULL;
    last = &segment->pieces[segment->num_pieces - 1];
    return last->data + last->len == place ? last : NULL;
}

static void add_piece(struct segment *segment, const uint8_t *data, size_t len,
                      struct adp_chunk *chunk)
{
    uint8_t *place = segment->buf + ADP_FLOE_DATA_OFFSET + segment->filled;
    struct adp_gcm_piece *last;

    segment->filled += len;
    if (chunk != NULL && len >= REFERENCE_MIN && segment->num_pieces + 1 < MAX_PIECES) {
        segment->pieces[segment->num_pieces++] = (struct adp_gcm_piece){data, len};
        segment->holds[segment->num_holds++] = chunk;
        chunk->refs++;
        return;
    }
    memcpy(place, data, len);
    last = last_copy(segment, place);
    if (last != NULL)
        last->len += len;
    else
        segment->pieces[segment->num_pieces++] = (struct adp_gcm_piece){place, len};
}

void adp_archive_writer_put(struct adp_archive_writer *writer, const uint8_t *data, size_t len,
                            struct adp_chunk *chunk)
{
    while (len > 0) {
        size_t step;

        /* A full segment waits for the next byte: only the last one is final. */
        if (writer->current != NULL && writer->current->filled == PLAIN_LEN)
            dispatch(writer, 0);
        if (writer->current == NULL)
            writer->current = take_segment(writer);
        step = PLAIN_LEN - writer->current->filled;
        if (step > len)
            step = len;
        add_piece(writer->current, data, step, chunk);
        writer->offset += step;
        data += step;
        len -= step;
    }
}

enum adp_status adp_archive_writer_append(struct adp_archive_writer *writer, const uint8_t *data,
                                          size_t len, struct adp_error *err)
{
    while (len > 0) {
        size_t room = adp_archive_writer_room(writer);
        enum adp_status status = adp_archive_writer_status(writer, err);

        if (status != ADP_OK)
            return status;
        if (room == 0) {
            status = adp_run_turn(writer->run, 1, err);
            if (status != ADP_OK)
                return status;
            continue;
        }
        if (room > len)
            room = len;
        adp_archive_writer_put(writer, data, room, NULL);
        data += room;
        len -= room;
    }
    return ADP_OK;
}

/* -- Begin and end. */

static enum adp_status wrap_key(struct adp_archive_writer *writer, uint8_t *key,
                                struct adp_error *err)
{
    const struct adp_keybag_category *category =
        &writer->vault->keybag.categories[writer->header.category - 1];
    const struct adp_epoch *epoch = &category->epochs[category->num_epochs - 1];
    const struct adp_floe_params params = {ADP_SEGMENT_LEN, ADP_FLOE_ROTATION};
    uint8_t fixed[ADP_HEADER_FIXED_LEN], info[128];
    enum adp_status status;
    size_t info_len;

    writer->header.epoch = epoch->number;
    adp_header_fixed(fixed, &writer->header);
    status = adp_floe_seal_start(&writer->floe, writer->header.floe_header, &params,
                                 writer->vault->kernel, key, fixed, sizeof(fixed), err);
    if (status != ADP_OK)
        return status;
    info_len = adp_slot_info(info, fixed, epoch->number);
    writer->header.num_slots = 1;
    writer->header.slots[0].key_epoch = epoch->number;
    return adp_wrap_seal(&writer->header.slots[0].wrap, epoch->pub, info, info_len, key, err);
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
    int rc = adp_fs_temp_create(&writer->temp, dir, writer->name, 0600, O_DIRECT, NULL);

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
    free(writer->tag_there);
    free(writer);
}

enum adp_status adp_archive_writer_new(struct adp_archive_writer **out,
                                       struct adp_segments *segments, const struct adp_vault *vault,
                                       int dir, const char *id, unsigned category,
                                       uint64_t expected, struct adp_error *err)
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
    writer->tag_there = calloc(writer->tag_window, 1);
    status = writer->tag == NULL || writer->tag_there == NULL ? adp_fail_memory(err) : ADP_OK;
    if (status == ADP_OK)
        status = make_keys(writer, category, err);
    if (status == ADP_OK)
        status = open_file(writer, dir, err);
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
    return status;
}

/* The header block goes to the disk last, from the memory of a segment that is free by now. */
static enum adp_status write_header(struct adp_archive_writer *writer, struct adp_error *err)
{
    uint8_t *block = writer->segments->free->buf;
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
    int rc;

    adp_ioq_file_remove(writer->run->queue, writer->file);
    writer->file = -1;
    rc = adp_fs_temp_commit(&writer->temp, writer->name, size, ADP_FS_PUBLISH_NEW);
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, writer->path, "cannot finish the archive");
}

enum adp_status adp_archive_writer_finish(struct adp_archive_writer *writer,
                                          struct adp_record_archive *out, struct adp_error *err)
{
    const struct adp_header *header = &writer->header;
    enum adp_status status;
    uint64_t size;

    if (writer->current == NULL)
        writer->current = take_segment(writer);
    size = header->header_len + writer->current->position * ADP_SEGMENT_LEN +
           writer->current->filled + ADP_FLOE_OVERHEAD;
    dispatch(writer, 1);
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
    }
    free_writer(writer);
    return status;
}

void adp_archive_writer_abandon(struct adp_archive_writer *writer)
{
    static const struct adp_error abandoned = {.status = ADP_ERR_CANCELLED};

    if (writer == NULL)
        return;
    fail_writer(writer, ADP_ERR_CANCELLED, &abandoned); /* what is sealed now is not written */
    if (writer->current != NULL)
        dispatch(writer, 1);
    (void)drain(writer, NULL);
    free_writer(writer);
}
