#include "record.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "error.h"

#define RECORD_MAGIC       "ADPSSNAP"
#define RECORD_MAGIC_LEN   8
#define RECORD_VERSION     1
#define RECORD_LEN_OFFSET  12
#define RECORD_SIGN_LABEL  "adp-seal/1 snapshot"
#define RECORD_NS_A_SECOND INT64_C(1000000000)

#define RECORD_FLAG_ATTESTED 1u

/* -- Snapshot ids ------------------------------------------------------------------------------ */

/* The form of an id: d is a decimal digit, x a lower-case hex digit, the others are themselves. */
static const char record_id_form[] = "ddddddddTddddddZ-xxxxxxxx";

_Static_assert(sizeof(record_id_form) == ADP_SNAPSHOT_ID_LEN + 1, "docs/FORMAT.md section 2");

/* The time at an id's beginning. Returns its length, 0 if no id has room for it. */
static size_t record_id_time(char out[ADP_SNAPSHOT_ID_LEN + 1], int64_t started_ns)
{
    time_t seconds = (time_t)(started_ns / RECORD_NS_A_SECOND);
    struct tm utc;

    if (gmtime_r(&seconds, &utc) == NULL)
        return 0;
    return strftime(out, ADP_SNAPSHOT_ID_LEN + 1, "%Y%m%dT%H%M%SZ", &utc);
}

int adp_snapshot_id_is_of(const char *id, int64_t started_ns)
{
    char expected[ADP_SNAPSHOT_ID_LEN + 1];
    size_t len = record_id_time(expected, started_ns);

    return len > 0 && strncmp(id, expected, len) == 0;
}

void adp_snapshot_id_make(char out[ADP_SNAPSHOT_ID_LEN + 1], int64_t started_ns)
{
    uint32_t lot;
    size_t len = record_id_time(out, started_ns);

    adp_random(&lot, sizeof(lot));
    snprintf(out + len, ADP_SNAPSHOT_ID_LEN + 1 - len, "-%08x", lot);
}

static int record_id_char_check(char c, char form)
{
    if (form == 'd')
        return c >= '0' && c <= '9';
    if (form == 'x')
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    return c == form;
}

int adp_snapshot_id_check(const char *id, size_t len)
{
    if (len != ADP_SNAPSHOT_ID_LEN)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (!record_id_char_check(id[i], record_id_form[i]))
            return 0;
    }
    return 1;
}

/* -- Building ---------------------------------------------------------------------------------- */

static void record_build_archive(struct adp_builder *out, const struct adp_record_archive *archive,
                                 int is_attested)
{
    adp_build_u16(out, archive->category);
    adp_build_u32(out, archive->epoch);
    adp_build_bytes(out, archive->archive_id, ADP_ID_LEN);
    adp_build_u64(out, archive->size);
    adp_build_bytes(out, archive->floe_header_tag, ADP_FLOE_TAG_LEN);
    adp_build_bytes(out, archive->tags_digest, ADP_HASH_LEN);
    if (is_attested)
        adp_build_bytes(out, archive->attestation, ADP_HASH_LEN);
}

enum adp_status adp_record_build(struct adp_builder *out, const struct adp_record *record,
                                 const uint8_t seed[ADP_SIGN_SEED_LEN], struct adp_error *err)
{
    uint8_t signature[ADP_SIGNATURE_LEN];
    struct adp_record check;
    enum adp_status status;

    adp_build_bytes(out, RECORD_MAGIC, RECORD_MAGIC_LEN);
    adp_build_u32(out, RECORD_VERSION);
    adp_build_u32(out, 0); /* length, below */
    adp_build_u32(out, record->is_attested ? RECORD_FLAG_ATTESTED : 0);
    adp_build_bytes(out, record->vault_id, ADP_ID_LEN);
    adp_build_bytes(out, record->id, ADP_SNAPSHOT_ID_LEN);
    adp_build_i64(out, record->started_ns);
    adp_build_i64(out, record->finished_ns);
    adp_build_u64(out, record->keybag_generation);
    adp_build_bytes(out, record->author, ADP_ID_LEN);
    adp_build_u16(out, (uint16_t)record->num_archives);
    for (size_t i = 0; i < record->num_archives; i++)
        record_build_archive(out, &record->archives[i], record->is_attested);
    if (out->failed)
        return adp_fail_memory(err);
    adp_build_patch_u32(out, RECORD_LEN_OFFSET, (uint32_t)(out->len + ADP_SIGNATURE_LEN));
    status = adp_sign(signature, seed, RECORD_SIGN_LABEL, out->data, out->len, err);
    if (status != ADP_OK)
        return status;
    adp_build_bytes(out, signature, sizeof(signature));
    if (out->failed)
        return adp_fail_memory(err);
    /* Never publish what no reader takes. */
    if (adp_record_parse(&check, out->data, out->len, NULL, NULL) != ADP_OK)
        return adp_fail(err, ADP_ERR_INTERNAL, NULL, "the snapshot record breaks the format");
    return ADP_OK;
}

/* -- Parsing ----------------------------------------------------------------------------------- */

/* Magic, version, length, flags. */
static enum adp_status record_parse_start(struct adp_record *out, struct adp_reader *reader,
                                          const char *path, struct adp_error *err)
{
    uint32_t version, len, flags;

    if (!adp_read_magic(reader, RECORD_MAGIC, RECORD_MAGIC_LEN))
        return adp_fail_at(err, ADP_ERR_FORMAT, path, 0, "this is not a snapshot record");
    if (adp_read_u32(reader, &version) && version != RECORD_VERSION)
        return adp_fail_at(err, ADP_ERR_UNSUPPORTED, path, RECORD_MAGIC_LEN,
                           "the record has version %u of the format", version);
    if (!adp_read_u32(reader, &len) || len != reader->len || len > ADP_RECORD_MAX)
        return adp_fail_at(err, ADP_ERR_FORMAT, path, RECORD_LEN_OFFSET,
                           "the record's length is not the file's");
    if (!adp_read_u32(reader, &flags) || (flags & ~RECORD_FLAG_ATTESTED) != 0)
        return adp_fail_at(err, ADP_ERR_UNSUPPORTED, path, RECORD_LEN_OFFSET + 4,
                           "the record has flags that this version does not know");
    out->is_attested = (flags & RECORD_FLAG_ATTESTED) != 0;
    return ADP_OK;
}

static int record_parse_fields(struct adp_record *out, struct adp_reader *reader)
{
    uint16_t num_archives;

    adp_read_bytes(reader, out->vault_id, ADP_ID_LEN);
    adp_read_bytes(reader, (uint8_t *)out->id, ADP_SNAPSHOT_ID_LEN);
    if (!adp_snapshot_id_check(out->id, ADP_SNAPSHOT_ID_LEN))
        return adp_reader_fail(reader);
    adp_read_i64(reader, &out->started_ns);
    adp_read_i64(reader, &out->finished_ns);
    adp_read_u64(reader, &out->keybag_generation);
    if (out->keybag_generation < 1)
        return adp_reader_fail(reader);
    adp_read_bytes(reader, out->author, ADP_ID_LEN);
    adp_read_u16(reader, &num_archives);
    if (num_archives > ADP_NUM_CATEGORIES)
        return adp_reader_fail(reader);
    out->num_archives = num_archives;
    return !reader->failed;
}

static int record_parse_archive(struct adp_record_archive *out, struct adp_reader *reader,
                                unsigned last_category, int is_attested)
{
    adp_read_u16(reader, &out->category);
    adp_read_u32(reader, &out->epoch);
    if (out->category <= last_category || out->category > ADP_NUM_CATEGORIES || out->epoch < 1)
        return adp_reader_fail(reader);
    adp_read_bytes(reader, out->archive_id, ADP_ID_LEN);
    adp_read_u64(reader, &out->size);
    adp_read_bytes(reader, out->floe_header_tag, ADP_FLOE_TAG_LEN);
    adp_read_bytes(reader, out->tags_digest, ADP_HASH_LEN);
    if (is_attested)
        adp_read_bytes(reader, out->attestation, ADP_HASH_LEN);
    return !reader->failed;
}

static int record_parse_archives(struct adp_record *out, struct adp_reader *reader)
{
    unsigned last_category = 0;

    for (size_t i = 0; i < out->num_archives; i++) {
        if (!record_parse_archive(&out->archives[i], reader, last_category, out->is_attested))
            return 0;
        last_category = out->archives[i].category;
    }
    return 1;
}

enum adp_status adp_record_parse(struct adp_record *out, const uint8_t *data, size_t len,
                                 const char *path, struct adp_error *err)
{
    struct adp_record record = {0};
    struct adp_reader reader;
    const uint8_t *signature;
    enum adp_status status;

    adp_reader_init(&reader, data, len);
    status = record_parse_start(&record, &reader, path, err);
    if (status != ADP_OK)
        return status;
    if (record_parse_fields(&record, &reader) && record_parse_archives(&record, &reader))
        adp_read_view(&reader, &signature, ADP_SIGNATURE_LEN);
    if (!adp_reader_at_end(&reader))
        return adp_fail_at(err, ADP_ERR_FORMAT, path, reader.pos, "the record is malformed");
    *out = record;
    return ADP_OK;
}

enum adp_status adp_record_verify(const uint8_t *data, size_t len,
                                  const uint8_t sign_pub[ADP_SIGN_PUB_LEN], const char *path,
                                  struct adp_error *err)
{
    enum adp_status status =
        len < ADP_SIGNATURE_LEN ? ADP_ERR_SIGNATURE
                                : adp_sign_verify(sign_pub, data + len - ADP_SIGNATURE_LEN,
                                                  RECORD_SIGN_LABEL, data, len - ADP_SIGNATURE_LEN);

    if (status == ADP_ERR_MEMORY)
        return adp_fail_memory(err);
    if (status != ADP_OK)
        return adp_fail(err, ADP_ERR_SIGNATURE, path, "the record's signature does not verify");
    return ADP_OK;
}
