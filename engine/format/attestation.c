#include "attestation.h"

#include <string.h>

#include "wrap.h"

#define ATTESTATION_MAGIC     "ADPSATTS"
#define ATTESTATION_MAGIC_LEN 8
#define ATTESTATION_VERSION   1

void adp_attestation_start(uint8_t out[ADP_ATTESTATION_START_LEN],
                           const uint8_t vault_id[ADP_ID_LEN], const char *id)
{
    struct adp_builder builder;

    adp_builder_init_fixed(&builder, out, ADP_ATTESTATION_START_LEN);
    adp_build_bytes(&builder, ATTESTATION_MAGIC, ATTESTATION_MAGIC_LEN);
    adp_build_u32(&builder, ATTESTATION_VERSION);
    adp_build_u32(&builder, 0);
    adp_build_bytes(&builder, vault_id, ADP_ID_LEN);
    adp_build_bytes(&builder, id, ADP_SNAPSHOT_ID_LEN);
    adp_build_zeros(&builder, ADP_ATTESTATION_START_LEN - builder.len);
}

enum adp_status adp_attestation_check_start(const uint8_t data[ADP_ATTESTATION_START_LEN],
                                            const uint8_t vault_id[ADP_ID_LEN], const char *id)
{
    uint8_t expected[ADP_ATTESTATION_START_LEN];
    struct adp_reader reader;
    const uint8_t *view;
    uint32_t version;

    adp_attestation_start(expected, vault_id, id);
    if (memcmp(data, expected, sizeof(expected)) == 0)
        return ADP_OK;
    adp_reader_init(&reader, data, sizeof(expected));
    if (!adp_read_magic(&reader, ATTESTATION_MAGIC, ATTESTATION_MAGIC_LEN) ||
        !adp_read_u32(&reader, &version))
        return ADP_ERR_FORMAT;
    if (version != ATTESTATION_VERSION)
        return ADP_ERR_UNSUPPORTED;
    adp_read_zeros(&reader, 4);
    adp_read_view(&reader, &view, ADP_ID_LEN + ADP_SNAPSHOT_ID_LEN);
    adp_read_zeros(&reader, sizeof(expected) - reader.pos);
    return adp_reader_at_end(&reader) ? ADP_ERR_MISMATCH : ADP_ERR_FORMAT;
}

void adp_attested_init(struct adp_attested *out, const struct adp_header *header)
{
    uint8_t bytes[ADP_HEADER_FIXED_LEN + ADP_FLOE_HEADER_LEN];

    adp_header_fixed(bytes, header);
    memcpy(bytes + ADP_HEADER_FIXED_LEN, header->floe_header, ADP_FLOE_HEADER_LEN);
    out->category = header->category;
    out->header_len = header->header_len;
    out->enc_seg_len = header->enc_seg_len;
    adp_sha256(out->header_digest, bytes, sizeof(bytes));
}

void adp_attested_build(uint8_t out[ADP_ATTESTED_START_LEN], const struct adp_attested *attested)
{
    struct adp_builder builder;

    adp_builder_init_fixed(&builder, out, ADP_ATTESTED_START_LEN);
    adp_build_u16(&builder, attested->category);
    adp_build_u16(&builder, 0);
    adp_build_u32(&builder, attested->header_len);
    adp_build_u32(&builder, attested->enc_seg_len);
    adp_build_u32(&builder, 0);
    adp_build_bytes(&builder, attested->header_digest, ADP_HASH_LEN);
}

int adp_attested_parse(struct adp_attested *out, const uint8_t data[ADP_ATTESTED_START_LEN],
                       const struct adp_record_archive *record)
{
    struct adp_reader reader;

    adp_reader_init(&reader, data, ADP_ATTESTED_START_LEN);
    adp_read_u16(&reader, &out->category);
    adp_read_zeros(&reader, 2);
    adp_read_u32(&reader, &out->header_len);
    adp_read_u32(&reader, &out->enc_seg_len);
    adp_read_zeros(&reader, 4);
    adp_read_bytes(&reader, out->header_digest, ADP_HASH_LEN);
    return adp_reader_at_end(&reader) && out->category == record->category &&
           adp_attested_num_segments(out, record->size) != 0;
}

uint64_t adp_attested_num_segments(const struct adp_attested *attested, uint64_t size)
{
    struct adp_floe_layout layout;

    if (attested->header_len % ADP_HEADER_BLOCK != 0 || attested->header_len > ADP_HEADER_MAX ||
        attested->header_len == 0 || size < attested->header_len ||
        attested->enc_seg_len % ADP_HEADER_BLOCK != 0 || attested->enc_seg_len > ADP_SEGMENT_MAX ||
        !adp_floe_layout_of(&layout, attested->enc_seg_len, size - attested->header_len))
        return 0;
    return layout.num_segments;
}
