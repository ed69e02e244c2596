#include "attested.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "fs.h"

/* An attestation being read. */
struct attested {
    const struct adp_record *record;
    int fd;
    char path[ADP_VAULT_PATH_LEN];
    uint64_t offset;
};

/* Reading on, exactly |len| bytes. */
static enum adp_status read_on(struct attested *attested, uint8_t *out, size_t len,
                               struct adp_error *err)
{
    int64_t got = adp_fs_read_all(attested->fd, out, len, attested->offset);

    if (got < 0)
        return adp_fail_errno(err, (int)-got, attested->path, "cannot read the attestation");
    if (got < (int64_t)len)
        return adp_fail_at(err, ADP_ERR_TRUNCATED, attested->path, attested->offset + (uint64_t)got,
                           "the attestation ends too early");
    attested->offset += len;
    return ADP_OK;
}

/* The part of one archive: its digest is the record's. */
static enum adp_status check_part(struct attested *attested,
                                  const struct adp_record_archive *archive, struct adp_error *err)
{
    uint64_t start = attested->offset, left;
    uint8_t bytes[16u << 10], digest[ADP_HASH_LEN];
    struct adp_attested part;
    SHA256_CTX sha;
    enum adp_status status = read_on(attested, bytes, ADP_ATTESTED_START_LEN, err);

    if (status != ADP_OK)
        return status;
    if (!adp_attested_parse(&part, bytes, archive))
        return adp_fail_at(err, ADP_ERR_FORMAT, attested->path, start,
                           "the attestation's part for %s is malformed",
                           adp_category_name(archive->category));
    SHA256_Init(&sha);
    SHA256_Update(&sha, bytes, ADP_ATTESTED_START_LEN);
    left = adp_attested_num_segments(&part, archive->size) * ADP_HASH_LEN;
    while (status == ADP_OK && left > 0) {
        size_t step = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);

        status = read_on(attested, bytes, step, err);
        if (status == ADP_OK)
            SHA256_Update(&sha, bytes, step);
        left -= step;
    }
    SHA256_Final(digest, &sha);
    if (status == ADP_OK && memcmp(digest, archive->attestation, sizeof(digest)) != 0)
        status = adp_fail_at(err, ADP_ERR_MISMATCH, attested->path, start,
                             "the attestation's part for %s is not the one that was sealed",
                             adp_category_name(archive->category));
    return status;
}

static enum adp_status check_file(struct attested *attested, struct adp_error *err)
{
    const struct adp_record *record = attested->record;
    uint8_t start[ADP_ATTESTATION_START_LEN], more;
    int64_t num_more = 0;
    enum adp_status status = read_on(attested, start, sizeof(start), err);

    if (status == ADP_OK)
        status = adp_attestation_check_start(start, record->vault_id, record->id);
    if (status == ADP_ERR_UNSUPPORTED)
        return adp_fail_at(err, status, attested->path, 8,
                           "the attestation has a version of the format that is not known here");
    if (status == ADP_ERR_MISMATCH)
        return adp_fail_at(err, status, attested->path, 0,
                           "this is not the attestation of this snapshot");
    for (size_t i = 0; status == ADP_OK && i < record->num_archives; i++)
        status = check_part(attested, &record->archives[i], err);
    if (status == ADP_OK)
        num_more = adp_fs_read_all(attested->fd, &more, 1, attested->offset);
    if (num_more < 0)
        status = adp_fail_errno(err, (int)-num_more, attested->path, "cannot read the attestation");
    if (num_more > 0)
        status = adp_fail_at(err, ADP_ERR_TRAILING, attested->path, attested->offset,
                             "the attestation goes on after its end");
    return status;
}

enum adp_status adp_attested_check(const struct adp_vault *vault, const struct adp_record *record,
                                   struct adp_error *err)
{
    struct attested attested = {.record = record};
    char name[ADP_SNAPSHOT_ID_LEN + sizeof("/" ADP_ATTESTATION_NAME)];
    enum adp_status status;

    if (!record->is_attested)
        return ADP_OK;
    snprintf(name, sizeof(name), "%s/" ADP_ATTESTATION_NAME, record->id);
    adp_vault_path(attested.path, vault, "archives/%s", name);
    attested.fd = adp_fs_open_beneath(vault->archives_dir, name, O_RDONLY, 0);
    if (attested.fd == -ENOENT)
        status = adp_fail(err, ADP_ERR_MISSING, attested.path, "the attestation is missing");
    else if (attested.fd < 0)
        status = adp_fail_errno(err, -attested.fd, attested.path, "cannot open the attestation");
    else
        status = check_file(&attested, err);
    adp_fs_close(attested.fd);
    if (status == ADP_OK || status == ADP_ERR_UNSUPPORTED)
        return status;
    return adp_error_hint(
        err, status, "the archives are not concerned; restore it from another copy of the vault");
}
