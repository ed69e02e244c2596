/* A message of which anything was changed is refused, and no plaintext of it is left. */
#include "message_check.h"

/* check_refused opens |len| bytes of the message, something of which was changed, out of place and
 * in place. */
static void check_refused(size_t len, const char *what)
{
    struct kt_params *p = &message.params;
    uint8_t *out = message_room(len, kt_below(64));

    KT_CHECK(kt_open(p, out, message.tag, message.ciphertext, len) == ADP_GCM_BAD_TAG,
             "%s, length %zu", what, len);
    KT_CHECK(message_is_wiped(out, len), "%s, length %zu", what, len);
    memcpy(out, message.ciphertext, len);
    KT_CHECK(kt_open(p, out, message.tag, out, len) == ADP_GCM_BAD_TAG, "%s, length %zu", what,
             len);
    KT_CHECK(message_is_wiped(out, len), "%s, length %zu, in place", what, len);
    KT_CHECK(kt_all(0, p->scratch.state, sizeof(p->scratch.state)), "%s, length %zu", what, len);
}

/* check_flipped changes one bit of the message's |data| for a while. */
static void check_flipped(uint8_t *data, size_t bit, size_t len, const char *what)
{
    data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    check_refused(len, what);
    data[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* check_opens: what was changed is as before. */
static void check_opens(size_t len)
{
    uint8_t *out = message_room(len, 0);

    KT_CHECK(kt_open(&message.params, out, message.tag, message.ciphertext, len) == ADP_GCM_OK,
             "length %zu", len);
    KT_CHECK(message_is_opened(out, len), "length %zu", len);
}

/* next_message is message_next, and returns the additional data to be changed. */
static uint8_t *next_message(size_t len, size_t aad_len)
{
    message_next(len, aad_len);
    return message.aad + (message.params.aad - message.aad);
}

/* check_every_bit: of tag, nonce, additional data and ciphertext. */
static void check_every_bit(void)
{
    static const size_t lens[] = {0, 1, 15, 16, 17, 128, 300, 600, 1100};

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        size_t len = lens[i];
        uint8_t *aad = next_message(len, 37);

        for (size_t bit = 0; bit < 8 * ADP_GCM_TAG_LEN; bit++)
            check_flipped(message.tag, bit, len, "tag");
        for (size_t bit = 0; bit < 8 * ADP_GCM_NONCE_LEN; bit += kt_stride(8))
            check_flipped(message.params.nonce, bit, len, "nonce");
        for (size_t bit = 0; bit < 8 * message.params.aad_len; bit += kt_stride(16))
            check_flipped(aad, bit, len, "aad");
        for (size_t bit = 0; bit < 8 * len; bit += kt_stride(100))
            check_flipped(message.ciphertext, bit, len, "ciphertext");
        check_opens(len);
    }
}

/* check_any_bit: one of each, at every length. */
static void check_any_bit(void)
{
    for (size_t len = 1; len <= 2200; len += kt_stride(40)) {
        size_t aad_len = 1 + kt_below(600);
        uint8_t *aad = next_message(len, aad_len);

        check_flipped(message.tag, kt_below(8 * ADP_GCM_TAG_LEN), len, "tag");
        check_flipped(message.params.nonce, kt_below(8 * ADP_GCM_NONCE_LEN), len, "nonce");
        check_flipped(aad, kt_below(8 * aad_len), len, "aad");
        check_flipped(message.ciphertext, kt_below(8 * len), len, "ciphertext");
    }
}

static void check_long(void)
{
    static const size_t lens[] = {5000, 70001, ((size_t)1 << 20) + 5};

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]) - (kt_quick() ? 1 : 0); i++) {
        uint8_t *aad = next_message(lens[i], 5000);

        check_flipped(message.ciphertext, 0, lens[i], "first bit");
        check_flipped(message.ciphertext, 8 * lens[i] - 1, lens[i], "last bit");
        for (size_t j = 0; j < 20; j++) {
            check_flipped(message.ciphertext, kt_below(8 * lens[i]), lens[i], "ciphertext");
            check_flipped(aad, kt_below(8 * 5000), lens[i], "aad");
        }
        check_opens(lens[i]);
    }
}

/* check_lengths: truncated, extended by a zero byte, which the hash's padding is as well, and with
 * the border between additional data and ciphertext moved. */
static void check_lengths(void)
{
    for (size_t len = 1; len <= 1100; len += kt_stride(20)) {
        struct kt_params *p = &message.params;

        next_message(len, 40);
        check_refused(len - 1, "truncated");
        message.ciphertext[len] = 0;
        check_refused(len + 1, "extended");
        p->aad_len--;
        check_refused(len, "aad truncated");
        memmove(message.ciphertext + 1, message.ciphertext, len);
        message.ciphertext[0] = p->aad[p->aad_len];
        check_refused(len + 1, "a byte of aad is ciphertext");
    }
}

KT_EACH_KERNEL(every_bit)
KT_EACH_KERNEL(any_bit)
KT_EACH_KERNEL(long)
KT_EACH_KERNEL(lengths)

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"every bit of short messages", test_every_bit},
        {"a bit of every part, every length", test_any_bit},
        {"long messages", test_long},
        {"wrong lengths", test_lengths},
    };

    return message_main("AES-256-GCM, tampered", cases, sizeof(cases) / sizeof(cases[0]));
}
