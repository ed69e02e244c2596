/* Reading metadata: extended attributes and holes. */
#include <sys/xattr.h>

#include "meta.h"
#include "scratch.h"

/* The kernel's form of the ACL u::rw-,u:1000:r--,g::r--,m::r--,o::---: version 2, then tag, rights
 * and id of each entry (linux/posix_acl_xattr.h). */
static const uint8_t acl[] = {
    2, 0,   0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,   4,
    0, 232, 3,   0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16,  0,
    4, 0,   255, 255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255,
};

/* set_attributes gives "f" three attributes, or says that the file system has none. */
static int set_attributes(const struct scratch *scratch)
{
    static const uint8_t large[2000] = {1, 2, 3};
    int fd;

    scratch_file(scratch, "f", "x");
    fd = openat(scratch->fd, "f", O_RDONLY | O_CLOEXEC);
    if (fsetxattr(fd, "user.z", "last", 4, 0) < 0) {
        close(fd);
        printf("(no extended attributes here) ");
        return 0;
    }
    CU_ASSERT_EQUAL(fsetxattr(fd, "user.a", large, sizeof(large), 0), 0);
    CU_ASSERT_EQUAL(fsetxattr(fd, "user.empty", "", 0, 0), 0);
    close(fd);
    return 1;
}

static void check_attributes(int dirfd, const char *name)
{
    struct adp_xattrs xattrs;

    CU_ASSERT_EQUAL_FATAL(adp_meta_xattrs_read(&xattrs, dirfd, name), 0);
    CU_ASSERT_EQUAL_FATAL(xattrs.num, 3);
    CU_ASSERT_STRING_EQUAL(xattrs.items[0].name, "user.a");
    CU_ASSERT_EQUAL(xattrs.items[0].value_len, 2000);
    CU_ASSERT_EQUAL(xattrs.items[0].value[2], 3);
    CU_ASSERT_STRING_EQUAL(xattrs.items[1].name, "user.empty");
    CU_ASSERT_EQUAL(xattrs.items[1].value_len, 0);
    CU_ASSERT_STRING_EQUAL(xattrs.items[2].name, "user.z");
    CU_ASSERT_TRUE(xattrs.items[2].value_len == 4 && memcmp(xattrs.items[2].value, "last", 4) == 0);
    adp_meta_xattrs_free(&xattrs);
    adp_meta_xattrs_free(&xattrs);
}

/* By name, by descriptor, and by a descriptor that may not read the file. */
static void test_xattrs(void)
{
    struct scratch scratch = scratch_make();

    if (set_attributes(&scratch)) {
        int fd = openat(scratch.fd, "f", O_RDONLY | O_CLOEXEC);
        int path_fd = openat(scratch.fd, "f", O_PATH | O_CLOEXEC);

        check_attributes(scratch.fd, "f");
        check_attributes(fd, NULL);
        check_attributes(path_fd, NULL);
        close(fd);
        close(path_fd);
    }
    scratch_remove(&scratch);
}

static void check_none(int dirfd, const char *name, int expected)
{
    struct adp_xattrs xattrs;

    CU_ASSERT_EQUAL(adp_meta_xattrs_read(&xattrs, dirfd, name), expected);
    CU_ASSERT_EQUAL(xattrs.num, 0);
    adp_meta_xattrs_free(&xattrs);
}

/* A link has attributes of its own, not its target's; other kinds have none. */
static void test_no_xattrs(void)
{
    struct scratch scratch = scratch_make();
    int fd;

    set_attributes(&scratch);
    CU_ASSERT_EQUAL(symlinkat("f", scratch.fd, "link"), 0);
    CU_ASSERT_EQUAL(mkfifoat(scratch.fd, "fifo", 0600), 0);
    check_none(scratch.fd, "link", 0);
    check_none(scratch.fd, "fifo", 0);
    fd = openat(scratch.fd, "link", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    check_none(fd, NULL, 0);
    close(fd);
    check_none(scratch.fd, "missing", -ENOENT);
    check_none(-1, NULL, -EBADF);
    fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC); /* a file system without attributes */
    check_none(fd, NULL, 0);
    close(fd);
    scratch_remove(&scratch);
}

/* More names than the first try holds. */
static void test_many_xattrs(void)
{
    struct scratch scratch = scratch_make();
    struct adp_xattrs xattrs;
    int num = 0;

    scratch_file(&scratch, "f", "");
    for (int i = 0; i < 60; i++) {
        int fd = openat(scratch.fd, "f", O_RDONLY | O_CLOEXEC);
        char name[64];

        snprintf(name, sizeof(name), "user.%030d", i);
        num += fsetxattr(fd, name, "v", 1, 0) == 0; /* until the block is full */
        close(fd);
    }
    CU_ASSERT_EQUAL(adp_meta_xattrs_read(&xattrs, scratch.fd, "f"), 0);
    CU_ASSERT_EQUAL(xattrs.num, (size_t)num);
    for (size_t i = 1; i < xattrs.num; i++)
        CU_ASSERT_TRUE(strcmp(xattrs.items[i - 1].name, xattrs.items[i].name) < 0);
    adp_meta_xattrs_free(&xattrs);
    scratch_remove(&scratch);
}

/* An ACL comes as the kernel's bytes, and goes back as such. */
static void test_acl(void)
{
    struct scratch scratch = scratch_make();
    struct adp_xattrs xattrs;
    char path[128];

    scratch_file(&scratch, "f", "");
    snprintf(path, sizeof(path), "%s/f", scratch.path);
    if (setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0) == 0) {
        struct adp_meta meta = {.mode = 0640};
        const char *what;
        int error;

        CU_ASSERT_EQUAL_FATAL(adp_meta_xattrs_read(&xattrs, scratch.fd, "f"), 0);
        CU_ASSERT_EQUAL_FATAL(xattrs.num, 1);
        CU_ASSERT_STRING_EQUAL(xattrs.items[0].name, "system.posix_acl_access");
        CU_ASSERT_TRUE(xattrs.items[0].value_len == sizeof(acl) &&
                       memcmp(xattrs.items[0].value, acl, sizeof(acl)) == 0);
        scratch_file(&scratch, "copy", "");
        meta.xattrs = xattrs.items;
        meta.num_xattrs = xattrs.num;
        CU_ASSERT_EQUAL(adp_meta_apply(scratch.fd, "copy", &meta, 0, &error, &what), 0);
        adp_meta_xattrs_free(&xattrs);
        CU_ASSERT_EQUAL(adp_meta_xattrs_read(&xattrs, scratch.fd, "copy"), 0);
        CU_ASSERT_TRUE(xattrs.num == 1 && memcmp(xattrs.items[0].value, acl, sizeof(acl)) == 0);
        adp_meta_xattrs_free(&xattrs);
    } else {
        printf("(no ACLs here) ");
    }
    scratch_remove(&scratch);
}

/* sum_ranges checks order and bounds, and returns the bytes that hold data. */
static uint64_t sum_ranges(int fd, uint64_t size, size_t *out_num)
{
    struct adp_data_range *ranges;
    uint64_t sum = 0, at = 0;

    CU_ASSERT_EQUAL_FATAL(adp_meta_data_ranges(fd, size, &ranges, out_num), 0);
    for (size_t i = 0; i < *out_num; i++) {
        CU_ASSERT_TRUE(ranges[i].offset >= at && ranges[i].len > 0);
        at = ranges[i].offset + ranges[i].len;
        sum += ranges[i].len;
    }
    CU_ASSERT_TRUE(at <= size);
    free(ranges);
    return sum;
}

static void test_ranges(void)
{
    struct scratch scratch = scratch_make();
    int fd = openat(scratch.fd, "f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    uint8_t data[4096] = {1};
    size_t num;

    CU_ASSERT_EQUAL(sum_ranges(fd, 0, &num), 0);
    CU_ASSERT_EQUAL(num, 0);
    CU_ASSERT_EQUAL(ftruncate(fd, 64 << 20), 0);
    for (int i = 1; i <= 9; i++)
        CU_ASSERT_EQUAL(adp_fs_write_all(fd, data, sizeof(data), (uint64_t)i << 22), 0);
    sum_ranges(fd, 64 << 20, &num);
    if (num == 1) {
        printf("(no holes here) ");
    } else {
        CU_ASSERT_EQUAL(num, 9);
        CU_ASSERT_EQUAL(sum_ranges(fd, 64 << 20, &num), 9 * 4096);
        /* Cut to the size that the caller asks about, in the middle of data and in a hole. */
        CU_ASSERT_EQUAL(sum_ranges(fd, (1 << 22) + 10, &num), 10);
        CU_ASSERT_EQUAL(sum_ranges(fd, 100, &num), 0);
    }
    CU_ASSERT_EQUAL(sum_ranges(fd, 128 << 20, &num), num == 1 ? 128 << 20 : 9 * 4096);
    close(fd);
    scratch_remove(&scratch);
}

/* Where nothing is known about holes everything is data. */
static void test_ranges_unknown(void)
{
    struct adp_data_range *ranges;
    size_t num;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    CU_ASSERT_EQUAL_FATAL(adp_meta_data_ranges(fd, 1000, &ranges, &num), 0);
    CU_ASSERT_TRUE(num == 1 && ranges[0].offset == 0 && ranges[0].len == 1000);
    free(ranges);
    close(fd);
    CU_ASSERT_EQUAL(adp_meta_data_ranges(-1, 1000, &ranges, &num), -EBADF);
    CU_ASSERT_PTR_NULL(ranges);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"extended attributes", test_xattrs},           {"no extended attributes", test_no_xattrs},
        {"many extended attributes", test_many_xattrs}, {"ACL", test_acl},
        {"ranges of a sparse file", test_ranges},       {"ranges unknown", test_ranges_unknown},
    };

    return adp_test_main("meta", cases, sizeof(cases) / sizeof(cases[0]));
}
