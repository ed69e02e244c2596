/* One archive and its parity file: first a look at everything, which finds out whether all of it
 * heals; then the same once more, where what is damaged is overwritten. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "archive_header.h"
#include "code.h"
#include "entry.h"
#include "error.h"
#include "fs.h"
#include "parity_internal.h"

struct healing {
    const struct adp_vault *vault;
    const char *id;
    const struct adp_record_archive *record;
    struct adp_tell *tell;
    struct adp_sidecar sidecar;
    const struct adp_parity *parity; /* the sidecar's */
    struct adp_code *code;
    struct adp_healed found;
    char path[ADP_VAULT_PATH_LEN];
    int fd;
    int mend;
    size_t run_len;
    uint8_t *header;
    uint8_t *row;      /* one run */
    uint8_t *sums;     /* what the good rows account for: a run for each row of parity */
    uint8_t *rows;     /* of parity, as they are in the file */
    uint8_t *digests;  /* blocks of the band */
    uint8_t *is_bad;   /* (K + M) * W, as the digests are ordered */
    uint8_t *solution; /* M shards */
};

static uint8_t *bad_of(const struct healing *healing, unsigned row, uint32_t index)
{
    return healing->is_bad + (size_t)row * healing->parity->band + index;
}

static int fits(const struct healing *healing, const uint8_t *shard, unsigned row, uint32_t index)
{
    uint8_t digest[ADP_HASH_LEN];

    adp_sha256(digest, shard, healing->parity->shard_len);
    return memcmp(digest, adp_digest_of(healing->parity, healing->digests, row, index),
                  ADP_HASH_LEN) == 0;
}

/* -- What is there. */

/* What cannot be read is zeros, which will not fit: shard by shard, where the run as a whole does
 * not come. */
static void read_run(const struct healing *healing, int fd, uint8_t *out, uint64_t offset,
                     size_t len)
{
    uint32_t step = healing->parity->shard_len;
    int64_t got = len > 0 ? adp_fs_read_all(fd, out, len, offset) : 0;

    if (got == (int64_t)healing->run_len)
        return;
    if (got >= 0) {
        memset(out + got, 0, healing->run_len - (size_t)got);
        return;
    }
    memset(out, 0, healing->run_len);
    for (size_t at = 0; at < len; at += step) {
        size_t part = len - at < step ? len - at : step;

        if (adp_fs_read_all(fd, out + at, part, offset + at) < 0)
            memset(out + at, 0, part);
    }
}

static void look_at_row(struct healing *healing, unsigned row, uint32_t band)
{
    const struct adp_parity *parity = healing->parity;
    uint64_t offset = adp_run_offset(parity, row, band);
    uint8_t *sums[ADP_CODE_MAX];

    read_run(healing, healing->fd, healing->row, offset,
             adp_run_len(parity, offset, healing->run_len));
    for (uint32_t i = 0; i < parity->band; i++) {
        size_t at = (size_t)i * parity->shard_len;
        size_t real = adp_run_len(parity, offset + at, parity->shard_len);

        /* A shard behind the end is zeros whatever its digest says, and adds nothing. */
        *bad_of(healing, row, i) = real > 0 && !fits(healing, healing->row + at, row, i);
        if (*bad_of(healing, row, i)) {
            healing->found.num_shards++;
            healing->found.bytes += real;
            continue;
        }
        for (unsigned r = 0; r < parity->num_parity; r++)
            sums[r] = healing->sums + r * healing->run_len + at;
        adp_code_add(healing->code, row, healing->row + at, parity->shard_len, sums);
    }
}

static void look_at_parity(struct healing *healing, unsigned r, uint32_t band)
{
    const struct adp_parity *parity = healing->parity;
    uint8_t *run = healing->rows + r * healing->run_len;

    read_run(healing, healing->sidecar.fd, run,
             adp_parity_shard_offset(parity, r, band * parity->band), healing->run_len);
    for (uint32_t i = 0; i < parity->band; i++) {
        uint8_t *is_bad = bad_of(healing, parity->num_rows + r, i);

        *is_bad = !fits(healing, run + (size_t)i * parity->shard_len, parity->num_rows + r, i);
        healing->found.num_shards += *is_bad;
    }
}

/* -- One group. */

static enum adp_status fail_beyond(const struct healing *healing, uint64_t offset,
                                   struct adp_error *err)
{
    adp_fail_at(err, ADP_ERR_DAMAGED, healing->path, offset,
                "there is more damage than the parity heals");
    return adp_error_hint(
        err, ADP_ERR_DAMAGED,
        "nothing was changed: restore the archive from another copy of the vault");
}

static enum adp_status write_shard(const struct healing *healing, int fd, const char *path,
                                   const uint8_t *data, size_t len, uint64_t offset,
                                   struct adp_error *err)
{
    int rc = healing->mend ? adp_fs_write_all(fd, data, len, offset) : 0;

    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, path, "cannot write what was healed");
}

/* Computes the |num| data shards |rows| of group |index| of the band into the solution. */
static enum adp_status solve(struct healing *healing, uint32_t band, uint32_t index, unsigned num,
                             const uint8_t *rows, struct adp_error *err)
{
    const struct adp_parity *parity = healing->parity;
    size_t len = parity->shard_len, at = index * len;
    uint64_t offset = adp_run_offset(parity, rows[0], band) + at;
    uint8_t which[ADP_CODE_MAX], *missing[ADP_CODE_MAX], *out[ADP_CODE_MAX];
    unsigned num_good = 0;

    for (unsigned r = 0; r < parity->num_parity && num_good < num; r++) {
        if (!*bad_of(healing, parity->num_rows + r, index))
            which[num_good++] = (uint8_t)r;
    }
    if (num_good < num)
        return fail_beyond(healing, offset, err);
    for (unsigned i = 0; i < num; i++) {
        const uint8_t *sum = healing->sums + which[i] * healing->run_len + at;

        /* The parity in the file gives way to what it has beyond the good rows. */
        missing[i] = healing->rows + which[i] * healing->run_len + at;
        for (size_t b = 0; b < len; b++)
            missing[i][b] ^= sum[b];
        out[i] = healing->solution + i * len;
    }
    if (!adp_code_solve(healing->code, num, rows, which, len, missing, out))
        return adp_fail_memory(err);
    for (unsigned i = 0; i < num; i++) {
        if (!fits(healing, out[i], rows[i], index))
            return fail_beyond(healing, offset, err);
    }
    return ADP_OK;
}

static enum adp_status heal_data(struct healing *healing, uint32_t band, uint32_t index,
                                 struct adp_error *err)
{
    const struct adp_parity *parity = healing->parity;
    size_t len = parity->shard_len, at = index * len;
    uint8_t rows[ADP_CODE_MAX], *sums[ADP_CODE_MAX];
    unsigned num = 0;
    enum adp_status status;

    for (unsigned row = 0; row < parity->num_rows; row++) {
        if (*bad_of(healing, row, index))
            rows[num++] = (uint8_t)row;
    }
    if (num == 0)
        return ADP_OK;
    if (num > parity->num_parity)
        return fail_beyond(healing, adp_run_offset(parity, rows[0], band) + at, err);
    status = solve(healing, band, index, num, rows, err);
    for (unsigned r = 0; r < parity->num_parity; r++)
        sums[r] = healing->sums + r * healing->run_len + at;
    for (unsigned i = 0; status == ADP_OK && i < num; i++) {
        uint64_t offset = adp_run_offset(parity, rows[i], band) + at;

        adp_code_add(healing->code, rows[i], healing->solution + i * len, len, sums);
        status = write_shard(healing, healing->fd, healing->path, healing->solution + i * len,
                             adp_run_len(parity, offset, len), offset, err);
    }
    return status;
}

/* With all data at hand the sums are the parity. */
static enum adp_status heal_parity(struct healing *healing, uint32_t band, uint32_t index,
                                   struct adp_error *err)
{
    const struct adp_parity *parity = healing->parity;
    size_t at = (size_t)index * parity->shard_len;
    enum adp_status status = ADP_OK;

    for (unsigned r = 0; status == ADP_OK && r < parity->num_parity; r++) {
        const uint8_t *shard = healing->sums + r * healing->run_len + at;
        uint64_t offset = adp_parity_shard_offset(parity, r, band * parity->band + index);

        if (!*bad_of(healing, parity->num_rows + r, index))
            continue;
        if (!fits(healing, shard, parity->num_rows + r, index))
            return fail_beyond(healing, 0, err);
        status = write_shard(healing, healing->sidecar.fd, healing->sidecar.path, shard,
                             parity->shard_len, offset, err);
    }
    return status;
}

/* -- All of it. */

static enum adp_status heal_band(struct healing *healing, uint32_t band, struct adp_error *err)
{
    const struct adp_parity *parity = healing->parity;
    enum adp_status status = adp_sidecar_digests(&healing->sidecar, band, healing->mend,
                                                 healing->digests, &healing->found.num_blocks, err);

    if (status != ADP_OK)
        return status;
    memset(healing->sums, 0, parity->num_parity * healing->run_len);
    for (unsigned row = 0; row < parity->num_rows; row++) {
        look_at_row(healing, row, band);
        if (!adp_tell_progress(healing->tell) && !healing->mend)
            return adp_tell_cancelled(err);
        adp_tell_pace(healing->tell);
    }
    for (unsigned r = 0; r < parity->num_parity; r++)
        look_at_parity(healing, r, band);
    for (uint32_t i = 0; status == ADP_OK && i < parity->band; i++) {
        status = heal_data(healing, band, i, err);
        if (status == ADP_OK)
            status = heal_parity(healing, band, i, err);
    }
    return status;
}

static enum adp_status heal_starts(struct healing *healing, struct adp_error *err)
{
    uint8_t block[ADP_PARITY_BLOCK];
    enum adp_status status = ADP_OK;

    adp_parity_build(block, healing->parity);
    for (unsigned copy = 0; status == ADP_OK && copy < 2; copy++) {
        if (healing->sidecar.is_start_whole[copy])
            continue;
        healing->found.num_blocks++;
        status = write_shard(healing, healing->sidecar.fd, healing->sidecar.path, block,
                             sizeof(block), adp_parity_start_offset(healing->parity, copy), err);
    }
    return status;
}

/* What is too long is cut; what is too short the writing makes longer. */
static enum adp_status heal_size(struct healing *healing, int fd, const char *path, uint64_t size,
                                 struct adp_error *err)
{
    struct stat st;
    int rc = fd < 0 ? 0 : adp_entry_stat(fd, NULL, &st);

    if (fd < 0 || (rc == 0 && (uint64_t)st.st_size == size))
        return ADP_OK;
    healing->found.num_blocks++;
    if (rc == 0 && healing->mend)
        rc = adp_entry_truncate(fd, size);
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, path, "cannot set the file's length");
}

static enum adp_status sync_file(const struct healing *healing, int fd, const char *path,
                                 struct adp_error *err)
{
    int rc = healing->mend ? adp_entry_sync(fd) : 0;

    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, path, "cannot sync what was healed");
}

static enum adp_status pass(struct healing *healing, struct adp_error *err)
{
    const struct adp_sidecar *sidecar = &healing->sidecar;
    enum adp_status status;

    healing->found = (struct adp_healed){0};
    status = heal_size(healing, healing->fd, healing->path, healing->parity->size, err);
    if (status == ADP_OK)
        status = adp_header_heal(healing->vault, healing->id, healing->record, sidecar, healing->fd,
                                 healing->mend, healing->header, &healing->found, err);
    for (uint32_t band = 0; status == ADP_OK && band < adp_parity_num_bands(healing->parity);
         band++)
        status = heal_band(healing, band, err);
    /* The header's copies are needed until the one in place is on the disk. */
    if (status == ADP_OK)
        status = sync_file(healing, healing->fd, healing->path, err);
    if (status == ADP_OK)
        status = heal_size(healing, sidecar->fd, sidecar->path,
                           adp_parity_file_size(healing->parity), err);
    if (status == ADP_OK)
        status =
            adp_header_heal_copies(sidecar, healing->header, healing->mend, &healing->found, err);
    if (status == ADP_OK)
        status = heal_starts(healing, err);
    if (status == ADP_OK)
        status = sync_file(healing, sidecar->fd, sidecar->path, err);
    return status;
}

static enum adp_status open_archive(struct healing *healing, int flags, struct adp_error *err)
{
    char name[ADP_ARCHIVE_NAME_LEN];

    adp_archive_name(name, healing->id, healing->record->category, "adps");
    healing->fd = adp_fs_open_beneath(healing->vault->archives_dir, name, flags, 0600);
    if (healing->fd >= 0 || (healing->fd == -ENOENT && !(flags & O_CREAT)))
        return ADP_OK;
    return adp_fail_errno(err, -healing->fd, healing->path, "cannot open the archive");
}

static enum adp_status allocate(struct healing *healing, struct adp_error *err)
{
    const struct adp_parity *parity = healing->parity = &healing->sidecar.parity;

    healing->run_len = (size_t)parity->band * parity->shard_len;
    healing->header = malloc(parity->header_len);
    healing->row = malloc(healing->run_len);
    healing->sums = malloc(parity->num_parity * healing->run_len);
    healing->rows = malloc(parity->num_parity * healing->run_len);
    healing->solution = malloc((size_t)parity->num_parity * parity->shard_len);
    healing->digests = malloc((size_t)adp_parity_band_blocks(parity) * ADP_PARITY_BLOCK);
    healing->is_bad = malloc(adp_parity_band_digests(parity));
    healing->code = adp_code_new(parity->num_rows, parity->num_parity);
    if (healing->header == NULL || healing->row == NULL || healing->sums == NULL ||
        healing->rows == NULL || healing->solution == NULL || healing->digests == NULL ||
        healing->is_bad == NULL || healing->code == NULL)
        return adp_fail_memory(err);
    return ADP_OK;
}

static void cleanup(struct healing *healing)
{
    adp_code_free(healing->code);
    free(healing->header);
    free(healing->row);
    free(healing->sums);
    free(healing->rows);
    free(healing->solution);
    free(healing->digests);
    free(healing->is_bad);
    adp_fs_close(healing->fd);
    adp_sidecar_close(&healing->sidecar);
}

/* An archive that is gone is one of which everything is damaged. */
static enum adp_status mend(struct healing *healing, struct adp_error *err)
{
    enum adp_status status;

    adp_fs_close(healing->fd);
    status = open_archive(healing, O_RDWR | O_CREAT, err);
    healing->mend = 1;
    return status == ADP_OK ? pass(healing, err) : status;
}

enum adp_status adp_heal(const struct adp_vault *vault, const char *id,
                         const struct adp_record_archive *record, struct adp_tell *tell,
                         struct adp_healed *out, struct adp_error *err)
{
    struct healing healing = {.vault = vault, .id = id, .record = record, .tell = tell, .fd = -1};
    enum adp_status status = adp_sidecar_open(&healing.sidecar, vault, id, record, err);

    adp_vault_archive_path(healing.path, vault, id, record->category);
    if (status == ADP_OK)
        status = open_archive(&healing, O_RDONLY, err);
    if (status == ADP_OK)
        status = allocate(&healing, err);
    if (status == ADP_OK)
        status = pass(&healing, err);
    if (status == ADP_OK) {
        *out = healing.found;
        if (out->num_shards > 0 || out->num_blocks > 0 || out->is_header_damaged)
            status = mend(&healing, err);
    }
    cleanup(&healing);
    return status;
}
