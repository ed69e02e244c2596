#include "bytes.h"

#include "engine_test.h"
#include "error.h"
#include "text.h"

static void test_numbers_round_trip(void)
{
    struct adp_builder builder = {0};
    struct adp_reader reader;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    int64_t i64;

    adp_build_u8(&builder, 0xfe);
    adp_build_u16(&builder, 0xfedc);
    adp_build_u32(&builder, 0xfedcba98);
    adp_build_u64(&builder, UINT64_C(0xfedcba9876543210));
    adp_build_i64(&builder, INT64_MIN);
    CU_ASSERT_FALSE_FATAL(builder.failed);
    CU_ASSERT_EQUAL(builder.len, 23);
    CU_ASSERT_EQUAL(builder.data[1], 0xdc); /* least significant byte first */
    adp_reader_init(&reader, builder.data, builder.len);
    CU_ASSERT(adp_read_u8(&reader, &u8) && u8 == 0xfe);
    CU_ASSERT(adp_read_u16(&reader, &u16) && u16 == 0xfedc);
    CU_ASSERT(adp_read_u32(&reader, &u32) && u32 == 0xfedcba98);
    CU_ASSERT(adp_read_u64(&reader, &u64) && u64 == UINT64_C(0xfedcba9876543210));
    CU_ASSERT(adp_read_i64(&reader, &i64) && i64 == INT64_MIN);
    CU_ASSERT(adp_reader_at_end(&reader));
    adp_builder_free(&builder);
}

static void test_varints_round_trip(void)
{
    static const uint64_t values[] = {0,     1,          127,        128,           16383,
                                      16384, UINT32_MAX, UINT64_MAX, UINT64_MAX / 2};
    static const int64_t signed_values[] = {0, 1, -1, 63, -64, 64, INT64_MAX, INT64_MIN};

    for (size_t i = 0; i < NUM_OF(values); i++) {
        struct adp_builder builder = {0};
        struct adp_reader reader;
        uint64_t value;

        adp_build_varint(&builder, values[i]);
        adp_reader_init(&reader, builder.data, builder.len);
        CU_ASSERT(adp_read_varint(&reader, &value, values[i]));
        CU_ASSERT_EQUAL(value, values[i]);
        CU_ASSERT(adp_reader_at_end(&reader));
        adp_builder_free(&builder);
    }
    for (size_t i = 0; i < NUM_OF(signed_values); i++) {
        struct adp_builder builder = {0};
        struct adp_reader reader;
        int64_t value;

        adp_build_svarint(&builder, signed_values[i]);
        adp_reader_init(&reader, builder.data, builder.len);
        CU_ASSERT(adp_read_svarint(&reader, &value));
        CU_ASSERT_EQUAL(value, signed_values[i]);
        adp_builder_free(&builder);
    }
}

struct bad_varint {
    const char *what;
    const char *hex;
    uint64_t max;
};

static void test_varints_refused(void)
{
    static const struct bad_varint cases[] = {
        {"nothing", "", UINT64_MAX},
        {"no last byte", "80", UINT64_MAX},
        {"not the fewest bytes", "8000", UINT64_MAX},
        {"not the fewest bytes", "ff8000", UINT64_MAX},
        {"2^64", "80808080808080808002", UINT64_MAX},
        {"eleven bytes", "8080808080808080808001", UINT64_MAX},
        {"above the limit", "0b", 10},
    };

    for (size_t i = 0; i < NUM_OF(cases); i++) {
        uint8_t data[16];
        struct adp_reader reader;
        uint64_t value = 1;

        adp_reader_init(&reader, data, et_hex(data, cases[i].hex));
        if (adp_read_varint(&reader, &value, cases[i].max))
            fprintf(stderr, "accepted: %s\n", cases[i].what);
        CU_ASSERT(reader.failed);
        CU_ASSERT_EQUAL(value, 0);
        CU_ASSERT_EQUAL(reader.pos, 0);
    }
}

static void test_failure_is_sticky(void)
{
    static const uint8_t data[] = {1, 2, 3, 4, 5};
    const uint8_t *view = data;
    uint8_t out[4] = {9, 9, 9, 9};
    struct adp_reader reader;
    uint32_t value = 7;
    uint8_t byte = 7;

    adp_reader_init(&reader, data, sizeof(data));
    CU_ASSERT(adp_read_u32(&reader, &value));
    CU_ASSERT_FALSE(adp_read_u32(&reader, &value));
    CU_ASSERT_EQUAL(value, 0);
    CU_ASSERT_EQUAL(reader.pos, 4);               /* where it failed */
    CU_ASSERT_FALSE(adp_read_u8(&reader, &byte)); /* would fit, but what came before did not */
    CU_ASSERT_EQUAL(byte, 0);
    CU_ASSERT_FALSE(adp_read_bytes(&reader, out, sizeof(out)));
    CU_ASSERT_EQUAL(out[3], 0);
    CU_ASSERT_FALSE(adp_read_view(&reader, &view, 0));
    CU_ASSERT_FALSE(adp_reader_at_end(&reader));
}

static void test_announced_lengths(void)
{
    static const uint8_t too_long[] = {4, 'a', 'b', 'c'};
    static const uint8_t right[] = {3, 'a', 'b', 'c'};
    struct adp_reader reader;
    const uint8_t *view;
    size_t len;

    adp_reader_init(&reader, right, sizeof(right));
    CU_ASSERT(adp_read_str8(&reader, &view, &len) && len == 3 && memcmp(view, "abc", 3) == 0);
    adp_reader_init(&reader, too_long, sizeof(too_long));
    CU_ASSERT_FALSE(adp_read_str8(&reader, &view, &len));
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(reader.pos, 0); /* of the field, not of its bytes */
    adp_reader_init(&reader, too_long, sizeof(too_long));
    CU_ASSERT_FALSE(adp_read_vbytes(&reader, &view, &len, 100));
    adp_reader_init(&reader, right, sizeof(right));
    CU_ASSERT_FALSE(adp_read_vbytes(&reader, &view, &len, 2));
}

static void test_zeros_and_magic(void)
{
    static const uint8_t data[] = {'M', 'A', 0, 0, 1};
    struct adp_reader reader;

    adp_reader_init(&reader, data, sizeof(data));
    CU_ASSERT(adp_read_magic(&reader, "MA", 2));
    CU_ASSERT(adp_read_zeros(&reader, 2));
    CU_ASSERT_FALSE(adp_read_zeros(&reader, 1));
    CU_ASSERT_EQUAL(reader.pos, 4);
    adp_reader_init(&reader, data, sizeof(data));
    CU_ASSERT_FALSE(adp_read_magic(&reader, "MB", 2));
    adp_reader_init(&reader, NULL, 0);
    CU_ASSERT(adp_read_zeros(&reader, 0));
    CU_ASSERT(adp_reader_at_end(&reader));
}

static void test_builder_limits(void)
{
    uint8_t room[4] = {0};
    struct adp_builder builder;

    adp_builder_init_fixed(&builder, room, 3);
    adp_build_u16(&builder, 0x0201);
    adp_build_u16(&builder, 0x0403);
    CU_ASSERT(builder.failed);
    adp_build_u8(&builder, 5); /* would fit, but what came before did not */
    CU_ASSERT_EQUAL(builder.len, 2);
    CU_ASSERT_EQUAL(room[2], 0);
    builder = (struct adp_builder){0};
    adp_build_zeros(&builder, 100000);
    adp_build_patch_u32(&builder, 99996, 0x04030201);
    CU_ASSERT(!builder.failed && builder.len == 100000 && builder.data[99999] == 4);
    adp_build_bytes(&builder, room, SIZE_MAX / 2);
    CU_ASSERT(builder.failed);
    adp_builder_wipe(&builder);
    CU_ASSERT_PTR_NULL(builder.data);
}

static void test_text(void)
{
    static const char *const good[] = {"", "laptop", "Jürgens Gerät", "日本語", "\xf0\x9f\x93\xb7"};
    static const char *const bad[] = {
        "a\nb",     "\x1b[2J",          "\x7f",         "\xff", "\xc0\xaf",         "\xed\xa0\x80",
        "\xe2\x82", "\xf4\x90\x80\x80", "\xe0\x9f\xbf", "\x80", "\xf0\x8f\xbf\xbf", "ab\xc3"};

    for (size_t i = 0; i < NUM_OF(good); i++)
        CU_ASSERT(adp_text_check(good[i], strlen(good[i])));
    for (size_t i = 0; i < NUM_OF(bad); i++) {
        if (adp_text_check(bad[i], strlen(bad[i])))
            fprintf(stderr, "accepted: case %zu\n", i);
        CU_ASSERT_FALSE(adp_text_check(bad[i], strlen(bad[i])));
    }
    CU_ASSERT_FALSE(adp_text_check("a\0b", 3));
}

static void test_errors(void)
{
    struct adp_error err = {0};

    CU_ASSERT_EQUAL(adp_fail_at(&err, ADP_ERR_FORMAT, "file", 42, "broken %d", 7), ADP_ERR_FORMAT);
    CU_ASSERT_STRING_EQUAL(err.message, "broken 7");
    CU_ASSERT_STRING_EQUAL(err.path, "file");
    CU_ASSERT(err.has_offset && err.offset == 42);
    CU_ASSERT(err.hint[0] != '\0');
    /* The path and the arguments may lie in the error itself. */
    CU_ASSERT_EQUAL(adp_fail(&err, ADP_ERR_IO, err.path, "again: %s", err.message), ADP_ERR_IO);
    CU_ASSERT_STRING_EQUAL(err.message, "again: broken 7");
    CU_ASSERT_STRING_EQUAL(err.path, "file");
    CU_ASSERT_FALSE(err.has_offset);
    CU_ASSERT_EQUAL(adp_fail_errno(&err, 28, "file", "cannot write"), ADP_ERR_IO);
    CU_ASSERT_STRING_EQUAL(err.message, "cannot write: No space left on device");
    CU_ASSERT_EQUAL(err.sys_errno, 28);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.hint, "room"));
    CU_ASSERT_EQUAL(adp_fail_errno(NULL, 12, NULL, "out"), ADP_ERR_MEMORY);
    CU_ASSERT_EQUAL(adp_error_hint(NULL, ADP_ERR_IO, "x"), ADP_ERR_IO);
}

static void test_exit_codes(void)
{
    CU_ASSERT_EQUAL(adp_status_exit_code(ADP_OK), 0);
    CU_ASSERT_EQUAL(adp_status_exit_code(ADP_ERR_IO), 1);
    CU_ASSERT_EQUAL(adp_status_exit_code(ADP_ERR_ARGUMENT), 2);
    CU_ASSERT_EQUAL(adp_status_exit_code(ADP_ERR_NO_KEY), 4);
    CU_ASSERT_EQUAL(adp_status_exit_code(ADP_ERR_PASSPHRASE), 4);
    CU_ASSERT_EQUAL(adp_status_exit_code(ADP_ERR_PARTIAL), 5);
    for (int status = ADP_ERR_FORMAT; status <= ADP_ERR_CONTENT; status++)
        CU_ASSERT_EQUAL(adp_status_exit_code((enum adp_status)status), 3);
    /* Each status has a text of its own. */
    for (int a = ADP_OK; a <= ADP_ERR_PARTIAL; a++) {
        const char *text = adp_status_string((enum adp_status)a);

        for (int b = ADP_OK; b < a && strcmp(text, "unknown status") != 0; b++)
            CU_ASSERT_STRING_NOT_EQUAL(text, adp_status_string((enum adp_status)b));
    }
    CU_ASSERT_STRING_EQUAL(adp_status_string((enum adp_status)999), "unknown status");
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"numbers round trip", test_numbers_round_trip},
        {"varints round trip", test_varints_round_trip},
        {"varints that are refused", test_varints_refused},
        {"a failure stays", test_failure_is_sticky},
        {"announced lengths", test_announced_lengths},
        {"zeros and magic", test_zeros_and_magic},
        {"a builder's limits", test_builder_limits},
        {"text for terminals", test_text},
        {"errors say what and where", test_errors},
        {"exit codes and texts", test_exit_codes},
    };

    return adp_test_main("engine/base", cases, NUM_OF(cases));
}
