/* Files that appear whole or not at all. */
#include <signal.h>
#include <sys/resource.h>

#include "scratch.h"

static int publish(const struct scratch *scratch, const char *text, enum adp_fs_publish_mode how)
{
    return adp_fs_publish(scratch->fd, "name", 0600, text, strlen(text), how);
}

static void check_content(const struct scratch *scratch, const char *name, const char *expected)
{
    uint8_t *data = NULL;
    size_t len = 0;

    CU_ASSERT_EQUAL(adp_fs_load(scratch->fd, name, 1 << 20, &data, &len), 0);
    CU_ASSERT_TRUE(len == strlen(expected) && data != NULL && memcmp(data, expected, len) == 0);
    free(data);
}

static void test_new(void)
{
    struct scratch scratch = scratch_make();
    struct stat st;

    CU_ASSERT_EQUAL(publish(&scratch, "first", ADP_FS_PUBLISH_NEW), 0);
    CU_ASSERT_EQUAL(fstatat(scratch.fd, "name", &st, 0), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
    CU_ASSERT_EQUAL(publish(&scratch, "second", ADP_FS_PUBLISH_NEW), -EEXIST);
    check_content(&scratch, "name", "first");
    CU_ASSERT_EQUAL(scratch_count(&scratch), 1);
    scratch_remove(&scratch);
}

static void test_replace(void)
{
    struct scratch scratch = scratch_make();

    CU_ASSERT_EQUAL(publish(&scratch, "first", ADP_FS_PUBLISH_REPLACE), 0);
    CU_ASSERT_EQUAL(publish(&scratch, "", ADP_FS_PUBLISH_REPLACE), 0);
    check_content(&scratch, "name", "");
    CU_ASSERT_EQUAL(scratch_count(&scratch), 1);
    scratch_remove(&scratch);
}

/* A link in the way is replaced itself; what it points to is untouched. */
static void test_link_in_the_way(void)
{
    struct scratch scratch = scratch_make();

    scratch_file(&scratch, "target", "old");
    CU_ASSERT_EQUAL(symlinkat("target", scratch.fd, "name"), 0);
    CU_ASSERT_EQUAL(publish(&scratch, "new", ADP_FS_PUBLISH_NEW), -EEXIST);
    CU_ASSERT_EQUAL(publish(&scratch, "new", ADP_FS_PUBLISH_REPLACE), 0);
    check_content(&scratch, "name", "new");
    check_content(&scratch, "target", "old");
    scratch_remove(&scratch);
}

static void test_bad_names(void)
{
    static const char *const names[] = {"", ".", "..", "a/b", "/a"};
    struct scratch scratch = scratch_make();
    char long_name[256] = {0};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        CU_ASSERT_EQUAL(adp_fs_publish(scratch.fd, names[i], 0600, "x", 1, ADP_FS_PUBLISH_NEW),
                        -EINVAL);
    CU_ASSERT_EQUAL(scratch_count(&scratch), 0);
    memset(long_name, 'n', 255); /* the temporary name must fit as well */
    CU_ASSERT_EQUAL(adp_fs_publish(scratch.fd, long_name, 0600, "x", 1, ADP_FS_PUBLISH_NEW), 0);
    check_content(&scratch, long_name, "x");
    scratch_remove(&scratch);
}

/* The disk is full for a file of this length: nothing remains, and what was there stays. */
static void test_no_space(void)
{
    struct scratch scratch = scratch_make();
    static const char text[10000] = {0};
    struct rlimit old, limit;

    CU_ASSERT_EQUAL(publish(&scratch, "kept", ADP_FS_PUBLISH_NEW), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit){.rlim_cur = 5000, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    CU_ASSERT_EQUAL(
        adp_fs_publish(scratch.fd, "name", 0600, text, sizeof(text), ADP_FS_PUBLISH_REPLACE),
        -EFBIG);
    CU_ASSERT_EQUAL(
        adp_fs_publish(scratch.fd, "more", 0600, text, sizeof(text), ADP_FS_PUBLISH_NEW), -EFBIG);
    setrlimit(RLIMIT_FSIZE, &old);
    check_content(&scratch, "name", "kept");
    CU_ASSERT_EQUAL(scratch_count(&scratch), 1);
    scratch_remove(&scratch);
}

static int read_only(const struct scratch *scratch)
{
    return publish(scratch, "x", ADP_FS_PUBLISH_NEW) == -EACCES ? 0 : 1;
}

static void test_read_only_folder(void)
{
    struct scratch scratch = scratch_make();

    fchmod(scratch.fd, 0555);
    CU_ASSERT_EQUAL(scratch_child(read_only, &scratch, 1), 0);
    fchmod(scratch.fd, 0755);
    CU_ASSERT_EQUAL(scratch_count(&scratch), 0);
    scratch_remove(&scratch);
}

static void test_commit(void)
{
    struct scratch scratch = scratch_make();
    struct adp_fs_temp temp;

    CU_ASSERT_EQUAL_FATAL(adp_fs_temp_create(&temp, scratch.fd, "name", 0640, 0, NULL), 0);
    CU_ASSERT_EQUAL(strncmp(temp.name, ".name.", 6), 0);
    CU_ASSERT_EQUAL(strcmp(temp.name + strlen(temp.name) - 4, ".tmp"), 0);
    CU_ASSERT_EQUAL(adp_fs_write_all(temp.fd, "keep, drop", 10, 0), 0);
    CU_ASSERT_EQUAL(faccessat(scratch.fd, "name", F_OK, 0), -1);
    CU_ASSERT_EQUAL(adp_fs_temp_commit(&temp, "name", 4, ADP_FS_PUBLISH_NEW), 0);
    check_content(&scratch, "name", "keep");
    CU_ASSERT_EQUAL(temp.fd, -1);
    adp_fs_temp_abandon(&temp); /* nothing is left to abandon */
    CU_ASSERT_EQUAL(scratch_count(&scratch), 1);
    scratch_remove(&scratch);
}

/* A commit that loses the race for the name leaves the winner and nothing else. */
static void test_commit_fails(void)
{
    struct scratch scratch = scratch_make();
    struct adp_fs_temp temp;

    CU_ASSERT_EQUAL_FATAL(adp_fs_temp_create(&temp, scratch.fd, "name", 0640, 0, NULL), 0);
    scratch_file(&scratch, "name", "winner");
    CU_ASSERT_EQUAL(adp_fs_temp_commit(&temp, "name", 0, ADP_FS_PUBLISH_NEW), -EEXIST);
    CU_ASSERT_EQUAL(temp.fd, -1);
    check_content(&scratch, "name", "winner");
    CU_ASSERT_EQUAL(scratch_count(&scratch), 1);
    scratch_remove(&scratch);
}

static void test_abandon(void)
{
    struct scratch scratch = scratch_make();
    struct adp_fs_temp temp = {.fd = -1};

    adp_fs_temp_abandon(&temp);
    CU_ASSERT_EQUAL_FATAL(adp_fs_temp_create(&temp, scratch.fd, "name", 0640, 0, NULL), 0);
    CU_ASSERT_EQUAL(scratch_count(&scratch), 1);
    adp_fs_temp_abandon(&temp);
    adp_fs_temp_abandon(&temp);
    CU_ASSERT_EQUAL(scratch_count(&scratch), 0);
    scratch_remove(&scratch);
}

static void make_temp(const struct scratch *scratch, const char *name)
{
    struct adp_fs_temp temp;

    CU_ASSERT_EQUAL_FATAL(adp_fs_temp_create(&temp, scratch->fd, name, 0600, 0, NULL), 0);
    adp_fs_close(temp.fd); /* as if the process had ended here */
}

/* What interrupted runs have left is removed; what is being written, and all else, is not. */
static void test_clean(void)
{
    struct scratch scratch = scratch_make();
    struct adp_fs_temp writing;

    CU_ASSERT_EQUAL_FATAL(adp_fs_temp_create(&writing, scratch.fd, "name", 0600, 0, NULL), 0);
    make_temp(&scratch, "name");
    make_temp(&scratch, "other");
    make_temp(&scratch, "name.more");
    scratch_file(&scratch, ".name.0123456789abcde.tmp", "a digit less");
    scratch_file(&scratch, "name.0123456789abcdef.tmp", "not hidden");
    scratch_file(&scratch, ".0123456789abcdef.tmp", "no name");
    CU_ASSERT_EQUAL(symlinkat("name", scratch.fd, ".name.0123456789abcdef.tmp"), 0);
    CU_ASSERT_EQUAL(mkdirat(scratch.fd, ".name.fedcba9876543210.tmp", 0700), 0);
    CU_ASSERT_EQUAL(scratch_count(&scratch), 9);
    adp_fs_temp_clean(scratch.fd, "name");
    CU_ASSERT_EQUAL(scratch_count(&scratch), 7);
    adp_fs_temp_clean(scratch.fd, NULL);
    CU_ASSERT_EQUAL(scratch_count(&scratch), 5);
    CU_ASSERT_EQUAL(adp_fs_temp_commit(&writing, "name", 0, ADP_FS_PUBLISH_NEW), 0);
    check_content(&scratch, "name", "");
    adp_fs_temp_clean(-1, NULL);
    scratch_remove(&scratch);
}

/* Direct writes where the file system has them, and a file in either case. */
static void test_direct(void)
{
    struct scratch scratch = scratch_make();
    struct adp_fs_temp temp;
    _Alignas(4096) static uint8_t block[4096] = "direct";
    int is_direct = -1;

    CU_ASSERT_EQUAL_FATAL(adp_fs_temp_create(&temp, scratch.fd, "name", 0600, O_DIRECT, &is_direct),
                          0);
    CU_ASSERT_EQUAL(is_direct, (fcntl(temp.fd, F_GETFL) & O_DIRECT) != 0);
    CU_ASSERT_EQUAL(adp_fs_write_all(temp.fd, block, sizeof(block), 0), 0);
    CU_ASSERT_EQUAL(adp_fs_temp_commit(&temp, "name", 6, ADP_FS_PUBLISH_NEW), 0);
    check_content(&scratch, "name", "direct");
    scratch_remove(&scratch);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"new", test_new},
        {"replace", test_replace},
        {"a link in the way", test_link_in_the_way},
        {"bad names", test_bad_names},
        {"no space", test_no_space},
        {"read-only folder", test_read_only_folder},
        {"commit", test_commit},
        {"commit fails", test_commit_fails},
        {"abandon", test_abandon},
        {"clean", test_clean},
        {"direct", test_direct},
    };

    return adp_test_main("publish", cases, sizeof(cases) / sizeof(cases[0]));
}
