/* Directory and trailer: every check of docs/FORMAT.md section 7 before 7.1, broken once. */
#include "engine_test.h"
#include "index.h"

#define PATH_A "0161"
#define PATH_B "0162"

/* -- Directory --------------------------------------------------------------------------------- */

#define DIRECTORY_OFFSET 2000

struct directory_case {
    const char *what;
    int is_good;
    uint64_t num_entries; /* of the trailer */
    const char *hex;
};

/* One frame's line: stored length, plain length, entries, first path. */
/* clang-format off */
static const struct directory_case directory_cases[] = {
    {"no frame", 1, 0, "01" "00"},
    {"a frame", 1, 3, "01" "01" "0a" "0b" "03" PATH_A},
    {"fewer entries than lines, by continuations", 1, 2, "01" "01" "0a" "0b" "03" PATH_A},
    {"two frames", 1, 4, "01" "02" "0a" "0b" "03" PATH_A "0a" "0b" "01" PATH_B},
    {"two frames of one path", 1, 3, "01" "02" "0a" "0b" "03" PATH_A "0a" "0b" "01" PATH_A},
    {"a frame from the first byte on", 1, 1, "01" "01" "d00f" "0b" "01" PATH_A},
    {"no archive", 0, 0, "00" "00"},
    {"two archives", 0, 0, "02" "00"},
    {"more frames than bytes", 0, 3, "01" "02" "0a" "0b" "03" PATH_A},
    {"2^64 - 1 frames", 0, 3, "01" "ffffffffffffffffff01" "0a" "0b" "03" PATH_A},
    {"bytes left over", 0, 3, "01" "01" "0a" "0b" "03" PATH_A "00"},
    {"an empty frame", 0, 3, "01" "01" "00" "0b" "03" PATH_A},
    {"an empty plain frame", 0, 3, "01" "01" "0a" "00" "03" PATH_A},
    {"a stored frame above 1 MiB", 0, 3, "01" "01" "818040" "0b" "03" PATH_A},
    {"a plain frame above 1 MiB", 0, 3, "01" "01" "0a" "818040" "03" PATH_A},
    {"a frame without entries", 0, 0, "01" "01" "0a" "0b" "00" PATH_A},
    {"a first path that is none", 0, 3, "01" "01" "0a" "0b" "03" "022e2e"},
    {"first paths that descend", 0, 4, "01" "02" "0a" "0b" "03" PATH_B "0a" "0b" "01" PATH_A},
    {"frames that begin before the stream", 0, 1, "01" "01" "d10f" "0b" "01" PATH_A},
    {"fewer entries than the trailer says", 0, 4, "01" "01" "0a" "0b" "03" PATH_A},
    {"entries where the trailer has none", 0, 0, "01" "01" "0a" "0b" "03" PATH_A},
};
/* clang-format on */

static void test_directory(void)
{
    for (size_t i = 0; i < NUM_OF(directory_cases); i++) {
        const struct directory_case *c = &directory_cases[i];
        struct adp_directory directory = {0};
        struct adp_trailer trailer = {.directory_offset = DIRECTORY_OFFSET};
        struct adp_error err = {0};
        uint8_t data[64];
        size_t len = et_hex(data, c->hex);

        trailer.directory_plain_len = (uint32_t)len;
        trailer.num_entries = c->num_entries;
        et_expect(adp_directory_parse(&directory, data, len, &trailer, "a", &err),
                  c->is_good ? ADP_OK : ADP_ERR_FORMAT, &err, c->what);
        if (c->is_good && directory.num_frames == 2)
            CU_ASSERT(directory.frames[0].offset == 1980 && directory.frames[1].offset == 1990);
        adp_directory_free(&directory);
    }
}

/* -- Trailer ----------------------------------------------------------------------------------- */

struct trailer_case {
    const char *what;
    size_t offset;
    const char *hex;
    enum adp_status expected;
};

static const struct trailer_case trailer_cases[] = {
    {"nothing", 0, "", ADP_OK},
    {"another magic", 0, "00", ADP_ERR_FORMAT},
    {"version 2", 8, "02", ADP_ERR_UNSUPPORTED},
    {"flags", 12, "01", ADP_ERR_UNSUPPORTED},
    {"a directory elsewhere", 16, "01", ADP_ERR_FORMAT},
    {"a directory past the end", 16, "ffffffffffffffff", ADP_ERR_FORMAT},
    {"a directory a byte longer", 24, "65", ADP_ERR_FORMAT},
    {"a plain directory of 0", 28, "00000000", ADP_ERR_FORMAT},
    {"a plain directory of 256 MiB", 28, "00000010", ADP_OK},
    {"a plain directory above 256 MiB", 28, "01000010", ADP_ERR_FORMAT},
    {"reserved", 48, "01", ADP_ERR_FORMAT},
    {"reserved", 63, "01", ADP_ERR_FORMAT},
};

/* As many frames as there may be, of one byte each, and one more. */
static void test_many_frames(void)
{
    static const uint8_t line[] = {1, 1, 1, 1, 'a'};

    for (uint64_t more = 0; more < 2; more++) {
        const uint64_t num = ADP_DIRECTORY_MAX_FRAMES + more;
        struct adp_trailer trailer = {.directory_offset = num, .num_entries = num};
        struct adp_directory directory = {0};
        struct adp_builder data = {0};
        struct adp_error err = {0};

        adp_build_varint(&data, 1);
        adp_build_varint(&data, num);
        for (uint64_t i = 0; i < num; i++)
            adp_build_bytes(&data, line, sizeof(line));
        trailer.directory_plain_len = (uint32_t)data.len;
        et_expect(adp_directory_parse(&directory, data.data, data.len, &trailer, "a", &err),
                  more == 0 ? ADP_OK : ADP_ERR_FORMAT, &err, "many frames");
        CU_ASSERT_EQUAL(directory.num_frames, more == 0 ? num : 0);
        adp_directory_free(&directory);
        adp_builder_free(&data);
    }
}

static void test_trailer(void)
{
    struct adp_trailer trailer = {DIRECTORY_OFFSET, 100, 200, 3, 4}, parsed = {0};
    uint64_t len = DIRECTORY_OFFSET + 100 + ADP_TRAILER_LEN;
    uint8_t data[ADP_TRAILER_LEN];
    struct adp_error err = {0};

    for (size_t i = 0; i < NUM_OF(trailer_cases); i++) {
        const struct trailer_case *c = &trailer_cases[i];

        adp_trailer_build(data, &trailer);
        et_hex(data + c->offset, c->hex);
        et_expect(adp_trailer_parse(&parsed, data, len, "a", &err), c->expected, &err, c->what);
    }
    adp_trailer_build(data, &trailer);
    CU_ASSERT_EQUAL(adp_trailer_parse(&parsed, data, len, "a", NULL), ADP_OK);
    CU_ASSERT(memcmp(&parsed, &trailer, sizeof(trailer)) == 0);
    CU_ASSERT_EQUAL(adp_trailer_parse(&parsed, data, len + 1, "a", NULL), ADP_ERR_FORMAT);
    CU_ASSERT_EQUAL(adp_trailer_parse(&parsed, data, ADP_TRAILER_LEN - 1, "a", NULL),
                    ADP_ERR_FORMAT);
    trailer = (struct adp_trailer){0, (64u << 20) + 1, 1, 0, 0};
    adp_trailer_build(data, &trailer);
    CU_ASSERT_EQUAL(adp_trailer_parse(&parsed, data, (64u << 20) + 1 + ADP_TRAILER_LEN, "a", NULL),
                    ADP_ERR_FORMAT);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"directory", test_directory},
        {"as many frames as there may be", test_many_frames},
        {"trailer", test_trailer},
    };

    return adp_test_main("engine/directory", cases, NUM_OF(cases));
}
