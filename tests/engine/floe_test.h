/* A FLOE message under test, on each kernel. */
#ifndef ADP_FLOE_TEST_H
#define ADP_FLOE_TEST_H

#include "engine_test.h"
#include "floe.h"

#define AAD "This is AAD"

static const struct adp_gcm_kernel *kernel; /* the one under test */
static struct adp_gcm_scratch scratch;
static const uint8_t zero_key[ADP_FLOE_KEY_LEN];

/* Runs |check| with every kernel of this machine. */
static inline void each_kernel(void (*check)(void))
{
    const char *name;
    int usable;

    for (size_t i = 0; (name = adp_gcm_kernel_at(i, &usable)) != NULL; i++) {
        if (!usable)
            continue;
        CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kernel, name), ADP_GCM_OK);
        check();
    }
}

/* -- A message under test ---------------------------------------------------------------------- */

struct message {
    struct adp_floe_params params;
    uint8_t header[ADP_FLOE_HEADER_LEN];
    uint8_t *body;
    size_t body_len;
    uint8_t *plain;
    size_t plain_len;
};

static inline void message_free(struct message *message)
{
    free(message->body);
    free(message->plain);
}

static inline struct adp_floe *open_start(const struct message *message)
{
    struct adp_floe *floe = NULL;
    struct adp_error err = {0};

    et_expect(adp_floe_open_start(&floe, message->header, &message->params, kernel, zero_key,
                                  (const uint8_t *)AAD, strlen(AAD), &err),
              ADP_OK, &err, "open_start");
    CU_ASSERT_PTR_NOT_NULL_FATAL(floe);
    return floe;
}

/* Opens the whole body as a reader does that knows its length, into |out| of |body_len| bytes. */
static inline enum adp_status open_body(const struct message *message, uint8_t *out,
                                        struct adp_error *err)
{
    uint32_t seg_len = message->params.enc_seg_len;
    struct adp_floe *floe = open_start(message);
    enum adp_status status = ADP_OK;
    struct adp_floe_layout layout;

    if (!adp_floe_layout_of(&layout, seg_len, message->body_len)) {
        adp_floe_free(floe);
        return ADP_ERR_MISMATCH;
    }
    for (uint64_t i = 0; i < layout.num_segments && status == ADP_OK; i++) {
        int is_final = i + 1 == layout.num_segments;

        status = adp_floe_open_segment(floe, &scratch, out + i * (seg_len - ADP_FLOE_OVERHEAD),
                                       message->body + i * seg_len,
                                       is_final ? layout.last_len : seg_len, i, is_final, err);
    }
    adp_floe_free(floe);
    return status;
}

#endif
