#include "gcm_select.h"

#include <stdio.h>
#include <string.h>

/* Past every loop of every kernel: 8 KiB of counter windows of 4 KiB, and a tail. */
#define MAX_LEN 8448

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 13 to 16. */
struct known_answer {
    const char *key, *nonce, *aad, *plaintext, *ciphertext, *tag;
};

#define ZERO_KEY "0000000000000000000000000000000000000000000000000000000000000000"
#define CASE_KEY "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"

static const struct known_answer known_answers[] = {
    {ZERO_KEY, "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {ZERO_KEY, "000000000000000000000000", "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
    {CASE_KEY, "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {CASE_KEY, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

/* Around multiples of 16, of 8, 16, 32 and 64 blocks, and of the counter's low byte. */
static const size_t lengths[] = {
    0,    1,    15,   16,   17,   31,   33,   112,  127,  128,  129,  240,  255,  256,  257,
    271,  383,  384,  385,  511,  512,  513,  767,  1023, 1024, 1025, 1536, 2047, 2048, 2049,
    3583, 3585, 3967, 3969, 4047, 4048, 4049, 4063, 4064, 4065, 4080, 4095, 4096, 4097, 4224,
    4607, 4609, 5121, 6143, 8143, 8144, 8145, 8160, 8191, 8192, 8193, 8320, 8447,
};

/* struct lab is the self-test's workplace: 58 KiB of stack, no secrets. */
struct lab {
    struct adp_gcm_key key;       /* of the kernel under test */
    struct adp_gcm_key reference; /* the same, of the kernel that is believed */
    struct adp_gcm_scratch scratch;
    uint8_t plaintext[MAX_LEN];
    uint8_t elsewhere[MAX_LEN];
    uint8_t sealed[MAX_LEN];
    uint8_t out[MAX_LEN];
};

static int same(const uint8_t *a, const uint8_t *b, size_t len)
{
    return memcmp(a, b, len) == 0;
}

static int all_zero(const uint8_t *data, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++)
        any |= data[i];
    return any == 0;
}

/* from_hex decodes |hex|, which is well formed, and returns the number of bytes. */
static size_t from_hex(uint8_t *out, const char *hex)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++)
        sscanf(hex + 2 * i, "%2hhx", &out[i]);
    return len;
}

static int gives_known_answer(const struct adp_gcm_kernel *kernel, const struct known_answer *known,
                              struct lab *lab)
{
    uint8_t key[ADP_GCM_KEY_LEN], nonce[ADP_GCM_NONCE_LEN], aad[32];
    uint8_t expected_tag[ADP_GCM_TAG_LEN], tag[ADP_GCM_TAG_LEN];
    size_t aad_len = from_hex(aad, known->aad);
    size_t len = from_hex(lab->plaintext, known->plaintext);
    struct adp_gcm_piece in = {lab->plaintext, len};

    from_hex(key, known->key);
    from_hex(nonce, known->nonce);
    from_hex(lab->sealed, known->ciphertext);
    from_hex(expected_tag, known->tag);
    adp_gcm_key_init(&lab->key, kernel, key);
    if (adp_gcm_seal(&lab->key, &lab->scratch, lab->out, tag, nonce, &in, 1, aad, aad_len) !=
            ADP_GCM_OK ||
        !same(lab->out, lab->sealed, len) || !same(tag, expected_tag, sizeof(tag)))
        return 0;
    in.data = lab->out;
    return adp_gcm_open(&lab->key, &lab->scratch, lab->out, nonce, &in, 1, tag, aad, aad_len) ==
               ADP_GCM_OK &&
           same(lab->out, lab->plaintext, len);
}

/* agrees_at returns whether both kernels agree on a message of |len| bytes: sealed from three
 * pieces with the middle one in place, opened in place, refused with a wrong tag. */
static int agrees_at(size_t len, struct lab *lab)
{
    const uint8_t *nonce = lab->plaintext + MAX_LEN - ADP_GCM_NONCE_LEN;
    const uint8_t *aad = lab->plaintext + len % 7;
    size_t aad_len = len % 161;
    size_t first = len / 3;
    size_t last = len / 4;
    struct adp_gcm_piece whole = {lab->plaintext, len};
    struct adp_gcm_piece pieces[] = {
        {lab->elsewhere, first},
        {lab->out + first, len - first - last},
        {lab->plaintext + len - last, last},
    };
    uint8_t expected_tag[ADP_GCM_TAG_LEN], tag[ADP_GCM_TAG_LEN];

    memcpy(lab->elsewhere, lab->plaintext, first);
    memcpy(lab->out + first, lab->plaintext + first, len - first - last);
    if (adp_gcm_seal(&lab->reference, &lab->scratch, lab->sealed, expected_tag, nonce, &whole, 1,
                     aad, aad_len) != ADP_GCM_OK ||
        adp_gcm_seal(&lab->key, &lab->scratch, lab->out, tag, nonce, pieces, 3, aad, aad_len) !=
            ADP_GCM_OK ||
        !same(lab->out, lab->sealed, len) || !same(tag, expected_tag, sizeof(tag)))
        return 0;
    whole.data = lab->out;
    if (adp_gcm_open(&lab->key, &lab->scratch, lab->out, nonce, &whole, 1, tag, aad, aad_len) !=
            ADP_GCM_OK ||
        !same(lab->out, lab->plaintext, len))
        return 0;
    tag[len % ADP_GCM_TAG_LEN] ^= 0x80;
    whole.data = lab->sealed;
    return adp_gcm_open(&lab->key, &lab->scratch, lab->out, nonce, &whole, 1, tag, aad, aad_len) ==
               ADP_GCM_BAD_TAG &&
           all_zero(lab->out, len);
}

int adp_gcm_selftest(const struct adp_gcm_kernel *kernel, const struct adp_gcm_kernel *reference)
{
    struct lab lab;
    uint32_t random = 1;

    for (size_t i = 0; i < sizeof(known_answers) / sizeof(known_answers[0]); i++) {
        if (!gives_known_answer(kernel, &known_answers[i], &lab))
            return 0;
    }
    for (size_t i = 0; i < MAX_LEN; i++) {
        random = random * 1664525 + 1013904223; /* Numerical Recipes; any bytes would do */
        lab.plaintext[i] = (uint8_t)(random >> 24);
    }
    adp_gcm_key_init(&lab.key, kernel, lab.plaintext);
    adp_gcm_key_init(&lab.reference, reference, lab.plaintext);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        if (!agrees_at(lengths[i], &lab))
            return 0;
    }
    return 1;
}
