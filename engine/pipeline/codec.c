#include "codec.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
/* The state of a running digest lives on the stack. */
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>
/* The library's plain functions are those of the oldest CPU; these choose, three times as fast. */
#ifdef __x86_64__
#    include <xxh_x86dispatch.h>
#endif
#include <zstd.h>

#include "error.h"

/* Three samples of this many bytes stand for a frame of up to 1 MiB, more for a longer one. */
#define SAMPLE_LEN  4096u
#define MIN_SAMPLES 3u
#define MAX_SAMPLES 12u
#define SAMPLE_STEP ((size_t)352 << 10)
/* A frame is compressed if it shrinks by at least 1/32: below that, opening it costs more time than
 * the space is worth. */
#define WORTH_SHIFT 5

/* docs/FORMAT.md section 7. */
#define WINDOW_MAX (UINT64_C(8) << 20)

/* Sorted, lower case. */
static const char *const compressed_endings[] = {
    "3gp",  "7z",   "aac",  "ape",  "arw",  "avi",  "avif", "br",   "bz2",  "cr2",  "cr3",
    "docx", "flac", "flv",  "gif",  "gz",   "heic", "heif", "insp", "insv", "jp2",  "jpeg",
    "jpg",  "jxl",  "kdbx", "lz4",  "m2ts", "m4a",  "m4v",  "mkv",  "mov",  "mp3",  "mp4",
    "mpg",  "mts",  "nef",  "oga",  "ogg",  "ogv",  "opus", "orf",  "png",  "pptx", "raf",
    "rar",  "rw2",  "thm",  "webm", "webp", "wmv",  "xlsx", "xz",   "zip",  "zst"};

static int compare_ending(const void *key, const void *item)
{
    return strcasecmp(key, *(const char *const *)item);
}

int adp_codec_is_compressed(const char *name, size_t name_len)
{
    char ending[8];
    size_t len = 0;

    while (len < name_len && len < sizeof(ending) && name[name_len - 1 - len] != '.')
        len++;
    if (len == 0 || len >= name_len || len >= sizeof(ending))
        return 0;
    memcpy(ending, name + name_len - len, len);
    ending[len] = '\0';
    return bsearch(ending, compressed_endings,
                   sizeof(compressed_endings) / sizeof(compressed_endings[0]),
                   sizeof(compressed_endings[0]), compare_ending) != NULL;
}

static int is_worth(size_t compressed, size_t plain)
{
    return compressed <= plain - (plain >> WORTH_SHIFT);
}

/* Compresses samples from beginning to end at the cheapest level. */
static int samples_shrink(ZSTD_CCtx *context, uint8_t *out, size_t out_len, const uint8_t *data,
                          size_t len)
{
    uint8_t sample[MAX_SAMPLES * SAMPLE_LEN];
    size_t num = len / SAMPLE_STEP + 1, step, compressed;

    if (num < MIN_SAMPLES)
        num = MIN_SAMPLES;
    if (num > MAX_SAMPLES)
        num = MAX_SAMPLES;
    step = (len - SAMPLE_LEN) / (num - 1);
    for (size_t i = 0; i < num; i++)
        memcpy(sample + i * SAMPLE_LEN, data + i * step, SAMPLE_LEN);
    compressed = ZSTD_compressCCtx(context, out, out_len, sample, num * SAMPLE_LEN, 1);
    return !ZSTD_isError(compressed) && is_worth(compressed, num * SAMPLE_LEN);
}

size_t adp_codec_compress(void **zstd, uint8_t *out, const uint8_t *data, size_t len, int level)
{
    size_t compressed;

    if (*zstd == NULL)
        *zstd = ZSTD_createCCtx();
    if (*zstd == NULL)
        return 0; /* out of memory: raw is always right */
    if (len > 8 * MIN_SAMPLES * SAMPLE_LEN && !samples_shrink(*zstd, out, len, data, len))
        return 0;
    compressed = ZSTD_compressCCtx(*zstd, out, len, data, len, level);
    return ZSTD_isError(compressed) || !is_worth(compressed, len) ? 0 : compressed;
}

void adp_codec_free(void *zstd)
{
    ZSTD_freeCCtx(zstd);
}

enum adp_status adp_codec_compress_all(void **zstd, const uint8_t *data, size_t len, int level,
                                       uint8_t **out, size_t *out_len, struct adp_error *err)
{
    size_t cap = ZSTD_compressBound(len);

    if (*zstd == NULL)
        *zstd = ZSTD_createCCtx();
    *out = *zstd != NULL ? malloc(cap) : NULL;
    if (*out == NULL)
        return adp_fail_memory(err);
    *out_len = ZSTD_compressCCtx(*zstd, *out, cap, data, len, level);
    if (!ZSTD_isError(*out_len))
        return ADP_OK;
    free(*out);
    *out = NULL;
    return adp_fail(err, ADP_ERR_INTERNAL, NULL, "zstd failed: %s", ZSTD_getErrorName(*out_len));
}

/* RFC 8878 section 3.1.1.1: descriptor at byte 4; without the single segment flag a window
 * descriptor follows. libzstd limits windows when streaming only. */
static int header_allowed(const uint8_t *data, size_t len)
{
    uint8_t descriptor, window;

    if (len < 6)
        return 0;
    descriptor = data[4];
    window = data[5];
    if ((descriptor & 3) != 0)
        return 0; /* a dictionary */
    if ((descriptor & 0x20) != 0)
        return 1; /* the content is the window */
    return (UINT64_C(1) << (10 + (window >> 3))) / 8 * (8 + (window & 7)) <= WINDOW_MAX;
}

enum adp_status adp_codec_decompress(void **zstd, uint8_t *out, size_t out_len, const uint8_t *data,
                                     size_t len)
{
    if (*zstd == NULL)
        *zstd = ZSTD_createDCtx();
    if (*zstd == NULL)
        return ADP_ERR_MEMORY;
    if (!header_allowed(data, len) || ZSTD_getFrameContentSize(data, len) != out_len ||
        ZSTD_findFrameCompressedSize(data, len) != len ||
        ZSTD_decompressDCtx(*zstd, out, out_len, data, len) != out_len)
        return ADP_ERR_CONTENT;
    return ADP_OK;
}

void adp_codec_free_decoder(void *zstd)
{
    ZSTD_freeDCtx(zstd);
}

void adp_codec_digest(uint8_t out[ADP_DIGEST_LEN], const uint8_t *data, size_t len)
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, len));
    memcpy(out, canonical.digest, ADP_DIGEST_LEN);
}

int adp_codec_check_digest(const uint8_t digest[ADP_DIGEST_LEN], const struct adp_gcm_piece *pieces,
                           size_t num)
{
    XXH128_canonical_t canonical;
    XXH3_state_t state;

    if (num == 1) {
        XXH128_canonicalFromHash(&canonical, XXH3_128bits(pieces[0].data, pieces[0].len));
    } else {
        XXH3_INITSTATE(&state);
        XXH3_128bits_reset(&state);
        for (size_t i = 0; i < num; i++)
            XXH3_128bits_update(&state, pieces[i].data, pieces[i].len);
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    }
    return memcmp(canonical.digest, digest, ADP_DIGEST_LEN) == 0;
}
