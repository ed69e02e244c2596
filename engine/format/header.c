#include "header.h"

#include <string.h>

#include "bytes.h"
#include "error.h"
#include "fuzzing.h"

#define HEADER_MAGIC        "ADPSEAL1"
#define HEADER_MAGIC_LEN    8
#define HEADER_VERSION      1
#define HEADER_LEN_OFFSET   12
#define HEADER_SLOTS_OFFSET 144
#define HEADER_SLOT_KEY     1
#define HEADER_SLOT_KEY_LEN (4 + ADP_KEM_KEY_LEN + ADP_WRAP_CT_LEN) /* payload of type 1 */
#define HEADER_INFO_LABEL   "adp-seal/1 archive key"

/* -- Building ---------------------------------------------------------------------------------- */

void adp_header_fixed(uint8_t out[ADP_HEADER_FIXED_LEN], const struct adp_header *header)
{
    struct adp_builder builder;

    adp_builder_init_fixed(&builder, out, ADP_HEADER_FIXED_LEN);
    adp_build_bytes(&builder, HEADER_MAGIC, HEADER_MAGIC_LEN);
    adp_build_u32(&builder, HEADER_VERSION);
    adp_build_u32(&builder, header->header_len);
    adp_build_bytes(&builder, header->vault_id, ADP_ID_LEN);
    adp_build_bytes(&builder, header->archive_id, ADP_ID_LEN);
    adp_build_u16(&builder, header->category);
    adp_build_u16(&builder, 0);
    adp_build_u32(&builder, header->epoch);
    adp_build_u64(&builder, 0);
}

static void header_build_slot(struct adp_builder *builder, const struct adp_slot *slot)
{
    adp_build_u16(builder, HEADER_SLOT_KEY);
    adp_build_u16(builder, HEADER_SLOT_KEY_LEN);
    adp_build_u32(builder, slot->key_epoch);
    adp_build_bytes(builder, slot->wrap.enc, sizeof(slot->wrap.enc));
    adp_build_bytes(builder, slot->wrap.ct, sizeof(slot->wrap.ct));
}

static int header_len_check(uint32_t header_len)
{
    return header_len >= ADP_HEADER_BLOCK && header_len <= ADP_HEADER_MAX &&
           header_len % ADP_HEADER_BLOCK == 0;
}

enum adp_status adp_header_build(uint8_t *out, const struct adp_header *header,
                                 struct adp_error *err)
{
    size_t slots_len = header->num_slots * (4 + HEADER_SLOT_KEY_LEN);
    struct adp_builder builder;

    if (!header_len_check(header->header_len) || header->num_slots == 0 ||
        header->num_slots > ADP_HEADER_MAX_SLOTS ||
        slots_len > header->header_len - HEADER_SLOTS_OFFSET - ADP_HASH_LEN)
        return adp_fail(err, ADP_ERR_INTERNAL, NULL, "%zu key slots do not fit the archive header",
                        header->num_slots);
    adp_header_fixed(out, header);
    adp_builder_init_fixed(&builder, out + ADP_HEADER_FIXED_LEN,
                           header->header_len - ADP_HEADER_FIXED_LEN - ADP_HASH_LEN);
    adp_build_bytes(&builder, header->floe_header, ADP_FLOE_HEADER_LEN);
    adp_build_u16(&builder, (uint16_t)header->num_slots);
    adp_build_u32(&builder, (uint32_t)slots_len);
    for (size_t i = 0; i < header->num_slots; i++)
        header_build_slot(&builder, &header->slots[i]);
    adp_build_zeros(&builder, builder.cap - builder.len);
    adp_sha256(out + header->header_len - ADP_HASH_LEN, out, header->header_len - ADP_HASH_LEN);
    return ADP_OK;
}

size_t adp_slot_info(uint8_t out[128], const uint8_t fixed[ADP_HEADER_FIXED_LEN],
                     uint32_t key_epoch)
{
    struct adp_builder builder;

    adp_builder_init_fixed(&builder, out, 128);
    adp_build_bytes(&builder, HEADER_INFO_LABEL, sizeof(HEADER_INFO_LABEL));
    adp_build_bytes(&builder, fixed, ADP_HEADER_FIXED_LEN);
    adp_build_u32(&builder, key_epoch);
    return builder.len;
}

/* -- Parsing ----------------------------------------------------------------------------------- */

/* Magic, version and length: what must be known before the checksum can be looked for. */
static enum adp_status header_parse_start(struct adp_header *out, struct adp_reader *reader,
                                          const char *path, struct adp_error *err)
{
    uint32_t version;

    if (!adp_read_magic(reader, HEADER_MAGIC, HEADER_MAGIC_LEN))
        return adp_fail_at(err, ADP_ERR_FORMAT, path, 0, "this is not an archive of adp-seal");
    if (!adp_read_u32(reader, &version))
        return adp_fail_at(err, ADP_ERR_TRUNCATED, path, reader->len, "the header ends too soon");
    if (version != HEADER_VERSION)
        return adp_fail_at(err, ADP_ERR_UNSUPPORTED, path, HEADER_MAGIC_LEN,
                           "the archive has version %u of the format", version);
    if (!adp_read_u32(reader, &out->header_len) || !header_len_check(out->header_len))
        return adp_fail_at(err, ADP_ERR_FORMAT, path, reader->pos,
                           "the header has no valid length");
    if (reader->len < out->header_len)
        return adp_fail_at(err, ADP_ERR_TRUNCATED, path, reader->len, "the header ends too soon");
    return ADP_OK;
}

static int header_checksum_check(const uint8_t *data, size_t header_len)
{
    uint8_t checksum[ADP_HASH_LEN];

    adp_sha256(checksum, data, header_len - ADP_HASH_LEN);
    return ADP_SKIP_AUTHENTICATION ||
           memcmp(checksum, data + header_len - ADP_HASH_LEN, ADP_HASH_LEN) == 0;
}

int adp_header_is_whole(const uint8_t *data, size_t len)
{
    struct adp_reader reader;
    uint32_t header_len;

    adp_reader_init(&reader, data + HEADER_LEN_OFFSET,
                    len > HEADER_LEN_OFFSET ? len - HEADER_LEN_OFFSET : 0);
    return adp_read_u32(&reader, &header_len) && header_len_check(header_len) &&
           header_len <= len && header_checksum_check(data, header_len);
}

/* The rest of the fixed part, and the FLOE header. */
static int header_parse_fields(struct adp_header *out, struct adp_reader *reader)
{
    adp_read_bytes(reader, out->vault_id, ADP_ID_LEN);
    adp_read_bytes(reader, out->archive_id, ADP_ID_LEN);
    adp_read_u16(reader, &out->category);
    adp_read_zeros(reader, 2);
    adp_read_u32(reader, &out->epoch);
    adp_read_zeros(reader, 8);
    if (out->category < 1 || out->category > ADP_NUM_CATEGORIES || out->epoch < 1)
        return adp_reader_fail(reader);
    adp_read_bytes(reader, out->floe_header, ADP_FLOE_HEADER_LEN);
    out->enc_seg_len = adp_floe_header_enc_seg_len(out->floe_header);
    if (out->enc_seg_len == 0 || out->enc_seg_len > ADP_SEGMENT_MAX ||
        out->enc_seg_len % ADP_HEADER_BLOCK != 0)
        return adp_reader_fail(reader);
    return !reader->failed;
}

static int header_parse_slot(struct adp_header *out, struct adp_reader *slots)
{
    struct adp_slot *slot = &out->slots[out->num_slots];
    const uint8_t *payload;
    uint16_t type, len;

    adp_read_u16(slots, &type);
    adp_read_u16(slots, &len);
    if (type != HEADER_SLOT_KEY) {
        out->num_unknown++;
        return adp_read_view(slots, &payload, len);
    }
    if (len != HEADER_SLOT_KEY_LEN)
        return adp_reader_fail(slots);
    adp_read_u32(slots, &slot->key_epoch);
    adp_read_bytes(slots, slot->wrap.enc, sizeof(slot->wrap.enc));
    out->num_slots++;
    return adp_read_bytes(slots, slot->wrap.ct, sizeof(slot->wrap.ct));
}

/* The slots, then the padding. Where it fails, |reader->pos| tells the place. */
static int header_parse_slots(struct adp_header *out, struct adp_reader *reader)
{
    struct adp_reader slots;
    const uint8_t *view;
    uint16_t num_slots;
    uint32_t slots_len;

    adp_read_u16(reader, &num_slots);
    adp_read_u32(reader, &slots_len);
    if (num_slots < 1 || num_slots > ADP_HEADER_MAX_SLOTS ||
        !adp_read_view(reader, &view, slots_len))
        return adp_reader_fail(reader);
    adp_reader_init(&slots, view, slots_len);
    for (uint16_t i = 0; i < num_slots; i++)
        header_parse_slot(out, &slots);
    if (!adp_reader_at_end(&slots)) {
        reader->pos = HEADER_SLOTS_OFFSET + slots.pos;
        return adp_reader_fail(reader);
    }
    return adp_read_zeros(reader, reader->len - reader->pos);
}

enum adp_status adp_header_parse(struct adp_header *out, const uint8_t *data, size_t len,
                                 const char *path, struct adp_error *err)
{
    struct adp_header header = {0};
    struct adp_reader reader;
    enum adp_status status;

    adp_reader_init(&reader, data, len);
    status = header_parse_start(&header, &reader, path, err);
    if (status != ADP_OK)
        return status;
    if (!header_checksum_check(data, header.header_len))
        return adp_fail_at(err, ADP_ERR_CHECKSUM, path, header.header_len - ADP_HASH_LEN,
                           "the header's checksum does not fit");
    reader.len = header.header_len - ADP_HASH_LEN;
    if (!header_parse_fields(&header, &reader) || !header_parse_slots(&header, &reader))
        return adp_fail_at(err, ADP_ERR_FORMAT, path, reader.pos, "the header is malformed");
    *out = header;
    return ADP_OK;
}
