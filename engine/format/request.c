/* How an identity asks to be admitted: docs/FORMAT.md section 9. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "identity.h"

#define REQUEST_PREFIX "adp-seal-request-1:"
#define REQUEST_LABEL  "adp-seal/1 request"
#define REQUEST_MAX_LEN                                                                            \
    (3 + ADP_RECIPIENT_NAME_MAX + ADP_KEM_KEY_LEN + ADP_SIGN_PUB_LEN + ADP_SIGNATURE_LEN)

/* -- Writing ----------------------------------------------------------------------------------- */

/* The text of |len| bytes; NULL when out of memory. */
static char *request_to_text(const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(strlen(REQUEST_PREFIX) + 2 * len + 1);
    char *at;

    if (text == NULL)
        return NULL;
    at = stpcpy(text, REQUEST_PREFIX);
    for (size_t i = 0; i < len; i++) {
        *at++ = digits[data[i] >> 4];
        *at++ = digits[data[i] & 15];
    }
    *at = '\0';
    return text;
}

enum adp_status adp_identity_request(const struct adp_identity *identity, char **out_request,
                                     struct adp_error *err)
{
    uint8_t bytes[REQUEST_MAX_LEN], signature[ADP_SIGNATURE_LEN];
    struct adp_builder builder;
    enum adp_status status = adp_identity_check_keys(identity, err);
    char *text;

    if (status != ADP_OK)
        return status;
    adp_builder_init_fixed(&builder, bytes, sizeof(bytes));
    adp_build_u8(&builder, (uint8_t)identity->kind);
    adp_build_u8(&builder, ADP_KEYBAG_VERSION);
    adp_build_str8(&builder, identity->name, strlen(identity->name));
    adp_build_bytes(&builder, identity->kem_pub, ADP_KEM_KEY_LEN);
    adp_build_bytes(&builder, identity->sign_pub, ADP_SIGN_PUB_LEN);
    status = adp_sign(signature, identity->keys->sign_seed, REQUEST_LABEL, bytes, builder.len, err);
    if (status != ADP_OK)
        return status;
    adp_build_bytes(&builder, signature, sizeof(signature));
    text = request_to_text(bytes, builder.len);
    if (text == NULL)
        return adp_fail_memory(err);
    *out_request = text;
    return ADP_OK;
}

/* -- Reading ----------------------------------------------------------------------------------- */

static int request_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* The bytes of a request's text, into |out| of REQUEST_MAX_LEN. Returns their number, or 0. */
static size_t request_from_text(uint8_t *out, const char *text)
{
    size_t len = strlen(text);

    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    while (len > 0 && isspace((unsigned char)*text)) {
        text++;
        len--;
    }
    if (len < strlen(REQUEST_PREFIX) || memcmp(text, REQUEST_PREFIX, strlen(REQUEST_PREFIX)) != 0)
        return 0;
    text += strlen(REQUEST_PREFIX);
    len -= strlen(REQUEST_PREFIX);
    if (len % 2 != 0 || len > 2 * REQUEST_MAX_LEN)
        return 0;
    for (size_t i = 0; i < len; i += 2) {
        int high = request_digit(text[i]), low = request_digit(text[i + 1]);

        if (high < 0 || low < 0)
            return 0;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return len / 2;
}

static int request_parse_fields(struct adp_recipient *out, struct adp_reader *reader)
{
    static const uint8_t zero[ADP_KEM_KEY_LEN];
    const uint8_t *name;
    size_t len;

    adp_read_u8(reader, &out->kind);
    adp_read_u8(reader, &out->level);
    if (!adp_read_str8(reader, &name, &len) || !adp_name_check((const char *)name, len))
        return 0;
    memcpy(out->name, name, len);
    adp_read_bytes(reader, out->kem_pub, ADP_KEM_KEY_LEN);
    adp_read_bytes(reader, out->sign_pub, ADP_SIGN_PUB_LEN);
    return adp_identity_has_kind(out->kind) &&
           (memcmp(out->kem_pub, zero, sizeof(zero)) == 0) == (out->kind == ADP_RECIPIENT_SEALER);
}

static enum adp_status request_parse(struct adp_recipient *out, const uint8_t *data, size_t len)
{
    const uint8_t *signature;
    struct adp_reader reader;
    size_t signed_len;

    adp_reader_init(&reader, data, len);
    if (!request_parse_fields(out, &reader))
        return ADP_ERR_ARGUMENT;
    signed_len = reader.pos;
    if (!adp_read_view(&reader, &signature, ADP_SIGNATURE_LEN) || !adp_reader_at_end(&reader))
        return ADP_ERR_ARGUMENT;
    return adp_sign_verify(out->sign_pub, signature, REQUEST_LABEL, data, signed_len);
}

enum adp_status adp_request_parse(struct adp_recipient *out, const char *request,
                                  struct adp_error *err)
{
    struct adp_recipient recipient = {.state = ADP_RECIPIENT_ACTIVE};
    uint8_t bytes[REQUEST_MAX_LEN];
    size_t len = request_from_text(bytes, request);
    enum adp_status status = len > 0 ? request_parse(&recipient, bytes, len) : ADP_ERR_ARGUMENT;

    if (status == ADP_ERR_MEMORY)
        return adp_fail_memory(err);
    if (status != ADP_OK) {
        status = adp_fail(err, ADP_ERR_ARGUMENT, NULL, "this is not a request, or it was changed");
        return adp_error_hint(err, status,
                              "copy the whole line that the new device printed, from \"%s\" on",
                              REQUEST_PREFIX);
    }
    *out = recipient;
    return ADP_OK;
}

enum adp_status adp_request_kind(const char *request, enum adp_kind *out_kind,
                                 struct adp_error *err)
{
    struct adp_recipient recipient;
    enum adp_status status = adp_request_parse(&recipient, request, err);

    if (status == ADP_OK)
        *out_kind = (enum adp_kind)recipient.kind;
    return status;
}
