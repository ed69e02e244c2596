#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "select.h"

/* Zeros for holes are written in steps of this. */
#define ZEROS_LEN 65536u

struct catting {
    struct adp_archive *archive;
    int fd;
    uint8_t *out;    /* ADP_FRAME_MAX bytes */
    uint8_t *buffer; /* likewise */
    uint8_t type;    /* of the entry found, 0 if there is none */
    char *target;    /* of a hard link: where the content is */
    uint64_t size, written;
};

static enum adp_status write_bytes(struct catting *catting, const uint8_t *data, size_t len,
                                   struct adp_error *err)
{
    int rc = adp_entry_write_stream(catting->fd, data, len);

    catting->written += len;
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, NULL, "cannot write the output");
}

static enum adp_status write_zeros(struct catting *catting, uint64_t len, struct adp_error *err)
{
    static const uint8_t zeros[ZEROS_LEN];
    enum adp_status status = ADP_OK;

    while (status == ADP_OK && len > 0) {
        size_t step = len < ZEROS_LEN ? (size_t)len : ZEROS_LEN;

        status = write_bytes(catting, zeros, step, err);
        len -= step;
    }
    return status;
}

static enum adp_status cat_entry(void *user, const struct adp_index_entry *entry,
                                 enum adp_select_role role, struct adp_error *err)
{
    struct catting *catting = user;
    enum adp_status status = ADP_OK;

    (void)role;
    if (entry->type != ADP_INDEX_CONTINUATION) {
        catting->type = entry->type;
        catting->size = entry->size;
    }
    if (entry->type == ADP_ENTRY_HARDLINK) {
        catting->target = strndup(entry->target, entry->target_len);
        return catting->target != NULL ? ADP_OK : adp_fail_memory(err);
    }
    for (size_t i = 0; status == ADP_OK && i < entry->num_extents; i++) {
        const struct adp_extent *extent = &entry->extents[i];

        status = write_zeros(catting, extent->hole, err);
        if (status == ADP_OK)
            status =
                adp_archive_extent(catting->archive, extent, catting->out, catting->buffer, err);
        if (status == ADP_OK)
            status = write_bytes(catting, catting->out, extent->len, err);
    }
    return status;
}

static enum adp_status check_type(const struct catting *catting, const char *path,
                                  struct adp_error *err)
{
    switch (catting->type) {
    case ADP_ENTRY_FILE:
        return ADP_OK;
    case ADP_ENTRY_SKIPPED:
        return adp_fail(err, ADP_ERR_NOT_FOUND, path,
                        "its content is not in the snapshot: it could not be sealed");
    default:
        return adp_fail(err, ADP_ERR_ARGUMENT, path, "this is no file, so it has no content");
    }
}

/* From a hard link to the content: the index has to have a file there, no other link. */
static enum adp_status follow(struct catting *catting, struct adp_error *err)
{
    char *target = catting->target;
    enum adp_status status;

    catting->target = NULL;
    status = adp_select_find(catting->archive, target, strlen(target), cat_entry, catting, err);
    free(target);
    free(catting->target); /* of another link */
    catting->target = NULL;
    if (status == ADP_ERR_NOT_FOUND || (status == ADP_OK && catting->type != ADP_ENTRY_FILE))
        return adp_archive_fail_link(catting->archive, err);
    return status;
}

/* Looks |path| up in one archive and writes it. ADP_ERR_NOT_FOUND, quietly, if it is not there. */
static enum adp_status cat_from(struct catting *catting, const char *path, struct adp_error *err)
{
    enum adp_status status =
        adp_select_find(catting->archive, path, strlen(path), cat_entry, catting, err);

    if (status == ADP_OK && catting->target != NULL)
        status = follow(catting, err);
    if (status == ADP_OK)
        status = check_type(catting, path, err);
    if (status == ADP_OK)
        status = write_zeros(catting, catting->size - catting->written, err);
    return status;
}

static enum adp_status cat_selected(struct catting *catting, struct adp_vault *vault,
                                    struct adp_select *select, struct adp_error *err)
{
    enum adp_status status = ADP_ERR_NOT_FOUND;

    if (select->num_paths != 1)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "cat takes the path of one file");
    for (size_t i = 0; catting->type == 0 && i < select->num_archives; i++) {
        const struct adp_record_archive *record = &select->record.archives[select->archives[i]];

        status = adp_archive_open(&catting->archive, vault, select->record.id, record, 0, 0, err);
        if (status != ADP_OK)
            return status;
        status = cat_from(catting, select->paths[0].path, err);
        adp_archive_close(catting->archive);
        if (status != ADP_ERR_NOT_FOUND)
            return status;
    }
    return catting->type == 0 ? adp_select_unmatched(select, err) : status;
}

enum adp_status adp_cat(struct adp_vault *vault, const char *snapshot, const char *path, int fd,
                        struct adp_error *err)
{
    const struct adp_selection selection = {.snapshot = snapshot, .paths = &path, .num_paths = 1};
    const struct adp_options options = {0};
    struct catting catting = {.fd = fd};
    struct adp_select select;
    struct adp_tell tell;
    int partial = 0;
    enum adp_status status;

    adp_tell_init(&tell, &options, "cat");
    catting.out = malloc(ADP_FRAME_MAX);
    catting.buffer = malloc(ADP_FRAME_MAX);
    status = adp_select_make(&select, vault, &selection, &tell, &partial, err);
    if (status == ADP_OK && (catting.out == NULL || catting.buffer == NULL))
        status = adp_fail_memory(err);
    if (status == ADP_OK)
        status = cat_selected(&catting, vault, &select, err);
    adp_select_free(&select);
    free(catting.out);
    free(catting.buffer);
    return status;
}
