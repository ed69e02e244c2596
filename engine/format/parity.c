#include "parity.h"

#include <string.h>

#include "wrap.h"

#define PARITY_MAGIC     "ADPSPARI"
#define PARITY_MAGIC_LEN 8
#define PARITY_VERSION   1
#define PARITY_FIELDS    76 /* bytes of the start that are not zero */

#define PARITY_MAX_BAND (16u << 20) /* bytes of a band's parity, which are held in memory */

/* What seal writes: decision 12. */
#define SMALL_BODY      (UINT64_C(4) << 20)
#define SMALL_SHARD_LEN 1024u
#define SHARD_LEN       16384u
#define MAX_PARITY      4u
#define BAND            16u

#define MAX_GROUP 255u /* shards: elements of GF(2^8), less one */

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* -- Arithmetic. */

uint64_t adp_parity_num_shards(const struct adp_parity *parity)
{
    return ceil_div(parity->size - parity->header_len, parity->shard_len);
}

static int has_header(const struct adp_parity *parity)
{
    return parity->header_len >= ADP_HEADER_BLOCK && parity->header_len <= ADP_HEADER_MAX &&
           parity->header_len % ADP_HEADER_BLOCK == 0 && parity->size > parity->header_len &&
           parity->size <= (uint64_t)INT64_MAX / 4;
}

int adp_parity_choose(struct adp_parity *out, unsigned percent)
{
    uint64_t shards, burst, groups = 0;
    unsigned m;

    if (!has_header(out) || percent < 1 || percent > 100)
        return 0;
    out->shard_len = out->size - out->header_len >= SMALL_BODY ? SHARD_LEN : SMALL_SHARD_LEN;
    shards = adp_parity_num_shards(out);
    burst = shards / 100 * percent + ceil_div(shards % 100 * percent, 100) + 1;
    if (burst > shards)
        burst = shards;
    for (m = burst < MAX_PARITY ? (unsigned)burst : MAX_PARITY; m > 1; m--) {
        if (ceil_div(burst, m) >= ceil_div(shards, MAX_GROUP - m))
            break;
    }
    groups = ceil_div(burst, m);
    if (groups < ceil_div(shards, MAX_GROUP - m))
        groups = ceil_div(shards, MAX_GROUP - m);
    out->band = groups < BAND ? (uint32_t)groups : BAND;
    groups = ceil_div(groups, out->band) * out->band;
    if (groups > UINT32_MAX)
        return 0;
    out->num_groups = (uint32_t)groups;
    out->num_rows = (uint16_t)ceil_div(shards, groups);
    out->num_parity = (uint16_t)m;
    return 1;
}

uint32_t adp_parity_num_bands(const struct adp_parity *parity)
{
    return parity->num_groups / parity->band;
}

uint32_t adp_parity_band_digests(const struct adp_parity *parity)
{
    return (uint32_t)(parity->num_rows + parity->num_parity) * parity->band;
}

uint32_t adp_parity_band_blocks(const struct adp_parity *parity)
{
    return (uint32_t)ceil_div(adp_parity_band_digests(parity), ADP_PARITY_DIGESTS);
}

/* -- Offsets: start, header, guard, digests, parity, and the first four once more. */

static uint64_t digests_len(const struct adp_parity *parity)
{
    return (uint64_t)adp_parity_num_bands(parity) * adp_parity_band_blocks(parity) *
           ADP_PARITY_BLOCK;
}

static uint64_t parity_start(const struct adp_parity *parity)
{
    return 2 * ADP_PARITY_BLOCK + parity->header_len + digests_len(parity);
}

static uint64_t parity_end(const struct adp_parity *parity)
{
    return parity_start(parity) +
           (uint64_t)parity->num_parity * parity->num_groups * parity->shard_len;
}

uint64_t adp_parity_start_offset(const struct adp_parity *parity, unsigned copy)
{
    return copy == 0 ? 0 : adp_parity_file_size(parity) - ADP_PARITY_BLOCK;
}

uint64_t adp_parity_header_offset(const struct adp_parity *parity, unsigned copy)
{
    return copy == 0 ? ADP_PARITY_BLOCK : parity_end(parity) + digests_len(parity);
}

uint64_t adp_parity_digests_offset(const struct adp_parity *parity, unsigned copy, uint32_t band)
{
    uint64_t start = copy == 0 ? 2 * ADP_PARITY_BLOCK + parity->header_len : parity_end(parity);

    return start + (uint64_t)band * adp_parity_band_blocks(parity) * ADP_PARITY_BLOCK;
}

uint64_t adp_parity_shard_offset(const struct adp_parity *parity, unsigned row, uint32_t group)
{
    return parity_start(parity) + ((uint64_t)row * parity->num_groups + group) * parity->shard_len;
}

uint64_t adp_parity_file_size(const struct adp_parity *parity)
{
    return parity_end(parity) + digests_len(parity) + parity->header_len + 2 * ADP_PARITY_BLOCK;
}

/* -- Blocks. */

void adp_parity_close(uint8_t block[ADP_PARITY_BLOCK])
{
    adp_sha256(block + (ADP_PARITY_BLOCK - ADP_HASH_LEN), block, ADP_PARITY_BLOCK - ADP_HASH_LEN);
}

int adp_parity_is_whole(const uint8_t block[ADP_PARITY_BLOCK])
{
    uint8_t checksum[ADP_HASH_LEN];

    adp_sha256(checksum, block, ADP_PARITY_BLOCK - ADP_HASH_LEN);
    return memcmp(checksum, block + (ADP_PARITY_BLOCK - ADP_HASH_LEN), ADP_HASH_LEN) == 0;
}

void adp_parity_guard(uint8_t out[ADP_PARITY_BLOCK], const uint8_t *header, uint32_t header_len)
{
    uint32_t len = header_len / ADP_PARITY_PIECES;

    memset(out, 0, ADP_PARITY_BLOCK);
    for (uint32_t i = 0; i < ADP_PARITY_PIECES; i++)
        adp_sha256(out + (size_t)i * ADP_HASH_LEN, header + (size_t)i * len, len);
    adp_parity_close(out);
}

void adp_parity_build(uint8_t out[ADP_PARITY_BLOCK], const struct adp_parity *parity)
{
    struct adp_builder builder;

    adp_builder_init_fixed(&builder, out, ADP_PARITY_BLOCK - ADP_HASH_LEN);
    adp_build_bytes(&builder, PARITY_MAGIC, PARITY_MAGIC_LEN);
    adp_build_u32(&builder, PARITY_VERSION);
    adp_build_u32(&builder, 0);
    adp_build_bytes(&builder, parity->vault_id, ADP_ID_LEN);
    adp_build_bytes(&builder, parity->archive_id, ADP_ID_LEN);
    adp_build_u64(&builder, parity->size);
    adp_build_u32(&builder, parity->header_len);
    adp_build_u32(&builder, parity->shard_len);
    adp_build_u32(&builder, parity->num_groups);
    adp_build_u32(&builder, parity->band);
    adp_build_u16(&builder, parity->num_rows);
    adp_build_u16(&builder, parity->num_parity);
    adp_build_zeros(&builder, builder.cap - builder.len);
    adp_parity_close(out);
}

static int is_valid(const struct adp_parity *parity)
{
    return has_header(parity) && parity->shard_len >= 1024 && parity->shard_len <= 65536 &&
           (parity->shard_len & (parity->shard_len - 1)) == 0 && parity->num_groups > 0 &&
           parity->band > 0 && parity->num_groups % parity->band == 0 &&
           parity->band <= ADP_PARITY_RUN_MAX / parity->shard_len && parity->num_parity > 0 &&
           (uint64_t)parity->num_parity * parity->band * parity->shard_len <= PARITY_MAX_BAND &&
           parity->num_groups <= adp_parity_num_shards(parity) &&
           parity->num_rows + parity->num_parity <= (int)MAX_GROUP &&
           parity->num_rows == ceil_div(adp_parity_num_shards(parity), parity->num_groups);
}

int adp_parity_parse(struct adp_parity *out, const uint8_t data[ADP_PARITY_BLOCK],
                     const uint8_t vault_id[ADP_ID_LEN], const struct adp_record_archive *record)
{
    struct adp_reader reader;
    uint32_t version;

    adp_reader_init(&reader, data, ADP_PARITY_BLOCK - ADP_HASH_LEN);
    adp_read_magic(&reader, PARITY_MAGIC, PARITY_MAGIC_LEN);
    if (!adp_read_u32(&reader, &version) || version != PARITY_VERSION)
        return 0;
    adp_read_zeros(&reader, 4);
    adp_read_bytes(&reader, out->vault_id, ADP_ID_LEN);
    adp_read_bytes(&reader, out->archive_id, ADP_ID_LEN);
    adp_read_u64(&reader, &out->size);
    adp_read_u32(&reader, &out->header_len);
    adp_read_u32(&reader, &out->shard_len);
    adp_read_u32(&reader, &out->num_groups);
    adp_read_u32(&reader, &out->band);
    adp_read_u16(&reader, &out->num_rows);
    adp_read_u16(&reader, &out->num_parity);
    adp_read_zeros(&reader, ADP_PARITY_BLOCK - ADP_HASH_LEN - PARITY_FIELDS);
    return adp_reader_at_end(&reader) && adp_parity_is_whole(data) && is_valid(out) &&
           memcmp(out->vault_id, vault_id, ADP_ID_LEN) == 0 &&
           memcmp(out->archive_id, record->archive_id, ADP_ID_LEN) == 0 &&
           out->size == record->size;
}
