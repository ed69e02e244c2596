/* How a path is opened, between the files of fs.h and for their tests. */
#ifndef ADP_FS_BENEATH_H
#define ADP_FS_BENEATH_H

#include <stddef.h>
#include <sys/types.h>

enum adp_fs_resolver {
    ADP_FS_RESOLVER_UNKNOWN = 0,
    ADP_FS_RESOLVER_OPENAT2,
    ADP_FS_RESOLVER_COMPONENTS, /* one component at a time, for kernels without openat2 */
};

/* adp_fs_beneath_resolver is what paths beneath a directory are resolved with. It is found out on
 * first use; a test sets it. */
extern _Atomic(enum adp_fs_resolver) adp_fs_beneath_resolver;

/* adp_fs_open_following opens |path| relative to |dirfd|, of any length, and follows links. */
int adp_fs_open_following(int dirfd, const char *path, int flags, mode_t mode);

#endif
