#include "bytes.h"

#include <string.h>

void adp_reader_init(struct adp_reader *reader, const uint8_t *data, size_t len)
{
    static const uint8_t nothing; /* so that arithmetic on |data| is defined for no bytes at all */

    *reader = (struct adp_reader){.data = data != NULL ? data : &nothing, .len = len};
}

int adp_reader_fail(struct adp_reader *reader)
{
    reader->failed = 1;
    return 0;
}

int adp_reader_at_end(const struct adp_reader *reader)
{
    return !reader->failed && reader->pos == reader->len;
}

/* Steps over |len| bytes and returns where they are; NULL if there are fewer. */
static const uint8_t *adp_reader_take(struct adp_reader *reader, size_t len)
{
    const uint8_t *at;

    if (reader->failed || len > reader->len - reader->pos) {
        adp_reader_fail(reader);
        return NULL;
    }
    at = reader->data + reader->pos;
    reader->pos += len;
    return at;
}

static int adp_read_little_endian(struct adp_reader *reader, uint64_t *out, size_t len)
{
    const uint8_t *at = adp_reader_take(reader, len);

    *out = 0;
    if (at == NULL)
        return 0;
    for (size_t i = 0; i < len; i++)
        *out |= (uint64_t)at[i] << (8 * i);
    return 1;
}

int adp_read_u8(struct adp_reader *reader, uint8_t *out)
{
    uint64_t value;
    int ok = adp_read_little_endian(reader, &value, 1);

    *out = (uint8_t)value;
    return ok;
}

int adp_read_u16(struct adp_reader *reader, uint16_t *out)
{
    uint64_t value;
    int ok = adp_read_little_endian(reader, &value, 2);

    *out = (uint16_t)value;
    return ok;
}

int adp_read_u32(struct adp_reader *reader, uint32_t *out)
{
    uint64_t value;
    int ok = adp_read_little_endian(reader, &value, 4);

    *out = (uint32_t)value;
    return ok;
}

int adp_read_u64(struct adp_reader *reader, uint64_t *out)
{
    return adp_read_little_endian(reader, out, 8);
}

int adp_read_i64(struct adp_reader *reader, int64_t *out)
{
    uint64_t value;
    int ok = adp_read_little_endian(reader, &value, 8);

    *out = (int64_t)value;
    return ok;
}

/* Ten groups of seven bits hold 64 bits; of the tenth only the lowest bit may be set. */
#define ADP_VARINT_MAX_LEN  10
#define ADP_VARINT_LAST_MAX 1

int adp_read_varint(struct adp_reader *reader, uint64_t *out, uint64_t max)
{
    size_t left = reader->len - reader->pos;
    uint64_t value = 0;

    *out = 0;
    for (size_t i = 0; !reader->failed && i < left && i < ADP_VARINT_MAX_LEN; i++) {
        uint8_t byte = reader->data[reader->pos + i];

        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if ((byte == 0 && i > 0) || (i == ADP_VARINT_MAX_LEN - 1 && byte > ADP_VARINT_LAST_MAX) ||
            value > max)
            break;
        reader->pos += i + 1;
        *out = value;
        return 1;
    }
    return adp_reader_fail(reader);
}

int adp_read_svarint(struct adp_reader *reader, int64_t *out)
{
    uint64_t value;
    int ok = adp_read_varint(reader, &value, UINT64_MAX);

    *out = (int64_t)((value >> 1) ^ (0 - (value & 1)));
    return ok;
}

int adp_read_bytes(struct adp_reader *reader, uint8_t *out, size_t len)
{
    const uint8_t *at = adp_reader_take(reader, len);

    if (len > 0 && at != NULL)
        memcpy(out, at, len);
    else
        memset(out, 0, len);
    return at != NULL;
}

int adp_read_view(struct adp_reader *reader, const uint8_t **out, size_t len)
{
    *out = adp_reader_take(reader, len);
    return *out != NULL;
}

/* The view of |len| bytes that the field at |start| announces. */
static int adp_read_announced(struct adp_reader *reader, const uint8_t **out, size_t *out_len,
                              size_t len, size_t start)
{
    *out_len = 0;
    if (!adp_read_view(reader, out, len)) {
        reader->pos = start;
        return 0;
    }
    *out_len = len;
    return 1;
}

int adp_read_str8(struct adp_reader *reader, const uint8_t **out, size_t *out_len)
{
    size_t start = reader->pos;
    uint8_t len;

    (void)adp_read_u8(reader, &len);
    return adp_read_announced(reader, out, out_len, len, start);
}

int adp_read_vbytes(struct adp_reader *reader, const uint8_t **out, size_t *out_len, size_t max)
{
    size_t start = reader->pos;
    uint64_t len;

    (void)adp_read_varint(reader, &len, max);
    return adp_read_announced(reader, out, out_len, (size_t)len, start);
}

int adp_read_zeros(struct adp_reader *reader, size_t len)
{
    size_t start = reader->pos;
    const uint8_t *at = adp_reader_take(reader, len);

    if (at == NULL)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (at[i] != 0) {
            reader->pos = start + i;
            return adp_reader_fail(reader);
        }
    }
    return 1;
}

int adp_read_magic(struct adp_reader *reader, const char *magic, size_t len)
{
    size_t start = reader->pos;
    const uint8_t *at = adp_reader_take(reader, len);

    if (at == NULL)
        return 0;
    if (memcmp(at, magic, len) != 0) {
        reader->pos = start;
        return adp_reader_fail(reader);
    }
    return 1;
}
