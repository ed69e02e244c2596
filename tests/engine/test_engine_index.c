/* The index: what the writer writes, the cursor reads. Its rules: test_engine_index_rules.c. */
#include "index_test.h"

static struct it_index index_;

static struct adp_index_cursor *cursor_new(int check_parents)
{
    struct adp_index_cursor *cursor = NULL;

    CU_ASSERT_EQUAL_FATAL(
        adp_index_cursor_new(&cursor, index_.directory.index_start, check_parents, "archive", NULL),
        ADP_OK);
    return cursor;
}

/* -- Every type -------------------------------------------------------------------------------- */

static const struct adp_index_xattr xattrs[] = {
    {(const uint8_t *)"user.a", 6, (const uint8_t *)"", 0},
    {(const uint8_t *)"user.ab", 7, (const uint8_t *)"\0\xff", 2},
};

static const struct adp_extent extents[] = {
    {.hole = 4096,
     .len = 10,
     .codec = ADP_CODEC_RAW,
     .frame_offset = 0,
     .stored_len = 10,
     .plain_len = 10,
     .digest = {1, 2, 3}},
    {.len = 1u << 22,
     .codec = ADP_CODEC_ZSTD,
     .frame_offset = 10,
     .stored_len = 99,
     .plain_len = 1u << 22,
     .digest = {0xff}},
    {.hole = 1,
     .len = 1,
     .codec = ADP_CODEC_ZSTD,
     .frame_offset = 10,
     .stored_len = 99,
     .plain_len = 1u << 22,
     .start = (1u << 22) - 1},
};

static const struct adp_index_entry every_type[] = {
    {.type = ADP_ENTRY_DIRECTORY,
     .path = "d",
     .mode = 07777,
     .uid = UINT32_MAX,
     .gid = 1,
     .mtime_s = INT64_MIN,
     .mtime_ns = 999999999,
     .atime_s = INT64_MAX},
    {.type = ADP_ENTRY_FILE,
     .path = "d/empty",
     .flags = ADP_INDEX_FLAG_LABEL | ADP_INDEX_FLAG_DERIVED,
     .label = "Domain/Library/caf\u00e9",
     .mode = 0644},
    {.type = ADP_ENTRY_FILE,
     .path = "d/file",
     .flags = ADP_INDEX_FLAG_CHANGED,
     .mode = 0600,
     .mtime_s = -1,
     .atime_ns = 1,
     .xattrs = xattrs,
     .num_xattrs = 2,
     .size = UINT64_C(1) << 40,
     .extents = extents,
     .num_extents = 3},
    {.type = ADP_ENTRY_HARDLINK, .path = "d/link", .target = "d/file"},
    {.type = ADP_ENTRY_FIFO, .path = "e", .mode = 0622},
    {.type = ADP_ENTRY_SKIPPED, .path = "f", .skip_reason = ADP_SKIP_UNREADABLE, .skip_errno = 13},
    {.type = ADP_ENTRY_SYMLINK, .path = "g", .mode = 0777, .target = "../../etc/passwd"},
};

static void expect_xattrs(const struct adp_index_entry *a, const struct adp_index_entry *b)
{
    CU_ASSERT_EQUAL_FATAL(a->num_xattrs, b->num_xattrs);
    for (size_t i = 0; i < a->num_xattrs; i++) {
        const struct adp_index_xattr *x = &a->xattrs[i], *y = &b->xattrs[i];

        CU_ASSERT(x->name_len == y->name_len && memcmp(x->name, y->name, x->name_len) == 0);
        CU_ASSERT(x->value_len == y->value_len && memcmp(x->value, y->value, x->value_len) == 0);
    }
}

static void expect_extents(const struct adp_extent *a, const struct adp_extent *b, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        CU_ASSERT_EQUAL(a[i].hole, b[i].hole);
        CU_ASSERT_EQUAL(a[i].len, b[i].len);
        CU_ASSERT_EQUAL(a[i].codec, b[i].codec);
        CU_ASSERT_EQUAL(a[i].frame_offset, b[i].frame_offset);
        CU_ASSERT_EQUAL(a[i].stored_len, b[i].stored_len);
        CU_ASSERT_EQUAL(a[i].plain_len, b[i].plain_len);
        CU_ASSERT_EQUAL(a[i].start, b[i].start);
        CU_ASSERT(memcmp(a[i].digest, b[i].digest, ADP_DIGEST_LEN) == 0);
    }
}

static void expect_entry(const struct adp_index_entry *read, const struct adp_index_entry *written)
{
    CU_ASSERT_EQUAL(read->type, written->type);
    CU_ASSERT_EQUAL(read->flags, written->flags);
    CU_ASSERT_STRING_EQUAL(read->path, written->path);
    CU_ASSERT_EQUAL(read->path_len, strlen(written->path));
    CU_ASSERT(read->mode == written->mode && read->uid == written->uid &&
              read->gid == written->gid);
    CU_ASSERT(read->mtime_s == written->mtime_s && read->mtime_ns == written->mtime_ns);
    CU_ASSERT(read->atime_s == written->atime_s && read->atime_ns == written->atime_ns);
    CU_ASSERT_EQUAL(read->size, written->size);
    CU_ASSERT_EQUAL(read->skip_reason, written->skip_reason);
    CU_ASSERT_EQUAL(read->skip_errno, written->skip_errno);
    CU_ASSERT_EQUAL(read->label == NULL, written->label == NULL);
    if (written->label != NULL)
        CU_ASSERT_STRING_EQUAL(read->label, written->label);
    if (written->target != NULL)
        CU_ASSERT_STRING_EQUAL(read->target, written->target);
    expect_xattrs(read, written);
    CU_ASSERT_EQUAL_FATAL(read->num_extents, written->num_extents);
    expect_extents(read->extents, written->extents, written->num_extents);
}

static void test_every_type(void)
{
    const struct adp_index_entry *entry = NULL;
    struct adp_index_cursor *cursor;
    struct adp_error err = {0};

    for (size_t i = 0; i < NUM_OF(every_type); i++) {
        struct adp_index_entry copy = every_type[i];

        copy.path_len = strlen(copy.path);
        copy.label_len = copy.label != NULL ? strlen(copy.label) : 0;
        copy.target_len = copy.target != NULL ? strlen(copy.target) : 0;
        it_add(&index_, &copy);
    }
    it_finish(&index_);
    CU_ASSERT_EQUAL(index_.trailer.num_entries, NUM_OF(every_type));
    CU_ASSERT_EQUAL(index_.trailer.content_bytes, UINT64_C(1) << 40);
    cursor = cursor_new(1);
    CU_ASSERT_EQUAL_FATAL(it_feed(&index_, cursor, 0, NULL), ADP_OK);
    for (size_t i = 0; i < NUM_OF(every_type); i++) {
        et_expect(adp_index_cursor_next(cursor, &entry, &err), ADP_OK, &err, every_type[i].path);
        CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
        expect_entry(entry, &every_type[i]);
    }
    CU_ASSERT_EQUAL(adp_index_cursor_next(cursor, &entry, NULL), ADP_OK);
    CU_ASSERT_PTR_NULL(entry);
    et_expect(adp_index_cursor_finish(cursor, &index_.trailer, &err), ADP_OK, &err, "finish");
    index_.trailer.content_bytes++;
    et_expect(adp_index_cursor_finish(cursor, &index_.trailer, &err), ADP_ERR_FORMAT, &err, "sum");
    index_.trailer.num_entries++;
    et_expect(adp_index_cursor_finish(cursor, &index_.trailer, &err), ADP_ERR_FORMAT, &err, "sum");
    adp_index_cursor_free(cursor);
    it_free(&index_);
}

/* -- Many frames ------------------------------------------------------------------------------- */

#define NUM_DIRS  40
#define NUM_FILES 200

static void many_path(char out[64], unsigned dir, unsigned file)
{
    if (file == 0)
        snprintf(out, 64, "photos-of-a-long-year-%03u", dir);
    else
        snprintf(out, 64, "photos-of-a-long-year-%03u/IMG_%05u.jpeg", dir, file);
}

static void make_many(void)
{
    char path[64];

    for (unsigned dir = 0; dir < NUM_DIRS; dir++) {
        for (unsigned file = 0; file <= NUM_FILES; file++) {
            many_path(path, dir, file);
            it_add_plain(&index_, file == 0 ? ADP_ENTRY_DIRECTORY : ADP_ENTRY_FILE, path);
        }
    }
    it_finish(&index_);
    CU_ASSERT_FATAL(index_.directory.num_frames > 2);
}

static void test_many_frames(void)
{
    struct adp_index_cursor *cursor;
    const struct adp_index_entry *entry;
    struct adp_error err = {0};
    size_t num = 0;
    char path[64];

    make_many();
    cursor = cursor_new(1);
    for (size_t i = 0; i < index_.directory.num_frames; i++) {
        CU_ASSERT_EQUAL_FATAL(it_feed(&index_, cursor, i, NULL), ADP_OK);
        while (et_expect(adp_index_cursor_next(cursor, &entry, &err), ADP_OK, &err, "next") &&
               entry != NULL) {
            many_path(path, num / (NUM_FILES + 1), num % (NUM_FILES + 1));
            CU_ASSERT_STRING_EQUAL(entry->path, path);
            num++;
        }
    }
    CU_ASSERT_EQUAL(num, NUM_DIRS * (NUM_FILES + 1));
    et_expect(adp_index_cursor_finish(cursor, &index_.trailer, &err), ADP_OK, &err, "finish");
    adp_index_cursor_free(cursor);
    it_free(&index_);
}

/* Whether |path| is met when reading begins where adp_directory_find says. */
static int can_find(const char *path)
{
    size_t at = adp_directory_find(&index_.directory, path, strlen(path));
    struct adp_index_cursor *cursor = cursor_new(0);
    const struct adp_index_entry *entry = NULL;
    int found = 0;

    /* The path is in this frame, or is the first of the next. */
    for (size_t i = at; i < index_.directory.num_frames && i < at + 2 && !found; i++) {
        CU_ASSERT_EQUAL_FATAL(it_feed(&index_, cursor, i, NULL), ADP_OK);
        while (!found && adp_index_cursor_next(cursor, &entry, NULL) == ADP_OK && entry != NULL)
            found = strcmp(entry->path, path) == 0;
    }
    adp_index_cursor_free(cursor);
    return found;
}

static void test_find(void)
{
    char path[64];

    make_many();
    for (unsigned i = 0; i < NUM_DIRS * (NUM_FILES + 1); i += 37) {
        many_path(path, i / (NUM_FILES + 1), i % (NUM_FILES + 1));
        CU_ASSERT(can_find(path));
    }
    for (size_t i = 0; i < index_.directory.num_frames; i++)
        CU_ASSERT(can_find(index_.directory.frames[i].first_path));
    CU_ASSERT_FALSE(can_find("photos-of-a-long-year-000/IMG_00000.jpeg"));
    CU_ASSERT_EQUAL(adp_directory_find(&index_.directory, "a", 1), 0);
    CU_ASSERT_EQUAL(adp_directory_find(&index_.directory, "z", 1), index_.directory.num_frames - 1);
    it_free(&index_);
}

static void test_empty(void)
{
    struct adp_index_cursor *cursor;

    it_finish(&index_);
    CU_ASSERT_EQUAL(index_.directory.num_frames, 0);
    CU_ASSERT_EQUAL(adp_directory_find(&index_.directory, "a", 1), 0);
    cursor = cursor_new(1);
    CU_ASSERT_EQUAL(adp_index_cursor_finish(cursor, &index_.trailer, NULL), ADP_OK);
    adp_index_cursor_free(cursor);
    it_free(&index_);
}

/* -- Continuations ----------------------------------------------------------------------------- */

#define NUM_EXTENTS 50000

/* A file whose extents fill many frames, between two others. */
static struct adp_extent *make_large(void)
{
    struct adp_extent *large = calloc(NUM_EXTENTS, sizeof(*large));
    struct adp_index_entry entry = {.type = ADP_ENTRY_FILE,
                                    .path = "large",
                                    .path_len = 5,
                                    .size = NUM_EXTENTS,
                                    .num_extents = NUM_EXTENTS};

    CU_ASSERT_PTR_NOT_NULL_FATAL(large);
    for (size_t i = 0; i < NUM_EXTENTS; i++) {
        large[i] = (struct adp_extent){
            .len = 1, .codec = ADP_CODEC_RAW, .frame_offset = i, .stored_len = 1, .plain_len = 1};
        large[i].digest[0] = (uint8_t)i;
    }
    entry.extents = large;
    it_add_plain(&index_, ADP_ENTRY_FILE, "before");
    it_add(&index_, &entry);
    it_add_plain(&index_, ADP_ENTRY_FILE, "small");
    it_finish(&index_);
    return large;
}

static void test_continuations(void)
{
    struct adp_extent *large = make_large();
    struct adp_index_cursor *cursor = cursor_new(1);
    const struct adp_index_entry *entry;
    struct adp_error err = {0};
    size_t num = 0, entries = 0;

    CU_ASSERT_EQUAL(index_.trailer.num_entries, 3);
    CU_ASSERT_FATAL(index_.directory.num_frames > 3);
    for (size_t i = 0; i < index_.directory.num_frames; i++) {
        CU_ASSERT_EQUAL_FATAL(it_feed(&index_, cursor, i, NULL), ADP_OK);
        while (et_expect(adp_index_cursor_next(cursor, &entry, &err), ADP_OK, &err, "next") &&
               entry != NULL) {
            entries++;
            if (strcmp(entry->path, "large") != 0)
                continue;
            CU_ASSERT_EQUAL(entry->type == ADP_ENTRY_FILE, num == 0);
            CU_ASSERT_FATAL(num + entry->num_extents <= NUM_EXTENTS);
            expect_extents(entry->extents, large + num, entry->num_extents);
            num += entry->num_extents;
        }
    }
    CU_ASSERT_EQUAL(num, NUM_EXTENTS);
    CU_ASSERT(entries > 3);
    et_expect(adp_index_cursor_finish(cursor, &index_.trailer, &err), ADP_OK, &err, "finish");
    adp_index_cursor_free(cursor);
    /* Whoever looks for the file begins at its first entry, not at a continuation. */
    CU_ASSERT_EQUAL(adp_directory_find(&index_.directory, "large", 5), 0);
    CU_ASSERT(can_find("small"));
    free(large);
    it_free(&index_);
}

/* Frames may be left out by a reader that looks for one path. */
static void test_gaps(void)
{
    struct adp_extent *large = make_large();
    struct adp_index_cursor *cursor = cursor_new(0);
    size_t last = index_.directory.num_frames - 1;
    const struct adp_index_entry *entry = NULL;
    struct adp_error err = {0};

    CU_ASSERT_EQUAL_FATAL(it_feed(&index_, cursor, 0, NULL), ADP_OK);
    et_expect(adp_index_cursor_next(cursor, &entry, &err), ADP_OK, &err, "first");
    CU_ASSERT_EQUAL_FATAL(it_feed(&index_, cursor, last - 1, NULL), ADP_OK);
    et_expect(adp_index_cursor_next(cursor, &entry, &err), ADP_OK, &err, "after a gap");
    CU_ASSERT(entry != NULL && entry->type == ADP_INDEX_CONTINUATION);
    adp_index_cursor_free(cursor);
    /* Where every frame is read, none may be missing. */
    cursor = cursor_new(1);
    CU_ASSERT_EQUAL_FATAL(it_feed(&index_, cursor, last - 1, NULL), ADP_OK);
    et_expect(adp_index_cursor_next(cursor, &entry, &err), ADP_ERR_FORMAT, &err, "no beginning");
    adp_index_cursor_free(cursor);
    free(large);
    it_free(&index_);
}

/* -- What the writer refuses ------------------------------------------------------------------- */

static void expect_not_added(const struct adp_index_entry *entry)
{
    struct adp_error err = {0};

    et_expect(adp_index_writer_add(&index_.writer, entry, &err), ADP_ERR_INTERNAL, &err, "add");
}

static void test_writer_refuses(void)
{
    static uint8_t value[ADP_XATTR_MAX];
    static struct adp_index_xattr many[9];
    struct adp_index_entry entry = {.type = ADP_ENTRY_FILE, .path = "b", .path_len = 1};

    it_add(&index_, &entry);
    expect_not_added(&entry); /* twice */
    entry.path = "a";
    expect_not_added(&entry); /* out of order */
    entry.path = "..";
    entry.path_len = 2;
    expect_not_added(&entry);
    for (size_t i = 0; i < NUM_OF(many); i++)
        many[i] =
            (struct adp_index_xattr){(const uint8_t *)"123456789" + i, 1, value, sizeof(value)};
    entry = (struct adp_index_entry){.type = ADP_ENTRY_FILE,
                                     .path = "c",
                                     .path_len = 1,
                                     .xattrs = many,
                                     .num_xattrs = NUM_OF(many)};
    expect_not_added(&entry); /* larger than an entry may be */
    it_free(&index_);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"every type", test_every_type},
        {"many frames", test_many_frames},
        {"finding a path", test_find},
        {"an empty index", test_empty},
        {"continuations over frames", test_continuations},
        {"frames left out", test_gaps},
        {"what the writer refuses", test_writer_refuses},
    };

    return adp_test_main("engine/index", cases, NUM_OF(cases));
}
