/* Single entries of a directory: made, moved, removed, looked at. Conventions as in fs.h. A |name|
 * is one component in |dirfd| and is never followed if it is a symbolic link. */
#ifndef ADP_ENTRY_H
#define ADP_ENTRY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* What offsets, lengths and memory of transfers around the page cache are multiples of. */
#define ADP_DIRECT_ALIGN 4096u

/* adp_entry_stat stats |name| in |dirfd|, or |dirfd| itself if |name| is NULL. */
int adp_entry_stat(int dirfd, const char *name, struct stat *out);

/* adp_entry_read_link reads a symbolic link's target into |out|, zero-terminated. Returns its
 * length, or -ENAMETOOLONG if |out_len| does not hold it and the zero. */
int adp_entry_read_link(int dirfd, const char *name, char *out, size_t out_len);

int adp_entry_make_dir(int dirfd, const char *name, mode_t mode);
int adp_entry_make_fifo(int dirfd, const char *name, mode_t mode);
int adp_entry_make_symlink(int dirfd, const char *name, const char *target);

/* adp_entry_link makes |new_name| another name of the file |old_name|. */
int adp_entry_link(int old_dirfd, const char *old_name, int new_dirfd, const char *new_name);

/* adp_entry_rename renames within |dirfd|; -EEXIST if |to| exists and |replace| is zero. */
int adp_entry_rename(int dirfd, const char *from, const char *to, int replace);

/* adp_entry_set_mode sets permission bits; a symbolic link has none. Needs /proc. */
int adp_entry_set_mode(int dirfd, const char *name, mode_t mode);

int adp_entry_unlink(int dirfd, const char *name);

/* adp_entry_reserve makes |fd| |size| bytes long and sets the space aside, where the file system
 * can: writes below |size| then need not change the file's length, which would order them one after
 * the other. A refusal is no error, only a full disk (-ENOSPC) is. */
int adp_entry_reserve(int fd, uint64_t size);

/* adp_entry_truncate sets |fd|'s length. */
int adp_entry_truncate(int fd, uint64_t size);

/* adp_entry_is_cached returns whether most of the open file |fd| is in the page cache, as far as
 * the kernel tells; adp_entry_forget has the cache give up what it holds of it. */
int adp_entry_is_cached(int fd);
void adp_entry_forget(int fd);

/* adp_entry_go_direct makes reads of the open file |fd| go round the page cache, unless most of it
 * is there already: then reading it from there is faster. Offsets, lengths and memory of
 * reads must be multiples of ADP_DIRECT_ALIGN from then on; the last one may reach beyond the end.
 * Returns whether it did: a file system may refuse. */
int adp_entry_go_direct(int fd);

/* adp_entry_go_buffered ends that. */
int adp_entry_go_buffered(int fd);

/* adp_entry_read_ahead has the kernel begin to read the open file |fd| into the page cache. It does
 * not wait, and a refusal is no error. */
void adp_entry_read_ahead(int fd);

/* adp_entry_will_need does so for |len| bytes at |offset|. */
void adp_entry_will_need(int fd, uint64_t offset, size_t len);

/* adp_entry_write_behind has the kernel begin to write what of |fd| is in the page cache only, and
 * does not wait for it. A refusal is no error. */
void adp_entry_write_behind(int fd);

/* adp_entry_sync waits until |fd|'s content and metadata are on the disk. */
int adp_entry_sync(int fd);

/* adp_entry_max_open returns how many descriptors the process may have open. */
unsigned adp_entry_max_open(void);

/* adp_entry_lock takes an advisory lock on |fd| (a directory will do) without waiting: -EBUSY if
 * another process has it. It ends when |fd| is closed. */
int adp_entry_lock(int fd, int exclusive);

/* adp_entry_write_stream writes |len| bytes to a pipe, terminal or file at its current place. */
int adp_entry_write_stream(int fd, const void *data, size_t len);

#endif
