#include "manifest.h"

#include <openssl/sha.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "error.h"
#include "index.h"
#include "text.h"

#define TABLE "Files"
/* 2 and 4 are directories and symbolic links, of which a backup has no file. */
#define FLAGS_FILE 1
#define NAMES_MAX  (UINT32_C(1) << 30)
#define DOMAIN_MAX 255

struct manifest_item {
    uint8_t id[SHA_DIGEST_LENGTH];
    uint32_t name; /* offset in the names */
};

struct adp_manifest {
    struct manifest_item *items; /* in order of ids */
    size_t num, cap;
    char *names; /* "DOMAIN/PATH", each with a zero */
    size_t names_len, names_cap;
    size_t num_refused;
};

/* A row as it comes: not zero-terminated where it has a zero of its own. */
struct manifest_row {
    const char *id, *domain, *path;
    size_t id_len, domain_len, path_len;
};

void adp_manifest_free(struct adp_manifest *manifest)
{
    if (manifest == NULL)
        return;
    free(manifest->items);
    free(manifest->names);
    free(manifest);
}

static int manifest_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int manifest_decode_id(uint8_t out[SHA_DIGEST_LENGTH], const char *hex)
{
    for (size_t i = 0; i < SHA_DIGEST_LENGTH; i++) {
        int high = manifest_digit(hex[2 * i]);
        int low = high < 0 ? -1 : manifest_digit(hex[2 * i + 1]);

        if (low < 0)
            return 0;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return 1;
}

/* -- Rows -------------------------------------------------------------------------------------- */

static const char *manifest_text(sqlite3_stmt *statement, int column, size_t *out_len)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    *out_len = text != NULL ? (size_t)sqlite3_column_bytes(statement, column) : 0;
    return (const char *)text;
}

/* Whether the row is about the file that its id names. */
static int manifest_row_holds(const struct manifest_row *row, uint8_t out_id[SHA_DIGEST_LENGTH])
{
    uint8_t digest[SHA_DIGEST_LENGTH];
    SHA_CTX sha;

    if (row->id_len != ADP_FILE_ID_LEN || !manifest_decode_id(out_id, row->id) ||
        row->domain_len == 0 || row->domain_len > DOMAIN_MAX || row->path_len == 0 ||
        row->path_len > ADP_LABEL_MAX - 1 - row->domain_len ||
        memchr(row->domain, '/', row->domain_len) != NULL ||
        !adp_text_check(row->domain, row->domain_len) || !adp_text_check(row->path, row->path_len))
        return 0;
    SHA1_Init(&sha);
    SHA1_Update(&sha, row->domain, row->domain_len);
    SHA1_Update(&sha, "-", 1);
    SHA1_Update(&sha, row->path, row->path_len);
    SHA1_Final(digest, &sha);
    return memcmp(digest, out_id, sizeof(digest)) == 0;
}

/* Returns |data|, moved where that is needed, with room for |need| items; NULL, with |data| as it
 * was, without memory. */
static void *manifest_grow(void *data, size_t *cap, size_t need, size_t item_len)
{
    size_t grown = *cap > 0 ? *cap + *cap / 2 : 1024;
    void *moved;

    if (need <= *cap)
        return data;
    if (grown < need)
        grown = need;
    moved = realloc(data, grown * item_len);
    if (moved != NULL)
        *cap = grown;
    return moved;
}

/* Appends "DOMAIN/PATH" to the names. */
static int manifest_keep_name(struct adp_manifest *manifest, const struct manifest_row *row)
{
    size_t len = row->domain_len + 1 + row->path_len + 1;
    char *names =
        manifest_grow(manifest->names, &manifest->names_cap, manifest->names_len + len, 1);
    char *name;

    if (names == NULL)
        return 0;
    name = names + manifest->names_len;
    memcpy(name, row->domain, row->domain_len);
    name[row->domain_len] = '/';
    memcpy(name + row->domain_len + 1, row->path, row->path_len);
    name[len - 1] = '\0';
    manifest->names = names;
    manifest->names_len += len;
    return 1;
}

static enum adp_status manifest_keep(struct adp_manifest *manifest, const struct manifest_row *row,
                                     const uint8_t id[SHA_DIGEST_LENGTH], struct adp_error *err)
{
    struct manifest_item *items =
        manifest_grow(manifest->items, &manifest->cap, manifest->num + 1, sizeof(*items));

    if (items == NULL)
        return adp_fail_memory(err);
    manifest->items = items;
    memcpy(items[manifest->num].id, id, SHA_DIGEST_LENGTH);
    items[manifest->num].name = (uint32_t)manifest->names_len;
    if (!manifest_keep_name(manifest, row))
        return adp_fail_memory(err);
    manifest->num++;
    return ADP_OK;
}

/* -- The table --------------------------------------------------------------------------------- */

/* SQLite tells some damage as a lack of memory, so that is not believed. */
static enum adp_status manifest_fail(int rc, const char *path, const struct adp_tell *tell,
                                     struct adp_error *err)
{
    if (tell->cancelled)
        return adp_tell_cancelled(err);
    switch (rc & 0xff) {
    case SQLITE_MISMATCH:
        return adp_fail(err, ADP_ERR_FORMAT, path, "the database has no table " TABLE);
    case SQLITE_INTERRUPT:
        return adp_fail(err, ADP_ERR_FORMAT, path,
                        "reading the database takes more work than its size explains");
    default:
        return adp_fail(err, ADP_ERR_FORMAT, path, "the database cannot be read: %s",
                        sqlite3_errstr(rc));
    }
}

/* Reads the rows. An honest database's values are no longer than its file. */
static enum adp_status manifest_read_rows(struct adp_manifest *manifest, sqlite3_stmt *statement,
                                          const struct adp_database *database, const char *path,
                                          struct adp_error *err)
{
    uint64_t bytes = 0, max = database->size < NAMES_MAX ? database->size : NAMES_MAX;
    int rc;

    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        uint8_t id[SHA_DIGEST_LENGTH];
        struct manifest_row row;
        enum adp_status status;

        database->tell->progress.done_entries++;
        row.id = manifest_text(statement, 0, &row.id_len);
        row.domain = manifest_text(statement, 1, &row.domain_len);
        row.path = manifest_text(statement, 2, &row.path_len);
        bytes += row.id_len + row.domain_len + row.path_len;
        if (bytes > max)
            return adp_fail(err, ADP_ERR_FORMAT, path,
                            "the database says more than its size explains");
        if (!manifest_row_holds(&row, id)) {
            manifest->num_refused++;
            continue;
        }
        status = manifest_keep(manifest, &row, id, err);
        if (status != ADP_OK)
            return status;
    }
    return rc == SQLITE_DONE ? ADP_OK : manifest_fail(rc, path, database->tell, err);
}

static enum adp_status manifest_read_table(struct adp_manifest *manifest, int fd, const char *path,
                                           struct adp_tell *tell, struct adp_error *err)
{
    static const char sql[] =
        "SELECT fileID, domain, relativePath FROM " TABLE " WHERE +flags = ?1";
    sqlite3_stmt *statement = NULL;
    struct adp_database database;
    enum adp_status status;
    int rc = adp_database_open(&database, fd, TABLE, tell);

    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(database.db, sql, sizeof(sql), &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int(statement, 1, FLAGS_FILE);
    status = rc == SQLITE_OK ? manifest_read_rows(manifest, statement, &database, path, err)
                             : manifest_fail(rc, path, tell, err);
    sqlite3_finalize(statement);
    adp_database_close(&database);
    return status;
}

static int manifest_compare(const void *a, const void *b)
{
    return memcmp(((const struct manifest_item *)a)->id, ((const struct manifest_item *)b)->id,
                  SHA_DIGEST_LENGTH);
}

enum adp_status adp_manifest_read(struct adp_manifest **out, int fd, const char *path,
                                  struct adp_tell *tell, struct adp_error *err)
{
    const struct adp_progress around = tell->progress;
    struct adp_manifest *manifest = calloc(1, sizeof(*manifest));
    enum adp_status status;

    if (manifest == NULL)
        return adp_fail_memory(err);
    tell->progress = (struct adp_progress){.stage = "manifest"};
    status = manifest_read_table(manifest, fd, path, tell, err);
    tell->progress = around;
    if (status != ADP_OK) {
        adp_manifest_free(manifest);
        return status;
    }
    if (manifest->num > 0)
        qsort(manifest->items, manifest->num, sizeof(*manifest->items), manifest_compare);
    *out = manifest;
    return ADP_OK;
}

const char *adp_manifest_find(const struct adp_manifest *manifest, const char *file_id)
{
    struct manifest_item wanted = {0};
    const struct manifest_item *found;

    if (manifest->num == 0 || !manifest_decode_id(wanted.id, file_id))
        return NULL;
    found = bsearch(&wanted, manifest->items, manifest->num, sizeof(wanted), manifest_compare);
    return found != NULL ? manifest->names + found->name : NULL;
}

size_t adp_manifest_num_files(const struct adp_manifest *manifest)
{
    return manifest->num;
}

size_t adp_manifest_num_refused(const struct adp_manifest *manifest)
{
    return manifest->num_refused;
}
