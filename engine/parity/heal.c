/* One archive and its parity file: first a look at everything, which finds out whether all of it
 * heals; then the same once more, where what is damaged is overwritten. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "archive_header.h"
#include "entry.h"
#include "error.h"
#include "fs.h"
#include "healing.h"

static enum adp_status heal_starts(struct healing *healing, struct adp_error *err)
{
    uint8_t block[ADP_PARITY_BLOCK];
    enum adp_status status = ADP_OK;

    adp_parity_build(block, healing->parity);
    for (unsigned copy = 0; status == ADP_OK && copy < 2; copy++) {
        if (healing->sidecar.is_start_whole[copy])
            continue;
        healing->found.num_blocks++;
        status = healing_write(healing, healing->sidecar.fd, healing->sidecar.path, block,
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

/* The archive may have been gone, and made by this run or by one that was interrupted. */
static enum adp_status sync_folder(const struct healing *healing, struct adp_error *err)
{
    int fd, rc;

    if (!healing->mend)
        return ADP_OK;
    fd = adp_fs_open_beneath(healing->vault->archives_dir, healing->id, O_RDONLY | O_DIRECTORY, 0);
    rc = fd < 0 ? fd : adp_fs_sync_dir(fd);
    adp_fs_close(fd);
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, healing->path, "cannot sync its folder");
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
        status = healing_band(healing, band, err);
    /* The header's copies are needed until the one in place is on the disk. */
    if (status == ADP_OK)
        status = sync_file(healing, healing->fd, healing->path, err);
    if (status == ADP_OK)
        status = sync_folder(healing, err);
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

/* Opens both files as they are, for an archive of |healing|. cleanup follows in every case. */
static enum adp_status begin(struct healing *healing, struct adp_error *err)
{
    enum adp_status status =
        adp_sidecar_open(&healing->sidecar, healing->vault, healing->id, healing->record, err);

    adp_vault_archive_path(healing->path, healing->vault, healing->id, healing->record->category);
    if (status == ADP_OK)
        status = open_archive(healing, O_RDONLY, err);
    return status == ADP_OK ? allocate(healing, err) : status;
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

/* The header's copies. Where a rewrap is at work, and has not removed its header beside yet, it has
 * still to renew them; so they count only if they differ while it is not. */
static enum adp_status look_at_headers(struct healing *healing, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    for (int tries = 0; status == ADP_OK && tries < 2; tries++) {
        struct adp_healed in_place = {0}, copies = {0};

        status = adp_header_heal(healing->vault, healing->id, healing->record, &healing->sidecar,
                                 healing->fd, 0, healing->header, &in_place, err);
        if (status == ADP_OK)
            status = adp_header_heal_copies(&healing->sidecar, healing->header, 0, &copies, err);
        if (status != ADP_OK || copies.num_blocks == 0 ||
            adp_archive_header_is_changing(healing->vault, healing->id, healing->record))
            break;
        if (tries > 0)
            healing->found.num_blocks += copies.num_blocks;
    }
    return status;
}

/* The parity file alone, without the archive's body. */
static enum adp_status look_at_sidecar(struct healing *healing, struct adp_error *err)
{
    const struct adp_sidecar *sidecar = &healing->sidecar;
    const struct adp_parity *parity = healing->parity;
    enum adp_status status =
        heal_size(healing, sidecar->fd, sidecar->path, adp_parity_file_size(parity), err);

    for (uint32_t band = 0; status == ADP_OK && band < adp_parity_num_bands(parity); band++) {
        status = adp_sidecar_digests(sidecar, band, 0, healing->digests, &healing->found.num_blocks,
                                     err);
        for (unsigned r = 0; status == ADP_OK && r < parity->num_parity; r++)
            healing_look_at_parity(healing, r, band);
        if (status == ADP_OK && !adp_tell_progress(healing->tell))
            status = adp_tell_cancelled(err);
    }
    if (status == ADP_OK)
        status = look_at_headers(healing, err);
    return status == ADP_OK ? heal_starts(healing, err) : status;
}

enum adp_status adp_parity_look(const struct adp_vault *vault, const char *id,
                                const struct adp_record_archive *record, struct adp_tell *tell,
                                struct adp_error *err)
{
    struct healing healing = {.vault = vault, .id = id, .record = record, .tell = tell, .fd = -1};
    enum adp_status status = begin(&healing, err);

    if (status == ADP_OK)
        status = look_at_sidecar(&healing, err);
    if (status == ADP_OK && healing.found.num_shards + healing.found.num_blocks > 0) {
        adp_fail(err, ADP_ERR_DAMAGED, healing.sidecar.path,
                 "the parity file is damaged in %" PRIu64 " places",
                 healing.found.num_shards + healing.found.num_blocks);
        status = adp_error_hint(err, ADP_ERR_DAMAGED, "run adp-seal repair");
    }
    cleanup(&healing);
    return status;
}

/* An archive that is gone is one of which everything is damaged. */
static enum adp_status mend(struct healing *healing, struct adp_error *err)
{
    int flags = healing->fd < 0 ? O_RDWR | O_CREAT : O_RDWR;
    enum adp_status status;

    adp_fs_close(healing->fd);
    status = open_archive(healing, flags, err);
    healing->mend = 1;
    return status == ADP_OK ? pass(healing, err) : status;
}

enum adp_status adp_heal(const struct adp_vault *vault, const char *id,
                         const struct adp_record_archive *record, struct adp_tell *tell,
                         struct adp_healed *out, struct adp_error *err)
{
    struct healing healing = {.vault = vault, .id = id, .record = record, .tell = tell, .fd = -1};
    enum adp_status status = begin(&healing, err);

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
