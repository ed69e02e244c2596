#include <string.h>
#include <time.h>

#include "archive_header.h"
#include "error.h"
#include "fs.h"
#include "scrubbing.h"

#define MEND_HINT                                                                                  \
    "the header that an interrupted rewrap has left beside it is whole: run adp-seal rewrap on a " \
    "trusted device"

static struct scrub_place header_place(const struct scrub_archive *archive, uint64_t from)
{
    return (struct scrub_place){.id = archive->id,
                                .category = archive->record->category,
                                .path = archive->path,
                                .offset = from,
                                .len = archive->header_len - from};
}

/* The header beside, where the one in place cannot be used. Returns whether it can. */
static int look_beside(struct scrubbing *scrub, struct scrub_archive *archive)
{
    struct adp_header header;
    char path[ADP_VAULT_PATH_LEN];
    struct scrub_place place = {
        .id = archive->id, .category = archive->record->category, .path = path};
    int rc = adp_archive_header_beside(&header, scrub->block, scrub->vault, archive->id,
                                       archive->record);

    if (rc < 0) {
        adp_vault_path(path, scrub->vault, "archives/%s/%s.adph", archive->id,
                       adp_category_name(archive->record->category));
        scrub_find(scrub, ADP_FINDING_DAMAGED, &place,
                   "the header that a rewrap has left beside the archive does not fit either");
    }
    if (rc == 1) {
        archive->header_len = header.header_len;
        archive->enc_seg_len = header.enc_seg_len;
    }
    return rc == 1;
}

static void find_damaged(struct scrubbing *scrub, struct scrub_archive *archive)
{
    int is_start_whole = archive->is_start_attested && archive->trust == SCRUB_ATTESTED;
    uint64_t from = is_start_whole ? ADP_HEADER_FIXED_LEN + ADP_FLOE_HEADER_LEN : 0;
    int is_beside = look_beside(scrub, archive);
    struct scrub_place place;
    struct adp_error why = {0};

    if (archive->header_len == 0) /* nobody says how long it is: as seal makes it */
        archive->header_len = ADP_HEADER_BLOCK;
    place = header_place(archive, from);
    adp_fail_at(&why, ADP_ERR_DAMAGED, archive->path, from,
                is_start_whole
                    ? "the header's key slots or its checksum are damaged; what comes before "
                      "them is as it was sealed"
                    : "the header is damaged: its checksum does not fit");
    if (is_beside)
        adp_error_hint(&why, why.status, MEND_HINT);
    scrub_find_error(scrub, &place, &why);
}

/* Whether a header that is whole in itself is the one that was sealed. One of another version is
 * not told from that without an attestation. */
static int is_foreign(const struct scrubbing *scrub, const struct scrub_archive *archive,
                      const struct adp_header *header, enum adp_status status)
{
    if (status == ADP_OK &&
        adp_archive_header_difference(header, scrub->vault, archive->record) != NULL)
        return 1;
    if (archive->trust == SCRUB_ATTESTED)
        return !archive->is_start_attested;
    return status != ADP_OK && status != ADP_ERR_UNSUPPORTED;
}

static void judge(struct scrubbing *scrub, struct scrub_archive *archive, size_t len)
{
    struct adp_header header = {0};
    struct adp_error why = {0};
    struct scrub_place place = {
        .id = archive->id, .category = archive->record->category, .path = archive->path};
    enum adp_status status = adp_header_parse(&header, scrub->block, len, archive->path, &why);

    if (status == ADP_OK && archive->trust != SCRUB_ATTESTED) {
        archive->header_len = header.header_len;
        archive->enc_seg_len = header.enc_seg_len;
    }
    if (!adp_header_is_whole(scrub->block, len))
        find_damaged(scrub, archive);
    else if (is_foreign(scrub, archive, &header, status)) /* scrub_archive tells, with the rest */
        archive->is_foreign = 1;
    else if (status != ADP_OK)
        scrub_find_error(scrub, &place, &why);
}

/* A rewrap may write the very page that is read: what is not whole is read once more. */
static int64_t read_header(const struct scrubbing *scrub, const struct scrub_archive *archive)
{
    const struct timespec while_it_is_written = {.tv_nsec = 10000000};
    int64_t len = adp_fs_read_all(archive->fd, scrub->block, ADP_HEADER_MAX, 0);

    if (len < 0 || adp_header_is_whole(scrub->block, (size_t)len))
        return len;
    nanosleep(&while_it_is_written, NULL);
    return adp_fs_read_all(archive->fd, scrub->block, ADP_HEADER_MAX, 0);
}

void scrub_header(struct scrubbing *scrub, struct scrub_archive *archive)
{
    uint8_t digest[ADP_HASH_LEN];
    const size_t start_len = ADP_HEADER_FIXED_LEN + ADP_FLOE_HEADER_LEN;
    int64_t len = read_header(scrub, archive);

    if (archive->trust == SCRUB_ATTESTED) {
        archive->header_len = archive->attested.header_len;
        archive->enc_seg_len = archive->attested.enc_seg_len;
    }
    if (len < 0) {
        struct scrub_place place = header_place(archive, 0);
        struct adp_error why = {0};

        adp_fail_errno(&why, (int)-len, archive->path, "cannot read the header");
        scrub_find_error(scrub, &place, &why);
        return;
    }
    if ((size_t)len >= start_len && archive->trust != SCRUB_UNATTESTED) {
        adp_sha256(digest, scrub->block, start_len);
        archive->is_start_attested =
            memcmp(digest, archive->attested.header_digest, sizeof(digest)) == 0;
    }
    judge(scrub, archive, (size_t)len);
}
