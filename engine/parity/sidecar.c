#include "sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "archive_header.h"
#include "entry.h"
#include "error.h"
#include "fs.h"

#define RUNS_AHEAD 16u /* 4 MiB: a fast disk is kept busy */

static int read_start(struct adp_sidecar *sidecar, uint64_t offset, const struct adp_vault *vault,
                      const struct adp_record_archive *record, struct adp_parity *out,
                      uint8_t block[ADP_PARITY_BLOCK])
{
    return adp_fs_read_all(sidecar->fd, block, ADP_PARITY_BLOCK, offset) == ADP_PARITY_BLOCK &&
           adp_parity_parse(out, block, vault->keybag.vault_id, record);
}

/* The second copy is where the first one says; or, if that is damaged, at the end of the file. */
static enum adp_status find_start(struct adp_sidecar *sidecar, const struct adp_vault *vault,
                                  const struct adp_record_archive *record, struct adp_error *err)
{
    uint8_t first[ADP_PARITY_BLOCK], second[ADP_PARITY_BLOCK];
    struct adp_parity parity;
    uint64_t end = sidecar->size >= ADP_PARITY_BLOCK ? sidecar->size - ADP_PARITY_BLOCK : 0;
    int is_first = read_start(sidecar, 0, vault, record, &parity, first), is_second;

    if (is_first) {
        sidecar->parity = parity;
        end = adp_parity_start_offset(&parity, 1);
    }
    is_second = read_start(sidecar, end, vault, record, &parity, second);
    if (!is_first && is_second)
        sidecar->parity = parity;
    if (is_first && is_second)
        is_second = memcmp(first, second, sizeof(first)) == 0;
    sidecar->is_start_whole[0] = is_first;
    sidecar->is_start_whole[1] = is_second;
    if (is_first || is_second)
        return ADP_OK;
    return adp_fail(err, ADP_ERR_DAMAGED, sidecar->path,
                    "both copies of the parity file's start are damaged, or of another archive");
}

enum adp_status adp_sidecar_open(struct adp_sidecar *out, const struct adp_vault *vault,
                                 const char *id, const struct adp_record_archive *record,
                                 struct adp_error *err)
{
    char name[ADP_ARCHIVE_NAME_LEN];
    struct stat st;
    int rc;

    *out = (struct adp_sidecar){0};
    adp_archive_name(name, id, record->category, "adpp");
    adp_vault_path(out->path, vault, "archives/%s", name);
    out->fd = adp_fs_open_beneath(vault->archives_dir, name, O_RDWR, 0);
    if (out->fd == -EACCES || out->fd == -EROFS)
        out->fd = adp_fs_open_beneath(vault->archives_dir, name, O_RDONLY, 0);
    if (out->fd == -ENOENT)
        return adp_fail(err, ADP_ERR_NOT_FOUND, out->path, "the archive has no parity");
    rc = out->fd < 0 ? out->fd : adp_entry_stat(out->fd, NULL, &st);
    if (rc < 0)
        return adp_fail_errno(err, -rc, out->path, "cannot open the parity file");
    out->size = (uint64_t)st.st_size;
    return find_start(out, vault, record, err);
}

void adp_sidecar_close(struct adp_sidecar *sidecar)
{
    adp_fs_close(sidecar->fd);
    sidecar->fd = -1;
}

static int read_block(const struct adp_sidecar *sidecar, uint64_t offset, uint8_t *block)
{
    return adp_fs_read_all(sidecar->fd, block, ADP_PARITY_BLOCK, offset) == ADP_PARITY_BLOCK &&
           adp_parity_is_whole(block);
}

enum adp_status adp_sidecar_digests(const struct adp_sidecar *sidecar, uint32_t band, int mend,
                                    uint8_t *out, uint64_t *num_damaged, struct adp_error *err)
{
    uint32_t num = adp_parity_band_blocks(&sidecar->parity);

    for (uint32_t i = 0; i < num; i++, out += ADP_PARITY_BLOCK) {
        uint8_t other[ADP_PARITY_BLOCK];
        uint64_t first =
            adp_parity_digests_offset(&sidecar->parity, 0, band) + (uint64_t)i * ADP_PARITY_BLOCK;
        uint64_t second =
            adp_parity_digests_offset(&sidecar->parity, 1, band) + (uint64_t)i * ADP_PARITY_BLOCK;
        int is_first = read_block(sidecar, first, out);
        int is_second = read_block(sidecar, second, is_first ? other : out);
        int rc = 0;

        if (!is_first && !is_second)
            return adp_fail_at(err, ADP_ERR_DAMAGED, sidecar->path, first,
                               "both copies of a block of digests are damaged");
        if (is_first && is_second && memcmp(out, other, sizeof(other)) != 0)
            is_second = 0;
        *num_damaged += !is_first + !is_second;
        if (mend && !(is_first && is_second))
            rc = adp_fs_write_all(sidecar->fd, out, ADP_PARITY_BLOCK, is_first ? second : first);
        if (rc < 0)
            return adp_fail_errno(err, -rc, sidecar->path, "cannot write the parity file");
    }
    return ADP_OK;
}

uint8_t *adp_digest_of(const struct adp_parity *parity, uint8_t *blocks, unsigned row,
                       uint32_t index)
{
    size_t number = (size_t)row * parity->band + index;

    return blocks + number / ADP_PARITY_DIGESTS * ADP_PARITY_BLOCK +
           number % ADP_PARITY_DIGESTS * ADP_HASH_LEN;
}

uint64_t adp_run_offset(const struct adp_parity *parity, unsigned row, uint32_t band)
{
    return parity->header_len +
           ((uint64_t)row * parity->num_groups + (uint64_t)band * parity->band) * parity->shard_len;
}

size_t adp_run_len(const struct adp_parity *parity, uint64_t offset, size_t len)
{
    uint64_t left = offset < parity->size ? parity->size - offset : 0;

    return left < len ? (size_t)left : len;
}

void adp_run_ahead(const struct adp_parity *parity, int fd, unsigned row, uint32_t band)
{
    size_t run_len = (size_t)parity->band * parity->shard_len;
    unsigned first = row == 0 && band == 0 ? 1 : RUNS_AHEAD;

    for (unsigned i = first; i <= RUNS_AHEAD; i++) {
        uint32_t bands = (row + i) / parity->num_rows;
        uint64_t offset = adp_run_offset(parity, (row + i) % parity->num_rows, band + bands);

        if (fd >= 0 && bands < adp_parity_num_bands(parity) - band && offset < parity->size)
            adp_entry_will_need(fd, offset, adp_run_len(parity, offset, run_len));
    }
}
