#include "scratch.h"

static void test_tree(void)
{
    struct scratch scratch = scratch_make();

    mkdirat(scratch.fd, "t", 0755);
    for (int i = 0; i < 50; i++) {
        char name[32];

        snprintf(name, sizeof(name), "t/%d", i);
        mkdirat(scratch.fd, name, 0755);
        snprintf(name, sizeof(name), "t/%d/sub", i);
        mkdirat(scratch.fd, name, 0755);
        snprintf(name, sizeof(name), "t/%d/sub/file", i);
        scratch_file(&scratch, name, "");
        snprintf(name, sizeof(name), "t/%d/file", i);
        scratch_file(&scratch, name, "");
    }
    CU_ASSERT_EQUAL(adp_fs_remove_tree(scratch.fd, "t"), 0);
    CU_ASSERT_EQUAL(scratch_count(&scratch), 0);
    scratch_remove(&scratch);
}

/* Links are removed, not followed, whether the tree is one or holds one. */
static void test_links(void)
{
    struct scratch scratch = scratch_make();

    mkdirat(scratch.fd, "kept", 0755);
    scratch_file(&scratch, "kept/file", "");
    mkdirat(scratch.fd, "t", 0755);
    CU_ASSERT_EQUAL(symlinkat("../kept", scratch.fd, "t/link"), 0);
    CU_ASSERT_EQUAL(symlinkat("kept", scratch.fd, "link"), 0);
    CU_ASSERT_EQUAL(adp_fs_remove_tree(scratch.fd, "t"), 0);
    CU_ASSERT_EQUAL(adp_fs_remove_tree(scratch.fd, "link"), 0);
    CU_ASSERT_EQUAL(faccessat(scratch.fd, "kept/file", F_OK, 0), 0);
    CU_ASSERT_EQUAL(scratch_count(&scratch), 1);
    scratch_remove(&scratch);
}

static void test_single_entries(void)
{
    struct scratch scratch = scratch_make();

    scratch_file(&scratch, "file", "");
    mkdirat(scratch.fd, "empty", 0755);
    CU_ASSERT_EQUAL(adp_fs_remove_tree(scratch.fd, "file"), 0);
    CU_ASSERT_EQUAL(adp_fs_remove_tree(scratch.fd, "empty"), 0);
    CU_ASSERT_EQUAL(adp_fs_remove_tree(scratch.fd, "missing"), -ENOENT);
    scratch_remove(&scratch);
}

static int remove_closed(const struct scratch *scratch)
{
    return adp_fs_remove_tree(scratch->fd, "t") == -EACCES ? 0 : 1;
}

/* What may not be removed is an error, not a loop. */
static void test_no_right(void)
{
    struct scratch scratch = scratch_make();

    fchmod(scratch.fd, 0777);
    mkdirat(scratch.fd, "t", 0755);
    mkdirat(scratch.fd, "t/closed", 0755);
    scratch_file(&scratch, "t/closed/file", "");
    CU_ASSERT_EQUAL(fchmodat(scratch.fd, "t/closed", 0555, 0), 0);
    CU_ASSERT_EQUAL(scratch_child(remove_closed, &scratch, 1), 0);
    CU_ASSERT_EQUAL(fchmodat(scratch.fd, "t/closed", 0755, 0), 0);
    CU_ASSERT_EQUAL(faccessat(scratch.fd, "t/closed/file", F_OK, 0), 0);
    scratch_remove(&scratch);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"tree", test_tree},
        {"links", test_links},
        {"single entries", test_single_entries},
        {"no right", test_no_right},
    };

    return adp_test_main("remove", cases, sizeof(cases) / sizeof(cases[0]));
}
