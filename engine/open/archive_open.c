#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_read.h"
#include "codec.h"
#include "entry.h"
#include "error.h"
#include "fs.h"
#include "secret.h"

#define COPY_HINT "restore the archive from another copy of the vault"

static enum adp_status fail_mismatch(const struct adp_archive *archive, const char *what,
                                     struct adp_error *err)
{
    adp_fail(err, ADP_ERR_MISMATCH, archive->path,
             "this is not the archive that the snapshot's record names: another %s", what);
    return adp_error_hint(err, ADP_ERR_MISMATCH, COPY_HINT);
}

static enum adp_status check_header(const struct adp_archive *archive,
                                    const struct adp_vault *vault, struct adp_error *err)
{
    const struct adp_header *header = &archive->header;
    const struct adp_record_archive *record = &archive->record;
    const uint8_t *tag = header->floe_header + ADP_FLOE_HEADER_LEN - ADP_FLOE_TAG_LEN;

    if (memcmp(header->vault_id, vault->keybag.vault_id, ADP_ID_LEN) != 0)
        return fail_mismatch(archive, "vault", err);
    if (header->category != record->category)
        return fail_mismatch(archive, "category", err);
    if (memcmp(header->archive_id, record->archive_id, ADP_ID_LEN) != 0)
        return fail_mismatch(archive, "archive id", err);
    if (header->epoch != record->epoch)
        return fail_mismatch(archive, "epoch", err);
    if (memcmp(tag, record->floe_header_tag, ADP_FLOE_TAG_LEN) != 0)
        return fail_mismatch(archive, "FLOE header", err);
    return ADP_OK;
}

static enum adp_status check_size(const struct adp_archive *archive, uint64_t size,
                                  struct adp_error *err)
{
    enum adp_status status = size < archive->record.size ? ADP_ERR_TRUNCATED : ADP_ERR_TRAILING;

    if (size == archive->record.size)
        return ADP_OK;
    adp_fail(err, status, archive->path,
             "the archive is %" PRIu64 " bytes long, but was sealed %" PRIu64, size,
             archive->record.size);
    adp_error_offset(err, status, size < archive->record.size ? size : archive->record.size);
    return adp_error_hint(err, status, COPY_HINT);
}

static enum adp_status read_header(struct adp_archive *archive, const struct adp_vault *vault,
                                   struct adp_error *err)
{
    struct stat st;
    uint8_t *block;
    int64_t len = adp_entry_stat(archive->fd, NULL, &st);
    enum adp_status status;

    if (len < 0)
        return adp_fail_errno(err, (int)-len, archive->path, "cannot look at the archive");
    block = malloc(ADP_HEADER_MAX);
    if (block == NULL)
        return adp_fail_memory(err);
    len = adp_fs_read_all(archive->fd, block, ADP_HEADER_MAX, 0);
    if (len < 0)
        status = adp_fail_errno(err, (int)-len, archive->path, "cannot read the archive");
    else
        status = adp_header_parse(&archive->header, block, (size_t)len, archive->path, err);
    free(block);
    if (status == ADP_OK)
        status = check_header(archive, vault, err);
    if (status == ADP_OK)
        status = check_size(archive, (uint64_t)st.st_size, err);
    if (status != ADP_OK)
        return status;
    if (archive->record.size < archive->header.header_len ||
        !adp_floe_layout_of(&archive->layout, archive->header.enc_seg_len,
                            archive->record.size - archive->header.header_len))
        return adp_fail(err, ADP_ERR_FORMAT, archive->path, "no archive can have this length");
    return ADP_OK;
}

/* Slots can be rewritten by anyone: the right one is the one whose key the FLOE header confirms. If
 * none is, a key that opened but did not fit says more than one that did not open. */
static enum adp_status try_slots(struct adp_archive *archive, const struct adp_vault *vault,
                                 uint8_t *key, struct adp_error *err)
{
    const struct adp_floe_params params = {archive->header.enc_seg_len, ADP_FLOE_ROTATION};
    uint8_t fixed[ADP_HEADER_FIXED_LEN];
    struct adp_error why = {0};
    enum adp_status worst = ADP_OK;

    adp_header_fixed(fixed, &archive->header);
    for (size_t i = 0; i < archive->header.num_slots; i++) {
        enum adp_status status =
            adp_vault_slot_key(vault, &archive->header, i, archive->path, key, &why);

        if (status == ADP_OK)
            status = adp_floe_open_start(&archive->floe, archive->header.floe_header, &params,
                                         vault->kernel, key, fixed, sizeof(fixed), &why);
        if (status == ADP_OK)
            return ADP_OK;
        if (worst == ADP_OK || worst == ADP_ERR_NO_KEY) {
            worst = status;
            if (err != NULL)
                *err = why;
        }
    }
    if (worst == ADP_OK)
        return adp_fail(err, ADP_ERR_NO_KEY, archive->path,
                        "the archive has no key slot of a known type");
    if (err != NULL && err->path[0] == '\0')
        snprintf(err->path, sizeof(err->path), "%s", archive->path);
    return worst;
}

static enum adp_status unwrap(struct adp_archive *archive, const struct adp_vault *vault,
                              struct adp_error *err)
{
    uint8_t *key = adp_secret_new(ADP_FLOE_KEY_LEN);
    enum adp_status status;

    if (key == NULL)
        return adp_fail_memory(err);
    status = try_slots(archive, vault, key, err);
    adp_secret_free(key, ADP_FLOE_KEY_LEN);
    return status;
}

static enum adp_status read_directory(struct adp_archive *archive, struct adp_error *err)
{
    const struct adp_trailer *trailer = &archive->trailer;
    uint8_t *stored = malloc(trailer->directory_stored_len + 1);
    uint8_t *plain = malloc(trailer->directory_plain_len + 1);
    enum adp_status status = ADP_OK;

    if (stored == NULL || plain == NULL)
        status = adp_fail_memory(err);
    if (status == ADP_OK)
        status = adp_archive_read(archive, trailer->directory_offset, stored,
                                  trailer->directory_stored_len, err);
    if (status == ADP_OK &&
        !adp_codec_decompress(&archive->zstd, plain, trailer->directory_plain_len, stored,
                              trailer->directory_stored_len))
        status = adp_fail(err, ADP_ERR_CONTENT, archive->path,
                          "the index's directory does not decompress");
    if (status == ADP_OK)
        status = adp_directory_parse(&archive->directory, plain, trailer->directory_plain_len,
                                     trailer, archive->path, err);
    free(plain);
    free(stored);
    return status;
}

static enum adp_status read_index_start(struct adp_archive *archive, struct adp_error *err)
{
    uint8_t bytes[ADP_TRAILER_LEN];
    enum adp_status status;

    if (archive->layout.plain_len < ADP_TRAILER_LEN)
        return adp_fail(err, ADP_ERR_FORMAT, archive->path,
                        "the archive is too short for a trailer");
    status = adp_archive_read(archive, archive->layout.plain_len - ADP_TRAILER_LEN, bytes,
                              sizeof(bytes), err);
    if (status == ADP_OK)
        status = adp_trailer_parse(&archive->trailer, bytes, archive->layout.plain_len,
                                   archive->path, err);
    return status == ADP_OK ? read_directory(archive, err) : status;
}

static enum adp_status allocate(struct adp_archive *archive, int collect_tags,
                                struct adp_error *err)
{
    archive->segment = malloc(archive->header.enc_seg_len);
    archive->scratch = adp_secret_new(sizeof(*archive->scratch));
    if (archive->segment == NULL || archive->scratch == NULL)
        return adp_fail_memory(err);
    if (!collect_tags)
        return ADP_OK;
    archive->tags = calloc(archive->layout.num_segments, sizeof(*archive->tags));
    archive->tag_there = calloc(archive->layout.num_segments, 1);
    return archive->tags != NULL && archive->tag_there != NULL ? ADP_OK : adp_fail_memory(err);
}

static enum adp_status open_bulk(struct adp_archive *archive, const struct adp_vault *vault,
                                 const char *name, struct adp_error *err)
{
    archive->bulk_fd = adp_fs_open_beneath(vault->archives_dir, name, O_RDONLY, 0);
    if (archive->bulk_fd < 0)
        return adp_fail_errno(err, -archive->bulk_fd, archive->path, "cannot open the archive");
    archive->is_direct = adp_entry_go_direct(archive->bulk_fd);
    return ADP_OK;
}

enum adp_status adp_archive_open(struct adp_archive **out, const struct adp_vault *vault,
                                 const char *id, const struct adp_record_archive *record,
                                 int collect_tags, struct adp_error *err)
{
    struct adp_archive *archive = calloc(1, sizeof(*archive));
    char name[128];
    enum adp_status status = ADP_OK;

    *out = NULL;
    if (archive == NULL)
        return adp_fail_memory(err);
    archive->record = *record;
    archive->position = UINT64_MAX;
    archive->bulk_fd = -1;
    adp_vault_archive_path(archive->path, vault, id, record->category);
    snprintf(name, sizeof(name), "%s/%s.adps", id, adp_category_name(record->category));
    archive->fd = adp_fs_open_beneath(vault->archives_dir, name, O_RDONLY, 0);
    if (archive->fd == -ENOENT) {
        status = adp_fail(err, ADP_ERR_MISSING, archive->path, "the archive is missing");
        adp_error_hint(err, status, COPY_HINT);
    } else if (archive->fd < 0) {
        status = adp_fail_errno(err, -archive->fd, archive->path, "cannot open the archive");
    }
    if (status == ADP_OK)
        status = open_bulk(archive, vault, name, err);
    if (status == ADP_OK)
        status = read_header(archive, vault, err);
    if (status == ADP_OK)
        status = allocate(archive, collect_tags, err);
    if (status == ADP_OK)
        status = unwrap(archive, vault, err);
    if (status == ADP_OK)
        status = read_index_start(archive, err);
    if (status != ADP_OK) {
        adp_archive_close(archive);
        return status;
    }
    *out = archive;
    return ADP_OK;
}

void adp_archive_close(struct adp_archive *archive)
{
    if (archive == NULL)
        return;
    adp_fs_close(archive->fd);
    adp_fs_close(archive->bulk_fd);
    adp_directory_free(&archive->directory);
    adp_floe_free(archive->floe);
    adp_secret_free(archive->scratch, sizeof(*archive->scratch));
    adp_codec_free_decoder(archive->zstd);
    free(archive->segment);
    free(archive->tags);
    free(archive->tag_there);
    free(archive);
}
