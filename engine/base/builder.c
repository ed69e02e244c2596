#include "bytes.h"

#include <stdlib.h>
#include <string.h>

#include "secret.h"

#define ADP_BUILDER_MIN_CAP 256

/* Makes room for |len| more bytes and returns it; NULL after a failure. Outgrown memory is wiped:
 * builders hold secrets as well. */
static uint8_t *adp_builder_extend(struct adp_builder *builder, size_t len)
{
    size_t cap = builder->cap > 0 ? builder->cap : ADP_BUILDER_MIN_CAP;
    uint8_t *data;

    if (builder->failed || len > SIZE_MAX / 2 - builder->len)
        goto failed;
    while (cap < builder->len + len)
        cap *= 2;
    if (cap > builder->cap) {
        if (builder->is_fixed)
            goto failed;
        data = malloc(cap);
        if (data == NULL)
            goto failed;
        if (builder->len > 0)
            memcpy(data, builder->data, builder->len);
        adp_wipe(builder->data, builder->len);
        free(builder->data);
        builder->data = data;
        builder->cap = cap;
    }
    builder->len += len;
    return builder->data + builder->len - len;

failed:
    builder->failed = 1;
    return NULL;
}

void adp_builder_init_fixed(struct adp_builder *builder, uint8_t *out, size_t cap)
{
    *builder = (struct adp_builder){.data = out, .cap = cap, .is_fixed = 1};
}

void adp_builder_free(struct adp_builder *builder)
{
    if (!builder->is_fixed)
        free(builder->data);
    *builder = (struct adp_builder){0};
}

void adp_builder_wipe(struct adp_builder *builder)
{
    adp_wipe(builder->data, builder->len);
    adp_builder_free(builder);
}

static void adp_build_little_endian(struct adp_builder *builder, uint64_t value, size_t len)
{
    uint8_t *at = adp_builder_extend(builder, len);

    for (size_t i = 0; at != NULL && i < len; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

void adp_build_u8(struct adp_builder *builder, uint8_t value)
{
    adp_build_little_endian(builder, value, 1);
}

void adp_build_u16(struct adp_builder *builder, uint16_t value)
{
    adp_build_little_endian(builder, value, 2);
}

void adp_build_u32(struct adp_builder *builder, uint32_t value)
{
    adp_build_little_endian(builder, value, 4);
}

void adp_build_u64(struct adp_builder *builder, uint64_t value)
{
    adp_build_little_endian(builder, value, 8);
}

void adp_build_i64(struct adp_builder *builder, int64_t value)
{
    adp_build_little_endian(builder, (uint64_t)value, 8);
}

void adp_build_varint(struct adp_builder *builder, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        adp_build_u8(builder, (uint8_t)(value | 0x80));
    adp_build_u8(builder, (uint8_t)value);
}

void adp_build_svarint(struct adp_builder *builder, int64_t value)
{
    adp_build_varint(builder, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void adp_build_bytes(struct adp_builder *builder, const void *data, size_t len)
{
    uint8_t *at = adp_builder_extend(builder, len);

    if (at != NULL && len > 0)
        memcpy(at, data, len);
}

void adp_build_str8(struct adp_builder *builder, const void *data, size_t len)
{
    if (len > UINT8_MAX) {
        builder->failed = 1;
        return;
    }
    adp_build_u8(builder, (uint8_t)len);
    adp_build_bytes(builder, data, len);
}

void adp_build_vbytes(struct adp_builder *builder, const void *data, size_t len)
{
    adp_build_varint(builder, len);
    adp_build_bytes(builder, data, len);
}

void adp_build_zeros(struct adp_builder *builder, size_t len)
{
    uint8_t *at = adp_builder_extend(builder, len);

    if (at != NULL && len > 0)
        memset(at, 0, len);
}

void adp_build_patch_u32(struct adp_builder *builder, size_t pos, uint32_t value)
{
    for (size_t i = 0; !builder->failed && i < 4; i++)
        builder->data[pos + i] = (uint8_t)(value >> (8 * i));
}
