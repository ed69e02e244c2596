/* One band: its rows are read one after the other, and what the good ones account for is summed up;
 * what the parity has beyond that is the damaged ones'. */
#include <string.h>

#include "error.h"
#include "fs.h"
#include "healing.h"

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

    adp_run_ahead(parity, healing->fd, row, band);
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

void healing_look_at_parity(struct healing *healing, unsigned r, uint32_t band)
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

enum adp_status healing_write(const struct healing *healing, int fd, const char *path,
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
        status = healing_write(healing, healing->fd, healing->path, healing->solution + i * len,
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
        status = healing_write(healing, healing->sidecar.fd, healing->sidecar.path, shard,
                               parity->shard_len, offset, err);
    }
    return status;
}

/* -- The band. */

enum adp_status healing_band(struct healing *healing, uint32_t band, struct adp_error *err)
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
        healing_look_at_parity(healing, r, band);
    for (uint32_t i = 0; status == ADP_OK && i < parity->band; i++) {
        status = heal_data(healing, band, i, err);
        if (status == ADP_OK)
            status = heal_parity(healing, band, i, err);
    }
    return status;
}
