/* Segments are read in pieces, around the page cache where that can be had. Pieces complete in any
 * order, and are compared in the order of the file: so runs of bad segments are one extent, and the
 * digests of the attestation and the tags are met one after the other. */
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "archive_header.h"
#include "entry.h"
#include "error.h"
#include "fs.h"
#include "scrubbing.h"

#define PIECE_LEN          (1u << 20)
#define MAX_PIECES         64u /* the queue takes more */
#define SEGMENTS_PER_PIECE (PIECE_LEN / ADP_HEADER_BLOCK)

struct segment_digest {
    uint8_t digest[ADP_HASH_LEN];
    uint8_t tag[ADP_GCM_TAG_LEN];
    int is_unreadable;
};

struct scrub_piece {
    struct adp_job job; /* first */
    struct adp_transfer transfer;
    struct body *body;
    uint8_t *data;
    uint64_t position; /* of its first segment */
    unsigned num;
    int is_done;
    struct segment_digest segments[SEGMENTS_PER_PIECE];
};

/* A run of segments that are bad in the same way. */
struct bad_run {
    uint64_t position, num;
    int is_unreadable;
};

struct body {
    struct scrubbing *scrub;
    struct scrub_archive *archive;
    int bulk_fd, file, is_direct;
    unsigned num_pieces, per_piece;
    uint32_t last_len;
    uint64_t next_read, next_compared; /* segments */
    uint64_t num_read;                 /* bytes */
    uint64_t window;                   /* position of the first digest that is at hand */
    size_t window_len;
    struct bad_run run;
    SHA256_CTX tags;
};

/* -- Where segments lie. */

static uint64_t offset_of(const struct body *body, uint64_t position)
{
    return body->archive->header_len + position * body->archive->enc_seg_len;
}

static uint32_t len_of(const struct body *body, uint64_t position)
{
    return position + 1 == body->archive->num_segments ? body->last_len
                                                       : body->archive->enc_seg_len;
}

/* -- On a worker. */

/* A read that failed somewhere is repeated, to find out where. */
static void digest_piece(struct adp_job *job, unsigned thread)
{
    struct scrub_piece *piece = (struct scrub_piece *)job;
    const struct body *body = piece->body;
    int64_t got = piece->transfer.req.result;

    (void)thread;
    for (unsigned i = 0; i < piece->num; i++) {
        struct segment_digest *segment = &piece->segments[i];
        uint8_t *data = piece->data + (size_t)i * body->archive->enc_seg_len;
        uint32_t len = len_of(body, piece->position + i);

        segment->is_unreadable =
            got < data - piece->data + (int64_t)len &&
            adp_fs_read_all(body->archive->fd, data, len, offset_of(body, piece->position + i)) !=
                (int64_t)len;
        if (segment->is_unreadable)
            continue;
        adp_sha256(segment->digest, data, len);
        memcpy(segment->tag, data + len - ADP_GCM_TAG_LEN, ADP_GCM_TAG_LEN);
    }
}

static void piece_digested(struct adp_job *job)
{
    ((struct scrub_piece *)job)->is_done = 1;
}

static void piece_read(struct adp_transfer *transfer)
{
    struct scrub_piece *piece =
        (struct scrub_piece *)((char *)transfer - offsetof(struct scrub_piece, transfer));

    piece->job.work = digest_piece;
    piece->job.done = piece_digested;
    piece->job.stage = ADP_STAGE_ATTEST;
    piece->job.bytes = transfer->req.result > 0 ? (size_t)transfer->req.result : 0;
    adp_run_work(&piece->body->scrub->run, &piece->job);
}

/* -- On the driver: reading. */

static struct scrub_piece *piece_of(const struct body *body, uint64_t position)
{
    return &body->scrub->pieces[position / body->per_piece % body->num_pieces];
}

static enum adp_status start_piece(struct body *body, struct adp_error *err)
{
    struct scrub_piece *piece = piece_of(body, body->next_read);
    uint64_t left = body->archive->num_whole - body->next_read, end;
    size_t piece_len = (size_t)body->per_piece * body->archive->enc_seg_len;

    piece->body = body;
    piece->position = body->next_read;
    piece->num = left < body->per_piece ? (unsigned)left : body->per_piece;
    piece->data = body->scrub->run.memory + (size_t)(piece - body->scrub->pieces) * piece_len;
    piece->is_done = 0;
    body->next_read += piece->num;
    end = offset_of(body, body->next_read - 1) + len_of(body, body->next_read - 1);
    end = (end + ADP_DIRECT_ALIGN - 1) / ADP_DIRECT_ALIGN * ADP_DIRECT_ALIGN;
    piece->transfer.done = piece_read;
    piece->transfer.is_direct = body->is_direct;
    piece->transfer.req =
        (struct adp_io_req){.op = ADP_IO_READ,
                            .file = body->file,
                            .buf = piece->data,
                            .len = (size_t)(end - offset_of(body, piece->position)),
                            .offset = offset_of(body, piece->position)};
    return adp_run_transfer(&body->scrub->run, &piece->transfer, err);
}

/* -- On the driver: comparing. */

static void end_run(struct body *body)
{
    const struct scrub_archive *archive = body->archive;
    struct bad_run run = body->run;
    uint64_t last = run.position + run.num - 1;
    struct scrub_place place = {
        .id = archive->id, .category = archive->record->category, .path = archive->path};

    body->run = (struct bad_run){0};
    if (run.num == 0)
        return;
    place.offset = offset_of(body, run.position);
    place.len = offset_of(body, last) + len_of(body, last) - place.offset;
    if (run.is_unreadable)
        scrub_find(body->scrub, ADP_FINDING_UNREADABLE, &place,
                   "%" PRIu64 " bytes cannot be read: the disk has lost them", place.len);
    else if (archive->trust == SCRUB_ATTESTED &&
             !(archive->is_foreign && run.num == archive->num_whole))
        scrub_find(body->scrub, ADP_FINDING_DAMAGED, &place,
                   "%" PRIu64 " bytes are damaged, by the disk or by somebody without keys: they "
                   "are not what was sealed",
                   place.len);
}

static void note_bad(struct body *body, uint64_t position, int is_unreadable)
{
    body->archive->num_bad++;
    body->archive->has_unreadable |= is_unreadable;
    if (body->run.num > 0 && body->run.is_unreadable != is_unreadable)
        end_run(body);
    if (body->run.num++ == 0)
        body->run = (struct bad_run){position, 1, is_unreadable};
}

/* The digest that segment |position| was sealed with. */
static enum adp_status find_digest(struct body *body, uint64_t position, const uint8_t **out,
                                   struct adp_error *err)
{
    const struct scrub_archive *archive = body->archive;
    uint8_t *digests = body->scrub->digests;
    uint64_t left = archive->num_segments - position;
    enum adp_status status = ADP_OK;

    if (position - body->window >= body->window_len) {
        body->window = position;
        body->window_len = left < SCRUB_WINDOW ? (size_t)left : SCRUB_WINDOW;
        status = adp_attested_read(archive->file, archive->digests_offset + position * ADP_HASH_LEN,
                                   digests, body->window_len * ADP_HASH_LEN, err);
    }
    *out = digests + (position - body->window) * ADP_HASH_LEN;
    return status;
}

static enum adp_status compare(struct body *body, const struct scrub_piece *piece,
                               struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    for (unsigned i = 0; status == ADP_OK && i < piece->num; i++) {
        const struct segment_digest *segment = &piece->segments[i];
        const uint8_t *expected = segment->digest;

        if (body->archive->has_compared)
            status = find_digest(body, piece->position + i, &expected, err);
        if (segment->is_unreadable)
            note_bad(body, piece->position + i, 1);
        else if (memcmp(segment->digest, expected, ADP_HASH_LEN) != 0)
            note_bad(body, piece->position + i, 0);
        else
            end_run(body);
        SHA256_Update(&body->tags, segment->tag, sizeof(segment->tag));
        body->num_read += len_of(body, piece->position + i);
    }
    body->next_compared += piece->num;
    body->scrub->tell.progress.done_bytes += piece->job.bytes;
    return status;
}

static enum adp_status drive(struct body *body, struct adp_error *err)
{
    struct adp_run *run = &body->scrub->run;
    uint64_t num = body->archive->num_whole, ahead = (uint64_t)body->num_pieces * body->per_piece;
    enum adp_status status = ADP_OK;

    while (status == ADP_OK && body->next_compared < num) {
        const struct scrub_piece *piece = piece_of(body, body->next_compared);

        if (body->scrub->tell.cancelled)
            status = adp_tell_cancelled(err);
        else if (body->next_read < num && body->next_read - body->next_compared < ahead)
            status = start_piece(body, err);
        else if (piece->is_done)
            status = compare(body, piece, err);
        else
            status = adp_run_turn(run, 1, err);
    }
    while (run->in_flight > 0 && adp_run_turn(run, 1, NULL) == ADP_OK)
        ;
    if (run->in_flight > 0) /* nothing must outlive what it works on */
        adp_run_stop(run);
    return status;
}

/* -- From the outside. */

enum adp_status scrub_body_new(struct scrubbing *scrub, struct adp_error *err)
{
    scrub->pieces = calloc(MAX_PIECES, sizeof(*scrub->pieces));
    scrub->digests = malloc((size_t)SCRUB_WINDOW * ADP_HASH_LEN);
    scrub->block = malloc(ADP_HEADER_MAX);
    if (scrub->pieces == NULL || scrub->digests == NULL || scrub->block == NULL)
        return adp_fail_memory(err);
    return ADP_OK;
}

void scrub_body_free(struct scrubbing *scrub)
{
    free(scrub->pieces);
    free(scrub->digests);
    free(scrub->block);
}

static enum adp_status open_bulk(struct body *body, struct adp_error *err)
{
    const struct scrub_archive *archive = body->archive;
    char name[ADP_ARCHIVE_NAME_LEN];

    adp_archive_name(name, archive->id, archive->record->category, "adps");
    body->bulk_fd = adp_fs_open_beneath(body->scrub->vault->archives_dir, name, O_RDONLY, 0);
    if (body->bulk_fd < 0)
        return adp_fail_errno(err, -body->bulk_fd, archive->path, "cannot open the archive");
    body->is_direct = adp_entry_go_direct(body->bulk_fd);
    body->file = adp_ioq_file_add(body->scrub->run.queue, body->bulk_fd);
    if (body->file < 0)
        return adp_fail_errno(err, -body->file, archive->path, "cannot queue reads");
    return ADP_OK;
}

static void set_up(struct body *body)
{
    struct scrub_archive *archive = body->archive;
    const struct adp_attested *attested = &archive->attested;
    size_t num, seg_len = archive->enc_seg_len;

    body->last_len = (uint32_t)(archive->record->size - archive->header_len -
                                (archive->num_segments - 1) * seg_len);
    body->per_piece = seg_len < PIECE_LEN ? (unsigned)(PIECE_LEN / seg_len) : 1;
    num = body->scrub->run.memory_len / (body->per_piece * seg_len);
    body->num_pieces = num < MAX_PIECES ? (unsigned)num : MAX_PIECES;
    SHA256_Init(&body->tags);
    archive->has_compared = archive->trust != SCRUB_UNATTESTED &&
                            attested->header_len == archive->header_len &&
                            attested->enc_seg_len == seg_len;
}

enum adp_status scrub_body(struct scrubbing *scrub, struct scrub_archive *archive,
                           struct adp_error *err)
{
    struct body body = {.scrub = scrub, .archive = archive, .bulk_fd = -1, .file = -1};
    uint8_t digest[ADP_HASH_LEN];
    enum adp_status status;

    set_up(&body);
    status = open_bulk(&body, err);
    if (status == ADP_OK)
        status = drive(&body, err);
    if (status == ADP_OK)
        end_run(&body);
    SHA256_Final(digest, &body.tags);
    archive->tags_fit = memcmp(digest, archive->record->tags_digest, sizeof(digest)) == 0;
    scrub->report.work.categories[archive->record->category].stored_bytes +=
        archive->header_len + body.num_read;
    if (body.file >= 0)
        adp_ioq_file_remove(scrub->run.queue, body.file);
    adp_fs_close(body.bulk_fd);
    return status;
}
