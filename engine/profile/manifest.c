#include "manifest.h"

#include <openssl/sha.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "index.h"
#include "manifest_rows.h"
#include "text.h"

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

/* Whether the row is about the file that its id names. */
static int manifest_row_holds(const struct adp_manifest_row *row, uint8_t out_id[SHA_DIGEST_LENGTH])
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
static int manifest_keep_name(struct adp_manifest *manifest, const struct adp_manifest_row *row)
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

static enum adp_status manifest_keep(struct adp_manifest *manifest,
                                     const struct adp_manifest_row *row,
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

/* An honest database's values are no longer than its file. */
struct manifest_reading {
    struct adp_manifest *manifest;
    const char *path;
    uint64_t bytes, max;
};

static enum adp_status manifest_take(void *user, const struct adp_manifest_row *row,
                                     struct adp_error *err)
{
    struct manifest_reading *reading = user;
    uint8_t id[SHA_DIGEST_LENGTH];

    reading->bytes += 1 + row->id_len + row->domain_len + row->path_len;
    if (reading->bytes > reading->max)
        return adp_fail(err, ADP_ERR_FORMAT, reading->path,
                        "the database says more than its size explains");
    if (manifest_row_holds(row, id))
        return manifest_keep(reading->manifest, row, id, err);
    reading->manifest->num_refused++;
    return ADP_OK;
}

static uint64_t manifest_max(int fd)
{
    struct stat st;

    if (adp_entry_stat(fd, NULL, &st) < 0 || (uint64_t)st.st_size > NAMES_MAX)
        return NAMES_MAX;
    return (uint64_t)st.st_size;
}

/* -- Outside ----------------------------------------------------------------------------------- */

static int manifest_compare(const void *a, const void *b)
{
    return memcmp(((const struct manifest_item *)a)->id, ((const struct manifest_item *)b)->id,
                  SHA_DIGEST_LENGTH);
}

enum adp_status adp_manifest_read(struct adp_manifest **out, int fd, const char *path,
                                  enum adp_sandbox_mode mode, struct adp_tell *tell,
                                  struct adp_error *err)
{
    const struct adp_progress around = tell->progress;
    struct adp_manifest *manifest = calloc(1, sizeof(*manifest));
    struct manifest_reading reading = {.manifest = manifest, .path = path, .max = manifest_max(fd)};
    enum adp_status status;

    if (manifest == NULL)
        return adp_fail_memory(err);
    tell->progress = (struct adp_progress){.stage = "manifest"};
    status = adp_manifest_rows(fd, path, mode, tell, manifest_take, &reading, err);
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
