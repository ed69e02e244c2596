/* Effects on the file system: everything that is not a bulk transfer.
 *
 * All of them return 0 (or a descriptor, or a length) on success and -errno on failure, retry
 * EINTR, and set FD_CLOEXEC. Paths of any length below |dirfd| are taken apart where they are
 * longer than PATH_MAX.
 *
 * "Beneath": the path is relative, has no "..", and no component of it, the last included, is a
 * symbolic link; otherwise -ELOOP, -EXDEV or -EINVAL. Empty components and "." are -EINVAL as well,
 * but "." alone is the directory itself. Done by openat2(2) with RESOLVE_BENEATH and
 * RESOLVE_NO_SYMLINKS, or component by component where the kernel has no openat2. */
#ifndef ADP_FS_H
#define ADP_FS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* adp_fs_open_dir opens the directory |path| (symbolic links followed: the user named it). */
int adp_fs_open_dir(const char *path);

/* adp_fs_open_beneath opens |path| below |dirfd|. */
int adp_fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/* adp_fs_parent_beneath opens the directory that holds |path|'s last component, and points
 * |*out_name| at that component inside |path|. The caller closes the descriptor. */
int adp_fs_parent_beneath(int dirfd, const char *path, const char **out_name);

/* adp_fs_close closes |fd|; negative is allowed. */
void adp_fs_close(int fd);

/* adp_fs_read_all reads up to |len| bytes at |offset|, short reads continued. Returns the number
 * read: less than |len| only at end of file. */
int64_t adp_fs_read_all(int fd, void *buf, size_t len, uint64_t offset);

/* adp_fs_write_all writes all |len| bytes at |offset|. Returns 0. */
int adp_fs_write_all(int fd, const void *buf, size_t len, uint64_t offset);

/* adp_fs_load reads a whole file of at most |max| bytes below |dirfd| (links followed; a pipe
 * will do) into memory that the caller frees with free(). -EFBIG if it is larger. */
int adp_fs_load(int dirfd, const char *path, size_t max, uint8_t **out_data, size_t *out_len);

enum adp_fs_publish_mode {
    ADP_FS_PUBLISH_NEW = 1, /* -EEXIST if |name| exists: two writers cannot both win */
    ADP_FS_PUBLISH_REPLACE = 2,
};

/* adp_fs_publish makes |data| appear at |name| in |dirfd|, whole or not at all: temporary name,
 * write, fsync, rename, fsync of the directory. On failure nothing is left behind. */
int adp_fs_publish(int dirfd, const char *name, mode_t mode, const void *data, size_t len,
                   enum adp_fs_publish_mode how);

#define ADP_FS_NAME_LEN 256

/* struct adp_fs_temp is a file being written under a temporary name in a directory. */
struct adp_fs_temp {
    int fd;
    int dirfd;                  /* the caller's; must stay open until commit or abandon */
    char name[ADP_FS_NAME_LEN]; /* the temporary name: '.' NAME '.' RANDOM ".tmp" */
};

/* adp_fs_temp_create creates a temporary file for |name| in |dirfd| with |flags| added to
 * O_RDWR | O_CREAT | O_EXCL (O_DIRECT is tried and given up silently where refused;
 * |*out_direct|, if not NULL, says which). */
int adp_fs_temp_create(struct adp_fs_temp *out_temp, int dirfd, const char *name, mode_t mode,
                       int flags, int *out_direct);

/* adp_fs_temp_commit cuts the file to |size|, syncs it, gives it its |name|, and syncs the
 * directory. The descriptor is closed in every case; on failure the temporary file is removed. */
int adp_fs_temp_commit(struct adp_fs_temp *temp, const char *name, uint64_t size,
                       enum adp_fs_publish_mode how);

/* adp_fs_temp_abandon closes and removes it. Safe after commit, and on a zeroed struct with fd -1.
 */
void adp_fs_temp_abandon(struct adp_fs_temp *temp);

/* adp_fs_temp_name draws a temporary name for |name|. */
int adp_fs_temp_name(char out[ADP_FS_NAME_LEN], const char *name);

/* adp_fs_is_temp returns whether |name| is one that a temporary file may have. */
int adp_fs_is_temp(const char *name);

/* adp_fs_temp_clean removes the temporary files for |name|, or with NULL for any name, that
 * interrupted runs have left in |dirfd|. One that is being written is locked, and stays. What
 * cannot be removed stays for the next time. */
void adp_fs_temp_clean(int dirfd, const char *name);

/* adp_fs_remove_tree removes |name| in |dirfd| and all below it, following nothing. */
int adp_fs_remove_tree(int dirfd, const char *name);

/* adp_fs_sync_dir syncs a directory's entries; adp_fs_sync_parent those of the directory above, by
 * which |dirfd| itself is found; adp_fs_sync_all the whole file system of |fd|. */
int adp_fs_sync_dir(int dirfd);
int adp_fs_sync_parent(int dirfd);
int adp_fs_sync_all(int fd);

#endif
