#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_header.h"
#include "archive_parity.h"
#include "entry.h"
#include "error.h"
#include "fs.h"
#include "rewrapping.h"
#include "secret.h"

/* -- Headers beside archives. */

static int open_part(const struct rewrapping *run, const char *id, unsigned category,
                     const char *suffix, int flags)
{
    char name[ADP_ARCHIVE_NAME_LEN];

    adp_archive_name(name, id, category, suffix);
    return adp_fs_open_beneath(run->vault->archives_dir, name, flags, 0600);
}

static enum adp_status note_beside(struct rewrapping *run, const struct rewrap_archive *archive,
                                   struct rewrap_beside **out, struct adp_error *err)
{
    if (run->num_beside == run->cap_beside) {
        size_t cap = run->cap_beside > 0 ? run->cap_beside * 2 : 64;
        struct rewrap_beside *grown = realloc(run->beside, cap * sizeof(*grown));

        if (grown == NULL)
            return adp_fail_memory(err);
        run->beside = grown;
        run->cap_beside = cap;
    }
    *out = &run->beside[run->num_beside++];
    **out = (struct rewrap_beside){.record = *archive->record};
    memcpy((*out)->id, archive->id, ADP_SNAPSHOT_ID_LEN);
    return ADP_OK;
}

void rewrap_remove_beside(const struct rewrapping *run, const struct rewrap_beside *beside)
{
    char name[ADP_ARCHIVE_NAME_LEN];
    const char *last;
    int dir;

    adp_archive_name(name, beside->id, beside->record.category, "adph");
    dir = adp_fs_parent_beneath(run->vault->archives_dir, name, &last);
    if (dir >= 0)
        (void)adp_entry_unlink(dir, last);
    adp_fs_close(dir);
}

/* Writes the |len| bytes of |run->block| to |suffix| of an archive, at its beginning. */
static enum adp_status write_block(const struct rewrapping *run, const char *id, unsigned category,
                                   const char *suffix, int flags, size_t len, struct adp_error *err)
{
    char path[ADP_VAULT_PATH_LEN];
    int rc, fd = open_part(run, id, category, suffix, O_WRONLY | flags);

    rc = fd < 0 ? fd : adp_fs_write_all(fd, run->block, len, 0);
    adp_fs_close(fd);
    if (rc == 0)
        return ADP_OK;
    adp_vault_path(path, run->vault, "archives/%s/%s.%s", id, adp_category_name(category), suffix);
    return adp_fail_errno(err, -rc, path, "cannot write the archive's header");
}

/* Finds out, while everything is as it was, whether the archive can be written, and whether the
 * sync of archives/ reaches it. */
static enum adp_status check_writable(const struct rewrapping *run,
                                      const struct rewrap_archive *archive, struct adp_error *err)
{
    struct stat all, one;
    int fd = open_part(run, archive->id, archive->record->category, "adps", O_WRONLY);
    int rc = fd < 0 ? fd : adp_entry_stat(run->vault->archives_dir, NULL, &all);

    adp_fs_close(fd);
    if (rc == 0)
        rc = adp_entry_stat(run->vault->archives_dir, archive->id, &one);
    if (rc != 0)
        return adp_fail_errno(err, -rc, archive->path, "cannot write the archive's header");
    if (all.st_dev == one.st_dev)
        return ADP_OK;
    adp_fail(err, ADP_ERR_UNSUPPORTED, archive->path,
             "its folder is another file system than archives/");
    return adp_error_hint(err, ADP_ERR_UNSUPPORTED,
                          "rewrap where all archives lie on one: mount it there");
}

/* -- What an interrupted run has left. */

static int has_beside(const struct rewrapping *run, const struct rewrap_archive *archive)
{
    int fd = open_part(run, archive->id, archive->record->category, "adph", O_PATH);

    adp_fs_close(fd);
    return fd >= 0;
}

/* Nobody's slots go into an archive but those that open it. */
static enum adp_status check_opens(const struct rewrapping *run, const struct adp_header *header,
                                   const char *path, uint8_t key[ADP_FLOE_KEY_LEN],
                                   struct adp_error *err)
{
    struct adp_floe *floe = NULL;
    enum adp_status status = adp_archive_header_key(run->vault, header, path, key, &floe, err);

    adp_floe_free(floe);
    return status;
}

static enum adp_status mend(struct rewrapping *run, const struct rewrap_archive *archive,
                            const struct adp_header *header, struct adp_error *err)
{
    uint8_t *key = adp_secret_new(ADP_FLOE_KEY_LEN);
    enum adp_status status =
        key == NULL ? adp_fail_memory(err) : check_opens(run, header, archive->path, key, err);

    adp_secret_free(key, ADP_FLOE_KEY_LEN);
    if (status == ADP_OK)
        status = check_writable(run, archive, err);
    if (status == ADP_OK)
        status = adp_header_build(run->block, header, err);
    if (status == ADP_OK)
        status =
            write_block(run, archive->id, header->category, "adps", 0, header->header_len, err);
    if (status == ADP_OK)
        run->report.num_mended++;
    return status;
}

enum adp_status rewrap_settle(struct rewrapping *run, const struct rewrap_archive *archive,
                              struct adp_error *err)
{
    struct rewrap_beside *beside;
    struct adp_header header;
    int fd, is_beside;
    enum adp_status status;

    if (!has_beside(run, archive))
        return ADP_OK;
    /* What keeps a header from being read, staging tells. */
    if (adp_archive_header_open(&fd, &header, &is_beside, run->vault, archive->id, archive->record,
                                NULL) != ADP_OK)
        return ADP_OK;
    adp_fs_close(fd);
    status = is_beside ? mend(run, archive, &header, err) : ADP_OK;
    if (status == ADP_OK)
        status = adp_parity_renew_header(run->vault, archive->id, archive->record, err);
    if (status == ADP_OK)
        status = note_beside(run, archive, &beside, err);
    if (status == ADP_OK)
        beside->is_done = 1;
    return status;
}

/* -- A new slot. */

static int is_new(const struct rewrapping *run, const struct adp_header *header)
{
    return header->num_slots == 1 && header->num_unknown == 0 &&
           header->slots[0].key_epoch ==
               adp_vault_newest_epoch(run->vault, header->category)->number;
}

/* An epoch without wraps is one that was erased: nobody has its key any more. */
static int is_erased(const struct rewrapping *run, const struct adp_header *header)
{
    const struct adp_keybag_category *category =
        &run->vault->keybag.categories[header->category - 1];

    if (category->epochs[category->num_epochs - 1].num_wraps == 0)
        return 1;
    for (size_t i = 0; i < header->num_slots; i++) {
        uint32_t epoch = header->slots[i].key_epoch;

        if (epoch < 1 || epoch > category->num_epochs || category->epochs[epoch - 1].num_wraps > 0)
            return 0;
    }
    return header->num_slots > 0;
}

/* Builds the new header into |run->block|. Before it replaces the old one it is opened again, as a
 * reader would. */
static enum adp_status renew(struct rewrapping *run, const struct rewrap_archive *archive,
                             struct adp_header *header, struct adp_error *err)
{
    uint8_t *key = adp_secret_new(ADP_FLOE_KEY_LEN);
    enum adp_status status =
        key == NULL ? adp_fail_memory(err) : check_opens(run, header, archive->path, key, err);

    if (status == ADP_OK)
        status = adp_vault_seal_slot(run->vault, header, key, err);
    if (status == ADP_OK)
        status = adp_header_build(run->block, header, err);
    if (status == ADP_OK)
        status = adp_header_parse(header, run->block, header->header_len, archive->path, err);
    if (status == ADP_OK)
        status = check_opens(run, header, archive->path, key, err);
    adp_secret_free(key, ADP_FLOE_KEY_LEN);
    return status;
}

static enum adp_status put_beside(struct rewrapping *run, const struct rewrap_archive *archive,
                                  const struct adp_header *header, struct adp_error *err)
{
    const uint8_t *checksum = run->block + header->header_len - ADP_HASH_LEN;
    struct rewrap_beside *beside;
    enum adp_status status = check_writable(run, archive, err);

    if (status == ADP_OK)
        status = note_beside(run, archive, &beside, err);
    if (status != ADP_OK)
        return status;
    memcpy(beside->checksum, checksum, ADP_HASH_LEN);
    status = write_block(run, archive->id, header->category, "adph", O_CREAT | O_TRUNC,
                         header->header_len, err);
    if (status != ADP_OK) {
        rewrap_remove_beside(run, beside);
        run->num_beside--;
    }
    return status;
}

enum adp_status rewrap_stage(struct rewrapping *run, const struct rewrap_archive *archive,
                             struct adp_error *err)
{
    struct adp_header header;
    int fd, is_beside;
    enum adp_status status = adp_archive_header_open(&fd, &header, &is_beside, run->vault,
                                                     archive->id, archive->record, err);

    if (status != ADP_OK)
        return status;
    adp_fs_close(fd);
    if (is_beside) /* settling could not, and has told why */
        return ADP_OK;
    if (is_new(run, &header)) {
        run->report.num_new++;
        return ADP_OK;
    }
    if (is_erased(run, &header)) {
        run->report.num_erased++;
        adp_tell_event(
            &run->tell, ADP_EVENT_NOTE, ADP_ERR_NO_KEY, 0, archive->path,
            "its category's keys were erased: nobody can open it, and it stays as it is");
        return ADP_OK;
    }
    status = renew(run, archive, &header, err);
    return status == ADP_OK ? put_beside(run, archive, &header, err) : status;
}

/* -- Into its place. */

/* Reads the header beside, which must be the one that was staged, into |run->block|. */
static enum adp_status read_staged(struct rewrapping *run, const struct rewrap_beside *beside,
                                   size_t *out_len, struct adp_error *err)
{
    char path[ADP_VAULT_PATH_LEN];
    struct adp_header header;
    int fd = open_part(run, beside->id, beside->record.category, "adph", O_RDONLY);
    int64_t len = fd < 0 ? fd : adp_fs_read_all(fd, run->block, ADP_HEADER_MAX, 0);
    enum adp_status status;

    adp_fs_close(fd);
    adp_vault_path(path, run->vault, "archives/%s/%s.adph", beside->id,
                   adp_category_name(beside->record.category));
    if (len < 0)
        return adp_fail_errno(err, (int)-len, path, "cannot read the new header");
    status = adp_header_parse(&header, run->block, (size_t)len, path, err);
    if (status != ADP_OK)
        return status;
    *out_len = header.header_len;
    if (memcmp(run->block + header.header_len - ADP_HASH_LEN, beside->checksum, ADP_HASH_LEN) == 0)
        return ADP_OK;
    adp_fail(err, ADP_ERR_CONFLICT, path, "somebody else has changed the new header");
    return adp_error_hint(err, ADP_ERR_CONFLICT,
                          "find out who writes to the vault; then run it again");
}

enum adp_status rewrap_place(struct rewrapping *run, struct rewrap_beside *beside,
                             struct adp_error *err)
{
    size_t len;
    enum adp_status status = read_staged(run, beside, &len, err);

    if (status == ADP_OK)
        status = write_block(run, beside->id, beside->record.category, "adps", 0, len, err);
    if (status == ADP_OK)
        status = adp_parity_renew_header(run->vault, beside->id, &beside->record, err);
    beside->is_done = status == ADP_OK;
    return status;
}
