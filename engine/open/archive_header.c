#include "archive_header.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "fs.h"

#define COPY_HINT "restore the archive from another copy of the vault"

void adp_archive_name(char out[ADP_ARCHIVE_NAME_LEN], const char *id, unsigned category,
                      const char *suffix)
{
    snprintf(out, ADP_ARCHIVE_NAME_LEN, "%.*s/%s.%s", ADP_SNAPSHOT_ID_LEN, id,
             adp_category_name(category), suffix);
}

/* -- Held against the record. */

const char *adp_archive_header_difference(const struct adp_header *header,
                                          const struct adp_vault *vault,
                                          const struct adp_record_archive *record)
{
    const uint8_t *tag = header->floe_header + ADP_FLOE_HEADER_LEN - ADP_FLOE_TAG_LEN;

    if (memcmp(header->vault_id, vault->keybag.vault_id, ADP_ID_LEN) != 0)
        return "vault";
    if (header->category != record->category)
        return "category";
    if (memcmp(header->archive_id, record->archive_id, ADP_ID_LEN) != 0)
        return "archive id";
    if (header->epoch != record->epoch)
        return "epoch";
    if (memcmp(tag, record->floe_header_tag, ADP_FLOE_TAG_LEN) != 0)
        return "FLOE header";
    return NULL;
}

static enum adp_status check_header(const struct adp_header *header, const struct adp_vault *vault,
                                    const struct adp_record_archive *record, const char *path,
                                    struct adp_error *err)
{
    const char *difference = adp_archive_header_difference(header, vault, record);

    if (difference == NULL)
        return ADP_OK;
    adp_fail(err, ADP_ERR_MISMATCH, path,
             "this is not the archive that the snapshot's record names: another %s", difference);
    return adp_error_hint(err, ADP_ERR_MISMATCH, COPY_HINT);
}

static enum adp_status check_size(uint64_t size, uint64_t sealed, const char *path,
                                  struct adp_error *err)
{
    enum adp_status status = size < sealed ? ADP_ERR_TRUNCATED : ADP_ERR_TRAILING;

    if (size == sealed)
        return ADP_OK;
    adp_fail(err, status, path, "the archive is %" PRIu64 " bytes long, but was sealed %" PRIu64,
             size, sealed);
    adp_error_offset(err, status, size < sealed ? size : sealed);
    return adp_error_hint(err, status, COPY_HINT);
}

/* -- Reading. */

/* What is being read: an archive, and where. */
struct place {
    const struct adp_vault *vault;
    const char *id;
    const struct adp_record_archive *record;
    int fd;
    char path[ADP_VAULT_PATH_LEN];
    uint8_t *block;
};

static enum adp_status read_block(struct adp_header *out, size_t *out_len,
                                  const struct place *place, int fd, struct adp_error *err)
{
    int64_t len = adp_fs_read_all(fd, place->block, ADP_HEADER_MAX, 0);

    if (len < 0)
        return adp_fail_errno(err, (int)-len, place->path, "cannot read the archive");
    *out_len = (size_t)len;
    return adp_header_parse(out, place->block, (size_t)len, place->path, err);
}

int adp_archive_header_beside(struct adp_header *out, uint8_t *block, const struct adp_vault *vault,
                              const char *id, const struct adp_record_archive *record)
{
    struct place place = {.vault = vault, .id = id, .record = record, .block = block};
    char name[ADP_ARCHIVE_NAME_LEN];
    size_t len = 0;
    int fd, is_good;

    adp_archive_name(name, id, record->category, "adph");
    fd = adp_fs_open_beneath(vault->archives_dir, name, O_RDONLY, 0);
    if (fd < 0)
        return 0;
    is_good = read_block(out, &len, &place, fd, NULL) == ADP_OK && len == out->header_len &&
              adp_archive_header_difference(out, vault, record) == NULL;
    adp_fs_close(fd);
    return is_good ? 1 : -1;
}

/* A header that can be used is used where it is. One of another version is no damage. */
static enum adp_status read_either(struct adp_header *out, int *out_is_beside,
                                   const struct place *place, struct adp_error *err)
{
    size_t len;
    enum adp_status status = read_block(out, &len, place, place->fd, err);
    int beside;

    *out_is_beside = 0;
    if (status == ADP_OK || status == ADP_ERR_UNSUPPORTED)
        return status;
    beside = adp_archive_header_beside(out, place->block, place->vault, place->id, place->record);
    *out_is_beside = beside == 1;
    if (beside < 0)
        adp_error_hint(err, status,
                       "the header that a rewrap has left beside it does not fit: " COPY_HINT);
    return beside == 1 ? ADP_OK : status;
}

static enum adp_status read_header(struct adp_header *out, int *out_is_beside,
                                   const struct place *place, struct adp_error *err)
{
    struct stat st;
    int rc = adp_entry_stat(place->fd, NULL, &st);
    enum adp_status status;

    if (rc < 0)
        return adp_fail_errno(err, -rc, place->path, "cannot look at the archive");
    status = read_either(out, out_is_beside, place, err);
    if (status == ADP_OK)
        status = check_header(out, place->vault, place->record, place->path, err);
    if (status != ADP_OK)
        return status;
    return check_size((uint64_t)st.st_size, place->record->size, place->path, err);
}

static enum adp_status open_file(struct place *place, struct adp_error *err)
{
    char name[ADP_ARCHIVE_NAME_LEN];

    adp_archive_name(name, place->id, place->record->category, "adps");
    place->fd = adp_fs_open_beneath(place->vault->archives_dir, name, O_RDONLY, 0);
    if (place->fd >= 0)
        return ADP_OK;
    if (place->fd != -ENOENT)
        return adp_fail_errno(err, -place->fd, place->path, "cannot open the archive");
    adp_fail(err, ADP_ERR_MISSING, place->path, "the archive is missing");
    return adp_error_hint(err, ADP_ERR_MISSING, COPY_HINT);
}

enum adp_status adp_archive_header_open(int *out_fd, struct adp_header *out, int *out_is_beside,
                                        const struct adp_vault *vault, const char *id,
                                        const struct adp_record_archive *record,
                                        struct adp_error *err)
{
    struct place place = {.vault = vault, .id = id, .record = record, .fd = -1};
    enum adp_status status;

    *out_fd = -1;
    place.block = malloc(ADP_HEADER_MAX);
    if (place.block == NULL)
        return adp_fail_memory(err);
    adp_vault_archive_path(place.path, vault, id, record->category);
    status = open_file(&place, err);
    if (status == ADP_OK)
        status = read_header(out, out_is_beside, &place, err);
    free(place.block);
    if (status == ADP_OK)
        *out_fd = place.fd;
    else
        adp_fs_close(place.fd);
    return status;
}

int adp_archive_header_is_changing(const struct adp_vault *vault, const char *id,
                                   const struct adp_record_archive *record)
{
    char name[ADP_ARCHIVE_NAME_LEN];
    int lock, beside;

    adp_archive_name(name, id, record->category, "adph");
    beside = adp_fs_open_beneath(vault->archives_dir, name, O_PATH, 0);
    adp_fs_close(beside);
    if (beside < 0)
        return 0;
    if (adp_vault_lock_archives(vault, &lock, NULL) == ADP_ERR_CONFLICT)
        return 1;
    adp_fs_close(lock);
    return 0;
}

/* -- The key. */

/* Slots can be rewritten by anyone: the right one is the one whose key the FLOE header confirms. If
 * none is, a key that opened but did not fit says more than one that did not open. */
enum adp_status adp_archive_header_key(const struct adp_vault *vault,
                                       const struct adp_header *header, const char *path,
                                       uint8_t out_key[ADP_FLOE_KEY_LEN],
                                       struct adp_floe **out_floe, struct adp_error *err)
{
    const struct adp_floe_params params = {header->enc_seg_len, ADP_FLOE_ROTATION};
    uint8_t fixed[ADP_HEADER_FIXED_LEN];
    struct adp_error why = {0};
    enum adp_status worst = ADP_OK;

    adp_header_fixed(fixed, header);
    for (size_t i = 0; i < header->num_slots; i++) {
        enum adp_status status = adp_vault_slot_key(vault, header, i, path, out_key, &why);

        if (status == ADP_OK)
            status = adp_floe_open_start(out_floe, header->floe_header, &params, vault->kernel,
                                         out_key, fixed, sizeof(fixed), &why);
        if (status == ADP_OK)
            return ADP_OK;
        if (worst == ADP_OK || worst == ADP_ERR_NO_KEY) {
            worst = status;
            if (err != NULL)
                *err = why;
        }
    }
    if (worst == ADP_OK)
        return adp_fail(err, ADP_ERR_NO_KEY, path, "the archive has no key slot of a known type");
    if (err != NULL && err->path[0] == '\0')
        snprintf(err->path, sizeof(err->path), "%s", path);
    return worst;
}
