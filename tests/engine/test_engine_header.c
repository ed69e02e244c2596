#include "header.h"

#include "engine_test.h"

static uint8_t block[ADP_HEADER_MAX];

/* A header with |num_slots| slots, built into |block|. */
static struct adp_header make_header(size_t num_slots)
{
    static const uint8_t floe_params[10] = {0, 0, 0, 4, 0, 0, 0, 0, 0, 32}; /* 256 KiB, 32 */
    struct adp_header header = {
        .header_len = num_slots > 40 ? 2 * ADP_HEADER_BLOCK : ADP_HEADER_BLOCK,
        .category = 17,
        .epoch = 3,
        .num_slots = num_slots,
    };
    struct adp_error err = {0};

    et_fill(header.vault_id, sizeof(header.vault_id), 1);
    et_fill(header.archive_id, sizeof(header.archive_id), 2);
    et_fill(header.floe_header, sizeof(header.floe_header), 3);
    memcpy(header.floe_header, floe_params, sizeof(floe_params));
    for (size_t i = 0; i < num_slots; i++) {
        header.slots[i].key_epoch = (uint32_t)i + 1;
        et_fill((uint8_t *)&header.slots[i].wrap, sizeof(header.slots[i].wrap), (unsigned)i);
    }
    et_expect(adp_header_build(block, &header, &err), ADP_OK, &err, "build");
    return header;
}

static void seal_block(size_t header_len)
{
    adp_sha256(block + header_len - ADP_HASH_LEN, block, header_len - ADP_HASH_LEN);
}

static void check_round_trip(size_t num_slots)
{
    struct adp_header header = make_header(num_slots), parsed;
    uint8_t fixed[ADP_HEADER_FIXED_LEN];
    struct adp_error err = {0};

    if (!et_expect(adp_header_parse(&parsed, block, header.header_len, "a.adps", &err), ADP_OK,
                   &err, "parse"))
        return;
    CU_ASSERT(memcmp(parsed.vault_id, header.vault_id, ADP_ID_LEN) == 0);
    CU_ASSERT(memcmp(parsed.archive_id, header.archive_id, ADP_ID_LEN) == 0);
    CU_ASSERT(parsed.category == 17 && parsed.epoch == 3);
    CU_ASSERT_EQUAL(parsed.enc_seg_len, 262144);
    CU_ASSERT_EQUAL_FATAL(parsed.num_slots, num_slots);
    for (size_t i = 0; i < num_slots; i++) {
        CU_ASSERT_EQUAL(parsed.slots[i].key_epoch, i + 1);
        CU_ASSERT(memcmp(&parsed.slots[i].wrap, &header.slots[i].wrap, sizeof(struct adp_wrap)) ==
                  0);
    }
    /* The fixed part is what stands at the beginning, and what FLOE takes as aad. */
    adp_header_fixed(fixed, &parsed);
    CU_ASSERT(memcmp(fixed, block, sizeof(fixed)) == 0);
    /* More of the file than its header does no harm. */
    CU_ASSERT_EQUAL(adp_header_parse(&parsed, block, ADP_HEADER_MAX, "a.adps", NULL), ADP_OK);
}

static void test_round_trips(void)
{
    check_round_trip(1);
    check_round_trip(40);
    check_round_trip(ADP_HEADER_MAX_SLOTS);
}

static int is_refused(const uint8_t *data, size_t len)
{
    struct adp_header header;
    struct adp_error err = {0};

    return adp_header_parse(&header, data, len, "a.adps", &err) != ADP_OK && err.has_offset &&
           strcmp(err.path, "a.adps") == 0 && err.hint[0] != '\0';
}

static void test_every_byte(void)
{
    struct adp_header header = make_header(2);

    et_flip_each(block, header.header_len, is_refused);
}

struct mutation {
    const char *what;
    size_t offset;
    const char *hex; /* what stands there instead; the checksum is made right again */
    enum adp_status expected;
};

static void test_mutations(void)
{
    static const struct mutation cases[] = {
        {"nothing but the checksum", 200, "", ADP_OK},
        {"another magic", 0, "00", ADP_ERR_FORMAT},
        {"version 0", 8, "00000000", ADP_ERR_UNSUPPORTED},
        {"version 2", 8, "02000000", ADP_ERR_UNSUPPORTED},
        {"header length 0", 12, "00000000", ADP_ERR_FORMAT},
        {"header length 5000", 12, "88130000", ADP_ERR_FORMAT},
        {"header length 69632", 12, "00100100", ADP_ERR_FORMAT},
        {"category 0", 48, "0000", ADP_ERR_FORMAT},
        {"category 27", 48, "1b00", ADP_ERR_FORMAT},
        {"reserved", 50, "0100", ADP_ERR_FORMAT},
        {"epoch 0", 52, "00000000", ADP_ERR_FORMAT},
        {"reserved", 63, "01", ADP_ERR_FORMAT},
        {"another AEAD", 64, "01", ADP_ERR_FORMAT},
        {"another KDF", 65, "01", ADP_ERR_FORMAT},
        {"segments of 0", 66, "00000000", ADP_ERR_FORMAT},
        {"segments of 5000", 66, "00001388", ADP_ERR_FORMAT},
        {"segments of 8 MiB", 66, "00800000", ADP_ERR_FORMAT},
        {"another IV length", 70, "0000000c", ADP_ERR_FORMAT},
        {"no slots", 138, "0000", ADP_ERR_FORMAT},
        {"fewer slots than bytes", 138, "0100", ADP_ERR_FORMAT},
        {"more slots than bytes", 138, "0300", ADP_ERR_FORMAT},
        {"65 slots", 138, "4100", ADP_ERR_FORMAT},
        {"slots longer than the header", 140, "00100000", ADP_ERR_FORMAT},
        {"slots of 2^32 - 1", 140, "ffffffff", ADP_ERR_FORMAT},
        {"slots a byte longer", 140, "b1000000", ADP_ERR_FORMAT},
        {"a slot of another length", 146, "5300", ADP_ERR_FORMAT},
        {"an unknown slot", 144, "0200", ADP_OK},
        {"an unknown slot past the end", 144, "0200ffff", ADP_ERR_FORMAT},
        {"padding", 144 + 176, "01", ADP_ERR_FORMAT},
        {"padding", 4096 - 33, "01", ADP_ERR_FORMAT},
    };

    for (size_t i = 0; i < NUM_OF(cases); i++) {
        struct adp_header parsed;
        struct adp_error err = {0};

        make_header(2);
        et_hex(block + cases[i].offset, cases[i].hex);
        seal_block(ADP_HEADER_BLOCK);
        et_expect(adp_header_parse(&parsed, block, sizeof(block), "a.adps", &err),
                  cases[i].expected, &err, cases[i].what);
    }
}

/* Readers pass over slots that they do not know: later versions may add kinds. */
static void test_unknown_slots_are_passed_over(void)
{
    struct adp_header parsed;

    make_header(3);
    et_hex(block + 144 + 88, "7700"); /* the second's type */
    seal_block(ADP_HEADER_BLOCK);
    CU_ASSERT_EQUAL_FATAL(adp_header_parse(&parsed, block, ADP_HEADER_BLOCK, NULL, NULL), ADP_OK);
    CU_ASSERT_EQUAL(parsed.num_slots, 2);
    CU_ASSERT_EQUAL(parsed.num_unknown, 1);
    CU_ASSERT(parsed.slots[0].key_epoch == 1 && parsed.slots[1].key_epoch == 3);
}

static void test_statuses(void)
{
    struct adp_header header = make_header(1), parsed;
    struct adp_error err = {0};

    block[300] ^= 1;
    et_expect(adp_header_parse(&parsed, block, sizeof(block), NULL, &err), ADP_ERR_CHECKSUM, &err,
              "damage");
    block[300] ^= 1;
    et_expect(adp_header_parse(&parsed, block, header.header_len - 1, NULL, &err),
              ADP_ERR_TRUNCATED, &err, "a cut header");
    et_expect(adp_header_parse(&parsed, block, 8, NULL, &err), ADP_ERR_TRUNCATED, &err,
              "a cut header");
    header.num_slots = ADP_HEADER_MAX_SLOTS; /* more than 4096 bytes hold */
    et_expect(adp_header_build(block, &header, &err), ADP_ERR_INTERNAL, &err, "too many slots");
}

static void test_slot_info(void)
{
    uint8_t fixed[ADP_HEADER_FIXED_LEN], a[128], b[128];

    et_fill(fixed, sizeof(fixed), 1);
    CU_ASSERT_EQUAL(adp_slot_info(a, fixed, 1), 23 + 64 + 4);
    CU_ASSERT(memcmp(a, "adp-seal/1 archive key\0", 23) == 0);
    CU_ASSERT(memcmp(a + 23, fixed, sizeof(fixed)) == 0);
    CU_ASSERT(memcmp(a + 87, "\1\0\0\0", 4) == 0);
    adp_slot_info(b, fixed, 2);
    CU_ASSERT(memcmp(a, b, 91) != 0);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"round trips", test_round_trips}, {"every byte", test_every_byte},
        {"every rule", test_mutations},    {"unknown slots", test_unknown_slots_are_passed_over},
        {"statuses", test_statuses},       {"info of a slot", test_slot_info},
    };

    return adp_test_main("engine/header", cases, NUM_OF(cases));
}
