/* Metadata of one file: extended attributes (POSIX ACLs among them), holes, owner, mode, times.
 *
 * ACLs are the extended attributes system.posix_acl_access and system.posix_acl_default, as the
 * kernel hands them out; no conversion to text and back. Conventions as in fs.h. Attributes by name
 * and all changes through O_PATH descriptors need /proc. */
#ifndef ADP_META_H
#define ADP_META_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct adp_xattr {
    const char *name; /* zero-terminated */
    const uint8_t *value;
    size_t value_len;
};

struct adp_xattrs {
    struct adp_xattr *items;
    size_t num;
    void *storage;
};

/* adp_meta_xattrs_read reads all extended attributes of |name| in |dirfd| (a symbolic link itself,
 * not its target), or of the descriptor |dirfd| if |name| is NULL (it may be O_PATH), sorted by
 * name. A file system without them gives none. Attributes that vanish meanwhile are left out. The
 * result is freed with adp_meta_xattrs_free, which a zeroed struct survives. */
int adp_meta_xattrs_read(struct adp_xattrs *out, int dirfd, const char *name);
void adp_meta_xattrs_free(struct adp_xattrs *xattrs);

struct adp_data_range {
    uint64_t offset;
    uint64_t len;
};

/* adp_meta_data_ranges finds the ranges of |fd| below |size| that hold data (SEEK_DATA, SEEK_HOLE).
 * One range over everything where the file system cannot tell. Freed with free(). */
int adp_meta_data_ranges(int fd, uint64_t size, struct adp_data_range **out_ranges,
                         size_t *out_num);

struct adp_meta {
    mode_t mode; /* permission bits, 07777 */
    uid_t uid;
    gid_t gid;
    struct timespec atime, mtime;
    const struct adp_xattr *xattrs;
    size_t num_xattrs;
    int is_symlink;
};

enum adp_meta_failure {
    ADP_META_OWNER = 1,
    ADP_META_MODE = 2,
    ADP_META_XATTR = 4,
    ADP_META_TIMES = 8,
};

/* adp_meta_apply sets owner (only if |set_owner|), extended attributes, mode and times, in that
 * order, on |name| in |dirfd| without following it, or on the descriptor |dirfd| if |name| is NULL.
 * ACLs that are not among the attributes are removed: a folder hands them down to what it holds.
 * Setuid and setgid bits are set only on a file that has its recorded owner and group, whoever set
 * them; elsewhere that is an ADP_META_MODE failure. Returns 0 if all was set, else the set of enum
 * adp_meta_failure that was not, with the first errno in |*out_errno| and, for an attribute, its
 * name in |*out_what| (pointing into |meta|, or static). */
int adp_meta_apply(int dirfd, const char *name, const struct adp_meta *meta, int set_owner,
                   int *out_errno, const char **out_what);

#endif
