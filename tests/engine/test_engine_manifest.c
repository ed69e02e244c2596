/* Manifests of devices' backups: what is taken, what is passed over, and what an enemy may write.
 */
#include <dirent.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <sqlite3.h>
#include <unistd.h>

#include "confine_test.h"
#include "engine_test.h"
#include "manifest.h"

#define TABLE                                                                                      \
    "CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, relativePath TEXT, "                \
    "flags INTEGER, file BLOB);"
#define ROW(domain, path, flags)                                                                   \
    "INSERT INTO Files VALUES (id(" domain ", " path "), " domain ", " path ", " flags ", NULL);"
#define SMS    ROW("'HomeDomain'", "'Library/SMS/sms.db'", "1")
#define SMS_ID "3d0d7e5fb2ce288813306e4d4636395e047a3d28"

static char folder[] = "/tmp/adp-manifest-XXXXXX";
static char path_[64];

/* -- Making databases -------------------------------------------------------------------------- */

/* SQL: id(domain, path) is the file id. */
static void sql_id(sqlite3_context *context, int num, sqlite3_value **values)
{
    uint8_t digest[SHA_DIGEST_LENGTH];
    char hex[2 * SHA_DIGEST_LENGTH + 1];
    SHA_CTX sha;

    SHA1_Init(&sha);
    for (int i = 0; i < num; i++) {
        SHA1_Update(&sha, "-", i > 0);
        SHA1_Update(&sha, sqlite3_value_text(values[i]), (size_t)sqlite3_value_bytes(values[i]));
    }
    SHA1_Final(digest, &sha);
    for (int i = 0; i < SHA_DIGEST_LENGTH; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    sqlite3_result_text(context, hex, -1, SQLITE_TRANSIENT);
}

/* Makes the database that |sql| describes, in place of the one before. */
static void make(const char *sql)
{
    char *message = NULL;
    sqlite3 *db;

    unlink(path_);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path_, &db), SQLITE_OK);
    sqlite3_create_function(db, "id", 2, SQLITE_UTF8, NULL, sql_id, NULL, NULL);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, message);
        CU_FAIL_FATAL("the test's own database");
    }
    sqlite3_close(db);
}

static void make_bytes(const uint8_t *data, size_t len)
{
    FILE *file = fopen(path_, "wb");

    CU_ASSERT_FATAL(file != NULL && fwrite(data, 1, len, file) == len);
    fclose(file);
}

static uint8_t *load(size_t *out_len)
{
    FILE *file = fopen(path_, "rb");
    uint8_t *data = malloc(1 << 20);

    CU_ASSERT_FATAL(file != NULL && data != NULL);
    *out_len = fread(data, 1, 1 << 20, file);
    fclose(file);
    return data;
}

/* All is tried with SQLite in a child, and in this process. */
static enum adp_sandbox_mode mode;

static enum adp_status read_with(struct adp_manifest **out, const struct adp_options *options,
                                 struct adp_error *err)
{
    int fd = open(path_, O_RDONLY | O_CLOEXEC);
    struct adp_tell tell;
    enum adp_status status;

    CU_ASSERT_FATAL(fd >= 0);
    *out = NULL;
    adp_tell_init(&tell, options, "scan");
    status = adp_manifest_read(out, fd, "Manifest.db", mode, &tell, err);
    CU_ASSERT_EQUAL(status == ADP_OK, *out != NULL);
    CU_ASSERT_STRING_EQUAL(tell.progress.stage, "scan");
    close(fd);
    return status;
}

static enum adp_status read_it(struct adp_manifest **out, struct adp_error *err)
{
    const struct adp_options options = {0};

    return read_with(out, &options, err);
}

/* Reads what may be anything: it is taken, or refused for its form. */
static void expect_no_harm(const char *what)
{
    struct adp_manifest *manifest;
    struct adp_error err = {0};
    enum adp_status status = read_it(&manifest, &err);

    if (status != ADP_OK)
        et_expect(status, ADP_ERR_FORMAT, &err, what);
    adp_manifest_free(manifest);
}

/* -- Rows -------------------------------------------------------------------------------------- */

static const struct {
    const char *what, *sql;
    size_t num_files, num_refused;
} taken[] = {
    {"no rows", TABLE, 0, 0},
    {"a file", TABLE SMS, 1, 0},
    {"directories and links", TABLE ROW("'HomeDomain'", "'Library'", "2") ROW("'A'", "'b'", "4"), 0,
     0},
    {"the id of another file", TABLE "INSERT INTO Files VALUES ('" SMS_ID "', 'A', 'b', 1, NULL);",
     0, 1},
    {"an id in capitals",
     TABLE "INSERT INTO Files VALUES (upper('" SMS_ID "'), 'HomeDomain', 'Library/SMS/sms.db', 1, "
           "NULL);",
     0, 1},
    {"an id that leads out",
     TABLE "INSERT INTO Files VALUES ('../../../../../../../../etc/passwd______', 'A', 'b', 1, 0);",
     0, 1},
    {"an id that is too short", TABLE "INSERT INTO Files VALUES ('3d', 'A', 'b', 1, 0);", 0, 1},
    {"no id", TABLE "INSERT INTO Files VALUES (NULL, 'A', 'b', 1, NULL);", 0, 1},
    {"nothing at all", TABLE "INSERT INTO Files VALUES (NULL, NULL, NULL, 1, NULL);", 0, 1},
    {"no domain", TABLE ROW("''", "'a'", "1"), 0, 1},
    {"a domain with a slash", TABLE ROW("'A/b'", "'c'", "1"), 0, 1},
    {"no path", TABLE ROW("'A'", "''", "1"), 0, 1},
    {"a path with an escape", TABLE ROW("'A'", "'b' || char(27) || '[2J'", "1"), 0, 1},
    {"a path with a zero", TABLE ROW("'A'", "CAST(x'620063' AS TEXT)", "1"), 0, 1},
    {"a path that is no UTF-8", TABLE ROW("'A'", "CAST(x'62e9' AS TEXT)", "1"), 0, 1},
    {"a path that leads out is a name like any", TABLE ROW("'A'", "'../../b'", "1"), 1, 0},
    {"a name of 4096 bytes", TABLE ROW("'A'", "printf('%.4094c', 'x')", "1"), 1, 0},
    {"a name of 4097 bytes", TABLE ROW("'A'", "printf('%.4095c', 'x')", "1"), 0, 1},
    {"a domain of 256 bytes", TABLE ROW("printf('%.256c', 'x')", "'a'", "1"), 0, 1},
    {"good and bad ones", TABLE SMS ROW("'A/b'", "'c'", "1") ROW("'A'", "'b'", "1"), 2, 1},
    {"20 MB beside a file", TABLE SMS "UPDATE Files SET file = zeroblob(20000000);", 1, 0},
    {"numbers in place of text", TABLE "INSERT INTO Files VALUES (1, 2, 3, 1, 4);", 0, 1},
    {"a table without row ids",
     "CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain, relativePath, flags, file) "
     "WITHOUT ROWID;" SMS,
     1, 0},
    {"columns in another order",
     "CREATE TABLE Files (flags, relativePath, more, domain, fileID);"
     "INSERT INTO Files VALUES (1, 'b', 0, 'A', id('A', 'b'));",
     1, 0},
    {"UTF-16", "PRAGMA encoding = 'UTF-16';" TABLE SMS, 1, 0},
    {"triggers, views and other tables",
     TABLE SMS "CREATE TABLE Properties (key, value); CREATE VIEW v AS SELECT * FROM Files;"
               "CREATE TRIGGER t AFTER INSERT ON Files BEGIN DELETE FROM Files; END;",
     1, 0},
    {"one that had a write-ahead log", "PRAGMA journal_mode = WAL;" TABLE SMS, 1, 0},
};

static void test_rows(void)
{
    for (size_t i = 0; i < NUM_OF(taken); i++) {
        struct adp_manifest *manifest;
        struct adp_error err = {0};

        make(taken[i].sql);
        if (!et_expect(read_it(&manifest, &err), ADP_OK, &err, taken[i].what))
            continue;
        if (adp_manifest_num_files(manifest) != taken[i].num_files ||
            adp_manifest_num_refused(manifest) != taken[i].num_refused) {
            fprintf(stderr, "%s: %zu files, %zu refused\n", taken[i].what,
                    adp_manifest_num_files(manifest), adp_manifest_num_refused(manifest));
            CU_FAIL("rows");
        }
        adp_manifest_free(manifest);
    }
}

static void test_find(void)
{
    struct adp_manifest *manifest;
    struct adp_error err = {0};

    make(TABLE SMS ROW("'CameraRollDomain'", "'Media/DCIM/100APPLE/IMG_0001.HEIC'", "1")
             ROW("'A-b'", "'caf\xc3\xa9'", "1"));
    et_expect(read_it(&manifest, &err), ADP_OK, &err, "three files");
    CU_ASSERT_PTR_NOT_NULL_FATAL(manifest);
    CU_ASSERT_STRING_EQUAL(adp_manifest_find(manifest, SMS_ID), "HomeDomain/Library/SMS/sms.db");
    CU_ASSERT_PTR_NULL(adp_manifest_find(manifest, "3d0d7e5fb2ce288813306e4d4636395e047a3d29"));
    CU_ASSERT_PTR_NULL(adp_manifest_find(manifest, "3D0D7E5FB2CE288813306E4D4636395E047A3D28"));
    CU_ASSERT_PTR_NULL(adp_manifest_find(manifest, ""));
    adp_manifest_free(manifest);
    adp_manifest_free(NULL);
}

/* Each of 5000 files is found by its own id. */
static void test_many(void)
{
    struct adp_manifest *manifest;
    struct adp_error err = {0};
    sqlite3_stmt *statement;
    size_t num = 0;
    sqlite3 *db;

    make(TABLE "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
               "INSERT INTO Files SELECT id('D', 'p/' || i), 'D', 'p/' || i, 1, NULL FROM n;");
    et_expect(read_it(&manifest, &err), ADP_OK, &err, "many files");
    CU_ASSERT_PTR_NOT_NULL_FATAL(manifest);
    CU_ASSERT_EQUAL(adp_manifest_num_files(manifest), 5000);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path_, &db), SQLITE_OK);
    sqlite3_prepare_v2(db, "SELECT fileID, domain || '/' || relativePath FROM Files", -1,
                       &statement, NULL);
    for (; sqlite3_step(statement) == SQLITE_ROW; num++) {
        const char *name =
            adp_manifest_find(manifest, (const char *)sqlite3_column_text(statement, 0));

        CU_ASSERT_PTR_NOT_NULL_FATAL(name);
        CU_ASSERT_STRING_EQUAL(name, sqlite3_column_text(statement, 1));
    }
    CU_ASSERT_EQUAL(num, 5000);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    adp_manifest_free(manifest);
}

/* -- What is no manifest ----------------------------------------------------------------------- */

#define FOREVER "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "

static const struct {
    const char *what, *sql, *why;
} refused[] = {
    {"no table", "CREATE TABLE Other (a);", "no table"},
    {"nothing", "VACUUM;", "no table"},
    {"a table without the columns", "CREATE TABLE Files (a, b);", "cannot be read"},
    {"a view in place of the table",
     "CREATE TABLE f (fileID, domain, relativePath, flags);"
     "CREATE VIEW Files AS SELECT * FROM f;",
     "no table"},
    {"a view that never ends",
     "CREATE VIEW Files AS " FOREVER
     "SELECT 'x' AS fileID, 'A' AS domain, 'b' AS relativePath, 2 AS flags FROM n;",
     "no table"},
    {"a virtual table",
     "CREATE VIRTUAL TABLE Files USING fts5(fileID, domain, relativePath, flags);", "no table"},
    {"a path of 2 MB", TABLE ROW("'A'", "printf('%.2000000c', 'x')", "1"), "too big"},
    {"a path that is computed, of 500 MB",
     "CREATE TABLE Files (fileID, domain, relativePath AS (hex(zeroblob(250000000))), flags);"
     "INSERT INTO Files VALUES ('a', 'b', 1);",
     "too big"},
    {"paths that are computed, and more than the file",
     "CREATE TABLE Files (fileID, domain, relativePath AS (hex(zeroblob(400000))), flags);"
     "INSERT INTO Files VALUES ('a', 'b', 1);",
     "more than its size explains"},
};

static void expect_refused(const char *what, const char *why)
{
    struct adp_manifest *manifest;
    struct adp_error err = {0};

    et_expect(read_it(&manifest, &err), ADP_ERR_FORMAT, &err, what);
    if (strstr(err.message, why) == NULL) {
        fprintf(stderr, "%s: refused for another reason: %s\n", what, err.message);
        CU_FAIL("refused for another reason");
    }
    adp_manifest_free(manifest);
}

static void test_refused(void)
{
    for (size_t i = 0; i < NUM_OF(refused); i++) {
        make(refused[i].sql);
        expect_refused(refused[i].what, refused[i].why);
    }
}

static void test_no_database(void)
{
    static const uint8_t text[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    uint8_t bytes[4096];

    et_fill(bytes, sizeof(bytes), 7);
    make_bytes(bytes, sizeof(bytes));
    expect_refused("noise", "not a database");
    make_bytes(text, sizeof(text));
    expect_refused("text", "not a database");
    make_bytes(bytes, 0);
    expect_refused("an empty file", "no table");
    memset(bytes, 0, sizeof(bytes));
    make_bytes(bytes, sizeof(bytes));
    expect_no_harm("zeros");
}

static void test_damage(void)
{
    size_t len;
    uint8_t *data;

    make("PRAGMA page_size = 512;" TABLE SMS ROW("'A'", "'b'", "1") ROW("'A'", "'c'", "2"));
    data = load(&len);
    for (size_t i = 0; i < len; i++) {
        data[i] ^= (uint8_t)(1 << i % 8);
        make_bytes(data, len);
        expect_no_harm("a changed bit");
        data[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < len; i += 13) {
        make_bytes(data, i);
        expect_no_harm("a cut file");
    }
    free(data);
}

/* -- A few pages that are part of the table again and again ------------------------------------ */

#define PAGE     512
#define CHILDREN 60

static void put_u16(uint8_t *out, unsigned value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

/* Writes an interior page of a table's tree, all of whose children are page |child|. */
static void put_interior(uint8_t page[PAGE], unsigned child)
{
    size_t at = PAGE;

    memset(page, 0, PAGE);
    page[0] = 5;
    put_u16(page + 3, CHILDREN);
    put_u16(page + 10, child);
    for (unsigned i = 0; i < CHILDREN; i++) {
        at -= 5; /* child and a key of one byte */
        put_u16(page + at + 2, child);
        page[at + 4] = (uint8_t)(i + 1);
        put_u16(page + 12 + 2 * i, (unsigned)at);
    }
    put_u16(page + 5, (unsigned)at);
}

/* Hangs the page of the table Files below five such pages: 60^5 times its rows. */
static void multiply_rows(void)
{
    enum { DEPTH = 5 };
    sqlite3_stmt *statement;
    size_t len, root;
    unsigned num;
    uint8_t *data;
    sqlite3 *db;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path_, &db), SQLITE_OK);
    sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_master WHERE name = 'Files'", -1,
                       &statement, NULL);
    CU_ASSERT_EQUAL_FATAL(sqlite3_step(statement), SQLITE_ROW);
    root = (size_t)sqlite3_column_int(statement, 0) - 1;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    data = load(&len);
    num = (unsigned)(len / PAGE);
    memcpy(data + len, data + root * PAGE, PAGE);
    for (unsigned i = 1; i < DEPTH; i++)
        put_interior(data + len + i * PAGE, num + i);
    put_interior(data + root * PAGE, num + DEPTH);
    put_u16(data + 30, num + DEPTH); /* pages in the file */
    make_bytes(data, len + DEPTH * PAGE);
    free(data);
}

static void test_shared_pages(void)
{
    make("PRAGMA page_size = 512;" TABLE SMS);
    multiply_rows();
    expect_refused("one file 777 million times", "more than its size explains");
    make("PRAGMA page_size = 512;" TABLE ROW("'A'", "'b'", "2"));
    multiply_rows();
    expect_refused("one directory 777 million times", "more work than its size explains");
}

/* -- What it may cost -------------------------------------------------------------------------- */

/* The pages of a large database do not stay in memory, even if it asks for that. */
static void test_memory(void)
{
    struct adp_manifest *manifest;
    struct adp_error err = {0};

    make(TABLE "PRAGMA default_cache_size = 1000000;"
               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
               "INSERT INTO Files SELECT id('D', i), 'D', i, 1, zeroblob(1000) FROM n;");
    sqlite3_memory_highwater(1);
    et_expect(read_it(&manifest, &err), ADP_OK, &err, "20 MB");
    CU_ASSERT(sqlite3_memory_highwater(1) < 4 << 20);
    adp_manifest_free(manifest);
}

static void test_large_schema(void)
{
    char *sql = malloc(1 << 20);
    size_t len = (size_t)sprintf(sql, "BEGIN; " TABLE);

    CU_ASSERT_PTR_NOT_NULL_FATAL(sql);
    for (int i = 0; i < 4000; i++)
        len += (size_t)sprintf(sql + len, "CREATE TABLE t%d (a, b, c, d);", i);
    strcpy(sql + len, "COMMIT;");
    make(sql);
    expect_refused("4,000 tables", "more work than its size explains");
    len = (size_t)sprintf(sql, TABLE SMS "CREATE TABLE t (a /*");
    memset(sql + len, ' ', 20000);
    strcpy(sql + len + 20000, "*/);");
    make(sql);
    expect_refused("a table that takes 20 KB to describe", "cannot be read");
    free(sql);
}

/* -- Progress -----------------------------------------------------------------------------------*/

static int note_and_stop(void *user, const struct adp_progress *progress)
{
    struct adp_progress *noted = user;

    *noted = *progress;
    return 1;
}

static void test_cancelled(void)
{
    struct adp_progress noted = {0};
    const struct adp_options options = {.on_progress = note_and_stop, .user = &noted};
    struct adp_manifest *manifest;
    struct adp_error err = {0};

    make(TABLE "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
               "INSERT INTO Files SELECT id('HomeDomain', '' || i), 'HomeDomain', '' || i, 1, NULL "
               "FROM n;");
    et_expect(read_with(&manifest, &options, &err), ADP_ERR_CANCELLED, &err, "stopped");
    CU_ASSERT_STRING_EQUAL(noted.stage, "manifest");
    CU_ASSERT_TRUE(noted.done_entries < 5000);
    CU_ASSERT_TRUE(noted.done_entries > 0 || mode != ADP_SANDBOX_OFF); /* the first may be late */
}

/* -- Nothing is written -------------------------------------------------------------------------*/

static void test_nothing_beside(void)
{
    struct adp_manifest *manifest;
    struct adp_error err = {0};
    struct dirent *entry;
    size_t num = 0;
    DIR *dir;

    make("PRAGMA journal_mode = WAL;" TABLE SMS);
    chmod(path_, 0400);
    et_expect(read_it(&manifest, &err), ADP_OK, &err, "a database with a log");
    adp_manifest_free(manifest);
    dir = opendir(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    while ((entry = readdir(dir)) != NULL)
        num += entry->d_name[0] != '.';
    closedir(dir);
    CU_ASSERT_EQUAL(num, 1);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"rows", test_rows},
        {"find", test_find},
        {"many", test_many},
        {"what is no manifest", test_refused},
        {"what is no database", test_no_database},
        {"damage", test_damage},
        {"pages that are shared", test_shared_pages},
        {"memory", test_memory},
        {"a large schema", test_large_schema},
        {"it tells how far it is, and can be stopped", test_cancelled},
        {"nothing is written beside it", test_nothing_beside},
    };
    int result;

    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path_, sizeof(path_), "%s/Manifest.db", folder);
    mode = ADP_SANDBOX_AUTO;
    result = ct_has_all() ? adp_test_main("engine/manifest", cases, NUM_OF(cases)) : 0;
    mode = ADP_SANDBOX_OFF;
    if (result == 0)
        result = adp_test_main("engine/manifest, without a child", cases, NUM_OF(cases));
    unlink(path_);
    rmdir(folder);
    return result;
}
