/* Paths by way of /proc/self/fd, for system calls that take neither a directory nor an O_PATH
 * descriptor. */
#ifndef ADP_PROC_PATH_H
#define ADP_PROC_PATH_H

#include <limits.h>

struct adp_proc_path {
    char text[PATH_MAX];
};

/* adp_proc_path_init makes the path of |name| in |dirfd|, or of |dirfd| itself if |name| is NULL.
 * Returns 0 or -ENAMETOOLONG. */
int adp_proc_path_init(struct adp_proc_path *out, int dirfd, const char *name);

#endif
