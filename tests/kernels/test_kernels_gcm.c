/* Every kernel against BoringSSL's AEAD interface: lengths, additional data, alignments, in place,
 * scattered, tampered. With nonces of 96 bits the block counter starts at 1 and ends below 2^32, so
 * that it cannot wrap; the windows of 256 counters that kernels cache are crossed from 4 KiB on. */
#include "kernel_test.h"

#include <openssl/aead.h>
#include <pthread.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define SANITIZED 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define SANITIZED 1
#    endif
#endif
#ifdef SANITIZED
#    define MAX_LEN ((size_t)64 << 10)
#else
#    define MAX_LEN ((size_t)1 << 20)
#endif
#define MAX_SHORT 1100
#define MAX_AAD   70000
#define SLACK     64 /* on each side of an output, to move it and to see writes beside it */
#define FILL      0xa5

static uint8_t plaintext[MAX_LEN + SLACK], work_memory[MAX_LEN + 2 * SLACK];
static uint8_t expected[MAX_LEN + 16], aad_bytes[MAX_AAD];
static uint8_t expected_tag[ADP_GCM_TAG_LEN];
static struct kt_params params;
static EVP_AEAD_CTX *oracle;

/* next_message draws key, nonce, plaintext and additional data, and has BoringSSL seal them. */
static void next_message(size_t len, size_t aad_len)
{
    uint8_t key[ADP_GCM_KEY_LEN];
    size_t tag_len;

    kt_random_bytes(key, sizeof(key));
    kt_random_bytes(params.nonce, sizeof(params.nonce));
    kt_random_bytes(plaintext, len < MAX_SHORT ? len : MAX_SHORT);
    params.aad = aad_bytes + kt_below(MAX_AAD - aad_len + 1);
    params.aad_len = aad_len;
    adp_gcm_key_init(&params.key, kt_kernel, key);
    EVP_AEAD_CTX_free(oracle);
    oracle = EVP_AEAD_CTX_new(EVP_aead_aes_256_gcm(), key, sizeof(key), ADP_GCM_TAG_LEN);
    CU_ASSERT_PTR_NOT_NULL_FATAL(oracle);
    CU_ASSERT_TRUE_FATAL(EVP_AEAD_CTX_seal_scatter(
        oracle, expected, expected_tag, &tag_len, ADP_GCM_TAG_LEN, params.nonce, ADP_GCM_NONCE_LEN,
        plaintext, len, NULL, 0, params.aad, params.aad_len));
}

/* clean_work returns the work memory, freshly filled, from |offset| on. */
static uint8_t *clean_work(size_t len, size_t offset)
{
    memset(work_memory, FILL, len + 2 * SLACK);
    return work_memory + offset;
}

static int nothing_beside(const uint8_t *out, size_t len)
{
    size_t before = (size_t)(out - work_memory);

    return kt_all(FILL, work_memory, before) && kt_all(FILL, out + len, 2 * SLACK - before);
}

static int is_expected(const uint8_t *out, const uint8_t *tag, size_t len)
{
    return memcmp(out, expected, len) == 0 && memcmp(tag, expected_tag, ADP_GCM_TAG_LEN) == 0 &&
           nothing_beside(out, len);
}

static int is_plaintext(const uint8_t *out, size_t len)
{
    return memcmp(out, plaintext, len) == 0 && nothing_beside(out, len);
}

/* check_both_ways seals and opens the current message, out of place and in place. */
static void check_both_ways(size_t len)
{
    uint8_t tag[ADP_GCM_TAG_LEN];
    uint8_t *out = clean_work(len, kt_below(SLACK));

    KT_CHECK(kt_seal(&params, out, tag, plaintext, len) == ADP_GCM_OK, "length %zu", len);
    KT_CHECK(is_expected(out, tag, len), "length %zu, aad %zu", len, params.aad_len);
    KT_CHECK(kt_open(&params, out, tag, out, len) == ADP_GCM_OK, "length %zu", len);
    KT_CHECK(is_plaintext(out, len), "length %zu", len);
    KT_CHECK(kt_seal(&params, out, tag, out, len) == ADP_GCM_OK, "length %zu", len);
    KT_CHECK(is_expected(out, tag, len), "length %zu, in place", len);
    out = clean_work(len, kt_below(SLACK));
    KT_CHECK(kt_open(&params, out, tag, expected, len) == ADP_GCM_OK, "length %zu", len);
    KT_CHECK(is_plaintext(out, len), "length %zu", len);
}

static void check_lengths(void)
{
    for (size_t len = 0; len <= MAX_SHORT; len++) {
        next_message(len, kt_below(65));
        check_both_ways(len);
    }
    for (size_t power = 2048; power <= MAX_LEN; power *= 2) {
        for (size_t len = power - 17; len <= power + 17 && len <= MAX_LEN; len += 1 + kt_below(8)) {
            next_message(len, kt_below(65));
            check_both_ways(len);
        }
        next_message(power, 0);
        check_both_ways(power);
    }
}

static void check_aad(void)
{
    static const size_t longer[] = {127, 128, 129, 255, 256, 257, 1000, 4095, 4096, 65537, MAX_AAD};

    for (size_t len = 0; len <= 256; len += 32) {
        for (size_t aad_len = 0; aad_len <= 64; aad_len++) {
            next_message(len, aad_len);
            check_both_ways(len);
        }
        for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++) {
            next_message(len + 1, longer[i]);
            check_both_ways(len + 1);
        }
    }
}

static void check_alignments(void)
{
    static const size_t lens[] = {1, 16, 100, 128, 300, 1029};
    uint8_t tag[ADP_GCM_TAG_LEN];

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        for (size_t at = 0; at < 16 * 16; at++) {
            uint8_t *in = plaintext + at % 16;
            uint8_t *out = clean_work(lens[i], at / 16);

            next_message(lens[i], 13);
            memmove(in, plaintext, lens[i]);
            KT_CHECK(kt_seal(&params, out, tag, in, lens[i]) == ADP_GCM_OK, "length %zu", lens[i]);
            KT_CHECK(is_expected(out, tag, lens[i]), "length %zu at %zu to %zu", lens[i], at % 16,
                     at / 16);
        }
    }
}

/* --- Scattered --- */

#define MAX_PIECES 12

/* scatter makes pieces of |len| bytes: |cuts| says where they end. Piece i is a copy of its own, as
 * tight as malloc makes it, or lies in place if bit i of |in_place| is set. */
static void scatter(struct adp_gcm_piece *pieces, const size_t *cuts, size_t num, unsigned in_place,
                    uint8_t *out, const uint8_t *source)
{
    size_t at = 0;

    for (size_t i = 0; i < num; i++) {
        size_t len = cuts[i] - at;
        uint8_t *data = in_place >> i & 1 ? out + at : malloc(len);

        if (len > 0)
            memcpy(data, source + at, len);
        pieces[i] = (struct adp_gcm_piece){data, len};
        at = cuts[i];
    }
}

static void gather_up(struct adp_gcm_piece *pieces, size_t num, unsigned in_place)
{
    for (size_t i = 0; i < num; i++) {
        if (!(in_place >> i & 1))
            free((void *)(uintptr_t)pieces[i].data);
    }
}

static void check_scattered(const size_t *cuts, size_t num, unsigned in_place)
{
    struct adp_gcm_piece pieces[MAX_PIECES];
    size_t len = cuts[num - 1];
    uint8_t tag[ADP_GCM_TAG_LEN];
    uint8_t *out = clean_work(len, kt_below(SLACK));

    scatter(pieces, cuts, num, in_place, out, plaintext);
    KT_CHECK(adp_gcm_seal(&params.key, &params.scratch, out, tag, params.nonce, pieces, num,
                          params.aad, params.aad_len) == ADP_GCM_OK,
             "length %zu", len);
    KT_CHECK(is_expected(out, tag, len), "length %zu, cut at %zu, in place %x", len, cuts[0],
             in_place);
    gather_up(pieces, num, in_place);

    out = clean_work(len, kt_below(SLACK));
    scatter(pieces, cuts, num, in_place, out, expected);
    KT_CHECK(adp_gcm_open(&params.key, &params.scratch, out, params.nonce, pieces, num, tag,
                          params.aad, params.aad_len) == ADP_GCM_OK,
             "length %zu", len);
    KT_CHECK(is_plaintext(out, len), "length %zu, cut at %zu, in place %x", len, cuts[0], in_place);
    gather_up(pieces, num, in_place);
}

static void check_every_split(void)
{
    for (size_t len = 0; len <= 300; len += 1 + len / 20) {
        next_message(len, 20);
        for (size_t cut = 0; cut <= len; cut++) {
            size_t cuts[] = {cut, len};

            check_scattered(cuts, 2, (unsigned)kt_below(4));
        }
    }
    next_message(40, 0);
    for (size_t first = 0; first <= 40; first++) {
        for (size_t second = first; second <= 40; second++) {
            size_t cuts[] = {first, second, 40};

            check_scattered(cuts, 3, (unsigned)kt_below(8));
        }
    }
}

static int compare_sizes(const void *a, const void *b)
{
    const size_t *x = a;
    const size_t *y = b;

    return (*x > *y) - (*x < *y);
}

static void check_random_splits(void)
{
    for (int i = 0; i < 400; i++) {
        size_t len = kt_below(i % 8 == 0 ? 65536 : 6000);
        size_t num = 1 + kt_below(MAX_PIECES);
        size_t cuts[MAX_PIECES];

        for (size_t j = 0; j < num; j++)
            cuts[j] = kt_below(len + 1);
        cuts[0] = len;
        qsort(cuts, num, sizeof(cuts[0]), compare_sizes);
        next_message(len, kt_below(65));
        check_scattered(cuts, num, (unsigned)kt_below(1u << MAX_PIECES));
    }
}

static void check_no_pieces(void)
{
    uint8_t tag[ADP_GCM_TAG_LEN];
    static const struct adp_gcm_piece empty[2];

    next_message(0, 9);
    for (size_t num = 0; num <= 2; num++) {
        KT_CHECK(adp_gcm_seal(&params.key, &params.scratch, NULL, tag, params.nonce,
                              num > 0 ? empty : NULL, num, params.aad, 9) == ADP_GCM_OK,
                 "%zu empty pieces", num);
        KT_CHECK(memcmp(tag, expected_tag, sizeof(tag)) == 0, "%zu empty pieces", num);
        KT_CHECK(adp_gcm_open(&params.key, &params.scratch, NULL, params.nonce,
                              num > 0 ? empty : NULL, num, tag, params.aad, 9) == ADP_GCM_OK,
                 "%zu empty pieces", num);
    }
}

/* --- Tampered --- */

/* check_refused opens the current message, one bit of which was changed, out of place and in place.
 */
static void check_refused(const uint8_t *ciphertext, const uint8_t *tag, size_t len,
                          const char *what)
{
    uint8_t *out = clean_work(len, kt_below(SLACK));

    KT_CHECK(kt_open(&params, out, tag, ciphertext, len) == ADP_GCM_BAD_TAG, "%s, length %zu", what,
             len);
    KT_CHECK(kt_all(0, out, len) && nothing_beside(out, len), "%s, length %zu", what, len);
    memcpy(out, ciphertext, len);
    KT_CHECK(kt_open(&params, out, tag, out, len) == ADP_GCM_BAD_TAG, "%s, length %zu", what, len);
    KT_CHECK(kt_all(0, out, len) && nothing_beside(out, len), "%s, length %zu", what, len);
}

/* flip changes one random bit of |data|. */
static void flip(uint8_t *data, size_t len)
{
    data[kt_below(len)] ^= (uint8_t)(1u << kt_below(8));
}

static void check_tampered(void)
{
    for (size_t len = 1; len <= 3000; len += 1 + len / 16) {
        uint8_t aad[40];

        next_message(len, sizeof(aad));
        flip(expected, len);
        check_refused(expected, expected_tag, len, "ciphertext");

        next_message(len, sizeof(aad));
        flip(expected_tag, sizeof(expected_tag));
        check_refused(expected, expected_tag, len, "tag");

        next_message(len, sizeof(aad));
        memcpy(aad, params.aad, sizeof(aad));
        flip(aad, sizeof(aad));
        params.aad = aad;
        check_refused(expected, expected_tag, len, "aad");

        next_message(len, sizeof(aad));
        flip(params.nonce, sizeof(params.nonce));
        check_refused(expected, expected_tag, len, "nonce");

        next_message(len, sizeof(aad));
        check_refused(expected, expected_tag, len - 1, "truncation");
    }
}

/* --- Threads --- */

static void *seal_again(void *unused)
{
    struct adp_gcm_scratch scratch;
    uint8_t out[4500], tag[ADP_GCM_TAG_LEN];
    struct adp_gcm_piece in = {plaintext, sizeof(out)};
    uintptr_t wrong = 0;

    (void)unused;
    for (int i = 0; i < 50; i++) {
        adp_gcm_seal(&params.key, &scratch, out, tag, params.nonce, &in, 1, params.aad,
                     params.aad_len);
        wrong += memcmp(out, expected, sizeof(out)) != 0 || memcmp(tag, expected_tag, 16) != 0;
    }
    return (void *)wrong;
}

static void check_threads(void)
{
    pthread_t threads[4];

    next_message(4500, 30);
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, seal_again, NULL), 0);
    for (size_t i = 0; i < 4; i++) {
        void *wrong;

        pthread_join(threads[i], &wrong);
        KT_CHECK(wrong == NULL, "thread %zu", i);
    }
}

#define EACH_KERNEL(name)                                                                          \
    static void test_##name(void)                                                                  \
    {                                                                                              \
        kt_each_kernel(check_##name);                                                              \
    }
EACH_KERNEL(lengths)
EACH_KERNEL(aad)
EACH_KERNEL(alignments)
EACH_KERNEL(every_split)
EACH_KERNEL(random_splits)
EACH_KERNEL(no_pieces)
EACH_KERNEL(tampered)
EACH_KERNEL(threads)

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"lengths, out of place and in place", test_lengths},
        {"additional data", test_aad},
        {"alignments", test_alignments},
        {"every split of short messages", test_every_split},
        {"random splits, mixed with in place", test_random_splits},
        {"no input, no output", test_no_pieces},
        {"tampered messages leave no plaintext", test_tampered},
        {"one key, many threads", test_threads},
    };
    int result;

    kt_seed();
    kt_random_bytes(aad_bytes, sizeof(aad_bytes));
    kt_random_bytes(plaintext, sizeof(plaintext));
    result = adp_test_main("AES-256-GCM", cases, sizeof(cases) / sizeof(cases[0]));
    EVP_AEAD_CTX_free(oracle);
    return result;
}
