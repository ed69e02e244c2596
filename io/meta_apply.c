/* The order matters: changing the owner clears setuid, setgid and capabilities; setting an ACL
 * changes the mode's group bits; and all of it needs the permissions that the final mode may take
 * away. Times come last because everything else may change them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "meta.h"
#include "proc_path.h"

#define SET_ID_BITS (S_ISUID | S_ISGID)

/* struct target is what is changed: |name| in |dirfd|, or |dirfd| itself if |name| is NULL, and its
 * path for calls that need one. */
struct target {
    int dirfd;
    const char *name;
    struct adp_proc_path path;
};

static int apply_owner(const struct target *target, const struct adp_meta *meta)
{
    const char *name = target->name != NULL ? target->name : "";
    int flags = target->name != NULL ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;

    if (meta->uid == (uid_t)-1 || meta->gid == (gid_t)-1) /* which means: as it is */
        return -EINVAL;
    return TEMP_FAILURE_RETRY(fchownat(target->dirfd, name, meta->uid, meta->gid, flags)) < 0
               ? -errno
               : 0;
}

static int has_owner(const struct target *target, const struct adp_meta *meta)
{
    const char *name = target->name != NULL ? target->name : "";
    int flags = target->name != NULL ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
    struct stat st;

    return fstatat(target->dirfd, name, &st, flags) == 0 && st.st_uid == meta->uid &&
           st.st_gid == meta->gid;
}

static int apply_xattr(const struct target *target, const struct adp_xattr *xattr)
{
    const char *path = target->path.text;
    long rc;

    if (target->name != NULL) {
        rc = TEMP_FAILURE_RETRY(lsetxattr(path, xattr->name, xattr->value, xattr->value_len, 0));
    } else {
        rc = TEMP_FAILURE_RETRY(
            fsetxattr(target->dirfd, xattr->name, xattr->value, xattr->value_len, 0));
        if (rc < 0 && errno == EBADF) /* O_PATH */
            rc = TEMP_FAILURE_RETRY(setxattr(path, xattr->name, xattr->value, xattr->value_len, 0));
    }
    return rc < 0 ? -errno : 0;
}

/* The folder that a file was made in may have handed it an ACL. Asking is cheaper than removing. */
static int remove_acl(const struct target *target, const char *attribute)
{
    const char *path = target->path.text;
    ssize_t len = target->name != NULL ? lgetxattr(path, attribute, NULL, 0)
                                       : fgetxattr(target->dirfd, attribute, NULL, 0);
    int rc;

    if (len < 0 && errno == EBADF) /* O_PATH */
        len = getxattr(path, attribute, NULL, 0);
    if (len < 0)
        return 0; /* none, or no file: other calls say so */
    if (target->name != NULL) {
        rc = lremovexattr(path, attribute);
    } else {
        rc = fremovexattr(target->dirfd, attribute);
        if (rc < 0 && errno == EBADF) /* O_PATH */
            rc = removexattr(path, attribute);
    }
    return rc < 0 ? -errno : 0;
}

static int has_xattr(const struct adp_meta *meta, const char *name)
{
    for (size_t i = 0; i < meta->num_xattrs; i++) {
        if (strcmp(meta->xattrs[i].name, name) == 0)
            return 1;
    }
    return 0;
}

static int apply_mode(const struct target *target, mode_t mode)
{
    long rc;

    if (target->name != NULL) {
        rc = TEMP_FAILURE_RETRY(fchmodat(target->dirfd, target->name, mode, AT_SYMLINK_NOFOLLOW));
    } else {
        rc = TEMP_FAILURE_RETRY(fchmod(target->dirfd, mode));
        if (rc < 0 && errno == EBADF) /* O_PATH */
            rc = TEMP_FAILURE_RETRY(chmod(target->path.text, mode));
    }
    return rc < 0 ? -errno : 0;
}

static int apply_times(const struct target *target, const struct adp_meta *meta)
{
    const struct timespec times[2] = {meta->atime, meta->mtime};
    long rc;

    if (target->name != NULL) {
        rc = TEMP_FAILURE_RETRY(utimensat(target->dirfd, target->name, times, AT_SYMLINK_NOFOLLOW));
    } else {
        rc = TEMP_FAILURE_RETRY(futimens(target->dirfd, times));
        if (rc < 0 && errno == EBADF) /* O_PATH */
            rc = TEMP_FAILURE_RETRY(utimensat(AT_FDCWD, target->path.text, times, 0));
    }
    return rc < 0 ? -errno : 0;
}

/* struct failures gathers what could not be set. */
struct failures {
    int set;
    int first_errno;
    const char *what;
};

static void note(struct failures *failures, enum adp_meta_failure failure, int rc, const char *what)
{
    if (rc == 0)
        return;
    failures->set |= (int)failure;
    if (failures->first_errno == 0)
        failures->first_errno = -rc;
    if (failures->what == NULL)
        failures->what = what;
}

/* apply_owner_or_drop_ids sets the owner and returns the mode that may then be set: setuid and
 * setgid lend the rights of the recorded owner, and of nobody else. */
static mode_t apply_owner_or_drop_ids(const struct target *target, const struct adp_meta *meta,
                                      int set_owner, struct failures *failures)
{
    /* Asking is cheaper than changing: most files are their maker's already. */
    int rc = set_owner && !has_owner(target, meta) ? apply_owner(target, meta) : 0;

    note(failures, ADP_META_OWNER, rc, NULL);
    if ((meta->mode & SET_ID_BITS) == 0 || (set_owner && rc == 0) || has_owner(target, meta))
        return meta->mode;
    note(failures, ADP_META_MODE, -EPERM, NULL);
    return meta->mode & ~(mode_t)SET_ID_BITS;
}

/* remove_acls takes away ACLs that |meta| has not. */
static void remove_acls(const struct target *target, const struct adp_meta *meta,
                        struct failures *failures)
{
    static const char *const names[] = {"system.posix_acl_access", "system.posix_acl_default"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!has_xattr(meta, names[i]))
            note(failures, ADP_META_XATTR, remove_acl(target, names[i]), names[i]);
    }
}

int adp_meta_apply(int dirfd, const char *name, const struct adp_meta *meta, int set_owner,
                   int *out_errno, const char **out_what)
{
    struct target target = {.dirfd = dirfd, .name = name};
    struct failures failures = {0};
    int path_rc = adp_proc_path_init(&target.path, dirfd, name);
    mode_t mode = apply_owner_or_drop_ids(&target, meta, set_owner, &failures);

    for (size_t i = 0; i < meta->num_xattrs; i++) {
        int rc = path_rc < 0 ? path_rc : apply_xattr(&target, &meta->xattrs[i]);

        note(&failures, ADP_META_XATTR, rc, meta->xattrs[i].name);
    }
    if (!meta->is_symlink) { /* a link has no ACL and no mode of its own */
        if (path_rc == 0)
            remove_acls(&target, meta, &failures);
        note(&failures, ADP_META_MODE, apply_mode(&target, mode), NULL);
    }
    note(&failures, ADP_META_TIMES, apply_times(&target, meta), NULL);
    *out_errno = failures.first_errno;
    *out_what = failures.what;
    return failures.set;
}
