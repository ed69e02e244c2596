#include "attested.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "fs.h"

#define COPY_HINT "the archives are not concerned; restore it from another copy of the vault"

enum adp_status adp_attested_open(struct adp_attested_file *out, const struct adp_vault *vault,
                                  const struct adp_record *record, struct adp_error *err)
{
    char name[ADP_SNAPSHOT_ID_LEN + sizeof("/" ADP_ATTESTATION_NAME)];

    *out = (struct adp_attested_file){.record = record};
    snprintf(name, sizeof(name), "%s/" ADP_ATTESTATION_NAME, record->id);
    adp_vault_path(out->path, vault, "archives/%s", name);
    out->fd = adp_fs_open_beneath(vault->archives_dir, name, O_RDONLY, 0);
    if (out->fd >= 0)
        return ADP_OK;
    if (out->fd != -ENOENT)
        return adp_fail_errno(err, -out->fd, out->path, "cannot open the attestation");
    adp_fail(err, ADP_ERR_MISSING, out->path, "the attestation is missing");
    return adp_error_hint(err, ADP_ERR_MISSING, COPY_HINT);
}

void adp_attested_close(struct adp_attested_file *file)
{
    adp_fs_close(file->fd);
    file->fd = -1;
}

enum adp_status adp_attested_read(const struct adp_attested_file *file, uint64_t offset,
                                  uint8_t *out, size_t len, struct adp_error *err)
{
    int64_t got = adp_fs_read_all(file->fd, out, len, offset);

    if (got < 0)
        return adp_fail_errno(err, (int)-got, file->path, "cannot read the attestation");
    if (got < (int64_t)len)
        return adp_fail_at(err, ADP_ERR_TRUNCATED, file->path, offset + (uint64_t)got,
                           "the attestation ends too early");
    return ADP_OK;
}

/* Reading on, exactly |len| bytes. */
static enum adp_status read_on(struct adp_attested_file *file, uint8_t *out, size_t len,
                               struct adp_error *err)
{
    enum adp_status status = adp_attested_read(file, file->offset, out, len, err);

    if (status == ADP_OK)
        file->offset += len;
    return status;
}

enum adp_status adp_attested_start(struct adp_attested_file *file, struct adp_error *err)
{
    uint8_t start[ADP_ATTESTATION_START_LEN];
    enum adp_status status = read_on(file, start, sizeof(start), err);

    if (status != ADP_OK)
        return status;
    status = adp_attestation_check_start(start, file->record->vault_id, file->record->id);
    if (status == ADP_ERR_UNSUPPORTED)
        return adp_fail_at(err, status, file->path, 8,
                           "the attestation has a version of the format that is not known here");
    if (status == ADP_ERR_MISMATCH)
        return adp_fail_at(err, status, file->path, 0,
                           "this is not the attestation of this snapshot");
    if (status == ADP_ERR_FORMAT)
        return adp_fail_at(err, status, file->path, 0, "the attestation's start is malformed");
    return status;
}

enum adp_status adp_attested_part(struct adp_attested_file *file,
                                  const struct adp_record_archive *archive,
                                  struct adp_attested *out, struct adp_error *err)
{
    uint64_t start = file->offset, left;
    uint8_t bytes[16u << 10], digest[ADP_HASH_LEN];
    SHA256_CTX sha;
    enum adp_status status = read_on(file, bytes, ADP_ATTESTED_START_LEN, err);

    if (status != ADP_OK)
        return status;
    if (!adp_attested_parse(out, bytes, archive))
        return adp_fail_at(err, ADP_ERR_FORMAT, file->path, start,
                           "the attestation's part for %s is malformed",
                           adp_category_name(archive->category));
    SHA256_Init(&sha);
    SHA256_Update(&sha, bytes, ADP_ATTESTED_START_LEN);
    left = adp_attested_num_segments(out, archive->size) * ADP_HASH_LEN;
    while (status == ADP_OK && left > 0) {
        size_t step = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);

        status = read_on(file, bytes, step, err);
        if (status == ADP_OK)
            SHA256_Update(&sha, bytes, step);
        left -= step;
    }
    SHA256_Final(digest, &sha);
    if (status == ADP_OK && memcmp(digest, archive->attestation, sizeof(digest)) != 0)
        status = adp_fail_at(err, ADP_ERR_MISMATCH, file->path, start,
                             "the attestation's part for %s is not the one that was sealed",
                             adp_category_name(archive->category));
    return status;
}

enum adp_status adp_attested_end(const struct adp_attested_file *file, struct adp_error *err)
{
    uint8_t more;
    int64_t num = adp_fs_read_all(file->fd, &more, 1, file->offset);

    if (num == 0)
        return ADP_OK;
    if (num < 0)
        return adp_fail_errno(err, (int)-num, file->path, "cannot read the attestation");
    return adp_fail_at(err, ADP_ERR_TRAILING, file->path, file->offset,
                       "the attestation goes on after its end");
}

static enum adp_status check_file(struct adp_attested_file *file, struct adp_error *err)
{
    const struct adp_record *record = file->record;
    struct adp_attested part;
    enum adp_status status = adp_attested_start(file, err);

    for (size_t i = 0; status == ADP_OK && i < record->num_archives; i++)
        status = adp_attested_part(file, &record->archives[i], &part, err);
    if (status == ADP_OK)
        status = adp_attested_end(file, err);
    if (adp_status_exit_code(status) != adp_status_exit_code(ADP_ERR_FORMAT))
        return status;
    return adp_error_hint(err, status, COPY_HINT);
}

enum adp_status adp_attested_check(const struct adp_vault *vault, const struct adp_record *record,
                                   struct adp_error *err)
{
    struct adp_attested_file file;
    enum adp_status status;

    if (!record->is_attested)
        return ADP_OK;
    status = adp_attested_open(&file, vault, record, err);
    if (status == ADP_OK)
        status = check_file(&file, err);
    adp_attested_close(&file);
    return status;
}
