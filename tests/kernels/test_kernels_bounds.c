/* No byte is read or written outside the arguments: each lies against a guard page, with its end or
 * with its beginning. Lengths that GCM forbids are refused before anything is touched, and cleaning
 * up leaves nothing. */
#include "kernel_test.h"

#include <sys/mman.h>
#include <unistd.h>

#define AREA_LEN ((size_t)16384)
#define MAX_LEN  ((size_t)9000)

enum area_name { AREA_IN, AREA_IN_TOO, AREA_OUT, AREA_AAD, AREA_NONCE, AREA_TAG, NUM_AREAS };

/* Each is AREA_LEN bytes between two pages that fault. */
static uint8_t *areas[NUM_AREAS];

static int make_areas(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < NUM_AREAS; i++) {
        uint8_t *memory =
            mmap(NULL, AREA_LEN + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED || AREA_LEN % page != 0)
            return 0;
        areas[i] = memory + page;
        if (mprotect(areas[i], AREA_LEN, PROT_READ | PROT_WRITE) != 0)
            return 0;
    }
    return 1;
}

/* at returns |len| bytes of an area: its last ones if |end|, else its first. */
static uint8_t *at(enum area_name name, size_t len, int end)
{
    return areas[name] + (end ? AREA_LEN - len : 0);
}

/* check_guarded seals and opens |len| bytes in two pieces of which one is in place, all arguments
 * against the same side. */
static void check_guarded(size_t len, size_t cut, int end)
{
    size_t aad_len = len % 130;
    const uint8_t *aad = at(AREA_AAD, aad_len, end);
    uint8_t *nonce = at(AREA_NONCE, ADP_GCM_NONCE_LEN, end);
    uint8_t *tag = at(AREA_TAG, ADP_GCM_TAG_LEN, end);
    uint8_t *out = at(AREA_OUT, len, end);
    uint8_t *first = at(AREA_IN, cut, end);
    const uint8_t *second = at(AREA_IN_TOO, len - cut, end);
    struct adp_gcm_piece pieces[] = {{first, cut}, {second, len - cut}};
    struct kt_params p;

    adp_gcm_key_init(&p.key, kt_kernel, areas[AREA_AAD]);
    KT_CHECK(adp_gcm_seal(&p.key, &p.scratch, out, tag, nonce, pieces, 2, aad, aad_len) ==
                 ADP_GCM_OK,
             "length %zu", len);
    pieces[0].data = out;
    pieces[1].data = out + cut;
    KT_CHECK(adp_gcm_open(&p.key, &p.scratch, out, nonce, pieces, 2, tag, aad, aad_len) ==
                 ADP_GCM_OK,
             "length %zu", len);
    KT_CHECK(memcmp(out, first, cut) == 0 && memcmp(out + cut, second, len - cut) == 0,
             "length %zu", len);
}

static void check_bounds(void)
{
    for (size_t len = 0; len < 600; len++) {
        check_guarded(len, 0, 0);
        check_guarded(len, len, 1);
        check_guarded(len, kt_below(len + 1), (int)kt_below(2));
    }
    for (size_t len = 600; len < MAX_LEN; len += 1 + kt_below(64))
        check_guarded(len, kt_below(len + 1), (int)kt_below(2));
}

static void test_bounds(void)
{
    CU_ASSERT_TRUE_FATAL(make_areas());
    for (size_t i = 0; i < NUM_AREAS; i++)
        kt_random_bytes(areas[i], AREA_LEN);
    kt_each_kernel(check_bounds);
}

/* check_too_long seals and opens with lengths that are refused, so that no byte of them is read. */
static void check_too_long(void)
{
    static const uint8_t key[ADP_GCM_KEY_LEN];
    uint8_t byte = 0x5a;
    uint8_t tag[ADP_GCM_TAG_LEN] = {0x5a};
    const struct adp_gcm_piece one[] = {{&byte, (size_t)ADP_GCM_MAX_LEN + 1}};
    const struct adp_gcm_piece sum[] = {{&byte, (size_t)ADP_GCM_MAX_LEN}, {&byte, 1}};
    const struct adp_gcm_piece wraps[] = {{&byte, 2}, {&byte, SIZE_MAX}};
    const struct adp_gcm_piece fine[] = {{&byte, 1}};
    const struct {
        const struct adp_gcm_piece *in;
        size_t num, aad_len;
    } tries[] = {{one, 1, 0}, {sum, 2, 0}, {wraps, 2, 0}, {fine, 1, (size_t)1 << 61}};
    struct kt_params p = {.nonce = {0}};

    adp_gcm_key_init(&p.key, kt_kernel, key);
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        KT_CHECK(adp_gcm_seal(&p.key, &p.scratch, &byte, tag, p.nonce, tries[i].in, tries[i].num,
                              &byte, tries[i].aad_len) == ADP_GCM_TOO_LONG,
                 "try %zu", i);
        KT_CHECK(adp_gcm_open(&p.key, &p.scratch, &byte, p.nonce, tries[i].in, tries[i].num, tag,
                              &byte, tries[i].aad_len) == ADP_GCM_TOO_LONG,
                 "try %zu", i);
        KT_CHECK(byte == 0x5a && tag[0] == 0x5a, "try %zu wrote", i);
    }
}

static void test_too_long(void)
{
    kt_each_kernel(check_too_long);
}

static void check_cleanup(void)
{
    static struct kt_params p;
    uint8_t bytes[ADP_GCM_KEY_LEN] = {1}, tag[ADP_GCM_TAG_LEN];

    adp_gcm_key_init(&p.key, kt_kernel, bytes);
    KT_CHECK(!kt_all(0, (const uint8_t *)&p.key, sizeof(p.key)), "key");
    kt_seal(&p, bytes, tag, bytes, sizeof(bytes));
    adp_gcm_key_cleanup(&p.key);
    adp_gcm_scratch_cleanup(&p.scratch);
    KT_CHECK(kt_all(0, (const uint8_t *)&p.key, sizeof(p.key)), "key");
    KT_CHECK(kt_all(0, (const uint8_t *)&p.scratch, sizeof(p.scratch)), "scratch");
    adp_gcm_key_cleanup(&p.key); /* all zero is a state that can be cleaned up */
}

static void test_cleanup(void)
{
    kt_each_kernel(check_cleanup);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"nothing outside the arguments is touched", test_bounds},
        {"forbidden lengths are refused", test_too_long},
        {"cleaning up leaves nothing", test_cleanup},
    };

    kt_seed();
    return adp_test_main("AES-256-GCM's bounds", cases, sizeof(cases) / sizeof(cases[0]));
}
