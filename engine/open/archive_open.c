#include <fcntl.h>
#include <stdlib.h>

#include "archive_header.h"
#include "archive_read.h"
#include "codec.h"
#include "entry.h"
#include "error.h"
#include "fs.h"
#include "secret.h"

/* Archives of no more have one thread to decode them: starting others would take longer. */
#define FEW_SEGMENTS 2u

static enum adp_status read_header(struct adp_archive *archive, const struct adp_vault *vault,
                                   const char *id, struct adp_error *err)
{
    enum adp_status status =
        adp_archive_header_open(&archive->fd, &archive->header, &archive->is_header_beside, vault,
                                id, &archive->record, err);

    if (status != ADP_OK)
        return status;
    if (archive->record.size < archive->header.header_len ||
        !adp_floe_layout_of(&archive->layout, archive->header.enc_seg_len,
                            archive->record.size - archive->header.header_len))
        return adp_fail(err, ADP_ERR_FORMAT, archive->path, "no archive can have this length");
    return ADP_OK;
}

static enum adp_status unwrap(struct adp_archive *archive, struct adp_vault *vault,
                              struct adp_error *err)
{
    uint8_t *key = adp_secret_new(ADP_FLOE_KEY_LEN);
    enum adp_status status;

    if (key == NULL)
        return adp_fail_memory(err);
    status = adp_vault_refresh_for(vault, &archive->header, err);
    if (status == ADP_OK)
        status = adp_archive_header_key(vault, &archive->header, archive->path, key, &archive->floe,
                                        err);
    adp_secret_free(key, ADP_FLOE_KEY_LEN);
    return status;
}

static enum adp_status read_directory(struct adp_archive *archive, struct adp_error *err)
{
    const struct adp_trailer *trailer = &archive->trailer;
    const struct adp_sandbox_frame frame = {.kind = ADP_SANDBOX_DIRECTORY,
                                            .stored_len = trailer->directory_stored_len,
                                            .plain_len = trailer->directory_plain_len};
    uint8_t *plain = malloc(frame.plain_len);
    enum adp_status status;

    if (plain == NULL)
        return adp_fail_memory(err);
    status = adp_archive_decode(archive, trailer->directory_offset, &frame, plain, err);
    if (status == ADP_ERR_CONTENT)
        adp_fail(err, status, archive->path, "the index's directory does not decompress");
    if (status == ADP_OK)
        status = adp_directory_parse(&archive->directory, plain, frame.plain_len, trailer,
                                     archive->path, err);
    free(plain);
    return status;
}

/* The trailer is read here: 64 bytes of fixed fields. What follows from it, is the sandbox's. */
static enum adp_status read_index_start(struct adp_archive *archive, const struct adp_vault *vault,
                                        unsigned num_workers, struct adp_error *err)
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
    if (archive->layout.num_segments <= FEW_SEGMENTS)
        num_workers = 0;
    if (status == ADP_OK)
        status =
            adp_sandbox_new(&archive->sandbox, vault->sandbox, num_workers, &archive->trailer, err);
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
                                 const char *id, struct adp_error *err)
{
    char name[ADP_ARCHIVE_NAME_LEN];

    adp_archive_name(name, id, archive->record.category, "adps");
    archive->bulk_fd = adp_fs_open_beneath(vault->archives_dir, name, O_RDONLY, 0);
    if (archive->bulk_fd < 0)
        return adp_fail_errno(err, -archive->bulk_fd, archive->path, "cannot open the archive");
    archive->is_direct = adp_entry_go_direct(archive->bulk_fd);
    return ADP_OK;
}

enum adp_status adp_archive_open(struct adp_archive **out, struct adp_vault *vault, const char *id,
                                 const struct adp_record_archive *record, int collect_tags,
                                 unsigned num_workers, struct adp_error *err)
{
    struct adp_archive *archive = calloc(1, sizeof(*archive));
    enum adp_status status;

    *out = NULL;
    if (archive == NULL)
        return adp_fail_memory(err);
    archive->record = *record;
    archive->position = UINT64_MAX;
    archive->bulk_fd = -1;
    adp_vault_archive_path(archive->path, vault, id, record->category);
    status = read_header(archive, vault, id, err);
    if (status == ADP_OK)
        status = open_bulk(archive, vault, id, err);
    if (status == ADP_OK)
        status = allocate(archive, collect_tags, err);
    if (status == ADP_OK)
        status = unwrap(archive, vault, err);
    if (status == ADP_OK)
        status = read_index_start(archive, vault, num_workers, err);
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
    (void)adp_sandbox_free(archive->sandbox);
    adp_directory_free(&archive->directory);
    adp_floe_free(archive->floe);
    adp_secret_free(archive->scratch, sizeof(*archive->scratch));
    adp_codec_free_decoder(archive->zstd);
    free(archive->segment);
    free(archive->tags);
    free(archive->tag_there);
    free(archive);
}
