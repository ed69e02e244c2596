/* What history.c and settle.c share: the two copies of a generation. */
#ifndef ADP_VAULT_HISTORY_H
#define ADP_VAULT_HISTORY_H

#include <inttypes.h>

#include "vault.h"

#define HISTORY_NUM_COPIES  2
#define HISTORY_NAME_FORMAT "%016" PRIx64 ".adpk"

/* history_folder returns the name of the folder that has |copy|; history_dir its descriptor, or a
 * negative number if it is not there. */
const char *history_folder(unsigned copy);
int history_dir(const struct adp_vault *vault, unsigned copy);

/* history_lock locks the history, for itself or (|exclusive| 0) so that it does not change
 * meanwhile. Returns a descriptor to be closed, or -errno; -EBUSY if somebody changes it. */
int history_lock(const struct adp_vault *vault, int exclusive);

/* history_newest returns the highest number of a generation, at most |max|, that either folder has;
 * 0 if there is none. */
enum adp_status history_newest(const struct adp_vault *vault, uint64_t max, uint64_t *out_number,
                               struct adp_error *err);

/* history_read_copy reads one copy. ADP_ERR_MISSING if there is no such file. The caller must call
 * adp_generation_free. */
enum adp_status history_read_copy(const struct adp_vault *vault, unsigned copy, uint64_t number,
                                  struct adp_generation *out, struct adp_error *err);

#endif
