/* One published answer, checked on the kernel under test. */
#ifndef ADP_VECTOR_CHECK_H
#define ADP_VECTOR_CHECK_H

#include "kernel_test.h"

#define VECTOR_MAX 1024

struct vector {
    int id;
    int valid; /* else the answer must be a refusal */
    uint8_t key[ADP_GCM_KEY_LEN], nonce[ADP_GCM_NONCE_LEN], tag[ADP_GCM_TAG_LEN];
    uint8_t aad[VECTOR_MAX], plaintext[VECTOR_MAX], ciphertext[VECTOR_MAX];
    size_t aad_len, len;
};

/* vector_check seals and opens |v|. A vector that is not valid is only opened: out of place and in
 * place, and neither may leave a byte of plaintext. */
static inline void vector_check(const struct vector *v)
{
    struct kt_params p = {.aad = v->aad, .aad_len = v->aad_len};
    enum adp_gcm_result expected = v->valid ? ADP_GCM_OK : ADP_GCM_BAD_TAG;
    static const uint8_t zeros[VECTOR_MAX];
    const uint8_t *plaintext = v->valid ? v->plaintext : zeros;
    uint8_t out[VECTOR_MAX], tag[ADP_GCM_TAG_LEN];

    adp_gcm_key_init(&p.key, kt_kernel, v->key);
    memcpy(p.nonce, v->nonce, sizeof(p.nonce));
    if (v->valid) {
        KT_CHECK(kt_seal(&p, out, tag, v->plaintext, v->len) == ADP_GCM_OK, "vector %d", v->id);
        KT_CHECK(memcmp(out, v->ciphertext, v->len) == 0, "vector %d", v->id);
        KT_CHECK(memcmp(tag, v->tag, sizeof(tag)) == 0, "vector %d", v->id);
    }
    memset(out, 0xee, sizeof(out));
    KT_CHECK(kt_open(&p, out, v->tag, v->ciphertext, v->len) == expected, "vector %d", v->id);
    KT_CHECK(memcmp(out, plaintext, v->len) == 0, "vector %d", v->id);
    memcpy(out, v->ciphertext, v->len);
    KT_CHECK(kt_open(&p, out, v->tag, out, v->len) == expected, "vector %d", v->id);
    KT_CHECK(memcmp(out, plaintext, v->len) == 0, "vector %d", v->id);
    adp_gcm_key_cleanup(&p.key);
}

#endif
