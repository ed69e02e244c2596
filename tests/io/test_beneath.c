/* Opening beneath a folder, with openat2 and without it. */
#include <limits.h>
#include <sys/syscall.h>

#include "fs_beneath.h"
#include "scratch.h"

static void check_open(const struct scratch *scratch, const char *path, int flags, int expected)
{
    int fd = adp_fs_open_beneath(scratch->fd, path, flags, 0600);

    CU_ASSERT_EQUAL(fd < 0 ? fd : 0, expected);
    if (fd >= 0)
        CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
    adp_fs_close(fd);
}

static struct scratch make_tree(void)
{
    struct scratch scratch = scratch_make();

    mkdirat(scratch.fd, "dir", 0755);
    scratch_file(&scratch, "dir/file", "");
    CU_ASSERT_EQUAL(symlinkat("dir", scratch.fd, "dirlink"), 0);
    CU_ASSERT_EQUAL(symlinkat("file", scratch.fd, "dir/filelink"), 0);
    CU_ASSERT_EQUAL(symlinkat("/", scratch.fd, "dir/rootlink"), 0);
    CU_ASSERT_EQUAL(symlinkat("new", scratch.fd, "dir/dangling"), 0);
    return scratch;
}

static void check_opens(void)
{
    struct scratch scratch = make_tree();

    check_open(&scratch, "dir/file", O_RDONLY, 0);
    check_open(&scratch, "dir", O_RDONLY | O_DIRECTORY, 0);
    check_open(&scratch, ".", O_RDONLY | O_DIRECTORY, 0);
    check_open(&scratch, "dir/made", O_RDWR | O_CREAT | O_EXCL, 0);
    check_open(&scratch, "dir/made", O_RDWR | O_CREAT | O_EXCL, -EEXIST);
    check_open(&scratch, "dir/file", O_PATH, 0);
    check_open(&scratch, "dir/missing", O_RDONLY, -ENOENT);
    check_open(&scratch, "missing/file", O_RDONLY, -ENOENT);
    check_open(&scratch, "dir/file/x", O_RDONLY, -ENOTDIR);
    check_open(&scratch, "dir/file", O_RDONLY | O_DIRECTORY, -ENOTDIR);
    scratch_remove(&scratch);
}

static void check_links(void)
{
    struct scratch scratch = make_tree();

    check_open(&scratch, "dirlink", O_RDONLY, -ELOOP);
    check_open(&scratch, "dirlink", O_RDONLY | O_DIRECTORY, -ELOOP);
    check_open(&scratch, "dirlink/file", O_RDONLY, -ELOOP);
    check_open(&scratch, "dir/filelink", O_RDONLY, -ELOOP);
    check_open(&scratch, "dir/filelink", O_PATH, -ELOOP);
    check_open(&scratch, "dir/filelink", O_PATH | O_NOFOLLOW, -ELOOP);
    check_open(&scratch, "dir/rootlink/etc/passwd", O_RDONLY, -ELOOP);
    check_open(&scratch, "dir/dangling", O_RDWR | O_CREAT, -ELOOP);
    CU_ASSERT_EQUAL(faccessat(scratch.fd, "dir/new", F_OK, 0), -1);
    scratch_remove(&scratch);
}

static void check_spellings(void)
{
    struct scratch scratch = make_tree();

    check_open(&scratch, "..", O_RDONLY, -EXDEV);
    check_open(&scratch, "../x", O_RDONLY, -EXDEV);
    check_open(&scratch, "dir/../dir/file", O_RDONLY, -EXDEV);
    check_open(&scratch, "dir/..", O_RDONLY, -EXDEV);
    check_open(&scratch, "/etc/passwd", O_RDONLY, -EXDEV);
    check_open(&scratch, "", O_RDONLY, -EINVAL);
    check_open(&scratch, "dir//file", O_RDONLY, -EINVAL);
    check_open(&scratch, "dir/./file", O_RDONLY, -EINVAL);
    check_open(&scratch, "dir/", O_RDONLY, -EINVAL);
    check_open(&scratch, "...", O_RDONLY, -ENOENT); /* a name like any other */
    check_open(&scratch, "..a", O_RDONLY, -ENOENT);
    scratch_remove(&scratch);
}

/* check_parent makes |expected| in the parent of |path|. */
static void check_parent(const struct scratch *scratch, const char *path, const char *expected)
{
    const char *name = NULL;
    int fd = adp_fs_parent_beneath(scratch->fd, path, &name);

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_STRING_EQUAL(name, expected);
    CU_ASSERT_EQUAL(mkdirat(fd, name, 0755), 0);
    CU_ASSERT_EQUAL(faccessat(scratch->fd, path, F_OK, 0), 0);
    adp_fs_close(fd);
}

static void check_parents(void)
{
    struct scratch scratch = make_tree();
    const char *name;

    check_parent(&scratch, "one", "one");
    check_parent(&scratch, "one/two", "two");
    check_parent(&scratch, "one/two/three", "three");
    CU_ASSERT_EQUAL(adp_fs_parent_beneath(scratch.fd, "dirlink/x", &name), -ELOOP);
    CU_ASSERT_EQUAL(adp_fs_parent_beneath(scratch.fd, "dir/..", &name), -EXDEV);
    CU_ASSERT_EQUAL(adp_fs_parent_beneath(scratch.fd, "/x", &name), -EXDEV);
    CU_ASSERT_EQUAL(adp_fs_parent_beneath(scratch.fd, ".", &name), -EINVAL);
    CU_ASSERT_EQUAL(adp_fs_parent_beneath(scratch.fd, "dir/", &name), -EINVAL);
    CU_ASSERT_EQUAL(adp_fs_parent_beneath(scratch.fd, "missing/x", &name), -ENOENT);
    scratch_remove(&scratch);
}

/* check_long uses a path of three times PATH_MAX, with a link in its last part. */
static void check_long(void)
{
    enum { NUM = 3 * PATH_MAX / 201 };
    static char path[NUM * 201 + 64];
    struct scratch scratch = scratch_make();
    size_t len = 0;
    int fd = dup(scratch.fd);

    for (int i = 0; i < NUM; i++) {
        char name[201] = {0};
        int next;

        memset(name, 'a' + i % 26, 200);
        mkdirat(fd, name, 0755);
        next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = next;
        len += (size_t)snprintf(path + len, sizeof(path) - len, "%s/", name);
    }
    CU_ASSERT_EQUAL(symlinkat(".", fd, "link"), 0);
    close(fd);
    strcpy(path + len, "file");
    check_open(&scratch, path, O_RDWR | O_CREAT | O_EXCL, 0);
    check_open(&scratch, path, O_RDONLY, 0);
    strcpy(path + len, "link/file");
    check_open(&scratch, path, O_RDONLY, -ELOOP);
    memset(path, 'x', sizeof(path) - 1); /* one component longer than any */
    check_open(&scratch, path, O_RDONLY, -ENAMETOOLONG);
    scratch_remove(&scratch);
}

static void with(enum adp_fs_resolver resolver, void (*check)(void))
{
    adp_fs_beneath_resolver = resolver;
    check();
    adp_fs_beneath_resolver = ADP_FS_RESOLVER_UNKNOWN;
}

/* Each check runs as the machine decides, and again without openat2. */
#define BOTH_WAYS(name)                                                                            \
    static void test_##name(void)                                                                  \
    {                                                                                              \
        with(ADP_FS_RESOLVER_UNKNOWN, check_##name);                                               \
        with(ADP_FS_RESOLVER_COMPONENTS, check_##name);                                            \
    }

BOTH_WAYS(opens)
BOTH_WAYS(links)
BOTH_WAYS(spellings)
BOTH_WAYS(parents)
BOTH_WAYS(long)

static int without_openat2(const struct scratch *scratch)
{
    int fd;

    if (scratch_forbid(SYS_openat2, EPERM) < 0)
        return ADP_TEST_SKIPPED;
    fd = adp_fs_open_beneath(scratch->fd, "dir/file", O_RDONLY, 0);
    return fd >= 0 && adp_fs_beneath_resolver == ADP_FS_RESOLVER_COMPONENTS ? 0 : 1;
}

/* Containers answer EPERM, old kernels ENOSYS; neither is an error of the path. */
static void test_openat2_is_forbidden(void)
{
    struct scratch scratch = make_tree();
    int rc = scratch_child(without_openat2, &scratch, 0);

    CU_ASSERT_TRUE(rc == 0 || rc == ADP_TEST_SKIPPED);
    scratch_remove(&scratch);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"opens", test_opens},
        {"links are refused", test_links},
        {"spellings", test_spellings},
        {"parents", test_parents},
        {"longer than PATH_MAX", test_long},
        {"openat2 is forbidden", test_openat2_is_forbidden},
    };

    return adp_test_main("beneath", cases, sizeof(cases) / sizeof(cases[0]));
}
