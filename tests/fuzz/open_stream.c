/* From a plan to the plaintext of an archive, whether or not that keeps the rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "fuzz.h"
#include "open_plan.h"

/* What a mutation may add at most, of bytes or frames. */
#define MORE_MAX  64u
#define TIMES_MAX 3u

static size_t compress(uint8_t *out, size_t cap, const uint8_t *data, size_t len, int with_size)
{
    static ZSTD_CCtx *context;
    size_t num;

    if (context == NULL)
        context = ZSTD_createCCtx();
    FUZZ_CHECK(context != NULL);
    ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, with_size);
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1);
    num = ZSTD_compress2(context, out, cap, data, len);
    FUZZ_CHECK(!ZSTD_isError(num));
    return num;
}

uint8_t *plan_zstd(enum plan_codec codec, const uint8_t *data, size_t len, size_t *out_len)
{
    static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
    size_t cap = ZSTD_compressBound(len) + 64;
    uint8_t *out = malloc(cap), *more = calloc(1, len + 1);

    FUZZ_CHECK(out != NULL && more != NULL);
    memcpy(more, data, len);
    if (codec == PLAN_RAW) {
        memcpy(out, data, len);
        *out_len = len;
    } else {
        size_t said = codec == PLAN_ZSTD_MORE              ? len + 1
                      : codec == PLAN_ZSTD_LESS && len > 0 ? len - 1
                                                           : len;

        *out_len = compress(out, cap, more, said, codec != PLAN_ZSTD_WITHOUT_SIZE);
    }
    if (codec == PLAN_ZSTD_TWO_FRAMES)
        *out_len += compress(out + *out_len, cap - *out_len, data, 0, 1);
    if (codec == PLAN_ZSTD_SKIPPABLE) {
        memcpy(out + *out_len, skippable, sizeof(skippable));
        *out_len += sizeof(skippable);
    }
    if (codec == PLAN_ZSTD_BYTE_AFTER)
        out[(*out_len)++] = 0;
    if (codec == PLAN_ZSTD_CUT)
        (*out_len)--;
    if (codec == PLAN_ZSTD_CHANGED)
        out[*out_len / 2] ^= 0x10;
    free(more);
    return out;
}

/* -- Entries. */

static void build_metadata(struct adp_builder *out, const struct plan_archive *archive,
                           const struct plan_entry *entry)
{
    static const uint8_t zeros[ADP_XATTR_MAX + 1];

    adp_build_varint(out, entry->mode);
    adp_build_varint(out, entry->uid);
    adp_build_varint(out, entry->gid);
    adp_build_svarint(out, 1670414400);
    adp_build_varint(out, entry->mtime_ns);
    adp_build_svarint(out, 1670414400);
    adp_build_varint(out, entry->atime_ns);
    adp_build_varint(out, item_number(entry->item, ENTRY_NUM_XATTRS, entry->num_xattrs));
    for (size_t i = 0; i < entry->num_xattrs; i++) {
        const struct item *item = archive->xattrs[entry->first_xattr + i];
        char name[16];

        plan_xattr_name(name, item);
        adp_build_varint(out, item_number(item, XATTR_NAME_LEN, strlen(name)));
        adp_build_bytes(out, name, strlen(name));
        adp_build_varint(out, item_number(item, XATTR_VALUE_LEN, item->len % sizeof(zeros)));
        adp_build_bytes(out, zeros, item->len % sizeof(zeros));
    }
}

void plan_xattr_name(char out[16], const struct item *item)
{
    static const char *const spaces[] = {"user", "trusted", "none", "system"};

    snprintf(out, 16, "%s.%c", spaces[item->type % NUM_OF(spaces)], 'a' + item->name % 26);
}

static void build_extents(struct adp_builder *out, const struct plan_archive *archive,
                          const struct plan_entry *entry)
{
    adp_build_varint(out, item_number(entry->item, ENTRY_NUM_EXTENTS, entry->num_extents));
    for (size_t i = 0; i < entry->num_extents; i++) {
        const struct plan_extent *extent = &archive->extents[entry->first_extent + i];

        adp_build_varint(out, extent->hole);
        adp_build_varint(out, extent->len);
        adp_build_varint(out, extent->archive);
        adp_build_u8(out, (uint8_t)extent->codec);
        adp_build_varint(out, extent->frame_offset);
        adp_build_varint(out, extent->stored_len);
        adp_build_varint(out, extent->plain_len);
        adp_build_varint(out, extent->start);
        adp_build_bytes(out, extent->digest, sizeof(extent->digest));
    }
}

static void build_by_type(struct adp_builder *out, const struct plan_archive *archive,
                          const struct plan_entry *entry)
{
    static const char label[] = "Domain/Library/x";

    if ((entry->flags & ADP_INDEX_FLAG_LABEL) != 0) {
        adp_build_varint(out, item_number(entry->item, ENTRY_LABEL_LEN, sizeof(label) - 1));
        adp_build_bytes(out, label, sizeof(label) - 1);
    }
    build_metadata(out, archive, entry);
    if (entry->item->type == ADP_ENTRY_FILE) {
        adp_build_varint(out, entry->size);
        build_extents(out, archive, entry);
    }
    if (entry->item->type == ADP_ENTRY_SYMLINK || entry->item->type == ADP_ENTRY_HARDLINK)
        adp_build_vbytes(out, entry->target, entry->target_len);
    if (entry->item->type == ADP_ENTRY_SKIPPED) {
        adp_build_u8(out, (uint8_t)item_number(entry->item, ENTRY_REASON, ADP_SKIP_SOCKET));
        adp_build_varint(out, item_number(entry->item, ENTRY_ERRNO, 13));
    }
}

static size_t shared_with(const struct plan_entry *before, const struct plan_entry *entry)
{
    size_t shared = 0;

    while (before != NULL && shared < before->path_len && shared < entry->path_len &&
           before->path[shared] == entry->path[shared])
        shared++;
    return shared;
}

static void build_entry(struct adp_builder *out, const struct plan_archive *archive,
                        const struct plan_entry *before, const struct plan_entry *entry)
{
    static const uint8_t more[MORE_MAX];
    size_t shared = shared_with(before, entry);
    struct adp_builder body = {0};

    adp_build_u8(&body, entry->item->type);
    adp_build_varint(&body, entry->flags);
    adp_build_varint(&body, item_number(entry->item, ENTRY_SHARED, shared));
    adp_build_varint(&body, item_number(entry->item, ENTRY_SUFFIX_LEN, entry->path_len - shared));
    adp_build_bytes(&body, entry->path + shared, entry->path_len - shared);
    if (entry->item->type == ADP_INDEX_CONTINUATION)
        build_extents(&body, archive, entry);
    else
        build_by_type(&body, archive, entry);
    adp_build_bytes(&body, more, item_number(entry->item, ENTRY_MORE, 0) % MORE_MAX);
    adp_build_varint(out, item_number(entry->item, ENTRY_BODY_LEN, body.len));
    adp_build_bytes(out, body.data, body.len);
    adp_builder_free(&body);
}

/* -- Index frames, directory, trailer. */

struct index {
    struct adp_builder frames, lines;
    uint64_t num_frames, num_entries, content_bytes;
};

static void end_frame(struct index *index, const struct item *cut, struct adp_builder *plain,
                      uint64_t num_entries, const struct plan_entry *first)
{
    static const uint8_t zeros[MORE_MAX];
    size_t times = item_number(cut, CUT_TIMES, 1) % (TIMES_MAX + 1), stored_len;
    int with_more = item_number(cut, CUT_FIRST_PATH, 0) != 0;
    uint8_t *stored;

    adp_build_bytes(plain, zeros, item_number(cut, CUT_MORE, 0) % MORE_MAX);
    stored = plan_zstd(cut != NULL ? cut->type % PLAN_CODECS : PLAN_ZSTD, plain->data, plain->len,
                       &stored_len);
    for (size_t i = 0; i < times; i++) {
        adp_build_bytes(&index->frames, stored, stored_len);
        adp_build_varint(&index->lines, item_number(cut, CUT_STORED_LEN, stored_len));
        adp_build_varint(&index->lines, item_number(cut, CUT_PLAIN_LEN, plain->len));
        adp_build_varint(&index->lines, item_number(cut, CUT_ENTRIES, num_entries));
        adp_build_varint(&index->lines, first->path_len + (with_more ? 1 : 0));
        adp_build_bytes(&index->lines, first->path, first->path_len);
        adp_build_bytes(&index->lines, "x", with_more ? 1 : 0);
        index->num_frames++;
    }
    free(stored);
    adp_builder_free(plain);
    *plain = (struct adp_builder){0};
}

static void build_index(struct index *index, const struct plan_archive *archive)
{
    struct adp_builder plain = {0};
    size_t first = 0;

    for (size_t i = 0; i < archive->num_entries; i++) {
        const struct plan_entry *entry = &archive->entries[i];

        build_entry(&plain, archive, i > first ? entry - 1 : NULL, entry);
        if (entry->item->type != ADP_INDEX_CONTINUATION)
            index->num_entries++;
        if (entry->item->type == ADP_ENTRY_FILE)
            index->content_bytes += entry->size;
        if (entry->cut == NULL && i + 1 < archive->num_entries)
            continue;
        end_frame(index, entry->cut, &plain, i + 1 - first, &archive->entries[first]);
        first = i + 1;
    }
}

static void build_trailer(struct adp_builder *out, const struct item *item,
                          const struct index *index, size_t stored_len, size_t plain_len)
{
    adp_build_bytes(out, item_number(item, TRAILER_MAGIC, 0) ? "ADPSINDY" : "ADPSINDX", 8);
    adp_build_u32(out, (uint32_t)item_number(item, TRAILER_VERSION, 1));
    adp_build_u32(out, (uint32_t)item_number(item, TRAILER_FLAGS, 0));
    adp_build_u64(out, item_number(item, TRAILER_OFFSET, out->len - 16 - stored_len));
    adp_build_u32(out, (uint32_t)item_number(item, TRAILER_STORED_LEN, stored_len));
    adp_build_u32(out, (uint32_t)item_number(item, TRAILER_PLAIN_LEN, plain_len));
    adp_build_u64(out, item_number(item, TRAILER_ENTRIES, index->num_entries));
    adp_build_u64(out, item_number(item, TRAILER_BYTES, index->content_bytes));
    adp_build_u64(out, item_number(item, TRAILER_RESERVED, 0));
    adp_build_u64(out, 0);
}

void plan_stream(struct adp_builder *out, const struct plan_archive *archive)
{
    static const uint8_t zeros[MORE_MAX];
    const struct item *item = archive->directory;
    struct adp_builder directory = {0};
    struct index index = {0};
    size_t stored_len, cut;
    uint8_t *stored;

    for (size_t i = 0; i < archive->num_frames; i++)
        adp_build_bytes(out, archive->frames[i].stored, archive->frames[i].stored_len);
    build_index(&index, archive);
    adp_build_bytes(out, index.frames.data, index.frames.len);
    adp_build_varint(&directory, item_number(item, DIRECTORY_ARCHIVES, 1));
    adp_build_varint(&directory, item_number(item, DIRECTORY_FRAMES, index.num_frames));
    adp_build_bytes(&directory, index.lines.data, index.lines.len);
    adp_build_bytes(&directory, zeros, item_number(item, DIRECTORY_MORE, 0) % MORE_MAX);
    stored = plan_zstd(item != NULL ? item->type % PLAN_CODECS : PLAN_ZSTD, directory.data,
                       directory.len, &stored_len);
    adp_build_bytes(out, stored, stored_len);
    build_trailer(out, archive->trailer, &index, stored_len, directory.len);
    FUZZ_CHECK(!out->failed);
    cut = item_number(archive->trailer, TRAILER_LEN, 0) % (out->len + 1);
    memmove(out->data, out->data + cut, out->len - cut);
    out->len -= cut;
    free(stored);
    adp_builder_free(&directory);
    adp_builder_free(&index.frames);
    adp_builder_free(&index.lines);
}
