#include "index_entry.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define ENTRY_MODE_MAX       07777
#define ENTRY_NS_MAX         999999999
#define ENTRY_TARGET_MAX     4095
#define ENTRY_SIZE_MAX       INT64_MAX
#define ENTRY_XATTR_MIN_LEN  3                    /* length, one byte of name, length */
#define ENTRY_EXTENT_MIN_LEN (8 + ADP_DIGEST_LEN) /* eight fields of one byte */
#define ENTRY_ERRNO_MAX      UINT32_MAX

void adp_entry_parser_free(struct adp_entry_parser *parser)
{
    free(parser->xattrs);
    free(parser->extents);
    free(parser->target);
    free(parser->label);
    *parser = (struct adp_entry_parser){0};
}

int adp_entry_refuse(struct adp_entry_parser *parser, struct adp_reader *reader, const char *what)
{
    if (!reader->failed)
        parser->what = what;
    return adp_reader_fail(reader);
}

/* Makes |*items| hold at least |num|. What it held may be lost. */
static int entry_reserve(struct adp_entry_parser *parser, struct adp_reader *reader, void **items,
                         size_t *cap, size_t num, size_t item_len)
{
    if (num <= *cap && *items != NULL)
        return 1;
    free(*items);
    *items = calloc(num > 0 ? num : 1, item_len);
    *cap = *items != NULL ? num : 0;
    if (*items != NULL)
        return 1;
    parser->out_of_memory = 1;
    return adp_reader_fail(reader);
}

/* Copies |len| bytes at |view| to |*buffer|, with a zero after them. */
static int entry_copy_text(struct adp_entry_parser *parser, struct adp_reader *reader,
                           char **buffer, size_t *cap, const uint8_t *view, size_t len)
{
    if (!entry_reserve(parser, reader, (void **)buffer, cap, len + 1, 1) || *buffer == NULL)
        return 0;
    memcpy(*buffer, view, len);
    (*buffer)[len] = '\0';
    return 1;
}

static int entry_parse_label(struct adp_entry_parser *parser, struct adp_index_entry *out,
                             struct adp_reader *reader)
{
    const uint8_t *view;
    size_t len;

    if ((out->flags & ADP_INDEX_FLAG_LABEL) == 0)
        return 1;
    if (!adp_read_vbytes(reader, &view, &len, ADP_LABEL_MAX))
        return 0;
    if (len == 0 || !adp_text_check((const char *)view, len))
        return adp_entry_refuse(parser, reader, "an entry's label is not valid");
    if (!entry_copy_text(parser, reader, &parser->label, &parser->cap_label, view, len))
        return 0;
    out->label = parser->label;
    out->label_len = len;
    return 1;
}

/* -- Metadata ---------------------------------------------------------------------------------- */

static int entry_read_u32(struct adp_reader *reader, uint32_t *out, uint32_t max)
{
    uint64_t value;
    int ok = adp_read_varint(reader, &value, max);

    *out = (uint32_t)value;
    return ok;
}

static int entry_compare_names(const struct adp_index_xattr *a, const struct adp_index_xattr *b)
{
    size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = memcmp(a->name, b->name, len);

    return order != 0 ? order : (a->name_len > b->name_len) - (a->name_len < b->name_len);
}

static int entry_parse_xattrs(struct adp_entry_parser *parser, struct adp_index_entry *out,
                              struct adp_reader *reader)
{
    uint64_t num;

    if (!adp_read_varint(reader, &num, ADP_ENTRY_MAX_XATTRS))
        return 0;
    if (num > (reader->len - reader->pos) / ENTRY_XATTR_MIN_LEN)
        return adp_entry_refuse(parser, reader, "more extended attributes than there is room for");
    if (!entry_reserve(parser, reader, (void **)&parser->xattrs, &parser->cap_xattrs, num,
                       sizeof(*parser->xattrs)))
        return 0;
    for (size_t i = 0; i < num; i++) {
        struct adp_index_xattr *xattr = &parser->xattrs[i];

        if (!adp_read_vbytes(reader, &xattr->name, &xattr->name_len, ADP_NAME_MAX) ||
            !adp_read_vbytes(reader, &xattr->value, &xattr->value_len, ADP_XATTR_MAX))
            return 0;
        if (xattr->name_len == 0 || memchr(xattr->name, 0, xattr->name_len) != NULL)
            return adp_entry_refuse(parser, reader, "an extended attribute's name is not valid");
        if (i > 0 && entry_compare_names(xattr - 1, xattr) >= 0)
            return adp_entry_refuse(parser, reader, "extended attributes do not ascend");
    }
    out->xattrs = parser->xattrs;
    out->num_xattrs = num;
    return 1;
}

static int entry_parse_metadata(struct adp_entry_parser *parser, struct adp_index_entry *out,
                                struct adp_reader *reader)
{
    entry_read_u32(reader, &out->mode, ENTRY_MODE_MAX);
    entry_read_u32(reader, &out->uid, UINT32_MAX);
    entry_read_u32(reader, &out->gid, UINT32_MAX);
    adp_read_svarint(reader, &out->mtime_s);
    entry_read_u32(reader, &out->mtime_ns, ENTRY_NS_MAX);
    adp_read_svarint(reader, &out->atime_s);
    entry_read_u32(reader, &out->atime_ns, ENTRY_NS_MAX);
    return entry_parse_xattrs(parser, out, reader);
}

static void entry_build_metadata(struct adp_builder *out, const struct adp_index_entry *entry)
{
    adp_build_varint(out, entry->mode);
    adp_build_varint(out, entry->uid);
    adp_build_varint(out, entry->gid);
    adp_build_svarint(out, entry->mtime_s);
    adp_build_varint(out, entry->mtime_ns);
    adp_build_svarint(out, entry->atime_s);
    adp_build_varint(out, entry->atime_ns);
    adp_build_varint(out, entry->num_xattrs);
    for (size_t i = 0; i < entry->num_xattrs; i++) {
        adp_build_vbytes(out, entry->xattrs[i].name, entry->xattrs[i].name_len);
        adp_build_vbytes(out, entry->xattrs[i].value, entry->xattrs[i].value_len);
    }
}

/* -- Extents ----------------------------------------------------------------------------------- */

/* Extents that share a frame must agree on what it is. The reader sees it where they are
 * neighbours; whoever reads the frames sees the rest. */
static int entry_same_frame(const struct adp_extent *a, const struct adp_extent *b)
{
    return a->frame_offset != b->frame_offset ||
           (a->codec == b->codec && a->stored_len == b->stored_len && a->plain_len == b->plain_len);
}

static int entry_parse_extent(struct adp_entry_parser *parser, struct adp_extent *out,
                              struct adp_reader *reader)
{
    uint64_t archive;

    adp_read_varint(reader, &out->hole, ENTRY_SIZE_MAX);
    entry_read_u32(reader, &out->len, ADP_FRAME_MAX);
    adp_read_varint(reader, &archive, 0);
    adp_read_u8(reader, &out->codec);
    adp_read_varint(reader, &out->frame_offset, UINT64_MAX);
    entry_read_u32(reader, &out->stored_len, ADP_FRAME_MAX);
    entry_read_u32(reader, &out->plain_len, ADP_FRAME_MAX);
    entry_read_u32(reader, &out->start, ADP_FRAME_MAX);
    if (!adp_read_bytes(reader, out->digest, ADP_DIGEST_LEN))
        return 0;
    if (out->codec != ADP_CODEC_RAW && out->codec != ADP_CODEC_ZSTD)
        return adp_entry_refuse(parser, reader, "an extent's codec is unknown");
    if (out->len == 0 || out->stored_len == 0 || out->plain_len == 0)
        return adp_entry_refuse(parser, reader, "an extent or its frame is empty");
    if (out->codec == ADP_CODEC_RAW && out->plain_len != out->stored_len)
        return adp_entry_refuse(parser, reader, "a raw frame has two lengths");
    if (out->frame_offset > parser->index_start ||
        out->stored_len > parser->index_start - out->frame_offset)
        return adp_entry_refuse(parser, reader, "a frame reaches into the index");
    if (out->start > out->plain_len || out->len > out->plain_len - out->start)
        return adp_entry_refuse(parser, reader, "an extent reaches past its frame");
    return 1;
}

static int entry_parse_extents(struct adp_entry_parser *parser, struct adp_index_entry *out,
                               struct adp_reader *reader)
{
    uint64_t num;

    if (!adp_read_varint(reader, &num, ADP_ENTRY_MAX_EXTENTS))
        return 0;
    if (num > (reader->len - reader->pos) / ENTRY_EXTENT_MIN_LEN)
        return adp_entry_refuse(parser, reader, "more extents than there is room for");
    if (!entry_reserve(parser, reader, (void **)&parser->extents, &parser->cap_extents, num,
                       sizeof(*parser->extents)))
        return 0;
    for (size_t i = 0; i < num; i++) {
        struct adp_extent *extent = &parser->extents[i];

        if (!entry_parse_extent(parser, extent, reader))
            return 0;
        if (i > 0 && !entry_same_frame(extent - 1, extent))
            return adp_entry_refuse(parser, reader, "two extents disagree on their frame");
    }
    out->extents = parser->extents;
    out->num_extents = num;
    return 1;
}

void adp_entry_build_extents(struct adp_builder *out, const struct adp_extent *extents, size_t num)
{
    adp_build_varint(out, num);
    for (size_t i = 0; i < num; i++) {
        const struct adp_extent *extent = &extents[i];

        adp_build_varint(out, extent->hole);
        adp_build_varint(out, extent->len);
        adp_build_varint(out, 0); /* this archive */
        adp_build_u8(out, extent->codec);
        adp_build_varint(out, extent->frame_offset);
        adp_build_varint(out, extent->stored_len);
        adp_build_varint(out, extent->plain_len);
        adp_build_varint(out, extent->start);
        adp_build_bytes(out, extent->digest, ADP_DIGEST_LEN);
    }
}

/* -- By type ----------------------------------------------------------------------------------- */

static int entry_parse_target(struct adp_entry_parser *parser, struct adp_index_entry *out,
                              struct adp_reader *reader, size_t max)
{
    const uint8_t *view;
    size_t len;

    if (!adp_read_vbytes(reader, &view, &len, max))
        return 0;
    if (len == 0 || memchr(view, '\0', len) != NULL)
        return adp_entry_refuse(parser, reader, "a link's target is not valid");
    if (!entry_copy_text(parser, reader, &parser->target, &parser->cap_target, view, len))
        return 0;
    out->target = parser->target;
    out->target_len = len;
    return 1;
}

static int entry_parse_hardlink(struct adp_entry_parser *parser, struct adp_index_entry *out,
                                struct adp_reader *reader)
{
    if (!entry_parse_target(parser, out, reader, ADP_PATH_MAX))
        return 0;
    if (!adp_path_check(out->target, out->target_len))
        return adp_entry_refuse(parser, reader, "a hard link's target is no path");
    if (adp_path_compare(out->target, out->target_len, out->path, out->path_len) >= 0)
        return adp_entry_refuse(parser, reader, "a hard link stands before its target");
    return 1;
}

static int entry_parse_skipped(struct adp_entry_parser *parser, struct adp_index_entry *out,
                               struct adp_reader *reader)
{
    adp_read_u8(reader, &out->skip_reason);
    if (!entry_read_u32(reader, &out->skip_errno, ENTRY_ERRNO_MAX))
        return 0;
    if (out->skip_reason < ADP_SKIP_SOCKET || out->skip_reason > ADP_SKIP_OTHER)
        return adp_entry_refuse(parser, reader, "the reason of a skipped entry is unknown");
    return 1;
}

static int entry_parse_by_type(struct adp_entry_parser *parser, struct adp_index_entry *out,
                               struct adp_reader *reader)
{
    switch (out->type) {
    case ADP_ENTRY_FILE:
        return adp_read_varint(reader, &out->size, ENTRY_SIZE_MAX) &&
               entry_parse_extents(parser, out, reader);
    case ADP_ENTRY_DIRECTORY:
    case ADP_ENTRY_FIFO:
        return 1;
    case ADP_ENTRY_SYMLINK:
        return entry_parse_target(parser, out, reader, ENTRY_TARGET_MAX);
    case ADP_ENTRY_HARDLINK:
        return entry_parse_hardlink(parser, out, reader);
    case ADP_ENTRY_SKIPPED:
        return entry_parse_skipped(parser, out, reader);
    default:
        return adp_entry_refuse(parser, reader, "an entry's type is unknown");
    }
}

int adp_entry_parse_rest(struct adp_entry_parser *parser, struct adp_index_entry *out,
                         struct adp_reader *reader)
{
    int ok;

    if (out->type == ADP_INDEX_CONTINUATION)
        ok = entry_parse_extents(parser, out, reader);
    else
        ok = entry_parse_label(parser, out, reader) && entry_parse_metadata(parser, out, reader) &&
             entry_parse_by_type(parser, out, reader);
    if (ok && !adp_reader_at_end(reader))
        return adp_entry_refuse(parser, reader, "bytes follow an entry's last field");
    return ok;
}

void adp_entry_build_rest(struct adp_builder *out, const struct adp_index_entry *entry)
{
    if (entry->type == ADP_INDEX_CONTINUATION)
        return;
    if ((entry->flags & ADP_INDEX_FLAG_LABEL) != 0)
        adp_build_vbytes(out, entry->label, entry->label_len);
    entry_build_metadata(out, entry);
    switch (entry->type) {
    case ADP_ENTRY_FILE:
        adp_build_varint(out, entry->size);
        break;
    case ADP_ENTRY_SYMLINK:
    case ADP_ENTRY_HARDLINK:
        adp_build_vbytes(out, entry->target, entry->target_len);
        break;
    case ADP_ENTRY_SKIPPED:
        adp_build_u8(out, entry->skip_reason);
        adp_build_varint(out, entry->skip_errno);
        break;
    default:
        break;
    }
}
