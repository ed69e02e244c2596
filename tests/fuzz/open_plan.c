/* From an input to a plan: items, and the paths and contents that they stand for. */
#include "open_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "fuzz.h"

#define LONG_NAME 256

static const struct {
    const char *text;
    size_t len;
} names[] = {
#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    NAME("a"),
    NAME("b"),
    NAME("c"),
    NAME("d"),
    NAME("a-b"),
    NAME("A"),
    NAME("file.jpg"),
    NAME("canary"),
    NAME("outside"),
    NAME("target"),
    NAME(".hidden"),
    NAME(".adp-seal-0000000000000000.tmp"),
    NAME("\xff\xfe"),
    NAME("\x1b[2J\n"),
    NAME("\xe2\x80\xae"),
    {NULL, 255},
    {NULL, 254},
    /* No names: what follows breaks a rule. */
    NAME(""),
    NAME("."),
    NAME(".."),
    NAME("../canary"),
    NAME("/canary"),
    NAME("x/y"),
    NAME("x\0y"),
    NAME("a/../../canary"),
    {NULL, 256},
};

static const char *const targets[] = {
    "a", "b", "..", ".", "../canary", "../outside", "a/b", "../target/../canary",
};

uint64_t item_number(const struct item *item, unsigned field, uint64_t right)
{
    if (item == NULL || item->field != field)
        return right;
    return item->is_relative ? right + item->value : item->value;
}

void item_parse(struct item *out, const uint8_t *bytes)
{
    struct adp_reader reader;
    uint8_t flags;

    adp_reader_init(&reader, bytes, PLAN_ITEM_LEN);
    adp_read_u8(&reader, &out->kind);
    adp_read_u8(&reader, &flags);
    adp_read_u8(&reader, &out->type);
    adp_read_u8(&reader, &out->field);
    adp_read_u16(&reader, &out->name);
    adp_read_u8(&reader, &out->depth);
    adp_read_zeros(&reader, 0);
    reader.pos++;
    adp_read_u32(&reader, &out->len);
    adp_read_u32(&reader, &out->start);
    adp_read_u64(&reader, &out->value);
    out->kind %= ITEM_KINDS;
    out->archive = flags & 1;
    out->is_relative = (flags & 2) != 0;
}

void item_build(uint8_t *bytes, const struct item *item)
{
    struct adp_builder builder;

    adp_builder_init_fixed(&builder, bytes, PLAN_ITEM_LEN);
    adp_build_u8(&builder, item->kind);
    adp_build_u8(&builder, (uint8_t)(item->archive | (item->is_relative ? 2 : 0)));
    adp_build_u8(&builder, item->type);
    adp_build_u8(&builder, item->field);
    adp_build_u16(&builder, item->name);
    adp_build_u8(&builder, item->depth);
    adp_build_u8(&builder, 0);
    adp_build_u32(&builder, item->len);
    adp_build_u32(&builder, item->start);
    adp_build_u64(&builder, item->value);
}

/* -- Content. */

static uint8_t *make_plain(const struct item *item, size_t len)
{
    uint8_t *plain = malloc(len > 0 ? len : 1);
    uint32_t state = item->start | 1;

    FUZZ_CHECK(plain != NULL);
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525 + 1013904223;
        if (item->name % 4 == 0)
            plain[i] = 0;
        else
            plain[i] = item->name % 4 == 1 ? (uint8_t)(state >> 24) : (uint8_t) "text "[i % 5];
    }
    return plain;
}

static void add_frame(struct plan_archive *archive, const struct item *item, size_t *content_len)
{
    struct plan_frame *frame = &archive->frames[archive->num_frames];
    enum plan_codec codec = item->type % PLAN_CODECS;

    frame->item = item;
    frame->plain_len =
        (item->len >> 24 == PLAN_LONG ? item->len % (ADP_FRAME_MAX + 1) + 1 : item->len % 16384) +
        1;
    if (*content_len + frame->plain_len > PLAN_CONTENT_MAX)
        return;
    *content_len += frame->plain_len;
    frame->plain = make_plain(item, frame->plain_len);
    frame->stored = plan_zstd(codec, frame->plain, frame->plain_len, &frame->stored_len);
    archive->num_frames++;
}

/* The extent is right for its frame, as far as that is. */
static void add_extent(struct plan_archive *archive, const struct item *item)
{
    struct plan_entry *entry = &archive->entries[archive->num_entries - 1];
    struct plan_extent *extent = &archive->extents[archive->num_extents];
    const struct plan_frame *frame;
    uint64_t offset = 0, right;

    if (archive->num_entries == 0 || archive->num_frames == 0)
        return;
    frame = &archive->frames[item->name % archive->num_frames];
    for (const struct plan_frame *f = archive->frames; f < frame; f++)
        offset += f->stored_len;
    right = item->start % frame->plain_len;
    extent->frame = frame;
    extent->hole = item_number(item, EXTENT_HOLE, (uint64_t)item->depth << 8);
    extent->len = item_number(item, EXTENT_LEN,
                              item->len == 0 || item->len > frame->plain_len - right
                                  ? frame->plain_len - right
                                  : item->len);
    extent->archive = item_number(item, EXTENT_ARCHIVE, 0);
    extent->codec = item_number(
        item, EXTENT_CODEC,
        item_number(frame->item, FRAME_CODEC,
                    frame->item->type % PLAN_CODECS == PLAN_RAW ? ADP_CODEC_RAW : ADP_CODEC_ZSTD));
    extent->frame_offset =
        item_number(item, EXTENT_OFFSET, item_number(frame->item, FRAME_OFFSET, offset));
    extent->stored_len = item_number(item, EXTENT_STORED_LEN,
                                     item_number(frame->item, FRAME_STORED_LEN, frame->stored_len));
    extent->plain_len = item_number(item, EXTENT_PLAIN_LEN,
                                    item_number(frame->item, FRAME_PLAIN_LEN, frame->plain_len));
    extent->start = item_number(item, EXTENT_START, right);
    memset(extent->digest, 0, sizeof(extent->digest));
    if (extent->start <= frame->plain_len && extent->len <= frame->plain_len - extent->start)
        adp_codec_digest(extent->digest, frame->plain + extent->start, extent->len);
    extent->digest[0] ^= (uint8_t)item_number(item, EXTENT_DIGEST, 0);
    archive->num_extents++;
    entry->num_extents++;
}

uint8_t *plan_content(const struct plan_archive *archive, size_t number, size_t max,
                      size_t *out_len)
{
    const struct plan_entry *entry = &archive->entries[number];
    size_t len = entry->size < max ? (size_t)entry->size : max;
    uint8_t *content = calloc(1, len + 1);
    uint64_t at = 0;

    FUZZ_CHECK(content != NULL);
    do {
        for (size_t i = 0; i < entry->num_extents; i++) {
            const struct plan_extent *extent = &archive->extents[entry->first_extent + i];

            if (extent->start > extent->frame->plain_len ||
                extent->len > extent->frame->plain_len - extent->start) {
                free(content);
                return NULL;
            }
            at += extent->hole;
            for (uint64_t k = 0; k < extent->len && at + k < len; k++)
                content[at + k] = extent->frame->plain[extent->start + k];
            at += extent->len;
        }
        entry++;
    } while (++number < archive->num_entries && entry->item->type == ADP_INDEX_CONTINUATION);
    *out_len = len;
    return content;
}

/* -- Paths. */

static char *name_of(const struct item *item, size_t *out_len)
{
    size_t at = item->name % NUM_OF(names);
    char *name = malloc(LONG_NAME);

    FUZZ_CHECK(name != NULL);
    *out_len = names[at].len;
    if (names[at].text != NULL)
        memcpy(name, names[at].text, *out_len);
    else
        memset(name, 'n', *out_len);
    return name;
}

/* The first |depth| components of the path before, and a name. */
static void make_path(struct plan_entry *entry, const struct plan_entry *before,
                      const struct item *item)
{
    size_t kept = 0, name_len;
    char *name;

    for (unsigned i = 0; before != NULL && i < item->depth && kept < before->path_len; i++) {
        const char *slash = memchr(before->path + kept, '/', before->path_len - kept);

        kept = slash != NULL ? (size_t)(slash - before->path) + 1 : before->path_len + 1;
    }
    if (before != NULL && item->type == ADP_INDEX_CONTINUATION)
        kept = before->path_len + 1;
    name = name_of(item, &name_len);
    entry->path = malloc(kept + name_len + 1);
    FUZZ_CHECK(entry->path != NULL);
    if (kept > 0) {
        memcpy(entry->path, before->path, kept - 1);
        entry->path[kept - 1] = '/';
    }
    memcpy(entry->path + kept, name, name_len);
    entry->path_len = kept + name_len;
    if (item->type == ADP_INDEX_CONTINUATION && before != NULL)
        entry->path_len = before->path_len;
    entry->path[entry->path_len] = '\0';
    free(name);
}

static void make_target(const struct plan *plan, struct plan_entry *entry, const char *base)
{
    const struct item *item = entry->item;
    const struct plan_archive *archive =
        &plan->archives[item->start & 0x100 ? !item->archive : item->archive];
    size_t num = archive->num_entries;
    char text[4200];

    if (item->type == ADP_ENTRY_HARDLINK && num > 0 && (item->start & 0x200) == 0) {
        const struct plan_entry *other = &archive->entries[item->start % num];

        entry->target = malloc(other->path_len + 1);
        FUZZ_CHECK(entry->target != NULL);
        memcpy(entry->target, other->path, other->path_len + 1);
        entry->target_len = other->path_len;
        return;
    }
    snprintf(text, sizeof(text), "%s", targets[item->start % NUM_OF(targets)]);
    if (item->start % 16 == 15)
        snprintf(text, sizeof(text), "%s/%s", base, item->start & 16 ? "outside" : "canary");
    if (item->len >= 4090 && item->len <= 4100) {
        memset(text, 't', item->len);
        text[item->len] = '\0';
    }
    entry->target = strdup(text);
    FUZZ_CHECK(entry->target != NULL);
    entry->target_len = strlen(text);
}

/* -- Entries. */

static void add_entry(struct plan_archive *archive, const struct item *item)
{
    struct plan_entry *entry = &archive->entries[archive->num_entries];

    entry->item = item;
    entry->number = archive->num_entries;
    make_path(entry, archive->num_entries > 0 ? entry - 1 : NULL, item);
    entry->flags = item_number(item, ENTRY_FLAGS, item->len >> 28 & 6);
    entry->mode = item_number(item, ENTRY_MODE, item->type == ADP_ENTRY_DIRECTORY ? 0755 : 0644);
    entry->uid = item_number(item, ENTRY_UID, 1000);
    entry->gid = item_number(item, ENTRY_GID, 1000);
    entry->mtime_ns = item_number(item, ENTRY_MTIME_NS, 123456789);
    entry->atime_ns = item_number(item, ENTRY_ATIME_NS, 1);
    entry->first_extent = archive->num_extents;
    entry->first_xattr = archive->num_xattrs;
    archive->num_entries++;
}

static void add_to_entry(struct plan_archive *archive, const struct item *item)
{
    if (archive->num_entries == 0)
        return;
    if (item->kind == ITEM_EXTENT)
        add_extent(archive, item);
    else if (item->kind == ITEM_CUT)
        archive->entries[archive->num_entries - 1].cut = item;
    else {
        archive->xattrs[archive->num_xattrs++] = item;
        archive->entries[archive->num_entries - 1].num_xattrs++;
    }
}

static void add_item(struct plan_archive *archive, const struct item *item, size_t *content_len)
{
    archive->is_there = 1;
    switch (item->kind) {
    case ITEM_FRAME:
        add_frame(archive, item, content_len);
        break;
    case ITEM_ENTRY:
        add_entry(archive, item);
        break;
    case ITEM_DIRECTORY:
        archive->directory = item;
        break;
    case ITEM_TRAILER:
        archive->trailer = item;
        break;
    case ITEM_HEADER:
        archive->header = item;
        break;
    case ITEM_RECORD:
        archive->record = item;
        break;
    case ITEM_DAMAGE:
        break;
    default:
        add_to_entry(archive, item);
    }
}

static int compare_entries(const void *a, const void *b)
{
    const struct plan_entry *x = a, *y = b;
    int order = adp_path_compare(x->path, x->path_len, y->path, y->path_len);

    return order != 0 ? order : x->number < y->number ? -1 : 1;
}

static void drop_entry(struct plan_entry *entry)
{
    free(entry->path);
    free(entry->target);
}

static int has_parent(const struct plan_archive *archive, size_t kept,
                      const struct plan_entry *entry)
{
    const char *slash = memrchr(entry->path, '/', entry->path_len);
    size_t len = slash != NULL ? (size_t)(slash - entry->path) : 0;

    for (size_t i = 0; slash != NULL && i < kept; i++) {
        const struct plan_entry *other = &archive->entries[i];

        if (other->item->type == ADP_ENTRY_DIRECTORY && other->path_len == len &&
            memcmp(other->path, entry->path, len) == 0)
            return 1;
    }
    return slash == NULL;
}

/* Orders the entries, without those that cannot stand where they are. */
static void sort_entries(struct plan_archive *archive)
{
    size_t kept = 0;

    if (archive->num_entries > 1)
        qsort(archive->entries, archive->num_entries, sizeof(*archive->entries), compare_entries);
    for (size_t i = 0; i < archive->num_entries; i++) {
        struct plan_entry *entry = &archive->entries[i];
        struct plan_entry *last = kept > 0 ? &archive->entries[kept - 1] : NULL;
        int is_same = last != NULL && last->path_len == entry->path_len &&
                      memcmp(last->path, entry->path, entry->path_len) == 0;
        int is_more = entry->item->type == ADP_INDEX_CONTINUATION;

        if (is_more ? is_same && (last->item->type == ADP_ENTRY_FILE ||
                                  last->item->type == ADP_INDEX_CONTINUATION)
                    : !is_same && has_parent(archive, kept, entry))
            archive->entries[kept++] = *entry;
        else
            drop_entry(entry);
    }
    archive->num_entries = kept;
}

/* A file is as long as its extents, and those of its continuations, and a hole behind them. */
static void set_sizes(struct plan_archive *archive)
{
    struct plan_entry *file = NULL;

    for (size_t i = 0; i < archive->num_entries; i++) {
        struct plan_entry *entry = &archive->entries[i];

        if (entry->item->type != ADP_INDEX_CONTINUATION) {
            file = entry;
            entry->size = entry->item->len & 0xff;
        }
        for (size_t k = 0; file != NULL && k < entry->num_extents; k++) {
            const struct plan_extent *extent = &archive->extents[entry->first_extent + k];

            file->size += extent->hole + extent->len;
        }
    }
    for (size_t i = 0; i < archive->num_entries; i++)
        archive->entries[i].size =
            item_number(archive->entries[i].item, ENTRY_SIZE, archive->entries[i].size);
}

struct plan *plan_make(const uint8_t *data, size_t len, const char *base)
{
    size_t content_len = 0;
    struct plan *plan;

    if (len < PLAN_HEAD_LEN + PLAN_ITEM_LEN)
        return NULL;
    plan = calloc(1, sizeof(*plan));
    FUZZ_CHECK(plan != NULL);
    plan->options = data[0];
    plan->num_items = (len - PLAN_HEAD_LEN) / PLAN_ITEM_LEN;
    if (plan->num_items > PLAN_MAX_ITEMS)
        plan->num_items = PLAN_MAX_ITEMS;
    for (size_t i = 0; i < plan->num_items; i++)
        item_parse(&plan->items[i], data + PLAN_HEAD_LEN + i * PLAN_ITEM_LEN);
    /* Frames first, so that what comes of an item does not depend on where they stand. */
    for (size_t i = 0; i < plan->num_items; i++) {
        if (plan->items[i].kind == ITEM_FRAME)
            add_item(&plan->archives[plan->items[i].archive], &plan->items[i], &content_len);
    }
    for (size_t i = 0; i < plan->num_items; i++) {
        if (plan->items[i].kind != ITEM_FRAME)
            add_item(&plan->archives[plan->items[i].archive], &plan->items[i], &content_len);
    }
    for (size_t i = 0; i < PLAN_NUM_ARCHIVES; i++) {
        if ((plan->options & PLAN_UNSORTED) == 0)
            sort_entries(&plan->archives[i]);
        set_sizes(&plan->archives[i]);
    }
    for (size_t i = 0; i < PLAN_NUM_ARCHIVES; i++) {
        for (size_t k = 0; k < plan->archives[i].num_entries; k++)
            make_target(plan, &plan->archives[i].entries[k], base);
    }
    return plan;
}

int plan_is_exact(const struct plan *plan)
{
    for (size_t i = 0; i < plan->num_items; i++) {
        const struct item *item = &plan->items[i];

        if (item->kind == ITEM_XATTR && item->field != 0)
            return 0;
        if ((item->kind == ITEM_CUT || item->kind == ITEM_DIRECTORY) &&
            item->type % PLAN_CODECS == PLAN_ZSTD_CHANGED)
            return 0; /* which may decompress to something else */
        if (item->kind == ITEM_ENTRY &&
            (item->field == ENTRY_SHARED || item->field == ENTRY_SUFFIX_LEN ||
             item->field == ENTRY_LABEL_LEN || item->field == ENTRY_NUM_XATTRS ||
             item->field == ENTRY_NUM_EXTENTS || item->field == ENTRY_BODY_LEN))
            return 0;
    }
    return 1;
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; plan != NULL && i < PLAN_NUM_ARCHIVES; i++) {
        struct plan_archive *archive = &plan->archives[i];

        for (size_t k = 0; k < archive->num_frames; k++) {
            free(archive->frames[k].plain);
            free(archive->frames[k].stored);
        }
        for (size_t k = 0; k < archive->num_entries; k++)
            drop_entry(&archive->entries[k]);
    }
    free(plan);
}
