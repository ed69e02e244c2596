/* The manifest of a device's backup: which file of the device each file of the backup is.
 *
 * A backup keeps every file under a name that says nothing, its file id, SHA-1("DOMAIN-PATH") in
 * hex; the table Files of Manifest.db says what it stands for. A row is taken if it is a file's and
 * its file id is that of its own domain and path; else it is passed over, and the file is one that
 * the manifest does not know. So no row can give a file another name than the one its id is made
 * of.
 *
 * In memory a file takes 24 bytes and its name. */
#ifndef ADP_MANIFEST_H
#define ADP_MANIFEST_H

#include <stddef.h>

#include "adpseal.h"
#include "report.h"
#include "sandbox.h"

#define ADP_FILE_ID_LEN 40 /* hex digits */

struct adp_manifest;

/* adp_manifest_read reads the database in the regular file |fd|, in a child without rights unless
 * |mode| is ADP_SANDBOX_OFF or the kernel has no such thing; |path| names it in errors.
 * ADP_ERR_FORMAT, with what is wrong, for what is no manifest: no database, a damaged one, one
 * whose reading would take more memory or work than its size allows. ADP_ERR_CANCELLED if |tell|,
 * which counts rows meanwhile, says so. The caller must call adp_manifest_free. */
enum adp_status adp_manifest_read(struct adp_manifest **out, int fd, const char *path,
                                  enum adp_sandbox_mode mode, struct adp_tell *tell,
                                  struct adp_error *err);
void adp_manifest_free(struct adp_manifest *manifest);

/* adp_manifest_find returns "DOMAIN/PATH" of the file whose id is |file_id|, 40 lower-case hex
 * digits; NULL if the manifest has none. It lives as long as the manifest, and is text as index
 * entries may have it for a label. */
const char *adp_manifest_find(const struct adp_manifest *manifest, const char *file_id);

/* adp_manifest_num_files returns how many files it knows; adp_manifest_num_refused how many rows
 * were passed over because they contradict themselves or cannot be told as text. */
size_t adp_manifest_num_files(const struct adp_manifest *manifest);
size_t adp_manifest_num_refused(const struct adp_manifest *manifest);

#endif
