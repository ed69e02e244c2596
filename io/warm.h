/* Threads that look at a directory's entries before the walk does, so that it finds them in the
 * kernel's caches: on a cold disk most of a walk is waiting for inodes, one after the other. */
#ifndef ADP_WARM_H
#define ADP_WARM_H

#include <stddef.h>

struct adp_warm;

/* adp_warm_new starts the threads. NULL if they cannot be had: a walk goes on without. */
struct adp_warm *adp_warm_new(void);

/* adp_warm_free waits for the threads. NULL is allowed. */
void adp_warm_free(struct adp_warm *warm);

/* adp_warm_names has the |num| entries |names| of |dirfd| looked at. Both must stay until
 * adp_warm_wait or adp_warm_free. What cannot be looked at now is left to the walk. */
void adp_warm_names(struct adp_warm *warm, int dirfd, const char *const *names, size_t num);

/* adp_warm_wait waits until nothing is being looked at. NULL is allowed. */
void adp_warm_wait(struct adp_warm *warm);

#endif
