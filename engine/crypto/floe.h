/* FLOE: Fast Lightweight Online Encryption, with random access (c2sp.org/FLOE; ePrint 2025/2275).
 *
 * A message is a header of 74 bytes and segments of ENC_SEG_LEN bytes, the last one marked and
 * possibly shorter. A segment carries 32 bytes of its own (length, nonce, tag). Segments may be
 * sealed and opened in any order and in parallel; position and finality are authenticated, and the
 * header commits to the key. Parameters are fixed: AES-GCM-256, HKDF-Expand-SHA-384, IV of 32
 * bytes.
 *
 * Random access cannot see by itself that segments are missing at the end: a caller that knows the
 * message's length says which segment is final (adp_floe_layout does the sum), and the last segment
 * then refuses to open if it is not.
 *
 * Threads: one adp_floe may be used by many threads at once, each with its own scratch. */
#ifndef ADP_FLOE_H
#define ADP_FLOE_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "gcm.h"

#define ADP_FLOE_KEY_LEN      32
#define ADP_FLOE_IV_LEN       32
#define ADP_FLOE_HEADER_LEN   74
#define ADP_FLOE_TAG_LEN      32 /* header tag */
#define ADP_FLOE_OVERHEAD     32 /* per segment: u32 length, nonce of 12, tag of 16 */
#define ADP_FLOE_DATA_OFFSET  16 /* where a segment's ciphertext begins */
#define ADP_FLOE_ROTATION     20 /* AEAD_ROTATION_MASK */
#define ADP_FLOE_MAX_SEGMENTS (UINT64_C(1) << 40)

struct adp_floe;

/* adp_floe_params are those that vary: the segment length on the wire; the rotation mask is
 * ADP_FLOE_ROTATION everywhere but in the published test vectors for key rotation. */
struct adp_floe_params {
    uint32_t enc_seg_len; /* at least 33 */
    unsigned rotation;    /* log2 of the segments per key */
};

/* adp_floe_seal_start begins a message: draws the IV and writes the header. |aad| is copied. */
enum adp_status adp_floe_seal_start(struct adp_floe **out_floe,
                                    uint8_t out_header[ADP_FLOE_HEADER_LEN],
                                    const struct adp_floe_params *params,
                                    const struct adp_gcm_kernel *kernel,
                                    const uint8_t key[ADP_FLOE_KEY_LEN], const uint8_t *aad,
                                    size_t aad_len, struct adp_error *err);

/* adp_floe_open_start checks |header| against key and aad. ADP_ERR_FORMAT if its parameters are not
 * |params|; ADP_ERR_HEADER_TAG if key or aad is another (FLOE cannot tell which). */
enum adp_status adp_floe_open_start(struct adp_floe **out_floe,
                                    const uint8_t header[ADP_FLOE_HEADER_LEN],
                                    const struct adp_floe_params *params,
                                    const struct adp_gcm_kernel *kernel,
                                    const uint8_t key[ADP_FLOE_KEY_LEN], const uint8_t *aad,
                                    size_t aad_len, struct adp_error *err);

/* adp_floe_free wipes and frees. NULL is allowed. */
void adp_floe_free(struct adp_floe *floe);

/* adp_floe_header_enc_seg_len reads ENC_SEG_LEN out of a header, checking the fixed parameters.
 * Returns 0 if they are not those of this profile. */
uint32_t adp_floe_header_enc_seg_len(const uint8_t header[ADP_FLOE_HEADER_LEN]);

/* adp_floe_seal_segment seals the pieces |in| (rules of overlap as in gcm.h, the plaintext's own
 * place being |out_segment| + ADP_FLOE_DATA_OFFSET) as segment |position|. A segment that is not
 * final has exactly enc_seg_len - 32 bytes of plaintext, a final one at most that.
 * |out_segment| has room for the plaintext's length + 32. */
enum adp_status adp_floe_seal_segment(struct adp_floe *floe, struct adp_gcm_scratch *scratch,
                                      uint8_t *out_segment, const struct adp_gcm_piece *in,
                                      size_t num_in, uint64_t position, int is_final,
                                      struct adp_error *err);

/* adp_floe_open_segment opens |segment| of |segment_len| bytes to |out| (segment_len - 32 bytes),
 * which may be |segment| + ADP_FLOE_DATA_OFFSET. Errors, each with |out| zeroed or untouched:
 * ADP_ERR_TRUNCATED: shorter than a segment of its kind can be, or not final where the message
 * ends; ADP_ERR_TRAILING: marked final, but the message goes on after it; ADP_ERR_SEGMENT_TAG: does
 * not authenticate at this position. */
enum adp_status adp_floe_open_segment(struct adp_floe *floe, struct adp_gcm_scratch *scratch,
                                      uint8_t *out, const uint8_t *segment, size_t segment_len,
                                      uint64_t position, int is_final, struct adp_error *err);

/* adp_floe_find_position looks whether |segment|, which failed with ADP_ERR_SEGMENT_TAG, is the
 * segment of another position below |num_segments|: a diagnosis for error messages, slow. |out|
 * is scratch of segment_len - 32 bytes, zeroed afterwards. Returns 1 and the position, or 0. */
int adp_floe_find_position(struct adp_floe *floe, struct adp_gcm_scratch *scratch, uint8_t *out,
                           const uint8_t *segment, size_t segment_len, uint64_t num_segments,
                           uint64_t *out_position);

/* struct adp_floe_layout is the arithmetic of a body. */
struct adp_floe_layout {
    uint64_t num_segments;
    uint64_t plain_len;
    uint32_t last_len; /* of the last segment, on the wire */
};

/* adp_floe_layout_of computes the layout of a body of |body_len| bytes. Returns 0 if no body has
 * that length (a last segment of fewer than 32 bytes, too many segments), else 1. */
int adp_floe_layout_of(struct adp_floe_layout *out, uint32_t enc_seg_len, uint64_t body_len);

#endif
