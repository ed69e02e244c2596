#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "archive_header.h"
#include "code.h"
#include "error.h"
#include "fs.h"
#include "parity_internal.h"

/* A parity file being made. */
struct making {
    const char *path; /* of the archive */
    struct adp_parity parity;
    struct adp_code *code;
    struct adp_tell *tell;
    int fd, dir;
    struct adp_fs_temp temp;
    size_t run_len;
    uint8_t *row;     /* one run */
    uint8_t *rows;    /* of parity, one run each */
    uint8_t *digests; /* blocks of a band */
    size_t digests_len;
};

static enum adp_status put(struct making *making, const void *data, size_t len, uint64_t offset,
                           struct adp_error *err)
{
    int rc = adp_fs_write_all(making->temp.fd, data, len, offset);

    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, making->path, "cannot write its parity");
}

/* The digests of a run, which is row |row| of the band. */
static void digest_run(struct making *making, unsigned row, const uint8_t *run)
{
    uint32_t len = making->parity.shard_len;

    for (uint32_t i = 0; i < making->parity.band; i++)
        adp_sha256(adp_digest_of(&making->parity, making->digests, row, i), run + (size_t)i * len,
                   len);
}

static void add_run(struct making *making, unsigned row)
{
    uint32_t len = making->parity.shard_len;
    uint8_t *parity[ADP_CODE_MAX];

    for (uint32_t i = 0; i < making->parity.band; i++) {
        const size_t at = (size_t)i * len;

        for (unsigned r = 0; r < making->parity.num_parity; r++)
            parity[r] = making->rows + r * making->run_len + at;
        adp_sha256(adp_digest_of(&making->parity, making->digests, row, i), making->row + at, len);
        adp_code_add(making->code, row, making->row + at, len, parity);
    }
}

static enum adp_status read_run(struct making *making, unsigned row, uint32_t band,
                                struct adp_error *err)
{
    uint64_t offset = adp_run_offset(&making->parity, row, band);
    size_t len = adp_run_len(&making->parity, offset, making->run_len);
    int64_t got;

    adp_run_ahead(&making->parity, making->fd, row, band);
    got = len > 0 ? adp_fs_read_all(making->fd, making->row, len, offset) : 0;
    if (got < 0)
        return adp_fail_errno(err, (int)-got, making->path, "cannot read the archive");
    if (got < (int64_t)len)
        return adp_fail_at(err, ADP_ERR_TRUNCATED, making->path, offset + (uint64_t)got,
                           "the archive ends too early");
    memset(making->row + len, 0, making->run_len - len);
    making->tell->progress.done_bytes += len;
    return ADP_OK;
}

static enum adp_status write_band(struct making *making, uint32_t band, struct adp_error *err)
{
    const struct adp_parity *parity = &making->parity;
    enum adp_status status = ADP_OK;

    for (unsigned r = 0; status == ADP_OK && r < parity->num_parity; r++) {
        digest_run(making, parity->num_rows + r, making->rows + r * making->run_len);
        status = put(making, making->rows + r * making->run_len, making->run_len,
                     adp_parity_shard_offset(parity, r, band * parity->band), err);
    }
    for (size_t at = 0; at < making->digests_len; at += ADP_PARITY_BLOCK)
        adp_parity_close(making->digests + at);
    for (unsigned copy = 0; status == ADP_OK && copy < 2; copy++)
        status = put(making, making->digests, making->digests_len,
                     adp_parity_digests_offset(parity, copy, band), err);
    return status;
}

static enum adp_status make_band(struct making *making, uint32_t band, struct adp_error *err)
{
    const struct adp_parity *parity = &making->parity;
    enum adp_status status = ADP_OK;

    memset(making->rows, 0, parity->num_parity * making->run_len);
    memset(making->digests, 0, making->digests_len);
    for (unsigned row = 0; status == ADP_OK && row < parity->num_rows; row++) {
        status = read_run(making, row, band, err);
        if (status == ADP_OK)
            add_run(making, row);
        if (status == ADP_OK && !adp_tell_progress(making->tell))
            status = adp_tell_cancelled(err);
        adp_tell_pace(making->tell);
    }
    return status == ADP_OK ? write_band(making, band, err) : status;
}

static enum adp_status write_frame(struct making *making, struct adp_error *err)
{
    const struct adp_parity *parity = &making->parity;
    uint8_t *header = malloc(parity->header_len), block[ADP_PARITY_BLOCK];
    enum adp_status status = header == NULL ? adp_fail_memory(err) : ADP_OK;

    if (status == ADP_OK &&
        adp_fs_read_all(making->fd, header, parity->header_len, 0) != (int64_t)parity->header_len)
        status = adp_fail(err, ADP_ERR_TRUNCATED, making->path, "cannot read the header");
    for (unsigned copy = 0; status == ADP_OK && copy < 2; copy++) {
        uint64_t offset = adp_parity_header_offset(parity, copy);

        adp_parity_build(block, parity);
        status = put(making, block, sizeof(block), adp_parity_start_offset(parity, copy), err);
        if (status == ADP_OK)
            status = put(making, header, parity->header_len, offset, err);
        adp_parity_guard(block, header, parity->header_len);
        if (status == ADP_OK)
            status = put(making, block, sizeof(block), offset + parity->header_len, err);
    }
    free(header);
    return status;
}

static enum adp_status make(struct making *making, const char *name, struct adp_error *err)
{
    enum adp_status status = ADP_OK;
    int rc;

    for (uint32_t band = 0; status == ADP_OK && band < adp_parity_num_bands(&making->parity);
         band++)
        status = make_band(making, band, err);
    if (status == ADP_OK)
        status = write_frame(making, err);
    if (status != ADP_OK)
        return status;
    rc = adp_fs_temp_commit(&making->temp, name, adp_parity_file_size(&making->parity),
                            ADP_FS_PUBLISH_REPLACE);
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, making->path, "cannot finish its parity");
}

static enum adp_status begin(struct making *making, const struct adp_vault *vault, const char *name,
                             const char **out_last, struct adp_error *err)
{
    const struct adp_parity *parity = &making->parity;
    int rc;

    making->run_len = (size_t)parity->band * parity->shard_len;
    making->digests_len = (size_t)adp_parity_band_blocks(parity) * ADP_PARITY_BLOCK;
    making->row = malloc(making->run_len);
    making->rows = malloc(parity->num_parity * making->run_len);
    making->digests = malloc(making->digests_len);
    making->code = adp_code_new(parity->num_rows, parity->num_parity);
    if (making->row == NULL || making->rows == NULL || making->digests == NULL ||
        making->code == NULL)
        return adp_fail_memory(err);
    making->dir = adp_fs_parent_beneath(vault->archives_dir, name, out_last);
    rc = making->dir;
    if (rc >= 0) {
        adp_fs_temp_clean(making->dir, *out_last);
        rc = adp_fs_temp_create(&making->temp, making->dir, *out_last, 0600, 0, NULL);
    }
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, making->path, "cannot create its parity");
}

enum adp_status adp_parity_make(const struct adp_vault *vault, const char *id,
                                const struct adp_record_archive *record, unsigned percent,
                                struct adp_tell *tell, struct adp_error *err)
{
    struct making making = {.fd = -1, .dir = -1, .temp = {.fd = -1}, .tell = tell};
    char path[ADP_VAULT_PATH_LEN], name[ADP_ARCHIVE_NAME_LEN];
    struct adp_header header;
    const char *last;
    int is_beside;
    enum adp_status status;

    making.path = adp_vault_archive_path(path, vault, id, record->category);
    adp_archive_name(name, id, record->category, "adpp");
    status = adp_archive_header_open(&making.fd, &header, &is_beside, vault, id, record, err);
    if (status == ADP_OK && is_beside) {
        adp_fail(err, ADP_ERR_REFUSED, path, "its header is damaged");
        status = adp_error_hint(err, ADP_ERR_REFUSED, "run adp-seal rewrap to mend it");
    }
    if (status != ADP_OK)
        goto err0;
    making.parity.size = record->size;
    making.parity.header_len = header.header_len;
    memcpy(making.parity.vault_id, header.vault_id, ADP_ID_LEN);
    memcpy(making.parity.archive_id, header.archive_id, ADP_ID_LEN);
    if (!adp_parity_choose(&making.parity, percent))
        status = adp_fail(err, ADP_ERR_ARGUMENT, path, "%u %% of parity cannot be made", percent);
    if (status == ADP_OK)
        status = begin(&making, vault, name, &last, err);
    if (status == ADP_OK)
        status = make(&making, last, err);
    adp_fs_temp_abandon(&making.temp);
err0:
    adp_code_free(making.code);
    free(making.row);
    free(making.rows);
    free(making.digests);
    adp_fs_close(making.dir);
    adp_fs_close(making.fd);
    return status;
}
