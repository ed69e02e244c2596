/* Writes the corpora that are checked in: make_corpus DIRECTORY. A corpus holds one small input of
 * every shape that a target can meet, and some that are refused late. Run it again when the format
 * or the samples change. */
#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "attestation.h"
#include "fuzz.h"
#include "header.h"
#include "identity.h"
#include "index.h"
#include "keybag_test.h"
#include "make_corpus.h"
#include "parity.h"
#include "record.h"

static const char *root;

void save(const char *target, const char *name, const void *data, size_t len)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", root, target);
    FUZZ_CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
    snprintf(path, sizeof(path), "%s/%s/%s", root, target, name);
    file = fopen(path, "wb");
    FUZZ_CHECK(file != NULL && fwrite(data, 1, len, file) == len && fclose(file) == 0);
}

static void save_builder(const char *target, const char *name, struct adp_builder *builder)
{
    FUZZ_CHECK(!builder->failed);
    save(target, name, builder->data, builder->len);
    adp_builder_free(builder);
}

/* -- Header ------------------------------------------------------------------------------------ */

static void save_header(const char *name, size_t num_slots, uint16_t first_type)
{
    static const uint8_t floe_params[10] = {0, 0, 0, 4, 0, 0, 0, 0, 0, 32};
    struct adp_header header = {
        .header_len = ADP_HEADER_BLOCK, .category = 17, .epoch = 1, .num_slots = num_slots};
    uint8_t block[ADP_HEADER_BLOCK];

    memcpy(header.floe_header, floe_params, sizeof(floe_params));
    FUZZ_CHECK(adp_header_build(block, &header, NULL) == ADP_OK);
    block[144] = (uint8_t)first_type;
    adp_sha256(block + sizeof(block) - ADP_HASH_LEN, block, sizeof(block) - ADP_HASH_LEN);
    save("header", name, block, sizeof(block));
    block[100] ^= 1;
    if (num_slots == 1 && first_type == 1)
        save("header", "damaged", block, sizeof(block));
    save("header", "cut", block, 200);
}

/* -- Record, keybag, identity ------------------------------------------------------------------ */

static void save_record(const char *name, size_t num_archives)
{
    static const uint8_t seed[ADP_SIGN_SEED_LEN] = {FUZZ_SEED};
    struct adp_record record = {
        .id = "20221207T120000Z-0123abcd", .keybag_generation = 1, .num_archives = num_archives};
    struct adp_builder out = {0};

    for (size_t i = 0; i < num_archives; i++) {
        record.archives[i].category = (uint16_t)(i + 1);
        record.archives[i].epoch = 1;
    }
    FUZZ_CHECK(adp_record_build(&out, &record, seed, NULL) == ADP_OK);
    save_builder("record", name, &out);
}

static void save_keybag(const char *name, size_t num_recipients, size_t num_wraps, int is_destroyed)
{
    static struct kt_keybag kt;
    struct adp_builder out = {0};

    kt_init(&kt);
    kt.keybag.num_recipients = num_recipients;
    for (size_t i = 0; i < ADP_NUM_CATEGORIES; i++) {
        for (size_t j = 0; j < 2; j++)
            kt.epochs[i][j].num_wraps = i == 0 ? num_wraps : 0;
    }
    kt.wraps[0][0][0].wrap.is_destroyed = (uint8_t)is_destroyed;
    FUZZ_CHECK(kt.seed[0] == FUZZ_SEED && kt.author_seed[0] == FUZZ_AUTHOR_SEED);
    FUZZ_CHECK(adp_keybag_build(&out, &kt.keybag, kt.author_seed, kt.seed, NULL) == ADP_OK);
    save_builder("keybag", name, &out);
}

static void save_identity(const char *name, enum adp_kind kind, uint8_t num_pins)
{
    struct adp_identity *identity = adp_identity_new("corpus");
    struct adp_builder out = {0};

    FUZZ_CHECK(identity != NULL);
    identity->kind = kind;
    snprintf(identity->name, sizeof(identity->name), "%s", name);
    for (uint8_t i = 0; i < num_pins; i++) {
        struct adp_pin pin = {.vault_id = {i}, .generation = i};

        FUZZ_CHECK(adp_identity_set_pin(identity, &pin, NULL) == ADP_OK);
    }
    FUZZ_CHECK(adp_identity_encode(&out, identity, NULL) == ADP_OK);
    save_builder("identity", name, &out);
    adp_identity_free(identity);
}

/* -- Index ------------------------------------------------------------------------------------- */

static const struct adp_index_xattr xattrs[] = {
    {(const uint8_t *)"user.a", 6, (const uint8_t *)"value", 5},
    {(const uint8_t *)"user.b", 6, (const uint8_t *)"", 0},
};

static const struct adp_extent extents[] = {
    {.hole = 4096, .len = 10, .codec = ADP_CODEC_RAW, .stored_len = 10, .plain_len = 10},
    {.len = 100, .codec = ADP_CODEC_ZSTD, .frame_offset = 10, .stored_len = 9, .plain_len = 200},
    {.len = 50,
     .codec = ADP_CODEC_ZSTD,
     .frame_offset = 10,
     .stored_len = 9,
     .plain_len = 200,
     .start = 150},
};

static const struct adp_index_entry entries[] = {
    {.type = ADP_ENTRY_DIRECTORY,
     .path = "d",
     .path_len = 1,
     .mode = 0755,
     .xattrs = xattrs,
     .num_xattrs = 2},
    {.type = ADP_ENTRY_FILE,
     .path = "d/f",
     .path_len = 3,
     .mode = 0644,
     .mtime_s = 1670414400,
     .size = 5000,
     .extents = extents,
     .num_extents = 3},
    {.type = ADP_ENTRY_HARDLINK,
     .flags = ADP_INDEX_FLAG_LABEL,
     .path = "d/g",
     .path_len = 3,
     .label = "Domain/Library/g",
     .label_len = 16,
     .target = "d/f",
     .target_len = 3},
    {.type = ADP_ENTRY_FIFO, .flags = ADP_INDEX_FLAG_DERIVED, .path = "e", .path_len = 1},
    {.type = ADP_ENTRY_SKIPPED, .path = "f", .path_len = 1, .skip_reason = ADP_SKIP_SOCKET},
    {.type = ADP_ENTRY_SYMLINK, .path = "g", .path_len = 1, .target = "..", .target_len = 2},
};

/* An index of the first |num| entries, |per_frame| in each frame, in the form of fuzz_index. */
static void save_index(const char *name, size_t num, size_t per_frame)
{
    struct adp_builder frames = {0}, directory = {0}, out = {0};
    struct adp_index_writer writer;
    struct adp_trailer trailer = {0};

    adp_index_writer_init(&writer);
    for (size_t i = 0; i < num; i++) {
        FUZZ_CHECK(adp_index_writer_add(&writer, &entries[i], NULL) == ADP_OK);
        if ((i + 1) % per_frame != 0 && i + 1 < num)
            continue;
        adp_build_bytes(&frames, writer.frame.data, writer.frame.len);
        FUZZ_CHECK(adp_index_writer_take(&writer, writer.frame.len, NULL) == ADP_OK);
    }
    FUZZ_CHECK(adp_index_writer_directory(&writer, &directory, NULL) == ADP_OK);
    trailer.directory_offset = 1000 + frames.len;
    trailer.directory_stored_len = (uint32_t)directory.len;
    trailer.directory_plain_len = (uint32_t)directory.len;
    trailer.num_entries = writer.num_entries;
    trailer.content_bytes = writer.content_bytes;
    adp_build_zeros(&out, ADP_TRAILER_LEN);
    adp_trailer_build(out.data, &trailer);
    adp_build_bytes(&out, directory.data, directory.len);
    adp_build_bytes(&out, frames.data, frames.len);
    save_builder("index", name, &out);
    adp_builder_free(&directory);
    adp_builder_free(&frames);
    adp_index_writer_free(&writer);
}

/* -- Attestation, parity, text ----------------------------------------------------------------- */

static void save_attestation(void)
{
    static const uint8_t floe_params[10] = {0, 0, 0, 4, 0, 0, 0, 0, 0, 32};
    struct adp_header header = {
        .header_len = ADP_HEADER_BLOCK, .category = 17, .enc_seg_len = 4096};
    uint8_t start[ADP_ATTESTATION_START_LEN], part[ADP_ATTESTED_START_LEN];
    static const uint8_t vault_id[ADP_ID_LEN];
    struct adp_builder out = {0};
    struct adp_attested attested;

    memcpy(header.floe_header, floe_params, sizeof(floe_params));
    adp_attestation_start(start, vault_id, "20221207T120000Z-0123abcd");
    adp_attested_init(&attested, &header);
    adp_attested_build(part, &attested);
    adp_build_bytes(&out, start, sizeof(start));
    adp_build_bytes(&out, part, sizeof(part));
    adp_build_u64(&out, 4096 + 10000);
    save_builder("attestation", "three-segments", &out);
}

static void save_parity(const char *name, uint64_t size, unsigned percent)
{
    struct adp_parity parity = {.size = size, .header_len = ADP_HEADER_BLOCK};
    uint8_t start[ADP_PARITY_BLOCK];
    struct adp_builder out = {0};

    FUZZ_CHECK(adp_parity_choose(&parity, percent));
    adp_parity_build(start, &parity);
    adp_build_u64(&out, size);
    adp_build_bytes(&out, start, 80); /* the rest is zero */
    save_builder("parity", name, &out);
}

static void save_texts(void)
{
    static const char code[] = "2345-6789-ABCD-EFGH-JKLM-NPQR-STWX";
    struct adp_identity *identity = adp_identity_new("corpus");
    char *request;

    save("text", "code", code, sizeof(code) - 1);
    save("text", "code-as-typed", " 2345 6789 abcd efgh\njklm npqr stwx\n", 38);
    save("text", "code-with-a-wrong-character", "2345-6789-ABCD-EFGH-JKLM-NPQR-STW2", 34);
    save("text", "code-too-short", code, 20);
    FUZZ_CHECK(identity != NULL);
    identity->kind = ADP_KIND_DEVICE;
    strcpy(identity->name, "corpus");
    memset(identity->keys, 7, sizeof(*identity->keys));
    adp_identity_derive(identity);
    FUZZ_CHECK(adp_identity_request(identity, &request, NULL) == ADP_OK);
    save("text", "request", request, strlen(request));
    request[strlen(request) / 2] ^= 1;
    save("text", "request-changed", request, strlen(request));
    free(request);
    adp_identity_free(identity);
}

/* -- Backups of devices ------------------------------------------------------------------------ */

#define FILES                                                                                      \
    "PRAGMA page_size = 512; CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, "           \
    "relativePath TEXT, flags INTEGER, file BLOB);"
#define SMS                                                                                        \
    "INSERT INTO Files VALUES ('3d0d7e5fb2ce288813306e4d4636395e047a3d28', 'HomeDomain', "         \
    "'Library/SMS/sms.db', 1, x'00');"

static void save_manifest(const char *name, const char *sql)
{
    sqlite3_int64 len = 0;
    uint8_t *data;
    sqlite3 *db;

    FUZZ_CHECK(sqlite3_open(":memory:", &db) == SQLITE_OK);
    FUZZ_CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    data = sqlite3_serialize(db, "main", &len, 0);
    FUZZ_CHECK(data != NULL);
    save("manifest", name, data, (size_t)len);
    sqlite3_free(data);
    sqlite3_close(db);
}

static void save_device_backups(void)
{
    static const char xml[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist "
                              "version=\"1.0\"><dict><key>Lockdown</key>"
                              "<dict/><key>IsEncrypted</key><true/></dict></plist>\n";
    static const uint8_t binary[] = {/* {"IsEncrypted": true} */
                                     'b', 'p', 'l', 'i', 's', 't', '0', '0', 0xd1, 1,   2,   0x5b,
                                     'I', 's', 'E', 'n', 'c', 'r', 'y', 'p', 't',  'e', 'd', 0x09,
                                     8,   11,  23,  0,   0,   0,   0,   0,   0,    1,   1,   0,
                                     0,   0,   0,   0,   0,   0,   3,   0,   0,    0,   0,   0,
                                     0,   0,   0,   0,   0,   0,   0,   0,   0,    0,   24};

    save_manifest("one-file", FILES SMS);
    save_manifest("a-view", FILES "ALTER TABLE Files RENAME TO f; "
                                  "CREATE VIEW Files AS SELECT * FROM f;");
    save_manifest("many",
                  FILES SMS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                            "WHERE i < 40) INSERT INTO Files SELECT printf('%040x', i), 'A', "
                            "'b/' || i, i % 3, zeroblob(i * 20) FROM n;");
    save("plist", "xml", xml, sizeof(xml) - 1);
    save("plist", "binary", binary, sizeof(binary));
}

/* -- Policy ------------------------------------------------------------------------------------ */

static const char *const policies[] = {
    "version: 1\n",
    "version: 1\nrules:\n  - match: \"*.jpg\"\n    category: photos\n",
    "version: 1\ndefault: notes\nbuiltin: false\nrules:\n"
    "  - match: \"/a/**/b[0-9]?\"\n    category: mail\n  - match: \"dir/\"\n    category: drive\n",
    "version: 1\nrules:\n  - match: \"[\"\n    category: photos\n",
    "version: 1\nrules: {a: &x [*x]}\n",
};

static void save_policies(void)
{
    for (size_t i = 0; i < NUM_OF(policies); i++) {
        char name[32];

        snprintf(name, sizeof(name), "policy-%zu", i + 1);
        save("policy", name, policies[i], strlen(policies[i]));
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_corpus DIRECTORY\n");
        return 2;
    }
    root = argv[1];
    save_header("one-slot", 1, 1);
    save_header("three-slots", 3, 1);
    save_header("unknown-slot", 2, 9);
    save_record("empty", 0);
    save_record("two-archives", 2);
    save_record("all-categories", ADP_NUM_CATEGORIES);
    save_keybag("one-device", 1, 1, 0);
    save_keybag("destroyed", 1, 1, 1);
    save_keybag("every-kind", KT_NUM_RECIPIENTS, 4, 0);
    save_identity("device", ADP_KIND_DEVICE, 0);
    save_identity("sealer", ADP_KIND_SEALER, 3);
    save_index("empty", 0, 1);
    save_index("one-frame", NUM_OF(entries), NUM_OF(entries));
    save_index("many-frames", NUM_OF(entries), 2);
    save_device_backups();
    save_policies();
    save_attestation();
    save_parity("small", 10000, 1);
    save_parity("large", UINT64_C(1) << 30, 100);
    save_texts();
    save_open();
    return 0;
}
