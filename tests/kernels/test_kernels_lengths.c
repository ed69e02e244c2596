/* Lengths of messages and of additional data, and the block counter's way through them.
 *
 * With a nonce of 12 bytes the counter begins at 1, for the tag, and the first block of data has 2.
 * GCM's limit of 2^36 - 32 bytes is 2^32 - 2 blocks: the last has 2^32 - 1, so that the counter
 * never wraps to 0. What can go wrong is a carry out of its low 8, 16 or 24 bits, on which kernels'
 * caches and vector additions rest. */
#include "message_check.h"

#include <sys/mman.h>

#define WINDOW 256 /* counters that share all but the low byte */

static void check_short(void)
{
    for (size_t len = 0; len <= 1100; len++) {
        message_next(len, kt_below(65));
        message_check(len);
    }
}

/* check_windows ends a message at every block of the first four windows of counters, and anywhere
 * within that block. */
static void check_windows(void)
{
    for (size_t blocks = 0; blocks <= 4 * WINDOW + 64; blocks += kt_stride(16)) {
        size_t len = 16 * blocks + kt_below(16);

        message_next(16 * blocks, 0);
        message_check(16 * blocks);
        message_next(len, kt_below(65));
        message_check(len);
    }
}

/* check_powers goes around powers of two, as far as steps of every kernel are long. */
static void check_powers(void)
{
    static const size_t beside[] = {0, 1, 2, 15, 16, 17, 33, 128, 257, 512};
    size_t max = kt_quick() ? (size_t)64 << 10 : (size_t)4 << 20;

    for (size_t power = 1024; power <= max; power *= 2) {
        for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
            message_next(power - beside[i], kt_below(65));
            message_check(power - beside[i]);
            message_next(power + beside[i], kt_below(65));
            message_check(power + beside[i]);
        }
    }
}

/* check_carry has messages that end shortly before and after the block whose counter is |carry|. */
static void check_carry(size_t carry, size_t num_around)
{
    size_t blocks = carry - 2; /* before that one */

    for (size_t i = blocks - num_around; i <= blocks + num_around; i += kt_stride(num_around)) {
        size_t len = 16 * i + kt_below(17);

        message_next(len, kt_below(65));
        message_check(len);
    }
}

static void check_carries(void)
{
    check_carry(0x100, 70);
    check_carry(0x200, 70);
    check_carry(0x10000, 33);
    check_carry(0x20000, 1);
}

static int is_zero(const uint8_t *data, size_t len)
{
    return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* check_carry_24 passes 256 MiB of zeros to and fro between the kernel and a peer, in place: what
 * one seals the other must open. */
static void check_carry_24(void)
{
    static struct kt_params p;
    static const uint8_t key[ADP_GCM_KEY_LEN] = {24};
    const struct peer_message msg = {key, p.nonce, NULL, 0};
    size_t len = ((size_t)256 << 20) + 1000;
    uint8_t tag[ADP_GCM_TAG_LEN];
    uint8_t *data;

    if (kt_quick())
        return;
    data = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_PTR_NOT_EQUAL_FATAL(data, MAP_FAILED);
    adp_gcm_key_init(&p.key, kt_kernel, key);
    KT_CHECK(kt_seal(&p, data, tag, data, len) == ADP_GCM_OK, "seal");
    KT_CHECK(peer_at(0)->open(&msg, data, tag, data, len), "the peer does not open it");
    KT_CHECK(is_zero(data, len), "the peer opens something else");
    peer_at(0)->seal(&msg, data, tag, data, len);
    KT_CHECK(kt_open(&p, data, tag, data, len) == ADP_GCM_OK, "open");
    KT_CHECK(is_zero(data, len), "open");
    munmap(data, len);
}

static void check_aad(void)
{
    static const size_t longer[] = {2047, 2048, 4095,  4096,  4097,           5001,
                                    8200, 9999, 16385, 65537, MESSAGE_MAX_AAD};

    for (size_t aad_len = 0; aad_len <= 1100; aad_len += kt_stride(20)) {
        size_t len = kt_below(600);

        message_next(len, aad_len);
        message_check(len);
    }
    for (size_t len = 0; len <= 1024; len += 32) {
        for (size_t aad_len = 0; aad_len <= 64; aad_len += kt_stride(40)) {
            message_next(len, aad_len);
            message_check(len);
        }
    }
    for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++) {
        size_t len = kt_below(5000);

        message_next(len, longer[i]);
        message_check(len);
    }
}

KT_EACH_KERNEL(short)
KT_EACH_KERNEL(windows)
KT_EACH_KERNEL(powers)
KT_EACH_KERNEL(carries)
KT_EACH_KERNEL(carry_24)
KT_EACH_KERNEL(aad)

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"every short length", test_short},
        {"every place in a window of counters", test_windows},
        {"powers of two and their neighbours", test_powers},
        {"carries out of the counter's low 8 and 16 bits", test_carries},
        {"the carry out of the counter's low 24 bits", test_carry_24},
        {"additional data", test_aad},
    };

    return message_main("AES-256-GCM, lengths", cases, sizeof(cases) / sizeof(cases[0]));
}
