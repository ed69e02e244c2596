/* What the two halves of FLOE share: floe_key.c makes keys, floe_segment.c uses them. */
#ifndef ADP_FLOE_INTERNAL_H
#define ADP_FLOE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "floe.h"

#define FLOE_PARAMS_LEN      10 /* PARAM_ENCODE */
#define FLOE_PREFIX_LEN      (FLOE_PARAMS_LEN + ADP_FLOE_IV_LEN)
#define FLOE_MESSAGE_KEY_LEN 48 /* KDF_KEY_LEN */

struct floe_dek;

/* Keys once made are kept until the end: a run has 2^20 segments, so there are few of them, and
 * threads that read them need no count of references. */
struct adp_floe {
    struct adp_floe_params params;
    const struct adp_gcm_kernel *kernel;
    _Atomic(struct floe_dek *) recent; /* the key used last: the path without a lock */
    pthread_mutex_t mutex;             /* guards |deks| */
    struct floe_dek *deks;
    uint8_t message_key[FLOE_MESSAGE_KEY_LEN];
    uint8_t prefix[FLOE_PREFIX_LEN]; /* PARAM_ENCODE || iv */
    size_t aad_len;
    uint8_t aad[];
};

/* adp_floe_key finds or makes the AEAD key of segment |position|. Any thread. */
enum adp_status adp_floe_key(const struct adp_gcm_key **out, struct adp_floe *floe,
                             uint64_t position, struct adp_error *err);

static inline void floe_put_be32(uint8_t out[4], uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline uint32_t floe_get_be32(const uint8_t in[4])
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static inline void floe_put_be64(uint8_t out[8], uint64_t value)
{
    floe_put_be32(out, (uint32_t)(value >> 32));
    floe_put_be32(out + 4, (uint32_t)value);
}

#endif
