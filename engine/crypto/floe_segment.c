/* Segments: sealing, opening, and what can be said of one that does not open. */
#include <inttypes.h>

#include "error.h"
#include "floe_internal.h"
#include "secret.h"
#include "wrap.h"

#define FLOE_AEAD_AAD_LEN 9 /* position, finality */
#define FLOE_NOT_FINAL    UINT32_MAX

static void floe_aead_aad(uint8_t out[FLOE_AEAD_AAD_LEN], uint64_t position, int is_final)
{
    floe_put_be64(out, position);
    out[8] = is_final ? 1 : 0;
}

/* The plaintext length of the pieces; more than |max| is |max| + 1. */
static size_t floe_pieces_len(const struct adp_gcm_piece *in, size_t num_in, size_t max)
{
    size_t len = 0;

    for (size_t i = 0; i < num_in; i++) {
        if (in[i].len > max - len)
            return max + 1;
        len += in[i].len;
    }
    return len;
}

enum adp_status adp_floe_seal_segment(struct adp_floe *floe, struct adp_gcm_scratch *scratch,
                                      uint8_t *out_segment, const struct adp_gcm_piece *in,
                                      size_t num_in, uint64_t position, int is_final,
                                      struct adp_error *err)
{
    size_t max = floe->params.enc_seg_len - ADP_FLOE_OVERHEAD;
    size_t len = floe_pieces_len(in, num_in, max);
    const struct adp_gcm_key *key;
    uint8_t aad[FLOE_AEAD_AAD_LEN];
    enum adp_status status;

    if (position >= ADP_FLOE_MAX_SEGMENTS || len > max || (!is_final && len != max))
        return adp_fail(err, ADP_ERR_INTERNAL, NULL,
                        "segment %" PRIu64 " has no length that FLOE allows", position);
    status = adp_floe_key(&key, floe, position, err);
    if (status != ADP_OK)
        return status;
    floe_aead_aad(aad, position, is_final);
    floe_put_be32(out_segment, is_final ? (uint32_t)len + ADP_FLOE_OVERHEAD : FLOE_NOT_FINAL);
    adp_random(out_segment + 4, ADP_GCM_NONCE_LEN);
    if (adp_gcm_seal(key, scratch, out_segment + ADP_FLOE_DATA_OFFSET,
                     out_segment + ADP_FLOE_DATA_OFFSET + len, out_segment + 4, in, num_in, aad,
                     sizeof(aad)) != ADP_GCM_OK)
        return adp_fail(err, ADP_ERR_INTERNAL, NULL, "AES-256-GCM refused segment %" PRIu64,
                        position);
    return ADP_OK;
}

/* Whether |segment| says of itself that it is final, of any length that one can have. */
static int floe_marked_final(const struct adp_floe *floe, uint32_t mark)
{
    return mark >= ADP_FLOE_OVERHEAD && mark <= floe->params.enc_seg_len;
}

/* Holds the length field and the length at hand against what must stand at this place. */
static enum adp_status floe_check_length(const struct adp_floe *floe, const uint8_t *segment,
                                         size_t len, uint64_t position, int is_final,
                                         struct adp_error *err)
{
    size_t max = floe->params.enc_seg_len;
    uint32_t mark;

    if (position >= ADP_FLOE_MAX_SEGMENTS || len > max)
        return adp_fail(err, ADP_ERR_INTERNAL, NULL, "segment %" PRIu64 " is out of FLOE's range",
                        position);
    if (len < ADP_FLOE_OVERHEAD || (!is_final && len < max))
        return adp_fail(err, ADP_ERR_TRUNCATED, NULL, "segment %" PRIu64 " is cut short", position);
    mark = floe_get_be32(segment);
    if (mark == (is_final ? len : FLOE_NOT_FINAL))
        return ADP_OK;
    if (is_final && (mark == FLOE_NOT_FINAL || (floe_marked_final(floe, mark) && mark > len)))
        return adp_fail(err, ADP_ERR_TRUNCATED, NULL,
                        "the message ends within or after segment %" PRIu64 ", before its end",
                        position);
    if (floe_marked_final(floe, mark))
        return adp_fail(err, ADP_ERR_TRAILING, NULL,
                        "bytes follow segment %" PRIu64 ", which is marked as the last", position);
    return adp_fail(err, ADP_ERR_SEGMENT_TAG, NULL,
                    "the length field of segment %" PRIu64 " was changed", position);
}

static enum adp_gcm_result floe_open_gcm(const struct adp_gcm_key *key,
                                         struct adp_gcm_scratch *scratch, uint8_t *out,
                                         const uint8_t *segment, size_t len, uint64_t position,
                                         int is_final)
{
    struct adp_gcm_piece piece = {segment + ADP_FLOE_DATA_OFFSET, len - ADP_FLOE_OVERHEAD};
    uint8_t aad[FLOE_AEAD_AAD_LEN];

    floe_aead_aad(aad, position, is_final);
    return adp_gcm_open(key, scratch, out, segment + 4, &piece, 1, segment + len - ADP_GCM_TAG_LEN,
                        aad, sizeof(aad));
}

enum adp_status adp_floe_open_segment(struct adp_floe *floe, struct adp_gcm_scratch *scratch,
                                      uint8_t *out, const uint8_t *segment, size_t segment_len,
                                      uint64_t position, int is_final, struct adp_error *err)
{
    const struct adp_gcm_key *key;
    enum adp_status status;

    status = floe_check_length(floe, segment, segment_len, position, is_final, err);
    if (status == ADP_OK)
        status = adp_floe_key(&key, floe, position, err);
    if (status != ADP_OK)
        return status;
    if (floe_open_gcm(key, scratch, out, segment, segment_len, position, is_final) != ADP_GCM_OK)
        return adp_fail(err, ADP_ERR_SEGMENT_TAG, NULL, "segment %" PRIu64 " does not authenticate",
                        position);
    return ADP_OK;
}

int adp_floe_find_position(struct adp_floe *floe, struct adp_gcm_scratch *scratch, uint8_t *out,
                           const uint8_t *segment, size_t segment_len, uint64_t num_segments,
                           uint64_t *out_position)
{
    const struct adp_gcm_key *key;
    enum adp_gcm_result result = ADP_GCM_BAD_TAG;
    int is_final;

    if (segment_len < ADP_FLOE_OVERHEAD || num_segments > ADP_FLOE_MAX_SEGMENTS)
        return 0;
    is_final = floe_get_be32(segment) != FLOE_NOT_FINAL;
    for (uint64_t position = 0; position < num_segments; position++) {
        if (adp_floe_key(&key, floe, position, NULL) != ADP_OK)
            return 0;
        result = floe_open_gcm(key, scratch, out, segment, segment_len, position, is_final);
        if (result == ADP_GCM_OK) {
            adp_wipe(out, segment_len - ADP_FLOE_OVERHEAD);
            *out_position = position;
            return 1;
        }
    }
    return 0;
}

int adp_floe_layout_of(struct adp_floe_layout *out, uint32_t enc_seg_len, uint64_t body_len)
{
    uint64_t num_segments, last_len;

    if (enc_seg_len <= ADP_FLOE_OVERHEAD || body_len == 0)
        return 0;
    num_segments = (body_len - 1) / enc_seg_len + 1;
    last_len = body_len - (num_segments - 1) * enc_seg_len;
    if (num_segments > ADP_FLOE_MAX_SEGMENTS || last_len < ADP_FLOE_OVERHEAD)
        return 0;
    *out = (struct adp_floe_layout){
        .num_segments = num_segments,
        .plain_len = body_len - num_segments * ADP_FLOE_OVERHEAD,
        .last_len = (uint32_t)last_len,
    };
    return 1;
}
