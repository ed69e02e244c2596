/* Every check of docs/FORMAT.md sections 7.2 and 7.3, broken once. */
#include "bytes.h"
#include "engine_test.h"
#include "index.h"

#define INDEX_START 1000
#define MAX_ENTRIES 4

/* clang-format off */

/* Pieces of an entry's body, in hex. */
#define START(type) type "00" "00" /* flags, shared */
#define PATH_A      "0161"
#define PATH_B      "0162"
#define PATH_C      "0163"
#define META        "00" "00" "00" "00" "00" "00" "00" /* mode, uid, gid, mtime, atime */
#define NO_XATTRS   "00"
#define DIGEST      "00112233445566778899aabbccddeeff"
#define FILE_A      START("01") PATH_A META NO_XATTRS
#define DIR_A       START("02") PATH_A META NO_XATTRS

/* hole, length, archive, codec, frame offset, stored, plain, start */
#define EXTENT         "00" "0a" "00" "00" "00" "0a" "0a" "00" DIGEST
#define EXTENT_OF(hex) hex DIGEST

/* clang-format on */

struct entries_case {
    const char *what;
    const char *why; /* it is refused; NULL if it is not */
    const char *bodies[MAX_ENTRIES];
};

/* clang-format off */
static const struct entries_case entries_cases[] = {
    {"an empty file", NULL, {FILE_A "00" "00"}},
    {"a file of one extent", NULL, {FILE_A "0a" "01" EXTENT}},
    {"a hole at the end", NULL, {FILE_A "64" "01" EXTENT}},
    {"a directory and a file in it", NULL,
     {DIR_A, "01" "00" "01" "022f62" META NO_XATTRS "00" "00"}},
    {"the mark of a change", NULL, {"01" "01" "00" PATH_A META NO_XATTRS "00" "00"}},
    {"nothing", "a field does not fit", {""}},
    {"type 0", "an entry's type is unknown", {START("00") PATH_A META NO_XATTRS}},
    {"type 8", "an entry's type is unknown", {START("08") PATH_A META NO_XATTRS}},
    {"unknown flags", "an entry has unknown flags",
     {"01" "08" "00" PATH_A META NO_XATTRS "00" "00"}},
    {"a derived file", NULL, {"01" "04" "00" PATH_A META NO_XATTRS "00" "00"}},
    {"a label", NULL, {"01" "02" "00" PATH_A "026263" META NO_XATTRS "00" "00"}},
    {"a directory with a label", NULL, {"02" "06" "00" PATH_A "02c3a9" META NO_XATTRS}},
    {"a label of 0 bytes", "an entry's label is not valid",
     {"01" "02" "00" PATH_A "00" META NO_XATTRS "00" "00"}},
    {"a label above 4096 bytes", "a field does not fit",
     {"01" "02" "00" PATH_A "8120" META NO_XATTRS "00" "00"}},
    {"a label with a control byte", "an entry's label is not valid",
     {"01" "02" "00" PATH_A "02611b" META NO_XATTRS "00" "00"}},
    {"a label that is not UTF-8", "an entry's label is not valid",
     {"01" "02" "00" PATH_A "01e9" META NO_XATTRS "00" "00"}},
    {"a continuation with a label", "an entry has unknown flags",
     {FILE_A "14" "01" EXTENT, "07" "02" "01" "00" "0161" "01" EXTENT}},
    {"a derived continuation", "an entry has unknown flags",
     {FILE_A "14" "01" EXTENT, "07" "04" "01" "00" "01" EXTENT}},
    {"shared bytes in the first entry", "a field does not fit",
     {"01" "00" "01" "00" META NO_XATTRS "00" "00"}},
    {"more shared bytes than there are", "a field does not fit",
     {FILE_A "00" "00", "01" "00" "02" PATH_B META NO_XATTRS "00" "00"}},
    {"an empty path", "paths do not ascend", {START("01") "00" META NO_XATTRS "00" "00"}},
    {"a path with ..", "an entry's path is not valid",
     {DIR_A, "01" "00" "01" "032f2e2e" META NO_XATTRS "00" "00"}},
    {"a path with a zero", "an entry's path is not valid",
     {"01" "00" "00" "02" "6100" META NO_XATTRS "00" "00"}},
    {"another path than the directory's", "a frame begins with another path than it should",
     {START("01") PATH_B META NO_XATTRS "00" "00"}},
    {"the same path twice", "paths do not ascend", {FILE_A "00" "00", FILE_A "00" "00"}},
    {"paths that descend", "paths do not ascend",
     {FILE_A "00" "00", START("01") PATH_C META NO_XATTRS "00" "00",
      START("01") PATH_B META NO_XATTRS "00" "00"}},
    {"a parent that is missing", "an entry's parent is no directory of the index",
     {FILE_A "00" "00", START("01") "03622f63" META NO_XATTRS "00" "00"}},
    {"a parent that is a file", "an entry's parent is no directory of the index",
     {FILE_A "00" "00", "01" "00" "01" "022f62" META NO_XATTRS "00" "00"}},
    {"a parent that only begins alike", "an entry's parent is no directory of the index",
     {DIR_A, START("01") "04" "61622f63" META NO_XATTRS "00" "00"}},
    {"a grandparent without a parent", "an entry's parent is no directory of the index",
     {DIR_A, "01" "00" "01" "04" "2f622f63" META NO_XATTRS "00" "00"}},
    {"mode 010000", "a field does not fit",
     {START("02") PATH_A "8020" "00" "00" "00" "00" "00" "00" NO_XATTRS}},
    {"uid 2^32", "a field does not fit",
     {START("02") PATH_A "00" "8080808010" "00" "00" "00" "00" "00" NO_XATTRS}},
    {"gid 2^32", "a field does not fit",
     {START("02") PATH_A "00" "00" "8080808010" "00" "00" "00" "00" NO_XATTRS}},
    {"10^9 nanoseconds", "a field does not fit",
     {START("02") PATH_A "00" "00" "00" "00" "8094ebdc03" "00" "00" NO_XATTRS}},
    {"10^9 nanoseconds of atime", "a field does not fit",
     {START("02") PATH_A "00" "00" "00" "00" "00" "00" "8094ebdc03" NO_XATTRS}},
    {"a number that is not the shortest", "a field does not fit",
     {START("02") PATH_A "8000" "00" "00" "00" "00" "00" "00" NO_XATTRS}},
    {"an extended attribute", NULL, {START("02") PATH_A META "01" "0161" "0162"}},
    {"1025 extended attributes", "a field does not fit", {START("02") PATH_A META "8108"}},
    {"more extended attributes than bytes", "more extended attributes than there is room for",
     {START("02") PATH_A META "02" "0161" "00"}},
    {"an extended attribute without a name", "an extended attribute's name is not valid",
     {START("02") PATH_A META "01" "00" "0161"}},
    {"a zero in an extended attribute's name", "an extended attribute's name is not valid",
     {START("02") PATH_A META "01" "0100" "00"}},
    {"an extended attribute twice", "extended attributes do not ascend",
     {START("02") PATH_A META "02" "0161" "00" "0161" "00"}},
    {"extended attributes that descend", "extended attributes do not ascend",
     {START("02") PATH_A META "02" "0162" "00" "0161" "00"}},
    {"an extended attribute's value past the end", "a field does not fit",
     {START("02") PATH_A META "01" "0161" "02"}},
    {"bytes after the last field", "bytes follow an entry's last field", {DIR_A "00"}},
    {"size 2^63", "a field does not fit", {FILE_A "80808080808080808001" "00"}},
    {"a file without its extents", "a field does not fit", {FILE_A "00"}},
    {"4097 extents", "a field does not fit", {FILE_A "00" "8120"}},
    {"more extents than bytes", "more extents than there is room for", {FILE_A "14" "02" EXTENT}},
    {"extents beyond the size", "extents are more than their file", {FILE_A "09" "01" EXTENT}},
    {"a hole beyond the size", "extents are more than their file",
     {FILE_A "0a" "01" EXTENT_OF("01" "0a" "00" "00" "00" "0a" "0a" "00")}},
    {"holes and extents beyond the size", "extents are more than their file",
     {FILE_A "18" "02" EXTENT_OF("05" "0a" "00" "00" "00" "0a" "0a" "00") EXTENT}},
    {"a hole of 2^63 - 1", "extents are more than their file",
     {FILE_A "ffffffffffffffff7f" "01" EXTENT_OF("ffffffffffffffff7f" "0a0000000a0a00")}},
    {"an empty extent", "an extent or its frame is empty",
     {FILE_A "0a" "01" EXTENT_OF("00" "00" "00" "00" "00" "0a" "0a" "00")}},
    {"an extent above 4 MiB", "a field does not fit",
     {FILE_A "81808002" "01" EXTENT_OF("00" "81808002" "00" "00" "00" "0a" "0a" "00")}},
    {"another archive", "a field does not fit",
     {FILE_A "0a" "01" EXTENT_OF("00" "0a" "01" "00" "00" "0a" "0a" "00")}},
    {"codec 2", "an extent's codec is unknown",
     {FILE_A "0a" "01" EXTENT_OF("00" "0a" "00" "02" "00" "0a" "0a" "00")}},
    {"an empty frame", "an extent or its frame is empty",
     {FILE_A "0a" "01" EXTENT_OF("00" "0a" "00" "01" "00" "00" "0a" "00")}},
    {"an empty plain frame", "an extent or its frame is empty",
     {FILE_A "0a" "01" EXTENT_OF("00" "0a" "00" "01" "00" "0a" "00" "00")}},
    {"a raw frame of two lengths", "a raw frame has two lengths",
     {FILE_A "0a" "01" EXTENT_OF("00" "0a" "00" "00" "00" "0b" "0a" "00")}},
    {"a frame that ends where the index begins", NULL,
     {FILE_A "0a" "01" EXTENT_OF("00" "0a" "00" "00" "de07" "0a" "0a" "00")}},
    {"a frame that reaches into the index", "a frame reaches into the index",
     {FILE_A "0a" "01" EXTENT_OF("00" "0a" "00" "00" "df07" "0a" "0a" "00")}},
    {"a frame at 2^64 - 1", "a frame reaches into the index",
     {FILE_A "0a" "01" EXTENT_OF("00" "0a" "00" "00" "ffffffffffffffffff01" "0a" "0a" "00")}},
    {"an extent past its frame", "an extent reaches past its frame",
     {FILE_A "0a" "01" EXTENT_OF("00" "0a" "00" "00" "00" "0a" "0a" "01")}},
    {"an extent that begins past its frame", "an extent reaches past its frame",
     {FILE_A "0a" "01" EXTENT_OF("00" "0a" "00" "00" "00" "0a" "0a" "0b")}},
    {"two extents of one frame", NULL, {FILE_A "14" "02" EXTENT EXTENT}},
    {"two extents that disagree on their frame", "two extents disagree on their frame",
     {FILE_A "14" "02" EXTENT EXTENT_OF("00" "0a" "00" "01" "00" "0a" "0a" "00")}},
    {"a symbolic link", NULL, {START("03") PATH_A META NO_XATTRS "022e2e"}},
    {"a symbolic link to nothing", "a link's target is not valid",
     {START("03") PATH_A META NO_XATTRS "00"}},
    {"a symbolic link with a zero", "a link's target is not valid",
     {START("03") PATH_A META NO_XATTRS "0100"}},
    {"a hard link", NULL, {FILE_A "00" "00", START("05") PATH_B META NO_XATTRS PATH_A}},
    {"a hard link to a later entry", "a hard link stands before its target",
     {FILE_A "00" "00", START("05") PATH_B META NO_XATTRS PATH_C}},
    {"a hard link to itself", "a hard link stands before its target",
     {FILE_A "00" "00", START("05") PATH_B META NO_XATTRS PATH_B}},
    {"a hard link to no path", "a hard link's target is no path",
     {FILE_A "00" "00", START("05") PATH_B META NO_XATTRS "022e2e"}},
    {"a skipped entry", NULL, {START("06") PATH_A META NO_XATTRS "01" "00"}},
    {"a skipped entry without reason", "the reason of a skipped entry is unknown",
     {START("06") PATH_A META NO_XATTRS "00" "00"}},
    {"a skipped entry of reason 7", "the reason of a skipped entry is unknown",
     {START("06") PATH_A META NO_XATTRS "07" "00"}},
    {"a continuation", NULL, {FILE_A "14" "01" EXTENT, "07" "00" "01" "00" "01" EXTENT}},
    {"two continuations", NULL,
     {FILE_A "1e" "01" EXTENT, "07" "00" "01" "00" "01" EXTENT, "07" "00" "01" "00" "01" EXTENT}},
    {"a continuation beyond the size", "extents are more than their file",
     {FILE_A "13" "01" EXTENT, "07" "00" "01" "00" "01" EXTENT}},
    {"a continuation first of all", "a continuation follows no file", {START("07") PATH_A "00"}},
    {"a continuation of a directory", "a continuation follows no file",
     {DIR_A, "07" "00" "01" "00" "00"}},
    {"a continuation of another path", "a continuation follows no file",
     {FILE_A "0a" "00", START("07") PATH_B "01" EXTENT}},
};
/* clang-format on */

/* Builds the frame of |bodies| and returns the number of entries. */
static size_t build_frame(struct adp_builder *out, const char *const *bodies)
{
    uint8_t body[512];
    size_t num = 0;

    for (; num < MAX_ENTRIES && bodies[num] != NULL; num++)
        adp_build_vbytes(out, body, et_hex(body, bodies[num]));
    return num;
}

/* Reads the frame |data| to its end. */
static enum adp_status read_frame(const struct adp_index_frame *frame, const uint8_t *data,
                                  size_t len, struct adp_error *err)
{
    const struct adp_index_entry *entry = NULL;
    struct adp_index_cursor *cursor = NULL;
    enum adp_status status;

    CU_ASSERT_EQUAL_FATAL(adp_index_cursor_new(&cursor, INDEX_START, 1, "archive", NULL), ADP_OK);
    status = adp_index_cursor_feed(cursor, frame, data, len, err);
    while (status == ADP_OK) {
        status = adp_index_cursor_next(cursor, &entry, err);
        if (entry == NULL || status != ADP_OK)
            break;
    }
    adp_index_cursor_free(cursor);
    return status;
}

static void test_entries(void)
{
    for (size_t i = 0; i < NUM_OF(entries_cases); i++) {
        const struct entries_case *c = &entries_cases[i];
        struct adp_index_frame frame = {.offset = INDEX_START, .first_path = "a"};
        struct adp_builder data = {0};
        struct adp_error err = {0};

        frame.first_path_len = 1;
        frame.num_entries = build_frame(&data, c->bodies);
        frame.plain_len = frame.stored_len = (uint32_t)data.len;
        et_expect(read_frame(&frame, data.data, data.len, &err),
                  c->why == NULL ? ADP_OK : ADP_ERR_FORMAT, &err, c->what);
        if (c->why != NULL && strstr(err.message, c->why) == NULL) {
            fprintf(stderr, "%s: refused for another reason: %s\n", c->what, err.message);
            CU_FAIL("refused for another reason");
        }
        adp_builder_free(&data);
    }
}

/* What the directory says of a frame must hold. */
static void test_frame_and_directory(void)
{
    static const char *const bodies[MAX_ENTRIES] = {DIR_A, START("02") PATH_B META NO_XATTRS};
    struct adp_index_frame frame = {.first_path = "a", .first_path_len = 1, .num_entries = 2};
    struct adp_builder data = {0};
    struct adp_error err = {0};

    build_frame(&data, bodies);
    frame.plain_len = (uint32_t)data.len;
    et_expect(read_frame(&frame, data.data, data.len, &err), ADP_OK, &err, "as it is");
    frame.num_entries = 1;
    et_expect(read_frame(&frame, data.data, data.len, &err), ADP_ERR_FORMAT, &err, "more entries");
    frame.num_entries = 3;
    et_expect(read_frame(&frame, data.data, data.len, &err), ADP_ERR_FORMAT, &err, "fewer entries");
    frame.num_entries = 2;
    frame.plain_len++;
    et_expect(read_frame(&frame, data.data, data.len, &err), ADP_ERR_FORMAT, &err,
              "another length");
    frame.plain_len = (uint32_t)data.len - 1;
    et_expect(read_frame(&frame, data.data, data.len - 1, &err), ADP_ERR_FORMAT, &err,
              "a cut frame");
    adp_builder_free(&data);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"entries", test_entries},
        {"frames and what the directory says", test_frame_and_directory},
    };

    return adp_test_main("engine/index_rules", cases, NUM_OF(cases));
}
