/* Memory for secrets: locked (mlock), left out of core dumps (MADV_DONTDUMP), zero in a forked
 * child (MADV_WIPEONFORK), wiped when freed. Locking is best effort: RLIMIT_MEMLOCK may forbid it.
 */
#ifndef ADP_SECRET_H
#define ADP_SECRET_H

#include <stddef.h>

/* adp_secret_new returns |len| zero bytes, aligned to a page, on pages of their own, or NULL. */
void *adp_secret_new(size_t len);

/* adp_secret_free wipes and releases |len| bytes. NULL is allowed. */
void adp_secret_free(void *secret, size_t len);

/* adp_wipe overwrites memory in a way that the compiler keeps. */
void adp_wipe(void *data, size_t len);

/* adp_harden_process switches core dumps off for this process (PR_SET_DUMPABLE). For main(). */
void adp_harden_process(void);

#endif
