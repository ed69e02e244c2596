/* What no message that is short enough for an emulator reaches: counters and lengths with bits in
 * their high bytes. */
#include "adp_test.h"
#include "gcm_arm.h"

static int has_bytes(block x, const uint8_t expected[16])
{
    uint8_t bytes[16];

    store(bytes, x);
    return memcmp(bytes, expected, sizeof(bytes)) == 0;
}

/* SP 800-38D section 6.2: the counter is the last 32 bits, the most significant byte first. */
static void test_counter(void)
{
    static const uint8_t nonce[ADP_GCM_NONCE_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const uint8_t zero_at_end[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const uint8_t counted[16] = {1, 2,  3,  4,  5,    6,    7,    8,
                                        9, 10, 11, 12, 0xfe, 0xdc, 0xba, 0x98};

    CU_ASSERT_TRUE(has_bytes(nonce_block(nonce), zero_at_end));
    CU_ASSERT_TRUE(has_bytes(with_counter(nonce_block(nonce), 0xfedcba98), counted));
}

/* SP 800-38D section 7.1, step 5: both lengths are in bits, the additional data's comes first. */
static void test_lengths(void)
{
    static const uint8_t lengths[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf8,
                                        0,    0,    0x00, 0x7f, 0xff, 0xff, 0xff, 0x00};

    CU_ASSERT_TRUE(
        has_bytes(byte_reverse(length_block((UINT64_C(1) << 61) - 1, ADP_GCM_MAX_LEN)), lengths));
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"all 32 bits of the counter", test_counter},
        {"all 64 bits of a length", test_lengths},
    };

    return adp_test_main("AArch64's blocks", cases, sizeof(cases) / sizeof(cases[0]));
}
