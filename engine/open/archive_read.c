#include "archive_read.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "error.h"
#include "fs.h"

/* Positions that are tried for a segment that does not authenticate: a gigabyte's worth. */
#define MAX_DIAGNOSED 4096u

/* And so many of the segments that do not: an archive of noise would take the square of its length.
 */
#define MAX_DIAGNOSES 16u

#define COPY_HINT "restore the archive from another copy of the vault"

uint32_t adp_archive_segment_len(const struct adp_archive *archive, uint64_t position)
{
    return position + 1 == archive->layout.num_segments ? archive->layout.last_len
                                                        : archive->header.enc_seg_len;
}

uint64_t adp_archive_segment_offset(const struct adp_archive *archive, uint64_t position)
{
    return archive->header.header_len + position * archive->header.enc_seg_len;
}

uint32_t adp_archive_plain_len(const struct adp_archive *archive)
{
    return archive->header.enc_seg_len - ADP_FLOE_OVERHEAD;
}

static void note_tag(struct adp_archive *archive, const uint8_t *segment, uint64_t position)
{
    uint32_t len = adp_archive_segment_len(archive, position);

    if (archive->tags == NULL)
        return;
    memcpy(archive->tags[position], segment + len - ADP_GCM_TAG_LEN, ADP_GCM_TAG_LEN);
    archive->tag_there[position] = 1;
}

/* A segment that does not authenticate may be another one at the wrong place: say so if it is. It
 * is read again, because opening it in place has wiped it. */
static void diagnose(struct adp_archive *archive, struct adp_gcm_scratch *scratch,
                     uint64_t position, struct adp_error *err)
{
    uint32_t len = adp_archive_segment_len(archive, position);
    uint8_t *out = malloc(len), *copy = malloc(len);
    uint64_t found, num = archive->layout.num_segments;

    if (num > MAX_DIAGNOSED)
        num = MAX_DIAGNOSED;
    if (atomic_fetch_add(&archive->num_diagnosed, 1) >= MAX_DIAGNOSES)
        num = 0;
    if (num > 0 && out != NULL && copy != NULL &&
        adp_fs_read_all(archive->fd, copy, len, adp_archive_segment_offset(archive, position)) ==
            (int64_t)len &&
        adp_floe_find_position(archive->floe, scratch, out, copy, len, num, &found))
        adp_fail(err, ADP_ERR_SEGMENT_ORDER, archive->path,
                 "segment %" PRIu64 " stands at the place of segment %" PRIu64, found, position);
    free(copy);
    free(out);
}

enum adp_status adp_archive_open_segment(struct adp_archive *archive,
                                         struct adp_gcm_scratch *scratch, uint8_t *segment,
                                         uint64_t position, struct adp_error *err)
{
    struct adp_error why = {0};
    enum adp_status status =
        adp_floe_open_segment(archive->floe, scratch, segment + ADP_FLOE_DATA_OFFSET, segment,
                              adp_archive_segment_len(archive, position), position,
                              position + 1 == archive->layout.num_segments, &why);

    if (status == ADP_OK) {
        note_tag(archive, segment, position);
        return ADP_OK;
    }
    adp_fail(err, status, archive->path, "%s", why.message);
    if (status == ADP_ERR_SEGMENT_TAG) {
        diagnose(archive, scratch, position, err);
        status = err != NULL ? err->status : status;
    }
    adp_error_offset(err, status, adp_archive_segment_offset(archive, position));
    return adp_error_hint(err, status, COPY_HINT);
}

int adp_archive_is_damage(const struct adp_error *why)
{
    return why->sys_errno == EIO ||
           (adp_status_exit_code(why->status) == adp_status_exit_code(ADP_ERR_FORMAT) &&
            why->status != ADP_ERR_DECODER);
}

enum adp_status adp_archive_load(struct adp_archive *archive, uint64_t position,
                                 struct adp_error *err)
{
    uint32_t len = adp_archive_segment_len(archive, position);
    uint64_t offset = adp_archive_segment_offset(archive, position);
    int64_t got;
    enum adp_status status;

    if (archive->position == position)
        return ADP_OK;
    archive->position = UINT64_MAX;
    got = adp_fs_read_all(archive->fd, archive->segment, len, offset);
    if (got < 0)
        return adp_fail_errno(err, (int)-got, archive->path, "cannot read the archive");
    if (got < (int64_t)len) {
        adp_fail(err, ADP_ERR_TRUNCATED, archive->path, "the archive ends too early");
        return adp_error_offset(err, ADP_ERR_TRUNCATED, offset + (uint64_t)got);
    }
    status = adp_archive_open_segment(archive, archive->scratch, archive->segment, position, err);
    if (status == ADP_OK)
        archive->position = position;
    return status;
}

enum adp_status adp_archive_read(struct adp_archive *archive, uint64_t offset, uint8_t *out,
                                 size_t len, struct adp_error *err)
{
    uint32_t step_len = adp_archive_plain_len(archive);

    while (len > 0) {
        size_t skip = (size_t)(offset % step_len), step = step_len - skip;
        enum adp_status status = adp_archive_load(archive, offset / step_len, err);

        if (status != ADP_OK)
            return status;
        if (step > len)
            step = len;
        memcpy(out, archive->segment + ADP_FLOE_DATA_OFFSET + skip, step);
        out += step;
        offset += step;
        len -= step;
    }
    return ADP_OK;
}

static enum adp_status decode_here(struct adp_archive *archive, uint64_t offset,
                                   const struct adp_sandbox_frame *frame, uint8_t *out,
                                   struct adp_error *err)
{
    uint8_t *stored = malloc(frame->stored_len);
    enum adp_status status = stored != NULL ? ADP_OK : ADP_ERR_MEMORY;

    if (status == ADP_OK)
        status = adp_archive_read(archive, offset, stored, frame->stored_len, err);
    if (status == ADP_OK)
        status =
            adp_codec_decompress(&archive->zstd, out, frame->plain_len, stored, frame->stored_len);
    free(stored);
    return status;
}

static enum adp_status decode_in(struct adp_sandbox *sandbox, struct adp_archive *archive,
                                 uint64_t offset, const struct adp_sandbox_frame *frame,
                                 uint8_t *out, struct adp_error *err)
{
    unsigned lane = adp_sandbox_enter(sandbox, ADP_SANDBOX_CALLER);
    enum adp_status status = ADP_OK;
    const uint8_t *plain;

    if (!adp_sandbox_has_begun(sandbox, lane, frame))
        status = adp_archive_read(archive, offset, adp_sandbox_room(sandbox, lane),
                                  frame->stored_len, err);
    if (status == ADP_OK)
        status = adp_sandbox_decode(sandbox, lane, frame, &plain);
    if (status == ADP_OK)
        memcpy(out, plain, frame->plain_len);
    adp_sandbox_leave(sandbox, lane);
    return status;
}

enum adp_status adp_archive_decode(struct adp_archive *archive, uint64_t offset,
                                   const struct adp_sandbox_frame *frame, uint8_t *out,
                                   struct adp_error *err)
{
    enum adp_status status = archive->sandbox != NULL
                                 ? decode_in(archive->sandbox, archive, offset, frame, out, err)
                                 : decode_here(archive, offset, frame, out, err);

    if (status == ADP_ERR_MEMORY)
        return adp_fail_memory(err);
    return status == ADP_ERR_DECODER ? adp_archive_fail_decoder(archive, offset, err) : status;
}

static struct adp_sandbox_frame index_frame(const struct adp_archive *archive, size_t number)
{
    const struct adp_index_frame *frame = &archive->directory.frames[number];

    return (struct adp_sandbox_frame){.kind = ADP_SANDBOX_INDEX,
                                      .number = number,
                                      .stored_len = frame->stored_len,
                                      .plain_len = frame->plain_len};
}

/* Has the sandbox begin with index frame |number|, while the caller goes through the one before it.
 * One that cannot be read is told of when it is asked for. */
static void begin_frame(struct adp_archive *archive, size_t number)
{
    struct adp_sandbox_frame frame;
    unsigned lane;

    if (archive->sandbox == NULL || number >= archive->directory.num_frames)
        return;
    frame = index_frame(archive, number);
    lane = adp_sandbox_enter(archive->sandbox, ADP_SANDBOX_CALLER);
    if (adp_archive_read(archive, archive->directory.frames[number].offset,
                         adp_sandbox_room(archive->sandbox, lane), frame.stored_len,
                         NULL) == ADP_OK)
        adp_sandbox_begin(archive->sandbox, &frame);
    adp_sandbox_leave(archive->sandbox, lane);
}

enum adp_status adp_archive_frame(struct adp_archive *archive, size_t number, uint8_t **out,
                                  size_t *out_len, struct adp_error *err)
{
    const struct adp_sandbox_frame frame = index_frame(archive, number);
    enum adp_status status;

    *out_len = frame.plain_len;
    *out = malloc(frame.plain_len);
    if (*out == NULL)
        return adp_fail_memory(err);
    status =
        adp_archive_decode(archive, archive->directory.frames[number].offset, &frame, *out, err);
    if (status == ADP_ERR_CONTENT)
        adp_fail(err, status, archive->path, "index frame %zu does not decompress", number);
    if (status == ADP_OK) {
        begin_frame(archive, number + 1);
        return ADP_OK;
    }
    free(*out);
    *out = NULL;
    return status;
}

enum adp_status adp_archive_fail_extent(const struct adp_archive *archive,
                                        const struct adp_extent *extent, struct adp_error *err)
{
    adp_fail(err, ADP_ERR_CONTENT, archive->path,
             "the frame at %" PRIu64 " of the stream does not decode to what the index says",
             extent->frame_offset);
    adp_error_offset(
        err, ADP_ERR_CONTENT,
        adp_archive_segment_offset(archive, extent->frame_offset / adp_archive_plain_len(archive)));
    return adp_error_hint(err, ADP_ERR_CONTENT,
                          "it is authentic, so it was sealed like this: seal the source again");
}

enum adp_status adp_archive_fail_decoder(const struct adp_archive *archive, uint64_t offset,
                                         struct adp_error *err)
{
    return adp_sandbox_fail(
        archive->sandbox, archive->path,
        adp_archive_segment_offset(archive, offset / adp_archive_plain_len(archive)), err);
}

enum adp_status adp_archive_fail_link(const struct adp_archive *archive, struct adp_error *err)
{
    return adp_fail(err, ADP_ERR_FORMAT, archive->path,
                    "the index has a hard link to a path that is no file in it");
}

enum adp_status adp_archive_extent(struct adp_archive *archive, const struct adp_extent *extent,
                                   uint8_t *out, uint8_t *buffer, struct adp_error *err)
{
    const struct adp_sandbox_frame frame = {.stored_len = extent->stored_len,
                                            .plain_len = extent->plain_len};
    uint8_t digest[ADP_DIGEST_LEN];
    enum adp_status status;

    if (extent->codec == ADP_CODEC_ZSTD)
        status = adp_archive_decode(archive, extent->frame_offset, &frame, buffer, err);
    else
        status = adp_archive_read(archive, extent->frame_offset, buffer, extent->stored_len, err);
    if (status != ADP_OK)
        return status == ADP_ERR_CONTENT ? adp_archive_fail_extent(archive, extent, err) : status;
    adp_codec_digest(digest, buffer + extent->start, extent->len);
    if (memcmp(digest, extent->digest, ADP_DIGEST_LEN) != 0)
        return adp_archive_fail_extent(archive, extent, err);
    memcpy(out, buffer + extent->start, extent->len);
    return ADP_OK;
}

enum adp_status adp_archive_check_tags(struct adp_archive *archive, struct adp_error *err)
{
    uint8_t digest[ADP_HASH_LEN];
    SHA256_CTX sha;

    SHA256_Init(&sha);
    for (uint64_t i = 0; i < archive->layout.num_segments; i++) {
        enum adp_status status = archive->tag_there[i] ? ADP_OK : adp_archive_load(archive, i, err);

        if (status != ADP_OK)
            return status;
        SHA256_Update(&sha, archive->tags[i], ADP_GCM_TAG_LEN);
    }
    SHA256_Final(digest, &sha);
    if (memcmp(digest, archive->record.tags_digest, ADP_HASH_LEN) == 0)
        return ADP_OK;
    adp_fail(err, ADP_ERR_MISMATCH, archive->path,
             "its segments are authentic, but not those that the snapshot's record was signed for");
    return adp_error_hint(err, ADP_ERR_MISMATCH,
                          "somebody who holds the archive's key has changed it: " COPY_HINT);
}
