#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "error.h"
#include "sealing.h"

void seal_entry_free(struct seal_entry *entry)
{
    adp_capture_free(&entry->capture);
    free(entry->extents);
    free(entry);
}

/* Bytes of extended attributes in an entry: a path, a target, a label and the fixed fields are
 * beside them, and it ends with room for an extent. */
#define XATTRS_MAX    (ADP_ENTRY_MAX - 2 * (ADP_PATH_MAX + 1) - ADP_LABEL_MAX - 4096)
#define XATTR_LENGTHS 8u /* what the lengths of name and value take, at most */

/* -- What an entry's capture means to the person, and to the index. */

static const char *skip_message(const struct adp_capture *capture)
{
    switch (capture->skip_reason) {
    case ADP_SKIP_SOCKET:
        return "is a socket: recorded by name only";
    case ADP_SKIP_CHAR_DEVICE:
        return "is a character device: recorded by name only";
    case ADP_SKIP_BLOCK_DEVICE:
        return "is a block device: recorded by name only";
    case ADP_SKIP_VANISHED:
        return "vanished, or became something else, before it could be read";
    default:
        return "cannot be read";
    }
}

static void tell_capture(const struct sealing *sealing, const struct seal_entry *entry)
{
    const struct adp_capture *capture = &entry->capture;
    struct adp_tell *tell = sealing->context->tell;
    const char *path = sealing->context->path;
    char message[256];

    if (capture->skip_reason != 0) {
        int is_special = capture->skip_reason <= ADP_SKIP_BLOCK_DEVICE;

        snprintf(message, sizeof(message), "%s%s%s", skip_message(capture),
                 is_special || capture->skip_errno == 0 ? "" : ": ",
                 is_special || capture->skip_errno == 0 ? "" : strerror(capture->skip_errno));
        adp_tell_event(tell, is_special ? ADP_EVENT_SKIPPED : ADP_EVENT_UNREADABLE,
                       is_special ? ADP_OK : ADP_ERR_IO, capture->skip_errno, path, message);
    } else if (capture->is_changed) {
        adp_tell_event(tell, ADP_EVENT_CHANGED, ADP_ERR_IO, 0, path,
                       "changed while it was read: what was sealed may mix old and new");
    }
}

static uint8_t type_of(const struct adp_plan_node *node, const struct adp_capture *capture)
{
    if (node->type == S_IFDIR >> 12)
        return ADP_ENTRY_DIRECTORY; /* also one that could not be looked at: others lie below it */
    if (capture->skip_reason != 0)
        return ADP_ENTRY_SKIPPED;
    if ((node->flags & ADP_PLAN_LINK) != 0)
        return ADP_ENTRY_HARDLINK;
    switch (node->type) {
    case S_IFLNK >> 12:
        return ADP_ENTRY_SYMLINK;
    case S_IFIFO >> 12:
        return ADP_ENTRY_FIFO;
    default:
        return ADP_ENTRY_FILE;
    }
}

/* Sparse files may claim more than an archive can count. */
static int out_of_sums(const struct sealing *sealing, const struct adp_plan_node *node,
                       const struct adp_capture *capture)
{
    return node->type == S_IFREG >> 12 && (node->flags & ADP_PLAN_LINK) == 0 &&
           (uint64_t)capture->st.st_size > UINT64_MAX - sealing->index.content_bytes;
}

/* Extents that got no bytes (the file became shorter) are dropped; later ones keep their places. */
static void compact_extents(struct seal_entry *entry)
{
    size_t kept = 0;
    uint64_t carried = 0;

    for (size_t i = 0; i < entry->num_extents; i++) {
        struct adp_extent extent = entry->extents[i];

        extent.hole += carried;
        carried = 0;
        if (extent.len == 0)
            carried = extent.hole;
        else
            entry->extents[kept++] = extent;
    }
    entry->num_extents = kept;
}

static uint64_t size_of(const struct seal_entry *entry)
{
    uint64_t end = 0;

    for (size_t i = 0; i < entry->num_extents; i++)
        end += entry->extents[i].hole + entry->extents[i].len;
    if (entry->capture.is_short || end > (uint64_t)entry->capture.st.st_size)
        return end;
    return (uint64_t)entry->capture.st.st_size;
}

static void fill_metadata(struct adp_index_entry *out, const struct stat *st)
{
    out->mode = st->st_mode & 07777;
    out->uid = st->st_uid;
    out->gid = st->st_gid;
    out->mtime_s = st->st_mtim.tv_sec;
    out->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
    out->atime_s = st->st_atim.tv_sec;
    out->atime_ns = (uint32_t)st->st_atim.tv_nsec;
}

/* What a profile said of it. */
static void fill_class(struct adp_index_entry *out, const struct adp_plan *plan, uint32_t node)
{
    out->label = adp_plan_label(plan, node);
    if (out->label != NULL) {
        out->label_len = strlen(out->label);
        out->flags |= ADP_INDEX_FLAG_LABEL;
    }
    if ((plan->nodes[node].flags & ADP_PLAN_DERIVED) != 0)
        out->flags |= ADP_INDEX_FLAG_DERIVED;
}

/* Takes as many as an entry holds beside its paths. */
static size_t fill_xattrs(struct adp_index_xattr out[ADP_ENTRY_MAX_XATTRS],
                          const struct adp_xattrs *xattrs)
{
    size_t left = XATTRS_MAX, num = 0;

    for (; num < xattrs->num && num < ADP_ENTRY_MAX_XATTRS; num++) {
        const struct adp_xattr *xattr = &xattrs->items[num];
        size_t name_len = strlen(xattr->name), len = name_len + xattr->value_len + XATTR_LENGTHS;

        if (len > left)
            break;
        left -= len;
        out[num] = (struct adp_index_xattr){.name = (const uint8_t *)xattr->name,
                                            .name_len = name_len,
                                            .value = xattr->value,
                                            .value_len = xattr->value_len};
    }
    return num;
}

/* -- Index frames. */

static enum adp_status take_frame(struct sealing *sealing, struct adp_error *err)
{
    struct seal_blob blob;
    enum adp_status status =
        adp_codec_compress_all(&sealing->zstd, sealing->index.frame.data, sealing->index.frame.len,
                               ADP_LEVEL_DEFAULT, &blob.data, &blob.len, err);

    if (status != ADP_OK)
        return status;
    if (sealing->num_blobs == sealing->cap_blobs) {
        size_t cap = sealing->cap_blobs > 0 ? sealing->cap_blobs * 2 : 16;
        struct seal_blob *grown = realloc(sealing->blobs, cap * sizeof(*grown));

        if (grown == NULL) {
            free(blob.data);
            return adp_fail_memory(err);
        }
        sealing->blobs = grown;
        sealing->cap_blobs = cap;
    }
    sealing->blobs[sealing->num_blobs++] = blob;
    return adp_index_writer_take(&sealing->index, blob.len, err);
}

static enum adp_status emit(struct sealing *sealing, struct seal_entry *entry,
                            struct adp_error *err)
{
    struct seal_context *context = sealing->context;
    struct adp_plan_node *node = &context->plan->nodes[entry->node];
    struct adp_capture *capture = &entry->capture;
    struct adp_index_xattr xattrs[ADP_ENTRY_MAX_XATTRS];
    struct adp_index_entry out = {.path = context->path, .xattrs = xattrs};
    enum adp_status status;
    const char *below;

    out.path_len =
        (size_t)adp_plan_path(context->plan, entry->node, context->path, ADP_PATH_MAX + 1, &below);
    if (out_of_sums(sealing, node, capture)) {
        capture->skip_reason = ADP_SKIP_UNREADABLE;
        capture->skip_errno = EFBIG;
    }
    tell_capture(sealing, entry);
    out.type = type_of(node, capture);
    if (out.type == ADP_ENTRY_SKIPPED)
        node->flags |= ADP_PLAN_FAILED;
    else if (out.type == ADP_ENTRY_FILE)
        node->size = capture->st.st_ino;
    fill_metadata(&out, &capture->st);
    if (out.type == ADP_ENTRY_DIRECTORY && capture->skip_reason != 0)
        out.mode = 0700; /* nothing is known of it, but others may lie below */
    out.num_xattrs = fill_xattrs(xattrs, &capture->xattrs);
    if (out.num_xattrs < capture->xattrs.num)
        adp_tell_event(context->tell, ADP_EVENT_UNREADABLE, ADP_ERR_IO, E2BIG, context->path,
                       "has more extended attributes than a snapshot holds: some are not sealed");
    out.flags = capture->is_changed ? ADP_INDEX_FLAG_CHANGED : 0;
    fill_class(&out, context->plan, entry->node);
    out.skip_reason = capture->skip_reason;
    out.skip_errno = (uint32_t)capture->skip_errno;
    if (out.type == ADP_ENTRY_FILE) {
        compact_extents(entry);
        out.size = size_of(entry);
        out.extents = entry->extents;
        out.num_extents = entry->num_extents;
        adp_report_count(&context->report->categories[sealing->category], out.size,
                         (out.flags & ADP_INDEX_FLAG_DERIVED) != 0);
    } else if (out.type == ADP_ENTRY_SYMLINK) {
        out.target = capture->target;
        out.target_len = strlen(capture->target);
    } else if (out.type == ADP_ENTRY_HARDLINK) {
        out.target = context->target;
        out.target_len = (size_t)adp_plan_path(context->plan, node->first_name, context->target,
                                               ADP_PATH_MAX + 1, &below);
    }
    context->report->categories[sealing->category].entries++;
    status = adp_index_writer_add(&sealing->index, &out, err);
    while (status == ADP_OK && adp_index_writer_frame_full(&sealing->index))
        status = take_frame(sealing, err);
    return status;
}

/* A name of a file whose content should be in the archive, but is not: the first name failed, or
 * became another file since the walk. This name is then read like any file, and those after it may
 * point to it: names that fell out form a list by |first_name|. Returns whether it has to wait. */
static int is_orphan(struct sealing *sealing, struct seal_entry *entry)
{
    struct adp_plan_node *nodes = sealing->context->plan->nodes, *node = &nodes[entry->node];
    uint32_t first = node->first_name, last = first;

    if ((node->flags & ADP_PLAN_LINK) == 0 || entry->capture.skip_reason != 0)
        return 0;
    while (first != ADP_PLAN_NONE && ((nodes[first].flags & ADP_PLAN_FAILED) != 0 ||
                                      nodes[first].size != entry->capture.st.st_ino)) {
        last = first;
        first = nodes[first].first_name;
    }
    node->first_name = first;
    if (first != ADP_PLAN_NONE)
        return 0;
    nodes[last].first_name = entry->node;
    node->flags &= (uint8_t)~ADP_PLAN_LINK;
    entry->is_large = 1;
    entry->is_captured = 0;
    entry->next_file = sealing->grown;
    sealing->grown = entry;
    return 1;
}

void seal_emit(struct sealing *sealing)
{
    struct adp_error error = {0};

    while (sealing->first != NULL) {
        struct seal_entry *entry = sealing->first;
        enum adp_status status = ADP_OK;

        if (!entry->is_captured || entry->pending > 0 || entry->capture.fd >= 0)
            return;
        if (sealing->status == ADP_OK && is_orphan(sealing, entry))
            return;
        if (sealing->status == ADP_OK)
            status = emit(sealing, entry, &error);
        if (status != ADP_OK)
            sealing_fail(sealing, status, &error);
        sealing->first = entry->next;
        if (sealing->first == NULL)
            sealing->last = &sealing->first;
        sealing->num_entries--;
        sealing->context->tell->progress.done_entries++;
        seal_entry_free(entry);
    }
}

enum adp_status seal_finish_index(struct sealing *sealing, struct adp_error *err)
{
    struct adp_builder directory = {0};
    struct adp_trailer trailer = {.num_entries = sealing->index.num_entries,
                                  .content_bytes = sealing->index.content_bytes};
    uint8_t bytes[ADP_TRAILER_LEN], *stored = NULL;
    size_t stored_len = 0;
    enum adp_status status = ADP_OK;

    if (sealing->index.frame.len > 0)
        status = take_frame(sealing, err);
    for (size_t i = 0; status == ADP_OK && i < sealing->num_blobs; i++)
        status = adp_archive_writer_append(sealing->writer, sealing->blobs[i].data,
                                           sealing->blobs[i].len, err);
    if (status == ADP_OK)
        status = adp_index_writer_directory(&sealing->index, &directory, err);
    if (status == ADP_OK && (directory.len > ADP_DIRECTORY_PLAIN_MAX ||
                             sealing->index.num_frames > ADP_DIRECTORY_MAX_FRAMES))
        status = adp_fail(err, ADP_ERR_UNSUPPORTED, NULL,
                          "too many entries with too long paths for one archive: its directory "
                          "would have %zu MiB",
                          directory.len >> 20);
    if (status == ADP_OK)
        status = adp_codec_compress_all(&sealing->zstd, directory.data, directory.len,
                                        ADP_LEVEL_DEFAULT, &stored, &stored_len, err);
    trailer.directory_offset = adp_archive_writer_offset(sealing->writer);
    trailer.directory_stored_len = (uint32_t)stored_len;
    trailer.directory_plain_len = (uint32_t)directory.len;
    if (status == ADP_OK)
        status = adp_archive_writer_append(sealing->writer, stored, stored_len, err);
    adp_trailer_build(bytes, &trailer);
    if (status == ADP_OK)
        status = adp_archive_writer_append(sealing->writer, bytes, sizeof(bytes), err);
    free(stored);
    adp_builder_free(&directory);
    return status;
}
