#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "keybag.h"
#include "keybag_bytes.h"
#include "text.h"

/* The fewest bytes that one of them takes: a count is held against what is left. */
#define KEYBAG_RECIPIENT_MIN_LEN (2 + 1 + 1 + ADP_KEM_KEY_LEN + ADP_SIGN_PUB_LEN + 16 + 1)
#define KEYBAG_EPOCH_MIN_LEN     (4 + 8 + ADP_KEM_KEY_LEN + 2)
#define KEYBAG_WRAP_MIN_LEN      (2 + ADP_HASH_LEN)

/* struct keybag_parser is the reader with what a failure was about. */
struct keybag_parser {
    struct adp_reader reader;
    const char *what; /* the first rule that was broken; NULL for a field that does not fit */
    int out_of_memory;
};

static int keybag_refuse(struct keybag_parser *parser, const char *what)
{
    if (!parser->reader.failed)
        parser->what = what;
    return adp_reader_fail(&parser->reader);
}

/* Takes memory for |num| items, each of which needs |min_len| bytes of what is left. */
static void *keybag_alloc(struct keybag_parser *parser, size_t num, size_t item_len, size_t min_len)
{
    void *items;

    if (num > (parser->reader.len - parser->reader.pos) / min_len) {
        keybag_refuse(parser, "a count is larger than the file allows");
        return NULL;
    }
    items = calloc(num > 0 ? num : 1, item_len);
    if (items == NULL) {
        parser->out_of_memory = 1;
        adp_reader_fail(&parser->reader);
    }
    return items;
}

/* A zero-terminated copy of a str8 that is text. */
static int keybag_parse_text(struct keybag_parser *parser, char *out, size_t min, size_t max)
{
    const uint8_t *view;
    size_t len;

    if (!adp_read_str8(&parser->reader, &view, &len))
        return 0;
    if (len < min || len > max || !adp_text_check((const char *)view, len))
        return keybag_refuse(parser, "a name or reason is not valid text");
    memcpy(out, view, len);
    out[len] = '\0';
    return 1;
}

static int keybag_parse_sealed(struct adp_reader *reader, struct adp_wrap *out)
{
    adp_read_bytes(reader, out->enc, sizeof(out->enc));
    return adp_read_bytes(reader, out->ct, sizeof(out->ct));
}

/* What the statement has of a wrap: its digest, in version 1 all of it. */
static int keybag_parse_wrap(struct keybag_parser *parser, struct adp_keybag_wrap *out,
                             uint32_t version)
{
    if (version == KEYBAG_UNAUTHORED)
        return keybag_parse_sealed(&parser->reader, &out->sealed);
    return adp_read_bytes(&parser->reader, out->digest, ADP_HASH_LEN);
}

/* The wraps behind the statement. */
static int keybag_parse_wraps(struct keybag_parser *parser, const struct adp_keybag *keybag)
{
    struct adp_reader *reader = &parser->reader;
    struct keybag_cursor cursor = {0};
    struct adp_keybag_wrap *wrap;
    uint8_t digest[ADP_HASH_LEN], form;

    while ((wrap = keybag_next_wrap(keybag, &cursor)) != NULL) {
        if (!adp_read_u8(reader, &form))
            return 0;
        if (form != KEYBAG_WRAP_DESTROYED && form != KEYBAG_WRAP_PRESENT)
            return keybag_refuse(parser, "the form of a wrap is unknown");
        wrap->is_destroyed = form == KEYBAG_WRAP_DESTROYED;
        if (wrap->is_destroyed)
            continue;
        if (!keybag_parse_sealed(reader, &wrap->sealed))
            return 0;
        adp_sha256(digest, &wrap->sealed, sizeof(wrap->sealed));
        if (memcmp(digest, wrap->digest, ADP_HASH_LEN) != 0)
            return keybag_refuse(parser, "a wrap is not the one that was signed");
    }
    return 1;
}

/* -- Recipients -------------------------------------------------------------------------------- */

static int keybag_all_zero(const uint8_t *data, size_t len)
{
    while (len > 0 && data[len - 1] == 0)
        len--;
    return len == 0;
}

/* Whoever may change the keybag holds the account's key. */
static int keybag_may_have_account(const struct adp_recipient *r, uint32_t version)
{
    if (r->state != ADP_RECIPIENT_ACTIVE)
        return 0;
    return r->kind == ADP_RECIPIENT_DEVICE ||
           (version != KEYBAG_UNAUTHORED &&
            (r->kind == ADP_RECIPIENT_RECOVERY || r->kind == ADP_RECIPIENT_CONTACT));
}

static int keybag_check_recipient(struct keybag_parser *parser, const struct adp_recipient *r,
                                  uint32_t version)
{
    if (r->kind < ADP_RECIPIENT_DEVICE || r->kind > ADP_RECIPIENT_CONTACT)
        return keybag_refuse(parser, "a recipient's kind is unknown");
    if (r->state != ADP_RECIPIENT_ACTIVE && r->state != ADP_RECIPIENT_REMOVED)
        return keybag_refuse(parser, "a recipient's state is unknown");
    if (r->kind == ADP_RECIPIENT_SEALER && !keybag_all_zero(r->kem_pub, ADP_KEM_KEY_LEN))
        return keybag_refuse(parser, "a sealer has a KEM key");
    if (version == KEYBAG_UNAUTHORED && r->kind >= ADP_RECIPIENT_RECOVERY &&
        !keybag_all_zero(r->sign_pub, ADP_SIGN_PUB_LEN))
        return keybag_refuse(parser, "a recipient that signs nothing has a signing key");
    if (r->state == ADP_RECIPIENT_ACTIVE && (r->removed_ns != 0 || r->removed_generation != 0))
        return keybag_refuse(parser, "an active recipient has a time of removal");
    if (r->has_account && !keybag_may_have_account(r, version))
        return keybag_refuse(parser, "a recipient has the account key that must not");
    if (r->has_half && (r->kind != ADP_RECIPIENT_CONTACT || r->state != ADP_RECIPIENT_ACTIVE))
        return keybag_refuse(parser, "another recipient than an active contact has a half");
    return 1;
}

/* Whether a wrap follows: 0 or 1. */
static int keybag_parse_has(struct keybag_parser *parser, int *out)
{
    uint8_t has;

    if (!adp_read_u8(&parser->reader, &has))
        return 0;
    *out = has;
    return has <= 1 || keybag_refuse(parser, "a recipient has more than one wrap of a kind");
}

static int keybag_parse_recipient(struct keybag_parser *parser, struct adp_recipient *out,
                                  uint32_t version)
{
    struct adp_reader *reader = &parser->reader;
    int is_old = version == KEYBAG_UNAUTHORED;

    adp_read_u8(reader, &out->kind);
    adp_read_u8(reader, &out->state);
    if (!keybag_parse_text(parser, out->name, 1, ADP_RECIPIENT_NAME_MAX))
        return 0;
    adp_read_bytes(reader, out->kem_pub, ADP_KEM_KEY_LEN);
    adp_read_bytes(reader, out->sign_pub, ADP_SIGN_PUB_LEN);
    adp_read_i64(reader, &out->added_ns);
    adp_read_i64(reader, &out->removed_ns);
    if (!is_old) {
        adp_read_u64(reader, &out->removed_generation);
        adp_read_u8(reader, &out->level);
    }
    if (!keybag_parse_has(parser, &out->has_account) ||
        (out->has_account && !keybag_parse_wrap(parser, &out->account, version)))
        return 0;
    if (!is_old && (!keybag_parse_has(parser, &out->has_half) ||
                    (out->has_half && !keybag_parse_wrap(parser, &out->half, version))))
        return 0;
    return keybag_check_recipient(parser, out, version);
}

/* Whether the active recipient |index| has the name of an active one before it. */
static int keybag_name_taken(const struct adp_keybag *keybag, size_t index)
{
    const struct adp_recipient *recipients = keybag->recipients;

    if (recipients[index].state != ADP_RECIPIENT_ACTIVE)
        return 0;
    for (size_t i = 0; i < index; i++) {
        if (recipients[i].state == ADP_RECIPIENT_ACTIVE &&
            strcmp(recipients[i].name, recipients[index].name) == 0)
            return 1;
    }
    return 0;
}

static int keybag_parse_recipients(struct keybag_parser *parser, struct adp_keybag *out)
{
    uint16_t num;

    if (!adp_read_u16(&parser->reader, &num))
        return 0;
    if (num < 1 || num > ADP_KEYBAG_MAX_RECIPIENTS)
        return keybag_refuse(parser, "the number of recipients is out of range");
    if (out->author >= num)
        return keybag_refuse(parser, "the author is no recipient");
    out->recipients = keybag_alloc(parser, num, sizeof(*out->recipients), KEYBAG_RECIPIENT_MIN_LEN);
    if (out->recipients == NULL)
        return 0;
    out->num_recipients = num;
    for (size_t i = 0; i < num; i++) {
        if (!keybag_parse_recipient(parser, &out->recipients[i], out->version))
            return 0;
        if (keybag_name_taken(out, i))
            return keybag_refuse(parser, "two active recipients share a name");
    }
    return 1;
}

/* -- Categories -------------------------------------------------------------------------------- */

static int keybag_parse_epoch_wrap(struct keybag_parser *parser, const struct adp_keybag *keybag,
                                   struct adp_epoch_wrap *out, int last_recipient)
{
    adp_read_u16(&parser->reader, &out->recipient);
    if (!keybag_parse_wrap(parser, &out->wrap, keybag->version))
        return 0;
    if (out->recipient <= last_recipient || out->recipient >= keybag->num_recipients)
        return keybag_refuse(parser, "the recipients of an epoch do not ascend");
    if (keybag->recipients[out->recipient].kind == ADP_RECIPIENT_SEALER)
        return keybag_refuse(parser, "an epoch's key is wrapped to a sealer");
    return 1;
}

static int keybag_parse_epoch(struct keybag_parser *parser, const struct adp_keybag *keybag,
                              struct adp_epoch *out, uint32_t number)
{
    struct adp_reader *reader = &parser->reader;
    int last_recipient = -1;
    uint16_t num;

    adp_read_u32(reader, &out->number);
    adp_read_i64(reader, &out->created_ns);
    adp_read_bytes(reader, out->pub, ADP_KEM_KEY_LEN);
    if (!adp_read_u16(reader, &num))
        return 0;
    if (out->number != number)
        return keybag_refuse(parser, "the epochs of a category do not ascend in steps of 1");
    out->wraps = keybag_alloc(parser, num, sizeof(*out->wraps), KEYBAG_WRAP_MIN_LEN);
    if (out->wraps == NULL)
        return 0;
    out->num_wraps = num;
    for (size_t i = 0; i < num; i++) {
        if (!keybag_parse_epoch_wrap(parser, keybag, &out->wraps[i], last_recipient))
            return 0;
        last_recipient = out->wraps[i].recipient;
    }
    return 1;
}

static int keybag_parse_category(struct keybag_parser *parser, struct adp_keybag *keybag,
                                 size_t index)
{
    struct adp_keybag_category *out = &keybag->categories[index];
    uint16_t category, num;

    adp_read_u16(&parser->reader, &category);
    if (!adp_read_u16(&parser->reader, &num))
        return 0;
    if (category != index + 1 || num < 1)
        return keybag_refuse(parser, "the categories are not 1 to 26, each with an epoch");
    out->epochs = keybag_alloc(parser, num, sizeof(*out->epochs), KEYBAG_EPOCH_MIN_LEN);
    if (out->epochs == NULL)
        return 0;
    out->num_epochs = num;
    for (size_t i = 0; i < num; i++) {
        if (!keybag_parse_epoch(parser, keybag, &out->epochs[i], (uint32_t)i + 1))
            return 0;
    }
    return 1;
}

static int keybag_parse_categories(struct keybag_parser *parser, struct adp_keybag *out)
{
    uint16_t num;

    if (!adp_read_u16(&parser->reader, &num))
        return 0;
    if (num != ADP_NUM_CATEGORIES)
        return keybag_refuse(parser, "the categories are not 1 to 26, each with an epoch");
    for (size_t i = 0; i < ADP_NUM_CATEGORIES; i++) {
        if (!keybag_parse_category(parser, out, i))
            return 0;
    }
    return 1;
}

/* -- The whole --------------------------------------------------------------------------------- */

/* Magic, version, length and signature: nothing else is looked at before they hold. The reader then
 * ends before the account's signature. */
static enum adp_status keybag_parse_start(struct adp_keybag *out, struct adp_reader *reader,
                                          const char *path, struct adp_error *err)
{
    enum adp_status status;
    size_t signed_len;
    uint32_t len;

    if (!adp_read_magic(reader, KEYBAG_MAGIC, KEYBAG_MAGIC_LEN))
        return adp_fail_at(err, ADP_ERR_FORMAT, path, 0, "this is not a keybag");
    if (adp_read_u32(reader, &out->version) && out->version != KEYBAG_UNAUTHORED &&
        out->version != ADP_KEYBAG_VERSION)
        return adp_fail_at(err, ADP_ERR_UNSUPPORTED, path, KEYBAG_MAGIC_LEN,
                           "the keybag has version %u of the format", out->version);
    if (!adp_read_u32(reader, &len) || len > reader->len || reader->len > ADP_KEYBAG_MAX ||
        (out->version == KEYBAG_UNAUTHORED && len != reader->len) ||
        len < KEYBAG_ACCOUNT_OFFSET + ADP_SIGN_PUB_LEN + ADP_SIGNATURE_LEN)
        return adp_fail_at(err, ADP_ERR_FORMAT, path, KEYBAG_LEN_OFFSET,
                           "the keybag's length does not fit the file's");
    signed_len = len - ADP_SIGNATURE_LEN;
    status = adp_sign_verify(reader->data + KEYBAG_ACCOUNT_OFFSET, reader->data + signed_len,
                             KEYBAG_SIGN_LABEL, reader->data, signed_len);
    if (status == ADP_ERR_MEMORY)
        return adp_fail_memory(err);
    if (status != ADP_OK)
        return adp_fail(err, ADP_ERR_SIGNATURE, path, "the keybag's signature does not verify");
    out->statement_len = len;
    adp_sha256(out->hash, reader->data, len);
    reader->len = signed_len;
    return ADP_OK;
}

static int keybag_parse_fields(struct keybag_parser *parser, struct adp_keybag *out)
{
    struct adp_reader *reader = &parser->reader;

    adp_read_bytes(reader, out->vault_id, ADP_ID_LEN);
    adp_read_u64(reader, &out->generation);
    adp_read_bytes(reader, out->previous, ADP_HASH_LEN);
    adp_read_i64(reader, &out->created_ns);
    adp_read_bytes(reader, out->account_pub, ADP_SIGN_PUB_LEN);
    adp_read_u8(reader, &out->protection);
    adp_read_zeros(reader, 1);
    if (!adp_read_u16(reader, &out->author))
        return 0;
    if (out->generation < 1)
        return keybag_refuse(parser, "the generation is zero");
    if (out->generation == 1 && !keybag_all_zero(out->previous, ADP_HASH_LEN))
        return keybag_refuse(parser, "the first generation has one before it");
    if (out->protection != ADP_PROTECTION_STANDARD && out->protection != ADP_PROTECTION_ADVANCED)
        return keybag_refuse(parser, "the protection is unknown");
    return keybag_parse_text(parser, out->reason, 0, sizeof(out->reason) - 1);
}

/* The author holds the account's key, and has signed all before its signature. */
static int keybag_parse_author(struct keybag_parser *parser, const struct adp_keybag *keybag,
                               int *out_is_signed)
{
    const struct adp_recipient *author = &keybag->recipients[keybag->author];
    struct adp_reader *reader = &parser->reader;
    size_t signed_len = reader->pos;
    const uint8_t *signature;
    enum adp_status status;

    *out_is_signed = keybag->version == KEYBAG_UNAUTHORED;
    if (*out_is_signed)
        return 1;
    if (!adp_read_view(reader, &signature, ADP_SIGNATURE_LEN))
        return 0;
    if (!author->has_account)
        return keybag_refuse(parser, "the author is nobody who may change the keybag");
    status =
        adp_sign_verify(author->sign_pub, signature, KEYBAG_AUTHOR_LABEL, reader->data, signed_len);
    *out_is_signed = status == ADP_OK;
    parser->out_of_memory |= status == ADP_ERR_MEMORY;
    return status != ADP_ERR_MEMORY;
}

/* All that is signed, to the account's signature. */
static int keybag_parse_statement(struct keybag_parser *parser, struct adp_keybag *out,
                                  int *out_is_signed)
{
    return keybag_parse_fields(parser, out) && keybag_parse_recipients(parser, out) &&
           keybag_parse_categories(parser, out) &&
           keybag_parse_author(parser, out, out_is_signed) && adp_reader_at_end(&parser->reader);
}

enum adp_status adp_keybag_parse(struct adp_keybag *out, const uint8_t *data, size_t len,
                                 const char *path, struct adp_error *err)
{
    struct keybag_parser parser = {0};
    struct adp_keybag keybag = {0};
    int is_signed = 0;
    enum adp_status status;

    adp_reader_init(&parser.reader, data, len);
    status = keybag_parse_start(&keybag, &parser.reader, path, err);
    if (status != ADP_OK)
        return status;
    if (keybag_parse_statement(&parser, &keybag, &is_signed)) {
        if (!is_signed) {
            adp_keybag_free(&keybag);
            return adp_fail(err, ADP_ERR_SIGNATURE, path,
                            "the signature of the keybag's author does not verify");
        }
        parser.reader.pos = keybag.statement_len;
        parser.reader.len = len;
        if ((keybag.version == KEYBAG_UNAUTHORED || keybag_parse_wraps(&parser, &keybag)) &&
            adp_reader_at_end(&parser.reader)) {
            *out = keybag;
            return ADP_OK;
        }
    }
    adp_keybag_free(&keybag);
    if (parser.out_of_memory)
        return adp_fail_memory(err);
    return adp_fail_at(err, ADP_ERR_FORMAT, path, parser.reader.pos, "the keybag is malformed: %s",
                       parser.what != NULL ? parser.what : "a field does not fit");
}
