/* The walk where limits are low, rights are missing, or somebody changes the tree meanwhile. */
#include <sys/resource.h>

#include "walk_record.h"

#define VERY_DEEP 3000
#define DEEP      300

/* make_deep makes |depth| folders "d" in each other, each beside a file "e" that comes after it. */
static void make_deep(const struct scratch *scratch, int depth)
{
    int fd = dup(scratch->fd);

    for (int i = 0; i < depth; i++) {
        int file, next;

        CU_ASSERT_FATAL(mkdirat(fd, "d", 0755) == 0);
        file = openat(fd, "e", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CU_ASSERT_FATAL(file >= 0 && next >= 0);
        close(file);
        close(fd);
        fd = next;
    }
    close(fd);
}

static void test_deep(void)
{
    struct scratch scratch = scratch_make();
    struct record record = {0};
    struct rlimit old, few;

    make_deep(&scratch, VERY_DEEP);
    getrlimit(RLIMIT_NOFILE, &old);
    few = (struct rlimit){.rlim_cur = 256, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    CU_ASSERT_EQUAL(adp_walk(scratch.path, "root", 0, record_event, &record), 0);
    CU_ASSERT_EQUAL(record.num_errors, 0);
    CU_ASSERT_EQUAL(record.max_depth, VERY_DEEP);
    CU_ASSERT_EQUAL(record.num_entries, 2 * VERY_DEEP + 1);
    CU_ASSERT_EQUAL(record.num_leaves, VERY_DEEP + 1);
    scratch_remove(&scratch); /* removing has the same limit */
    setrlimit(RLIMIT_NOFILE, &old);
}

/* struct mischief changes the tree when the walk enters or leaves something. */
struct mischief {
    struct record record;
    const struct scratch *scratch;
    enum adp_walk_event event;
    unsigned depth;
    void (*act)(const struct scratch *scratch);
};

static int act_at(void *user, const struct adp_walk_entry *entry)
{
    struct mischief *mischief = user;

    if (entry->event == mischief->event && entry->depth == mischief->depth)
        mischief->act(mischief->scratch);
    return record_event(&mischief->record, entry);
}

static void remove_some(const struct scratch *scratch)
{
    unlinkat(scratch->fd, "b", 0);
    adp_fs_remove_tree(scratch->fd, "c");
}

/* What vanishes after the folder was read is named, and the rest still comes. */
static void test_vanishing(void)
{
    struct scratch scratch = scratch_make();
    struct mischief mischief = {
        .scratch = &scratch, .event = ADP_WALK_ENTRY, .depth = 1, .act = remove_some};

    scratch_file(&scratch, "a", "");
    scratch_file(&scratch, "b", "");
    mkdirat(scratch.fd, "c", 0755);
    scratch_file(&scratch, "d", "");
    CU_ASSERT_EQUAL(adp_walk(scratch.path, "root", 0, act_at, &mischief), 0);
    CU_ASSERT_STRING_EQUAL(mischief.record.text, "+root+a!b:2!c:2+d-root");
    scratch_remove(&scratch);
}

static void swap_for_link(const struct scratch *scratch)
{
    unlinkat(scratch->fd, "d", AT_REMOVEDIR);
    CU_ASSERT_EQUAL(symlinkat("/", scratch->fd, "d"), 0);
}

/* A directory that becomes a link between stat and open is not followed. */
static void test_swapped_for_a_link(void)
{
    struct scratch scratch = scratch_make();
    struct mischief mischief = {
        .scratch = &scratch, .event = ADP_WALK_ENTRY, .depth = 1, .act = swap_for_link};

    mkdirat(scratch.fd, "d", 0755);
    CU_ASSERT_EQUAL(adp_walk(scratch.path, "root", 0, act_at, &mischief), 0);
    CU_ASSERT_EQUAL(mischief.record.num_errors, 1);
    CU_ASSERT_EQUAL(mischief.record.num_entries, 2);
    scratch_remove(&scratch);
}

/* move_middle takes the folder at depth 101 out of its parent, to the top. */
static void move_middle(const struct scratch *scratch)
{
    char path[256] = "d";
    int rc;

    for (int i = 1; i < 101; i++)
        memcpy(path + i * 2 - 1, "/d", 3);
    rc = renameat(scratch->fd, path, scratch->fd, "moved");
    CU_ASSERT_TRUE(rc == 0 || errno == ENOENT); /* the second time it is gone */
}

/* The way back up leads elsewhere: the folders above are found by name again, those that moved are
 * named as not complete, and nothing outside the tree is visited. */
static void test_moved_while_below(void)
{
    struct scratch scratch = scratch_make();
    struct mischief mischief = {
        .scratch = &scratch, .event = ADP_WALK_LEAVE, .depth = 200, .act = move_middle};
    struct record *record = &mischief.record;

    make_deep(&scratch, DEEP);
    CU_ASSERT_EQUAL(adp_walk(scratch.path, "root", 0, act_at, &mischief), 0);
    /* Levels 101 and below come back through ".."; so does 100, from the root. */
    CU_ASSERT_EQUAL(record->num_leaves, DEEP + 1);
    CU_ASSERT_EQUAL(record->num_errors, 0);
    CU_ASSERT_EQUAL(record->num_entries, 2 * DEEP + 1);
    scratch_remove(&scratch);
}

static void remove_middle_name(const struct scratch *scratch)
{
    move_middle(scratch);
    if (renameat(scratch->fd, "d", scratch->fd, "elsewhere") == 0)
        mkdirat(scratch->fd, "d", 0755);
}

/* The same, and the way from the root is another one as well: level 100 cannot be found again. */
static void test_lost(void)
{
    struct scratch scratch = scratch_make();
    struct mischief mischief = {
        .scratch = &scratch, .event = ADP_WALK_LEAVE, .depth = 200, .act = remove_middle_name};
    struct record *record = &mischief.record;

    make_deep(&scratch, DEEP);
    CU_ASSERT_EQUAL(adp_walk(scratch.path, "root", 0, act_at, &mischief), 0);
    CU_ASSERT_EQUAL(record->num_leaves, DEEP + 1);
    CU_ASSERT_TRUE(record->num_errors > 0);
    CU_ASSERT_EQUAL(record->first_error, ESTALE);
    CU_ASSERT_EQUAL(record->num_entries + record->num_errors, 2 * DEEP + 1);
    scratch_remove(&scratch);
}

static int walk_unreadable(const struct scratch *scratch)
{
    struct record record = {0};
    char expected[64];

    snprintf(expected, sizeof(expected), "+root+a+closed!closed:%d-closed+z-root", EACCES);
    if (adp_walk(scratch->path, "root", 0, record_event, &record) != 0)
        return 1;
    return strcmp(record.text, expected) == 0 ? 0 : 2;
}

static void test_unreadable(void)
{
    struct scratch scratch = scratch_make();

    scratch_file(&scratch, "a", "");
    mkdirat(scratch.fd, "closed", 0755);
    scratch_file(&scratch, "closed/x", "");
    scratch_file(&scratch, "z", "");
    CU_ASSERT_EQUAL(fchmodat(scratch.fd, "closed", 0, 0), 0);
    CU_ASSERT_EQUAL(scratch_child(walk_unreadable, &scratch, 1), 0);
    CU_ASSERT_EQUAL(fchmodat(scratch.fd, "closed", 0700, 0), 0);
    scratch_remove(&scratch);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"3,000 levels, 256 descriptors", test_deep},
        {"vanishing entries", test_vanishing},
        {"swapped for a link", test_swapped_for_a_link},
        {"moved while the walk is below", test_moved_while_below},
        {"lost", test_lost},
        {"unreadable folder", test_unreadable},
    };

    return adp_test_main("walk_hostile", cases, sizeof(cases) / sizeof(cases[0]));
}
