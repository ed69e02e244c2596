#include "record.h"

#include "engine_test.h"

static uint8_t seed[ADP_SIGN_SEED_LEN] = {7};
static uint8_t sign_pub[ADP_SIGN_PUB_LEN];

static struct adp_record make_record(size_t num_archives)
{
    struct adp_record record = {
        .id = "20221207T120000Z-0123abcd",
        .started_ns = INT64_C(1670414400000000001),
        .finished_ns = -5,
        .keybag_generation = 9,
        .num_archives = num_archives,
    };

    et_fill(record.vault_id, ADP_ID_LEN, 1);
    et_fill(record.author, ADP_ID_LEN, 2);
    for (size_t i = 0; i < num_archives; i++) {
        struct adp_record_archive *archive = &record.archives[i];

        archive->category = (uint16_t)(i + 1);
        archive->epoch = (uint32_t)(i + 10);
        archive->size = UINT64_MAX - i;
        et_fill(archive->archive_id, ADP_ID_LEN, (unsigned)i);
        et_fill(archive->floe_header_tag, ADP_FLOE_TAG_LEN, (unsigned)i + 1);
        et_fill(archive->tags_digest, ADP_HASH_LEN, (unsigned)i + 2);
    }
    return record;
}

static struct adp_builder build(const struct adp_record *record)
{
    struct adp_builder out = {0};
    struct adp_error err = {0};

    et_expect(adp_record_build(&out, record, seed, &err), ADP_OK, &err, "build");
    return out;
}

static void check_round_trip(size_t num_archives, int is_attested)
{
    struct adp_record record = make_record(num_archives), parsed;
    struct adp_builder bytes;
    struct adp_error err = {0};

    record.is_attested = is_attested;
    for (size_t i = 0; is_attested && i < num_archives; i++)
        et_fill(record.archives[i].attestation, ADP_HASH_LEN, (unsigned)i + 3);
    bytes = build(&record);

    if (et_expect(adp_record_parse(&parsed, bytes.data, bytes.len, "r", &err), ADP_OK, &err, "r"))
        CU_ASSERT(memcmp(&parsed, &record, sizeof(record)) == 0);
    et_expect(adp_record_verify(bytes.data, bytes.len, sign_pub, "r", &err), ADP_OK, &err, "r");
    adp_builder_free(&bytes);
}

static void test_round_trips(void)
{
    for (int is_attested = 0; is_attested < 2; is_attested++) {
        check_round_trip(0, is_attested);
        check_round_trip(1, is_attested);
        check_round_trip(ADP_NUM_CATEGORIES, is_attested);
    }
}

static int is_refused(const uint8_t *data, size_t len)
{
    struct adp_record record;

    return adp_record_parse(&record, data, len, "r", NULL) != ADP_OK ||
           adp_record_verify(data, len, sign_pub, "r", NULL) != ADP_OK;
}

static void test_every_byte(void)
{
    struct adp_record record = make_record(2);
    struct adp_builder bytes;

    record.is_attested = 1;
    bytes = build(&record);
    CU_ASSERT_FALSE(is_refused(bytes.data, bytes.len));
    et_flip_each(bytes.data, bytes.len, is_refused);
    adp_builder_free(&bytes);
}

static void test_another_author(void)
{
    uint8_t other_seed[32] = {8}, other_pub[32];
    struct adp_record record = make_record(1);
    struct adp_builder bytes = build(&record);
    struct adp_error err = {0};

    adp_sign_public(other_pub, other_seed);
    et_expect(adp_record_verify(bytes.data, bytes.len, other_pub, "r", &err), ADP_ERR_SIGNATURE,
              &err, "another author");
    CU_ASSERT_STRING_EQUAL(err.path, "r");
    adp_builder_free(&bytes);
}

struct mutation {
    const char *what;
    size_t offset;
    const char *hex;
    enum adp_status expected;
};

/* Rules that hold before the signature is looked at: a record is parsed to find its author. */
static void test_mutations(void)
{
    static const struct mutation cases[] = {
        {"nothing", 0, "", ADP_OK},
        {"another magic", 0, "00", ADP_ERR_FORMAT},
        {"version 2", 8, "02", ADP_ERR_UNSUPPORTED},
        {"a length too small", 12, "00", ADP_ERR_FORMAT},
        {"flags", 16, "02", ADP_ERR_UNSUPPORTED},
        {"attested, without a digest", 16, "01", ADP_ERR_FORMAT},
        {"no digit in the id", 36, "78", ADP_ERR_FORMAT},
        {"an upper-case digit in the id", 57, "41", ADP_ERR_FORMAT},
        {"generation 0", 77, "0000000000000000", ADP_ERR_FORMAT},
        {"27 archives", 101, "1b00", ADP_ERR_FORMAT},
        {"fewer archives than bytes", 101, "0100", ADP_ERR_FORMAT},
        {"more archives than bytes", 101, "0300", ADP_ERR_FORMAT},
        {"category 0", 103, "0000", ADP_ERR_FORMAT},
        {"category 27", 103 + 94, "1b00", ADP_ERR_FORMAT},
        {"a category twice", 103 + 94, "0100", ADP_ERR_FORMAT},
        {"epoch 0", 105, "00000000", ADP_ERR_FORMAT},
    };

    for (size_t i = 0; i < NUM_OF(cases); i++) {
        struct adp_record record = make_record(2), parsed;
        struct adp_builder bytes = build(&record);
        struct adp_error err = {0};

        et_hex(bytes.data + cases[i].offset, cases[i].hex);
        et_expect(adp_record_parse(&parsed, bytes.data, bytes.len, "r", &err), cases[i].expected,
                  &err, cases[i].what);
        adp_builder_free(&bytes);
    }
}

/* What no reader would take is not published. */
static void test_build_refuses(void)
{
    struct adp_record record = make_record(1);
    struct adp_builder out = {0};

    record.id[3] = 'x';
    CU_ASSERT_EQUAL(adp_record_build(&out, &record, seed, NULL), ADP_ERR_INTERNAL);
    adp_builder_free(&out);
    record = make_record(2);
    record.archives[1].category = record.archives[0].category;
    CU_ASSERT_EQUAL(adp_record_build(&out, &record, seed, NULL), ADP_ERR_INTERNAL);
    adp_builder_free(&out);
}

static void test_ids(void)
{
    static const char *const bad[] = {
        "",
        "latest",
        "20221207T120000Z-0123abc",
        "20221207T120000Z-0123abcde",
        "20221207T120000Z-0123ABCD",
        "20221207t120000Z-0123abcd",
        "../21207T120000Z-0123abcd",
        "20221207T120000Z/0123abcd",
    };
    char a[ADP_SNAPSHOT_ID_LEN + 1], b[ADP_SNAPSHOT_ID_LEN + 1];

    adp_snapshot_id_make(a, INT64_C(1670414400999999999));
    adp_snapshot_id_make(b, INT64_C(1670414400000000000));
    CU_ASSERT(strncmp(a, "20221207T120000Z-", 17) == 0);
    CU_ASSERT(adp_snapshot_id_check(a, strlen(a)) && adp_snapshot_id_check(b, strlen(b)));
    CU_ASSERT_STRING_NOT_EQUAL(a, b); /* the same second, another lot */
    for (size_t i = 0; i < NUM_OF(bad); i++)
        CU_ASSERT_FALSE(adp_snapshot_id_check(bad[i], strlen(bad[i])));
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"round trips", test_round_trips},         {"every byte", test_every_byte},
        {"another author", test_another_author},   {"every rule", test_mutations},
        {"what is not built", test_build_refuses}, {"snapshot ids", test_ids},
    };

    adp_sign_public(sign_pub, seed);
    return adp_test_main("engine/record", cases, NUM_OF(cases));
}
