/* The rows of a manifest's table of files: read by SQLite in a child without rights, which sends
 * them, or in this process. */
#ifndef ADP_MANIFEST_ROWS_H
#define ADP_MANIFEST_ROWS_H

#include <stddef.h>

#include "adpseal.h"
#include "report.h"
#include "sandbox.h"

#define ADP_MANIFEST_TABLE "Files"

/* A row as it comes, for the time of the call: not zero-terminated where it has a zero of its own,
 * and each value of any bytes, ADP_DATABASE_VALUE_MAX at most. */
struct adp_manifest_row {
    const char *id, *domain, *path;
    size_t id_len, domain_len, path_len;
};

/* adp_manifest_rows calls |fn| for each row of a file in the regular file |fd|, until it returns
 * anything but ADP_OK, which is returned. Other errors as adp_manifest_read. */
enum adp_status adp_manifest_rows(
    int fd, const char *path, enum adp_sandbox_mode mode, struct adp_tell *tell,
    enum adp_status (*fn)(void *user, const struct adp_manifest_row *row, struct adp_error *err),
    void *user, struct adp_error *err);

#endif
