#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "archive_header.h"
#include "entry.h"
#include "error.h"
#include "fs.h"
#include "scrubbing.h"

static struct scrub_place place_of(const struct scrub_archive *archive, uint64_t offset,
                                   uint64_t len)
{
    return (struct scrub_place){archive->id, archive->record->category, archive->path, offset, len};
}

static void lay_out(struct scrub_archive *archive)
{
    uint64_t size = archive->record->size, there = archive->size;
    struct adp_floe_layout layout;

    if (archive->enc_seg_len == 0 || size < archive->header_len ||
        !adp_floe_layout_of(&layout, archive->enc_seg_len, size - archive->header_len))
        return;
    archive->num_segments = layout.num_segments;
    if (there >= size)
        archive->num_whole = layout.num_segments;
    else if (there > archive->header_len)
        archive->num_whole = (there - archive->header_len) / archive->enc_seg_len;
}

/* The part of an archive that is cut, or what follows its end. */
static void check_size(struct scrubbing *scrub, const struct scrub_archive *archive)
{
    uint64_t sealed = archive->record->size, from = archive->size;
    struct scrub_place place;

    if (archive->size > sealed) {
        place = place_of(archive, sealed, archive->size - sealed);
        scrub_find(scrub, ADP_FINDING_DAMAGED, &place,
                   "%" PRIu64 " bytes follow where the archive ended when it was sealed",
                   place.len);
    }
    if (archive->size >= sealed)
        return;
    if (archive->num_segments > 0)
        from = archive->header_len + archive->num_whole * archive->enc_seg_len;
    place = place_of(archive, from, sealed - from);
    scrub_find(scrub, ADP_FINDING_DAMAGED, &place,
               "the file is %" PRIu64 " bytes long, but was sealed %" PRIu64 ": the end is missing",
               archive->size, sealed);
}

/* All that there is may be another's, or the header alone. */
static void find_foreign(struct scrubbing *scrub, const struct scrub_archive *archive)
{
    int is_all = archive->trust != SCRUB_ATTESTED || archive->num_bad == archive->num_whole;
    struct scrub_place place = place_of(archive, 0, is_all ? 0 : archive->header_len);

    scrub_find(scrub, ADP_FINDING_EXCHANGED, &place,
               is_all
                   ? "the archive was exchanged: it is not the one that the record was signed for"
                   : "the header was exchanged: it is whole, but not the one that was sealed "
                     "with the rest");
    if (!is_all)
        check_size(scrub, archive);
}

static void conclude(struct scrubbing *scrub, const struct scrub_archive *archive, int fits)
{
    uint64_t body = archive->record->size - archive->header_len;
    struct scrub_place place = place_of(archive, 0, 0);

    if (archive->is_foreign) {
        find_foreign(scrub, archive);
        return;
    }
    check_size(scrub, archive);
    if (fits) {
        scrub_find(scrub, ADP_FINDING_EXCHANGED, &place,
                   "the archive and its attestation were exchanged together: they fit each other, "
                   "and not what the record was signed for");
    } else if (archive->trust != SCRUB_ATTESTED && archive->num_segments > 0 &&
               archive->num_whole == archive->num_segments && !archive->has_unreadable &&
               !archive->tags_fit) {
        place = place_of(archive, archive->header_len, body);
        scrub_find(scrub, ADP_FINDING_DAMAGED, &place,
                   "the tags of its segments are not those that the record was signed for; where "
                   "cannot be told without an attestation that is whole");
    }
}

static enum adp_status scrub_file(struct scrubbing *scrub, struct scrub_archive *archive,
                                  int *out_fits, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    scrub_header(scrub, archive);
    if (!archive->is_foreign || archive->trust == SCRUB_ATTESTED)
        lay_out(archive);
    if (archive->num_whole > 0)
        status = scrub_body(scrub, archive, err);
    *out_fits = archive->trust == SCRUB_CHANGED && archive->has_compared &&
                archive->is_start_attested && archive->num_bad == 0 &&
                archive->size == archive->record->size;
    if (status == ADP_OK)
        conclude(scrub, archive, *out_fits);
    return status;
}

enum adp_status scrub_archive(struct scrubbing *scrub, struct scrub_archive *archive, int *out_fits,
                              struct adp_error *err)
{
    struct scrub_place place = place_of(archive, 0, 0);
    struct adp_error why = {0};
    char name[ADP_ARCHIVE_NAME_LEN];
    struct stat st;
    enum adp_status status = ADP_OK;
    int rc;

    *out_fits = 0;
    adp_vault_archive_path(archive->path, scrub->vault, archive->id, archive->record->category);
    adp_archive_name(name, archive->id, archive->record->category, "adps");
    archive->fd = adp_fs_open_beneath(scrub->vault->archives_dir, name, O_RDONLY, 0);
    rc = archive->fd < 0 ? archive->fd : adp_entry_stat(archive->fd, NULL, &st);
    if (rc == -ENOENT) {
        scrub_find(scrub, ADP_FINDING_MISSING, &place, "the archive is missing");
    } else if (rc < 0) {
        adp_fail_errno(&why, -rc, archive->path, "cannot open the archive");
        scrub_find_error(scrub, &place, &why);
    } else {
        archive->size = (uint64_t)st.st_size;
        status = scrub_file(scrub, archive, out_fits, err);
    }
    adp_fs_close(archive->fd);
    return status;
}
