/* Setting metadata. */
#include <sys/xattr.h>

#include "meta.h"
#include "scratch.h"

static const struct timespec old_time = {.tv_sec = -86400, .tv_nsec = 123456789};
static const struct timespec new_time = {.tv_sec = 1670000000, .tv_nsec = 1};

static int same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static struct adp_meta base_meta(mode_t mode)
{
    return (struct adp_meta){
        .mode = mode, .uid = geteuid(), .gid = getegid(), .atime = new_time, .mtime = old_time};
}

/* apply returns what could not be set. */
static int apply(int dirfd, const char *name, const struct adp_meta *meta, int set_owner)
{
    const char *what;
    int error;
    int failed = adp_meta_apply(dirfd, name, meta, set_owner, &error, &what);

    CU_ASSERT_EQUAL(failed != 0, error != 0);
    return failed;
}

static void check_mode_and_times(const struct scratch *scratch, const char *name, mode_t mode)
{
    struct stat st;

    CU_ASSERT_EQUAL(fstatat(scratch->fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, mode);
    CU_ASSERT_TRUE(same_time(st.st_mtim, old_time));
    CU_ASSERT_TRUE(same_time(st.st_atim, new_time));
}

/* By name, by descriptor and by O_PATH; times last, so that nothing else disturbs them. */
static void test_ways(void)
{
    struct scratch scratch = scratch_make();
    struct adp_xattr xattr = {.name = "user.k", .value = (const uint8_t *)"v", .value_len = 1};
    struct adp_meta meta = base_meta(0444);
    struct adp_xattrs found;
    int fd, path_fd;

    meta.xattrs = &xattr;
    meta.num_xattrs = 1;
    scratch_file(&scratch, "by-name", "");
    scratch_file(&scratch, "by-fd", "");
    scratch_file(&scratch, "by-path-fd", "");
    fd = openat(scratch.fd, "by-fd", O_RDWR | O_CLOEXEC);
    path_fd = openat(scratch.fd, "by-path-fd", O_PATH | O_CLOEXEC);
    if (apply(scratch.fd, "by-name", &meta, 1) == ADP_META_XATTR) {
        printf("(no extended attributes here) ");
        meta.num_xattrs = 0;
    }
    CU_ASSERT_EQUAL(apply(fd, NULL, &meta, 1), 0);
    CU_ASSERT_EQUAL(apply(path_fd, NULL, &meta, 1), 0);
    check_mode_and_times(&scratch, "by-name", 0444);
    check_mode_and_times(&scratch, "by-fd", 0444);
    check_mode_and_times(&scratch, "by-path-fd", 0444);
    CU_ASSERT_EQUAL(adp_meta_xattrs_read(&found, path_fd, NULL), 0);
    CU_ASSERT_EQUAL(found.num, meta.num_xattrs);
    adp_meta_xattrs_free(&found);
    close(fd);
    close(path_fd);
    scratch_remove(&scratch);
}

/* A link's times are its own; its target is not touched. */
static void test_symlink(void)
{
    struct scratch scratch = scratch_make();
    struct adp_meta meta = base_meta(0777);
    struct stat before, after;

    scratch_file(&scratch, "target", "");
    CU_ASSERT_EQUAL(symlinkat("target", scratch.fd, "link"), 0);
    CU_ASSERT_EQUAL(symlinkat("nowhere", scratch.fd, "dangling"), 0);
    fstatat(scratch.fd, "target", &before, 0);
    meta.is_symlink = 1;
    CU_ASSERT_EQUAL(apply(scratch.fd, "link", &meta, 1), 0);
    CU_ASSERT_EQUAL(apply(scratch.fd, "dangling", &meta, 1), 0);
    check_mode_and_times(&scratch, "link", 0777);
    check_mode_and_times(&scratch, "dangling", 0777);
    fstatat(scratch.fd, "target", &after, 0);
    CU_ASSERT_EQUAL(after.st_mode, before.st_mode);
    CU_ASSERT_TRUE(same_time(after.st_mtim, before.st_mtim));
    scratch_remove(&scratch);
}

/* A FIFO that was opened for it would hang. */
static void test_fifo_and_folder(void)
{
    struct scratch scratch = scratch_make();
    struct adp_meta fifo = base_meta(0620), folder = base_meta(01750);

    CU_ASSERT_EQUAL(mkfifoat(scratch.fd, "fifo", 0600), 0);
    mkdirat(scratch.fd, "folder", 0700);
    CU_ASSERT_EQUAL(apply(scratch.fd, "fifo", &fifo, 1), 0);
    CU_ASSERT_EQUAL(apply(scratch.fd, "folder", &folder, 1), 0);
    check_mode_and_times(&scratch, "fifo", 0620);
    check_mode_and_times(&scratch, "folder", 01750);
    scratch_remove(&scratch);
}

/* What was recorded without an ACL has none, whatever the folder hands down. */
static void test_inherited_acls(void)
{
    /* u::rwx,u:1000:rwx,g::rwx,m::rwx,o::rwx */
    static const uint8_t acl[] = {2,    0,    0,    0,    1,    0,    7,    0,    0xff, 0xff, 0xff,
                                  0xff, 2,    0,    7,    0,    0xe8, 3,    0,    0,    4,    0,
                                  7,    0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,    7,    0,    0xff,
                                  0xff, 0xff, 0xff, 0x20, 0,    7,    0,    0xff, 0xff, 0xff, 0xff};
    static const char *const names[] = {"file", "folder", "path-fd"};
    static const char own[] = "system.posix_acl_access", handed[] = "system.posix_acl_default";
    struct scratch scratch = scratch_make();
    struct adp_xattr xattr = {.name = own, .value = acl, .value_len = sizeof(acl)};
    struct adp_meta meta = base_meta(0640);
    char path[128];
    int fd;

    if (fsetxattr(scratch.fd, handed, acl, sizeof(acl), 0) < 0) {
        printf("(no ACLs here) ");
        scratch_remove(&scratch);
        return;
    }
    scratch_file(&scratch, "file", "");
    scratch_file(&scratch, "path-fd", "");
    scratch_file(&scratch, "kept", "");
    CU_ASSERT_EQUAL(mkdirat(scratch.fd, "folder", 0700), 0);
    fd = openat(scratch.fd, "path-fd", O_PATH | O_CLOEXEC);
    CU_ASSERT_EQUAL(apply(scratch.fd, "file", &meta, 0), 0);
    CU_ASSERT_EQUAL(apply(scratch.fd, "folder", &meta, 0), 0);
    CU_ASSERT_EQUAL(apply(fd, NULL, &meta, 0), 0);
    close(fd);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", scratch.path, names[i]);
        CU_ASSERT_TRUE(getxattr(path, own, NULL, 0) < 0 && errno == ENODATA);
        CU_ASSERT_TRUE(getxattr(path, handed, NULL, 0) < 0 && errno == ENODATA);
        check_mode_and_times(&scratch, names[i], 0640);
    }
    meta = base_meta(0777);
    meta.xattrs = &xattr;
    meta.num_xattrs = 1;
    CU_ASSERT_EQUAL(apply(scratch.fd, "kept", &meta, 0), 0);
    snprintf(path, sizeof(path), "%s/kept", scratch.path);
    CU_ASSERT_TRUE(getxattr(path, own, NULL, 0) == sizeof(acl));
    scratch_remove(&scratch);
}

/* Root sets the owner first, so that setuid survives it. */
static void test_owner_as_root(void)
{
    struct scratch scratch = scratch_make();
    struct adp_meta meta = base_meta(06755);
    struct stat st;

    if (geteuid() == 0) {
        meta.uid = 1234;
        meta.gid = 4321;
        scratch_file(&scratch, "f", "");
        CU_ASSERT_EQUAL(apply(scratch.fd, "f", &meta, 1), 0);
        check_mode_and_times(&scratch, "f", 06755);
        CU_ASSERT_EQUAL(fstatat(scratch.fd, "f", &st, 0), 0);
        CU_ASSERT_TRUE(st.st_uid == 1234 && st.st_gid == 4321);
    } else {
        printf("(not root) ");
    }
    scratch_remove(&scratch);
}

static int mode_of(const struct scratch *scratch, const char *name)
{
    struct stat st;

    return fstatat(scratch->fd, name, &st, 0) == 0 ? (int)(st.st_mode & 07777) : -1;
}

/* fchownat takes the number for "as it is", and would lend the file the rights of who restores. */
static void test_owner_that_is_none(void)
{
    struct scratch scratch = scratch_make();
    struct adp_meta meta = base_meta(06755);

    for (int is_group = 0; is_group < 2; is_group++) {
        meta.uid = is_group ? 1234 : UINT32_MAX;
        meta.gid = is_group ? UINT32_MAX : 1234;
        scratch_file(&scratch, is_group ? "g" : "f", "");
        CU_ASSERT_EQUAL(apply(scratch.fd, is_group ? "g" : "f", &meta, 1),
                        ADP_META_OWNER | ADP_META_MODE);
        CU_ASSERT_EQUAL(mode_of(&scratch, is_group ? "g" : "f"), 0755);
    }
    scratch_remove(&scratch);
}

/* Without privileges: the owner fails, and setuid of somebody else is never lent to us; a file of
 * our own keeps it. */
static int owner_as_user(const struct scratch *scratch)
{
    struct adp_meta theirs = base_meta(04755), ours = base_meta(04755);
    int failed;

    theirs.uid = 1234;
    scratch_file(scratch, "f", "");
    failed = apply(scratch->fd, "f", &theirs, 1);
    if ((failed & ADP_META_OWNER) == 0 || (failed & ADP_META_TIMES) != 0)
        return 1;
    if (mode_of(scratch, "f") != 0755)
        return 2;
    if (apply(scratch->fd, "f", &theirs, 0) != ADP_META_MODE || mode_of(scratch, "f") != 0755)
        return 3;
    if (apply(scratch->fd, "f", &ours, 0) != 0 || mode_of(scratch, "f") != 04755)
        return 4;
    return 0;
}

static void test_owner_as_user(void)
{
    struct scratch scratch = scratch_make();

    fchmod(scratch.fd, 0777);
    CU_ASSERT_EQUAL(scratch_child(owner_as_user, &scratch, 1), 0);
    scratch_remove(&scratch);
}

/* One attribute that cannot be set is named, and stops nothing else. */
static void test_failed_xattr(void)
{
    struct scratch scratch = scratch_make();
    static const struct adp_xattr xattrs[] = {
        {.name = "user.a", .value = (const uint8_t *)"v", .value_len = 1},
        {.name = "nonsense", .value = (const uint8_t *)"v", .value_len = 1},
        {.name = "user.b", .value = (const uint8_t *)"v", .value_len = 1},
    };
    struct adp_meta meta = base_meta(0600);
    struct adp_xattrs found;
    const char *what = NULL;
    int error = 0;

    meta.xattrs = xattrs;
    meta.num_xattrs = 3;
    scratch_file(&scratch, "f", "");
    CU_ASSERT_EQUAL(adp_meta_apply(scratch.fd, "f", &meta, 0, &error, &what), ADP_META_XATTR);
    CU_ASSERT_EQUAL(error, EOPNOTSUPP);
    CU_ASSERT_EQUAL(adp_meta_xattrs_read(&found, scratch.fd, "f"), 0);
    if (found.num > 0) {
        CU_ASSERT_EQUAL(found.num, 2);
        CU_ASSERT_PTR_EQUAL(what, xattrs[1].name);
    }
    adp_meta_xattrs_free(&found);
    check_mode_and_times(&scratch, "f", 0600);
    scratch_remove(&scratch);
}

static void test_missing(void)
{
    struct scratch scratch = scratch_make();
    struct adp_meta meta = base_meta(0600);
    const char *what;
    int error;

    CU_ASSERT_EQUAL(adp_meta_apply(scratch.fd, "missing", &meta, 1, &error, &what),
                    ADP_META_OWNER | ADP_META_MODE | ADP_META_TIMES);
    CU_ASSERT_EQUAL(error, ENOENT);
    scratch_remove(&scratch);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"by name, descriptor, O_PATH", test_ways},
        {"symbolic link", test_symlink},
        {"FIFO and folder", test_fifo_and_folder},
        {"owner, as root", test_owner_as_root},
        {"owner, as a user", test_owner_as_user},
        {"no owner at all", test_owner_that_is_none},
        {"an attribute that fails", test_failed_xattr},
        {"a missing file", test_missing},
        {"inherited ACLs", test_inherited_acls},
    };

    return adp_test_main("meta_apply", cases, sizeof(cases) / sizeof(cases[0]));
}
