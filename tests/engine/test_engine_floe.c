/* FLOE: round trips, and everything that an attacker may do to a body. */
#include <pthread.h>

#include "floe_test.h"

#define SEG_LEN   64u
#define PLAIN_LEN (SEG_LEN - ADP_FLOE_OVERHEAD)
#define NUM_SEGS  4

static void seal_message(struct message *out, uint32_t seg_len, unsigned rotation, size_t plain_len)
{
    size_t max = seg_len - ADP_FLOE_OVERHEAD;
    size_t num = plain_len > 0 ? (plain_len - 1) / max + 1 : 1;
    struct adp_floe *floe = NULL;
    struct adp_error err = {0};

    *out = (struct message){.params = {seg_len, rotation}, .plain_len = plain_len};
    out->plain = malloc(plain_len + 1);
    out->body_len = plain_len + num * ADP_FLOE_OVERHEAD;
    out->body = malloc(out->body_len);
    CU_ASSERT_FATAL(out->plain != NULL && out->body != NULL);
    et_fill(out->plain, plain_len, 3);
    et_expect(adp_floe_seal_start(&floe, out->header, &out->params, kernel, zero_key,
                                  (const uint8_t *)AAD, strlen(AAD), &err),
              ADP_OK, &err, "seal_start");
    CU_ASSERT_PTR_NOT_NULL_FATAL(floe);
    for (size_t i = num; i-- > 0;) { /* any order will do: take the last first */
        size_t len = i + 1 == num ? plain_len - i * max : max;
        struct adp_gcm_piece pieces[2] = {{out->plain + i * max, len / 3},
                                          {out->plain + i * max + len / 3, len - len / 3}};

        et_expect(adp_floe_seal_segment(floe, &scratch, out->body + i * seg_len, pieces, 2, i,
                                        i + 1 == num, &err),
                  ADP_OK, &err, "seal_segment");
    }
    adp_floe_free(floe);
}

/* -- Round trips ------------------------------------------------------------------------------- */

static void check_round_trip(uint32_t seg_len, unsigned rotation, size_t plain_len)
{
    struct message message;
    struct adp_error err = {0};
    uint8_t *out;

    seal_message(&message, seg_len, rotation, plain_len);
    out = malloc(message.body_len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    if (et_expect(open_body(&message, out, &err), ADP_OK, &err, "round trip"))
        CU_ASSERT(memcmp(out, message.plain, plain_len) == 0);
    free(out);
    message_free(&message);
}

static void check_round_trips(void)
{
    static const size_t lengths[] = {0, 1, 31, 32, 33, 63, 64, 65, 320};

    for (size_t i = 0; i < NUM_OF(lengths); i++)
        check_round_trip(SEG_LEN, i % 4, lengths[i]);
    check_round_trip(4096, 20, 3 * 4064);
    check_round_trip(262144, 20, 300000);
}

static void test_round_trips(void)
{
    each_kernel(check_round_trips);
}

/* Two messages under one key share no byte where they would if an IV or a nonce were. */
static void test_fresh_randomness(void)
{
    struct message a, b;

    CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kernel, NULL), ADP_GCM_OK);
    seal_message(&a, SEG_LEN, 20, 2 * PLAIN_LEN);
    seal_message(&b, SEG_LEN, 20, 2 * PLAIN_LEN);
    CU_ASSERT(memcmp(a.header + 10, b.header + 10, ADP_FLOE_IV_LEN) != 0);
    CU_ASSERT(memcmp(a.body + 4, b.body + 4, ADP_GCM_NONCE_LEN) != 0);
    CU_ASSERT(memcmp(a.body + 4, a.body + SEG_LEN + 4, ADP_GCM_NONCE_LEN) != 0);
    message_free(&a);
    message_free(&b);
}

/* -- Attacks ----------------------------------------------------------------------------------- */

static void test_every_truncation(void)
{
    struct message message;
    uint8_t out[NUM_SEGS * SEG_LEN];

    CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kernel, NULL), ADP_GCM_OK);
    seal_message(&message, SEG_LEN, 20, NUM_SEGS * PLAIN_LEN - 5);
    for (size_t len = message.body_len; len-- > 0;) {
        struct message cut = message;
        struct adp_error err = {0};
        enum adp_status status;

        cut.body_len = len;
        status = open_body(&cut, out, &err);
        /* A rest too short for any segment has no layout; all others are named for what they are.
         */
        if (len % SEG_LEN == 0 ? len == 0 : len % SEG_LEN < ADP_FLOE_OVERHEAD)
            et_expect(status, ADP_ERR_MISMATCH, &err, "a body of no possible length");
        else
            et_expect(status, ADP_ERR_TRUNCATED, &err, "a body that ends too soon");
    }
    message_free(&message);
}

static void test_bytes_after_the_end(void)
{
    static const size_t more[] = {1, 5, 32, 33, 64, 65 + 32};
    uint8_t out[2 * NUM_SEGS * SEG_LEN];
    struct message message;

    CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kernel, NULL), ADP_GCM_OK);
    for (size_t short_by = 0; short_by <= 10; short_by += 10) {
        for (size_t i = 0; i < NUM_OF(more); i++) {
            struct adp_error err = {0};
            enum adp_status status;

            seal_message(&message, SEG_LEN, 20, NUM_SEGS * PLAIN_LEN - short_by);
            message.body = realloc(message.body, message.body_len + more[i]);
            CU_ASSERT_PTR_NOT_NULL_FATAL(message.body);
            memset(message.body + message.body_len, 0, more[i]);
            message.body_len += more[i];
            status = open_body(&message, out, &err);
            if (status != ADP_ERR_MISMATCH) /* has no layout */
                et_expect(status, ADP_ERR_TRAILING, &err, "bytes after the end");
            message_free(&message);
        }
    }
}

static void swap_segments(uint8_t *a, uint8_t *b)
{
    uint8_t kept[SEG_LEN];

    memcpy(kept, a, SEG_LEN);
    memcpy(a, b, SEG_LEN);
    memcpy(b, kept, SEG_LEN);
}

static void test_reordered(void)
{
    uint8_t out[NUM_SEGS * SEG_LEN];
    struct adp_error err = {0};
    struct message message;
    struct adp_floe *floe;
    uint64_t position = 99;

    CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kernel, NULL), ADP_GCM_OK);
    seal_message(&message, SEG_LEN, 1, NUM_SEGS * PLAIN_LEN);
    swap_segments(message.body, message.body + 2 * SEG_LEN);
    memset(out, 0xee, sizeof(out));
    et_expect(open_body(&message, out, &err), ADP_ERR_SEGMENT_TAG, &err, "reordered segments");
    for (size_t i = 0; i < PLAIN_LEN; i++)
        CU_ASSERT_EQUAL(out[i], 0); /* no plaintext is released */
    /* The diagnosis names where the segment belongs, across keys. */
    floe = open_start(&message);
    CU_ASSERT_EQUAL(
        adp_floe_find_position(floe, &scratch, out, message.body, SEG_LEN, NUM_SEGS, &position), 1);
    CU_ASSERT_EQUAL(position, 2);
    message.body[20] ^= 1;
    CU_ASSERT_EQUAL(
        adp_floe_find_position(floe, &scratch, out, message.body, SEG_LEN, NUM_SEGS, &position), 0);
    adp_floe_free(floe);
    message_free(&message);
}

static void test_swapped_between_messages(void)
{
    uint8_t out[NUM_SEGS * SEG_LEN];
    struct adp_error err = {0};
    struct message a, b;
    struct adp_floe *floe;
    uint64_t position;

    CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kernel, NULL), ADP_GCM_OK);
    seal_message(&a, SEG_LEN, 20, NUM_SEGS * PLAIN_LEN);
    seal_message(&b, SEG_LEN, 20, NUM_SEGS * PLAIN_LEN);
    swap_segments(a.body + SEG_LEN, b.body + SEG_LEN); /* same key, aad and position */
    et_expect(open_body(&a, out, &err), ADP_ERR_SEGMENT_TAG, &err, "another message's segment");
    floe = open_start(&a);
    CU_ASSERT_EQUAL(
        adp_floe_find_position(floe, &scratch, out, a.body + SEG_LEN, SEG_LEN, NUM_SEGS, &position),
        0);
    adp_floe_free(floe);
    message_free(&a);
    message_free(&b);
}

static void check_every_flip(void)
{
    uint8_t out[2 * SEG_LEN];
    struct message message;

    seal_message(&message, SEG_LEN, 20, 2 * PLAIN_LEN - 3);
    for (size_t i = 0; i < message.body_len * 8; i++) {
        struct adp_error err = {0};
        enum adp_status status;

        message.body[i / 8] ^= (uint8_t)(1 << i % 8);
        status = open_body(&message, out, &err);
        CU_ASSERT_NOT_EQUAL(status, ADP_OK);
        if (i / 8 % SEG_LEN >= 4) /* the length field may look cut or continued */
            et_expect(status, ADP_ERR_SEGMENT_TAG, &err, "a flipped bit");
        message.body[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    message_free(&message);
}

static void test_every_flip(void)
{
    each_kernel(check_every_flip);
}

static void expect_start(const struct message *message, const uint8_t *key, const char *aad,
                         uint32_t seg_len, enum adp_status expected, const char *what)
{
    struct adp_floe_params params = {seg_len, ADP_FLOE_ROTATION};
    struct adp_floe *floe = NULL;
    struct adp_error err = {0};

    et_expect(adp_floe_open_start(&floe, message->header, &params, kernel, key,
                                  (const uint8_t *)aad, strlen(aad), &err),
              expected, &err, what);
    adp_floe_free(floe);
}

static void test_header(void)
{
    struct message message;
    uint8_t other_key[ADP_FLOE_KEY_LEN] = {1};

    CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kernel, NULL), ADP_GCM_OK);
    seal_message(&message, SEG_LEN, ADP_FLOE_ROTATION, 10);
    expect_start(&message, zero_key, AAD, SEG_LEN, ADP_OK, "the right ones");
    expect_start(&message, other_key, AAD, SEG_LEN, ADP_ERR_HEADER_TAG, "another key");
    expect_start(&message, zero_key, "This is aad", SEG_LEN, ADP_ERR_HEADER_TAG, "another aad");
    expect_start(&message, zero_key, "", SEG_LEN, ADP_ERR_HEADER_TAG, "no aad");
    expect_start(&message, zero_key, AAD, SEG_LEN + 1, ADP_ERR_FORMAT, "another length");
    for (size_t i = 0; i < ADP_FLOE_HEADER_LEN; i++) {
        message.header[i] ^= 1;
        expect_start(&message, zero_key, AAD, SEG_LEN, i < 10 ? ADP_ERR_FORMAT : ADP_ERR_HEADER_TAG,
                     "a flipped bit");
        if (i < 2 || (i >= 6 && i < 10))
            CU_ASSERT_EQUAL(adp_floe_header_enc_seg_len(message.header), 0);
        message.header[i] ^= 1;
    }
    message_free(&message);
}

/* A segment must be sealed and opened as what it is: its finality is authenticated. */
static void test_finality(void)
{
    uint8_t out[SEG_LEN];
    struct adp_error err = {0};
    struct message message;
    struct adp_floe *floe;

    CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kernel, NULL), ADP_GCM_OK);
    seal_message(&message, SEG_LEN, 20, 2 * PLAIN_LEN);
    floe = open_start(&message);
    et_expect(adp_floe_open_segment(floe, &scratch, out, message.body, SEG_LEN, 0, 1, &err),
              ADP_ERR_TRUNCATED, &err, "a segment that is not final, as final");
    et_expect(
        adp_floe_open_segment(floe, &scratch, out, message.body + SEG_LEN, SEG_LEN, 1, 0, &err),
        ADP_ERR_TRAILING, &err, "a final segment, as one that is not");
    memset(message.body + SEG_LEN, 0xff, 4);
    et_expect(
        adp_floe_open_segment(floe, &scratch, out, message.body + SEG_LEN, SEG_LEN, 1, 0, &err),
        ADP_ERR_SEGMENT_TAG, &err, "a final segment with the mark of another");
    adp_floe_free(floe);
    message_free(&message);
}

static void test_lengths_to_seal(void)
{
    uint8_t header[ADP_FLOE_HEADER_LEN], data[SEG_LEN + 1] = {0}, out[2 * SEG_LEN];
    struct adp_floe_params params = {SEG_LEN, ADP_FLOE_ROTATION};
    struct adp_gcm_piece piece = {data, PLAIN_LEN - 1};
    struct adp_floe *floe = NULL;

    CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kernel, NULL), ADP_GCM_OK);
    CU_ASSERT_EQUAL_FATAL(
        adp_floe_seal_start(&floe, header, &params, kernel, zero_key, NULL, 0, NULL), ADP_OK);
    CU_ASSERT_EQUAL(adp_floe_seal_segment(floe, &scratch, out, &piece, 1, 0, 0, NULL),
                    ADP_ERR_INTERNAL);
    piece.len = PLAIN_LEN + 1;
    CU_ASSERT_EQUAL(adp_floe_seal_segment(floe, &scratch, out, &piece, 1, 0, 1, NULL),
                    ADP_ERR_INTERNAL);
    piece.len = PLAIN_LEN;
    CU_ASSERT_EQUAL(
        adp_floe_seal_segment(floe, &scratch, out, &piece, 1, ADP_FLOE_MAX_SEGMENTS, 1, NULL),
        ADP_ERR_INTERNAL);
    CU_ASSERT_EQUAL(
        adp_floe_seal_segment(floe, &scratch, out, &piece, 1, ADP_FLOE_MAX_SEGMENTS - 1, 1, NULL),
        ADP_OK);
    adp_floe_free(floe);
}

static void test_layout(void)
{
    struct adp_floe_layout layout;

    CU_ASSERT(adp_floe_layout_of(&layout, 64, 32));
    CU_ASSERT(layout.num_segments == 1 && layout.plain_len == 0 && layout.last_len == 32);
    CU_ASSERT(adp_floe_layout_of(&layout, 64, 128));
    CU_ASSERT(layout.num_segments == 2 && layout.plain_len == 64 && layout.last_len == 64);
    CU_ASSERT(adp_floe_layout_of(&layout, 64, 160));
    CU_ASSERT(layout.num_segments == 3 && layout.plain_len == 64 && layout.last_len == 32);
    CU_ASSERT_FALSE(adp_floe_layout_of(&layout, 64, 0));
    CU_ASSERT_FALSE(adp_floe_layout_of(&layout, 64, 31));
    CU_ASSERT_FALSE(adp_floe_layout_of(&layout, 64, 64 + 31));
    CU_ASSERT_FALSE(adp_floe_layout_of(&layout, 32, 64));
    CU_ASSERT(adp_floe_layout_of(&layout, 33, 33 * ADP_FLOE_MAX_SEGMENTS));
    CU_ASSERT_FALSE(adp_floe_layout_of(&layout, 33, 33 * ADP_FLOE_MAX_SEGMENTS + 32));
}

/* -- Threads ----------------------------------------------------------------------------------- */

#define NUM_THREADS      4
#define THREADS_SEGMENTS 512

struct thread_work {
    const struct message *message;
    struct adp_floe *floe;
    unsigned number;
    int failed;
};

/* Opens every segment in an order of the thread's own, so that keys are made and used at once. */
static void *thread_open(void *arg)
{
    struct thread_work *work = arg;
    struct adp_gcm_scratch own_scratch;
    uint8_t out[PLAIN_LEN];

    for (uint64_t i = 0; i < THREADS_SEGMENTS; i++) {
        uint64_t at = (i * (2 * work->number + 1) + 97 * work->number) % THREADS_SEGMENTS;

        if (adp_floe_open_segment(work->floe, &own_scratch, out, work->message->body + at * SEG_LEN,
                                  SEG_LEN, at, at + 1 == THREADS_SEGMENTS, NULL) != ADP_OK ||
            memcmp(out, work->message->plain + at * PLAIN_LEN, PLAIN_LEN) != 0)
            work->failed = 1;
    }
    adp_gcm_scratch_cleanup(&own_scratch);
    return NULL;
}

static void check_threads(void)
{
    struct thread_work work[NUM_THREADS];
    pthread_t threads[NUM_THREADS];
    struct message message;
    struct adp_floe *floe;

    seal_message(&message, SEG_LEN, 3, THREADS_SEGMENTS * PLAIN_LEN);
    floe = open_start(&message);
    for (unsigned i = 0; i < NUM_THREADS; i++) {
        work[i] = (struct thread_work){&message, floe, i, 0};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, thread_open, &work[i]), 0);
    }
    for (unsigned i = 0; i < NUM_THREADS; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_FALSE(work[i].failed);
    }
    adp_floe_free(floe);
    message_free(&message);
}

static void test_threads(void)
{
    each_kernel(check_threads);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"round trips of every shape", test_round_trips},
        {"IVs and nonces are fresh", test_fresh_randomness},
        {"every truncation", test_every_truncation},
        {"bytes after the end", test_bytes_after_the_end},
        {"reordered segments", test_reordered},
        {"segments swapped between messages", test_swapped_between_messages},
        {"every flipped bit", test_every_flip},
        {"wrong key, aad, parameters", test_header},
        {"finality", test_finality},
        {"lengths to seal", test_lengths_to_seal},
        {"the arithmetic of a body", test_layout},
        {"many threads, many keys", test_threads},
    };

    return adp_test_main("engine/floe", cases, NUM_OF(cases));
}
