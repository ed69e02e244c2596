#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "archive_header.h"
#include "error.h"
#include "fs.h"
#include "parity_internal.h"

#define NUM_HEADERS 3 /* in place, and two copies */

/* The header in all places that it is in. */
struct headers {
    uint8_t *data[NUM_HEADERS];
    uint32_t len;
    uint8_t guard[ADP_PARITY_BLOCK];
    int has_guard;
};

static int is_right(const struct adp_vault *vault, const struct adp_record_archive *record,
                    const uint8_t *block, size_t len)
{
    struct adp_header header;

    return adp_header_parse(&header, block, len, "", NULL) == ADP_OK && header.header_len == len &&
           adp_archive_header_difference(&header, vault, record) == NULL;
}

static void read_headers(struct headers *headers, const struct adp_sidecar *sidecar, int fd)
{
    for (unsigned i = 0; i < NUM_HEADERS; i++) {
        uint64_t offset = i == 0 ? 0 : adp_parity_header_offset(&sidecar->parity, i - 1);
        uint8_t guard[ADP_PARITY_BLOCK];

        memset(headers->data[i], 0, headers->len);
        (void)adp_fs_read_all(i == 0 ? fd : sidecar->fd, headers->data[i], headers->len, offset);
        if (i > 0 && !headers->has_guard &&
            adp_fs_read_all(sidecar->fd, guard, sizeof(guard), offset + headers->len) ==
                sizeof(guard) &&
            adp_parity_is_whole(guard)) {
            memcpy(headers->guard, guard, sizeof(guard));
            headers->has_guard = 1;
        }
    }
}

/* Piece by piece, of whichever has it whole. */
static void put_together(const struct headers *headers, uint8_t *block)
{
    uint32_t len = headers->len / ADP_PARITY_PIECES;

    for (uint32_t i = 0; i < ADP_PARITY_PIECES; i++) {
        for (unsigned k = 0; k < NUM_HEADERS; k++) {
            uint8_t digest[ADP_HASH_LEN];

            adp_sha256(digest, headers->data[k] + (size_t)i * len, len);
            if (memcmp(digest, headers->guard + (size_t)i * ADP_HASH_LEN, ADP_HASH_LEN) != 0)
                continue;
            memcpy(block + (size_t)i * len, headers->data[k] + (size_t)i * len, len);
            break;
        }
    }
}

/* The header beside, a copy that is whole, or what can be put together. Returns whether there is
 * one. */
static int find_header(const struct adp_vault *vault, const char *id,
                       const struct adp_record_archive *record, const struct headers *headers,
                       uint8_t *block)
{
    struct adp_header beside;
    uint8_t *data = malloc(ADP_HEADER_MAX);
    int is_beside = data != NULL &&
                    adp_archive_header_beside(&beside, data, vault, id, record) == 1 &&
                    beside.header_len == headers->len;

    if (is_beside)
        memcpy(block, data, headers->len);
    free(data);
    if (is_beside)
        return 1;
    for (unsigned i = 1; i < NUM_HEADERS; i++) {
        memcpy(block, headers->data[i], headers->len);
        if (is_right(vault, record, block, headers->len))
            return 1;
    }
    if (headers->has_guard)
        put_together(headers, block);
    return is_right(vault, record, block, headers->len);
}

enum adp_status adp_header_heal(const struct adp_vault *vault, const char *id,
                                const struct adp_record_archive *record,
                                const struct adp_sidecar *sidecar, int fd, int mend, uint8_t *block,
                                struct adp_healed *healed, struct adp_error *err)
{
    struct headers headers = {.len = sidecar->parity.header_len};
    char path[ADP_VAULT_PATH_LEN];
    uint8_t *all = malloc((size_t)NUM_HEADERS * headers.len);
    enum adp_status status = ADP_OK;
    int rc = 0;

    if (all == NULL)
        return adp_fail_memory(err);
    adp_vault_archive_path(path, vault, id, record->category);
    for (unsigned i = 0; i < NUM_HEADERS; i++)
        headers.data[i] = all + (size_t)i * headers.len;
    read_headers(&headers, sidecar, fd);
    memcpy(block, headers.data[0], headers.len);
    if (!is_right(vault, record, block, headers.len)) {
        healed->is_header_damaged = 1;
        if (!find_header(vault, id, record, &headers, block))
            status = adp_fail_at(err, ADP_ERR_DAMAGED, path, 0,
                                 "the header and both its copies are damaged in the same place");
        if (status == ADP_OK && mend)
            rc = adp_fs_write_all(fd, block, headers.len, 0);
        if (rc < 0)
            status = adp_fail_errno(err, -rc, path, "cannot write the archive's header");
    }
    free(all);
    return status;
}

static enum adp_status heal_copy(const struct adp_sidecar *sidecar, uint64_t offset,
                                 const uint8_t *data, size_t len, int mend,
                                 struct adp_healed *healed, struct adp_error *err)
{
    uint8_t *there = malloc(len);
    int rc = 0, is_same;

    if (there == NULL)
        return adp_fail_memory(err);
    is_same = adp_fs_read_all(sidecar->fd, there, len, offset) == (int64_t)len &&
              memcmp(there, data, len) == 0;
    healed->num_blocks += !is_same;
    if (!is_same && mend)
        rc = adp_fs_write_all(sidecar->fd, data, len, offset);
    free(there);
    return rc == 0 ? ADP_OK
                   : adp_fail_errno(err, -rc, sidecar->path, "cannot write the parity file");
}

enum adp_status adp_header_heal_copies(const struct adp_sidecar *sidecar, const uint8_t *block,
                                       int mend, struct adp_healed *healed, struct adp_error *err)
{
    const struct adp_parity *parity = &sidecar->parity;
    uint8_t guard[ADP_PARITY_BLOCK];
    enum adp_status status = ADP_OK;

    adp_parity_guard(guard, block, parity->header_len);
    for (unsigned copy = 0; status == ADP_OK && copy < 2; copy++) {
        uint64_t offset = adp_parity_header_offset(parity, copy);

        status = heal_copy(sidecar, offset, block, parity->header_len, mend, healed, err);
        if (status == ADP_OK)
            status = heal_copy(sidecar, offset + parity->header_len, guard, sizeof(guard), mend,
                               healed, err);
    }
    return status;
}

enum adp_status adp_parity_renew_header(const struct adp_vault *vault, const char *id,
                                        const struct adp_record_archive *record,
                                        struct adp_error *err)
{
    struct adp_sidecar sidecar;
    struct adp_healed healed = {0};
    char name[ADP_ARCHIVE_NAME_LEN];
    uint8_t *block = malloc(ADP_HEADER_MAX);
    int fd = -1;
    enum adp_status status;

    if (block == NULL)
        return adp_fail_memory(err);
    status = adp_sidecar_open(&sidecar, vault, id, record, err);
    if (status == ADP_OK) {
        uint32_t len = sidecar.parity.header_len;

        adp_archive_name(name, id, record->category, "adps");
        fd = adp_fs_open_beneath(vault->archives_dir, name, O_RDONLY, 0);
        if (fd < 0 || adp_fs_read_all(fd, block, len, 0) != (int64_t)len ||
            !is_right(vault, record, block, len))
            status = adp_fail(err, ADP_ERR_DAMAGED, sidecar.path,
                              "the archive's header cannot be copied to its parity file");
        else
            status = adp_header_heal_copies(&sidecar, block, 1, &healed, err);
    }
    if (status != ADP_OK && status != ADP_ERR_NOT_FOUND)
        adp_error_hint(err, status, "run adp-seal repair, then rewrap again");
    adp_fs_close(fd);
    adp_sidecar_close(&sidecar);
    free(block);
    return status == ADP_ERR_NOT_FOUND ? ADP_OK : status;
}
