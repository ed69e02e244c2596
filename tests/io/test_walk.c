/* The walk over trees that hold still. */
#include "walk_record.h"

static void test_order(void)
{
    struct scratch scratch = scratch_make();
    struct record record = {0};

    mkdirat(scratch.fd, "b", 0755);
    mkdirat(scratch.fd, "b/empty", 0755);
    scratch_file(&scratch, "b/x", "");
    scratch_file(&scratch, "b-", ""); /* before "b/" as a path, but after "b" as a name */
    scratch_file(&scratch, "a", "");
    scratch_file(&scratch, "Z", "");
    scratch_file(&scratch, "\xff\xfe", ""); /* no UTF-8, and above all ASCII */
    scratch_file(&scratch, "\xc3\xa9", "");
    scratch_file(&scratch, ".hidden", "");
    CU_ASSERT_EQUAL(adp_walk(scratch.path, "root", 0, record_event, &record), 0);
    CU_ASSERT_STRING_EQUAL(record.text,
                           "+root+.hidden+Z+a+b+empty-empty+x-b+b-+\xc3\xa9+\xff\xfe-root");
    CU_ASSERT_EQUAL(record.max_depth, 2);
    CU_ASSERT_EQUAL(record.num_listed, 3);
    scratch_remove(&scratch);
}

static int check_list(void *user, const struct adp_walk_entry *entry)
{
    int *num_seen = user;
    struct stat st;

    if (entry->event != ADP_WALK_LISTED) {
        CU_ASSERT_PTR_NULL(entry->names);
        CU_ASSERT_EQUAL(entry->dir, -1);
        return 0;
    }
    (*num_seen)++;
    CU_ASSERT_EQUAL(fstat(entry->dir, &st), 0);
    CU_ASSERT_EQUAL(st.st_ino, entry->st->st_ino);
    CU_ASSERT_EQUAL(entry->names->num, entry->depth == 0 ? 2 : 1);
    CU_ASSERT_STRING_EQUAL(entry->names->items[0], entry->depth == 0 ? "a" : "x");
    return 0;
}

/* Whoever wants to know what a directory is gets its names, and itself to look further. */
static void test_lists(void)
{
    struct scratch scratch = scratch_make();
    int num_seen = 0;

    mkdirat(scratch.fd, "b", 0755);
    scratch_file(&scratch, "b/x", "");
    scratch_file(&scratch, "a", "");
    CU_ASSERT_EQUAL(adp_walk(scratch.path, "root", 0, check_list, &num_seen), 0);
    CU_ASSERT_EQUAL(num_seen, 2);
    scratch_remove(&scratch);
}

static int check_entry(void *user, const struct adp_walk_entry *entry)
{
    int *num_seen = user;

    if (strcmp(entry->name, "link") == 0)
        *num_seen += S_ISLNK(entry->st->st_mode);
    if (strcmp(entry->name, "fifo") == 0)
        *num_seen += S_ISFIFO(entry->st->st_mode);
    if (strcmp(entry->name, "file") == 0)
        *num_seen += entry->st->st_size == 5 && entry->name_len == 4 && entry->depth == 1;
    return 0;
}

/* A FIFO that somebody opened would hang the test; a followed link would loop. */
static void test_nothing_is_opened_or_followed(void)
{
    struct scratch scratch = scratch_make();
    int num_seen = 0;

    CU_ASSERT_EQUAL(mkfifoat(scratch.fd, "fifo", 0600), 0);
    CU_ASSERT_EQUAL(symlinkat(".", scratch.fd, "link"), 0);
    scratch_file(&scratch, "file", "12345");
    CU_ASSERT_EQUAL(adp_walk(scratch.path, "root", 0, check_entry, &num_seen), 0);
    CU_ASSERT_EQUAL(num_seen, 3);
    scratch_remove(&scratch);
}

static void test_skip_and_stop(void)
{
    struct scratch scratch = scratch_make();
    struct record skip = {.skip = "b"}, stop = {.stop = "x"};

    mkdirat(scratch.fd, "b", 0755);
    scratch_file(&scratch, "b/x", "");
    scratch_file(&scratch, "c", "");
    CU_ASSERT_EQUAL(adp_walk(scratch.path, "root", 0, record_event, &skip), 0);
    CU_ASSERT_STRING_EQUAL(skip.text, "+root+b+c-root");
    CU_ASSERT_EQUAL(adp_walk(scratch.path, "root", 0, record_event, &stop), -ECANCELED);
    CU_ASSERT_STRING_EQUAL(stop.text, "+root+b+x");
    scratch_remove(&scratch);
}

static void check_root(const struct scratch *scratch, const char *name, int follow,
                       const char *expected)
{
    struct record record = {0};
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", scratch->path, name);
    CU_ASSERT_EQUAL(adp_walk(path, "root", follow, record_event, &record), 0);
    CU_ASSERT_STRING_EQUAL(record.text, expected);
}

static void test_roots(void)
{
    struct scratch scratch = scratch_make();

    mkdirat(scratch.fd, "dir", 0755);
    scratch_file(&scratch, "dir/x", "");
    CU_ASSERT_EQUAL(symlinkat("dir", scratch.fd, "link"), 0);
    CU_ASSERT_EQUAL(symlinkat("nowhere", scratch.fd, "dangling"), 0);
    check_root(&scratch, "dir/x", 0, "+root");
    check_root(&scratch, "link", 0, "+root");
    check_root(&scratch, "link", 1, "+root+x-root");
    check_root(&scratch, "dangling", 0, "+root");
    check_root(&scratch, "dangling", 1, "!root:2");
    check_root(&scratch, "missing", 0, "!root:2");
    scratch_remove(&scratch);
}

/* is_next checks that 100,000 names come as numbers in order. */
static int is_next(void *user, const struct adp_walk_entry *entry)
{
    int *next = user;
    char name[16];

    if (entry->depth == 0)
        return 0;
    snprintf(name, sizeof(name), "%06d", *next);
    (*next)++;
    return strcmp(name, entry->name) == 0 ? 0 : -EINVAL;
}

static void test_wide(void)
{
    struct scratch scratch = scratch_make();
    int next = 0;

    for (int i = 0; i < 100000; i++) {
        char name[16];

        snprintf(name, sizeof(name), "%06d", i);
        CU_ASSERT_FATAL(mknodat(scratch.fd, name, S_IFREG | 0600, 0) == 0);
    }
    CU_ASSERT_EQUAL(adp_walk(scratch.path, "root", 0, is_next, &next), 0);
    CU_ASSERT_EQUAL(next, 100000);
    scratch_remove(&scratch);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"order", test_order},
        {"lists", test_lists},
        {"nothing is opened or followed", test_nothing_is_opened_or_followed},
        {"skip and stop", test_skip_and_stop},
        {"roots", test_roots},
        {"100,000 files in a folder", test_wide},
    };

    return adp_test_main("walk", cases, sizeof(cases) / sizeof(cases[0]));
}
