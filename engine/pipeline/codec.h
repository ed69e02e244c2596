/* Frames: raw or zstd, and the question which. Digests of extents as well. */
#ifndef ADP_CODEC_H
#define ADP_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "gcm.h"
#include "index.h"

#define ADP_LEVEL_DEFAULT 3

/* adp_codec_is_compressed returns whether files called |name| are compressed already, by the
 * ending of their name: photos, films, music, archives. */
int adp_codec_is_compressed(const char *name, size_t name_len);

/* adp_codec_compress compresses |len| bytes into |out|, which holds |len| bytes as well. |*zstd| is
 * the thread's context, made at first use and freed with adp_codec_free. A few samples are tried
 * first, and given up on if they hardly shrink. Returns the compressed length, or zero if the data
 * is better stored raw. */
size_t adp_codec_compress(void **zstd, uint8_t *out, const uint8_t *data, size_t len, int level);
void adp_codec_free(void *zstd);

/* adp_codec_compress_all is for the index: compresses anything to memory that the caller frees, and
 * never stores raw. */
enum adp_status adp_codec_compress_all(void **zstd, const uint8_t *data, size_t len, int level,
                                       uint8_t **out, size_t *out_len, struct adp_error *err);

/* adp_codec_decompress decodes one zstd frame into exactly |out_len| bytes. ADP_ERR_CONTENT if it
 * is not such a frame in the sense of docs/FORMAT.md section 7, or ADP_ERR_MEMORY. |*zstd| as
 * above, freed with adp_codec_free_decoder. */
enum adp_status adp_codec_decompress(void **zstd, uint8_t *out, size_t out_len, const uint8_t *data,
                                     size_t len);
void adp_codec_free_decoder(void *zstd);

/* adp_codec_digest computes an extent's digest. */
void adp_codec_digest(uint8_t out[ADP_DIGEST_LEN], const uint8_t *data, size_t len);

/* adp_codec_check_digest returns whether the pieces have |digest|. */
int adp_codec_check_digest(const uint8_t digest[ADP_DIGEST_LEN], const struct adp_gcm_piece *pieces,
                           size_t num);

#endif
