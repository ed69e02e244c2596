/* Input in pieces: every split of short messages, random ones of long messages. A piece lies by
 * itself, as tight as malloc makes it, or in place. */
#include "message_check.h"

#define MAX_PIECES 40

/* A split: piece i ends at cuts[i], and lies in place if bit i of |in_place| is set. */
struct split {
    size_t cuts[MAX_PIECES];
    size_t num;
    uint64_t in_place;
};

static int is_in_place(const struct split *split, size_t i)
{
    return split->in_place >> i & 1;
}

/* scatter makes the pieces of |source|, which go to |out|. Empty ones have no data. */
static void scatter(struct adp_gcm_piece *pieces, const struct split *split, uint8_t *out,
                    const uint8_t *source)
{
    size_t at = 0;

    for (size_t i = 0; i < split->num; i++) {
        size_t len = split->cuts[i] - at;
        uint8_t *data = NULL;

        if (is_in_place(split, i))
            data = out + at;
        else if (len > 0)
            data = malloc(len);
        if (len > 0)
            memcpy(data, source + at, len);
        pieces[i] = (struct adp_gcm_piece){data, len};
        at = split->cuts[i];
    }
}

static void gather_up(struct adp_gcm_piece *pieces, const struct split *split)
{
    for (size_t i = 0; i < split->num; i++) {
        if (!is_in_place(split, i))
            free((void *)(uintptr_t)pieces[i].data);
    }
}

/* open_scattered opens |ciphertext| in pieces, and returns the result and where it lies. */
static enum adp_gcm_result open_scattered(uint8_t **out, const struct split *split,
                                          const uint8_t *tag)
{
    struct kt_params *p = &message.params;
    struct adp_gcm_piece pieces[MAX_PIECES];
    enum adp_gcm_result result;

    *out = message_room(split->cuts[split->num - 1], kt_below(64));
    scatter(pieces, split, *out, message.ciphertext);
    result = adp_gcm_open(&p->key, &p->scratch, *out, p->nonce, pieces, split->num, tag, p->aad,
                          p->aad_len);
    gather_up(pieces, split);
    return result;
}

#define SPLIT_DETAIL                                                                               \
    "length %zu in %zu pieces, the first %zu, in place %llx", len, split->num, split->cuts[0],     \
        (unsigned long long)split->in_place

static void check_split(const struct split *split)
{
    struct kt_params *p = &message.params;
    struct adp_gcm_piece pieces[MAX_PIECES];
    size_t len = split->cuts[split->num - 1];
    uint8_t tag[ADP_GCM_TAG_LEN];
    uint8_t *out = message_room(len, kt_below(64));

    scatter(pieces, split, out, message.plaintext);
    KT_CHECK(adp_gcm_seal(&p->key, &p->scratch, out, tag, p->nonce, pieces, split->num, p->aad,
                          p->aad_len) == ADP_GCM_OK,
             SPLIT_DETAIL);
    KT_CHECK(message_is_sealed(out, tag, len), SPLIT_DETAIL);
    gather_up(pieces, split);
    KT_CHECK(open_scattered(&out, split, tag) == ADP_GCM_OK, SPLIT_DETAIL);
    KT_CHECK(message_is_opened(out, len), SPLIT_DETAIL);
}

static void check_refused(const struct split *split)
{
    size_t len = split->cuts[split->num - 1];
    uint8_t tag[ADP_GCM_TAG_LEN];
    uint8_t *out;

    memcpy(tag, message.tag, sizeof(tag));
    tag[kt_below(sizeof(tag))] ^= (uint8_t)(1u << kt_below(8));
    KT_CHECK(open_scattered(&out, split, tag) == ADP_GCM_BAD_TAG, SPLIT_DETAIL);
    KT_CHECK(message_is_wiped(out, len), SPLIT_DETAIL);
}

static void check_two(void)
{
    static const size_t longer[] = {1100, 2070, 4300, 9000};

    for (size_t len = 0; len <= 600; len += kt_stride(60)) {
        message_next(len, kt_below(65));
        for (size_t cut = 0; cut <= len; cut += kt_stride(8))
            check_split(&(struct split){{cut, len}, 2, kt_below(4)});
    }
    for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++) {
        message_next(longer[i], 20);
        for (size_t cut = 0; cut <= longer[i]; cut += kt_stride(100))
            check_split(&(struct split){{cut, longer[i]}, 2, kt_below(4)});
    }
}

static int compare_sizes(const void *a, const void *b)
{
    const size_t *x = a;
    const size_t *y = b;

    return (*x > *y) - (*x < *y);
}

/* random_split cuts |len| bytes in |num| pieces, some of them empty, short, or a whole number of
 * steps long. */
static void random_split(struct split *out, size_t len, size_t num)
{
    size_t cut = 0;

    out->num = num;
    out->in_place = kt_random() & kt_random();
    if (kt_below(2))
        out->in_place = ~out->in_place;
    for (size_t i = 0; i + 1 < num; i++) {
        switch (kt_below(5)) {
        case 0:
            break; /* the same again */
        case 1:
            cut += kt_below(40);
            break;
        case 2:
            cut += 128 * kt_below(16);
            break;
        default:
            cut = kt_below(len + 1);
        }
        if (cut > len)
            cut = len;
        out->cuts[i] = cut;
    }
    out->cuts[num - 1] = len;
    qsort(out->cuts, num, sizeof(out->cuts[0]), compare_sizes);
}

static void check_three(void)
{
    message_next(40, 0);
    for (size_t first = 0; first <= 40; first++) {
        for (size_t second = first; second <= 40; second++)
            check_split(&(struct split){{first, second, 40}, 3, kt_below(8)});
    }
    for (size_t i = 0; i < 4000; i += kt_stride(20)) {
        size_t len = kt_below(1200);
        struct split split;

        message_next(len, kt_below(65));
        random_split(&split, len, 3);
        check_split(&split);
    }
}

static void check_random(void)
{
    for (size_t i = 0; i < 1500; i += kt_stride(10)) {
        size_t len = kt_below(i % 32 == 0 ? 1 << 20 : i % 4 == 0 ? 65536 : 8000);
        struct split split;

        message_next(len, kt_below(65));
        random_split(&split, len, 1 + kt_below(MAX_PIECES));
        check_split(&split);
        check_refused(&split);
    }
}

static void check_nothing(void)
{
    static const struct adp_gcm_piece empty[3];
    struct kt_params *p = &message.params;
    uint8_t tag[ADP_GCM_TAG_LEN];

    message_next(0, 9);
    for (size_t num = 0; num <= 3; num++) {
        const struct adp_gcm_piece *in = num > 0 ? empty : NULL;

        KT_CHECK(adp_gcm_seal(&p->key, &p->scratch, NULL, tag, p->nonce, in, num, p->aad, 9) ==
                     ADP_GCM_OK,
                 "%zu empty pieces", num);
        KT_CHECK(memcmp(tag, message.tag, sizeof(tag)) == 0, "%zu empty pieces", num);
        KT_CHECK(adp_gcm_open(&p->key, &p->scratch, NULL, p->nonce, in, num, tag, p->aad, 9) ==
                     ADP_GCM_OK,
                 "%zu empty pieces", num);
    }
}

KT_EACH_KERNEL(two)
KT_EACH_KERNEL(three)
KT_EACH_KERNEL(random)
KT_EACH_KERNEL(nothing)

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"two pieces: every split", test_two},
        {"three pieces", test_three},
        {"many pieces", test_random},
        {"no input, no output", test_nothing},
    };

    return message_main("AES-256-GCM, scattered", cases, sizeof(cases) / sizeof(cases[0]));
}
