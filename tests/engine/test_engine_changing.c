/* Sources that change under a seal: each change is named, and nothing is silently wrong. The
 * progress callback runs on the thread that drives the pipeline, so what it does to a source
 * happens at a known point. */
#include <errno.h>

#include "seal_test.h"

#define LARGE   ((size_t)40 << 20)
#define TURN_US 120000 /* longer than the interval of progress: every turn calls */

enum when { AFTER_SCAN, WHILE_READING };

struct change {
    struct seal_rig *rig;
    enum when when;
    void (*make)(struct seal_rig *rig);
    int is_made;
    unsigned unreadable, changed;
    char path[256];
};

static int on_progress(void *user, const struct adp_progress *progress)
{
    struct change *change = user;
    int is_reading = progress->done_bytes > 0 && progress->done_bytes < progress->total_bytes;

    if (change->is_made || strcmp(progress->stage, "seal") != 0)
        return 0;
    if (change->when == WHILE_READING && !is_reading) {
        usleep(TURN_US);
        return 0;
    }
    change->make(change->rig);
    change->is_made = 1;
    return 0;
}

static void on_event(void *user, const struct adp_event *event)
{
    struct change *change = user;

    change->unreadable += event->kind == ADP_EVENT_UNREADABLE;
    change->changed += event->kind == ADP_EVENT_CHANGED;
    snprintf(change->path, sizeof(change->path), "%s", event->path);
}

static const char *path_of(struct seal_rig *rig, const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", rig->source, name);
    return path;
}

/* Returns whether the queue ran on threads. */
static int run(struct change *change, struct seal_rig *rig, const char *io)
{
    struct adp_options common = {
        .memory = (size_t)16 << 20, .io = io, .on_progress = on_progress, .on_event = on_event};
    struct adp_report report;
    enum adp_status status;

    change->rig = rig;
    common.user = change;
    status = seal_rig_seal(rig, common, &report);
    CU_ASSERT_TRUE(change->is_made);
    CU_ASSERT_EQUAL(status, change->unreadable + change->changed > 0 ? ADP_ERR_PARTIAL : ADP_OK);
    CU_ASSERT_EQUAL(report.num_unreadable, change->unreadable);
    CU_ASSERT_EQUAL(report.num_changed, change->changed);
    return report.io != NULL && strcmp(report.io, "threads") == 0;
}

static void append_large(struct seal_rig *rig)
{
    FILE *file = fopen(path_of(rig, "large.bin"), "ab");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("more", file);
    fclose(file);
}

static void truncate_large(struct seal_rig *rig)
{
    CU_ASSERT_EQUAL(truncate(path_of(rig, "large.bin"), 3 << 20), 0);
}

static void remove_large(struct seal_rig *rig)
{
    CU_ASSERT_EQUAL(unlink(path_of(rig, "large.bin")), 0);
}

static void grow_small(struct seal_rig *rig)
{
    seal_rig_write(rig, "small.txt", 3 << 20, 7);
}

static void shrink_small(struct seal_rig *rig)
{
    CU_ASSERT_EQUAL(truncate(path_of(rig, "small.txt"), 10), 0);
}

static void swap_small_for_link(struct seal_rig *rig)
{
    CU_ASSERT_EQUAL(unlink(path_of(rig, "small.txt")), 0);
    CU_ASSERT_EQUAL(symlink("/etc/passwd", path_of(rig, "small.txt")), 0);
}

static void swap_small_for_fifo(struct seal_rig *rig)
{
    CU_ASSERT_EQUAL(unlink(path_of(rig, "small.txt")), 0);
    CU_ASSERT_EQUAL(mkfifo(path_of(rig, "small.txt"), 0600), 0);
}

static void remove_folder(struct seal_rig *rig)
{
    CU_ASSERT_EQUAL(unlink(path_of(rig, "folder/inner.txt")), 0);
    CU_ASSERT_EQUAL(rmdir(path_of(rig, "folder")), 0);
}

static void fill(struct seal_rig *rig)
{
    seal_rig_write(rig, "large.bin", LARGE, 1);
    seal_rig_write(rig, "small.txt", 5000, 2);
    seal_rig_write(rig, "other.txt", 6000, 3);
    CU_ASSERT_EQUAL(mkdir(path_of(rig, "folder"), 0755), 0);
    seal_rig_write(rig, "folder/inner.txt", 100, 4);
}

/* Runs one change over both back ends, where there are two. |unreadable|, |changed|: events
 * expected. What was sealed must open and verify in every case. */
static void check(enum when when, void (*make)(struct seal_rig *), unsigned unreadable,
                  unsigned changed)
{
    static const char *const backends[] = {"auto", "threads"};
    int on_threads = 0;

    for (size_t i = 0; i < 2 && !on_threads; i++) {
        struct change change = {.when = when, .make = make};
        struct adp_verify_options verify = {.selection = {.snapshot = "latest"}};
        struct adp_report report;
        struct seal_rig rig;

        seal_rig_open(&rig);
        fill(&rig);
        on_threads = run(&change, &rig, backends[i]);
        CU_ASSERT_EQUAL(change.unreadable, unreadable);
        CU_ASSERT_EQUAL(change.changed, changed);
        if (unreadable + changed > 0)
            CU_ASSERT_PTR_NOT_NULL(strstr(change.path, "source/"));
        CU_ASSERT_EQUAL(adp_verify(rig.vault, &verify, &report, &rig.err), ADP_OK);
        CU_ASSERT_EQUAL(seal_rig_restore(&rig, (struct adp_options){0}, &report), ADP_OK);
        seal_rig_close(&rig);
    }
}

static void test_grows_while_read(void)
{
    check(WHILE_READING, append_large, 0, 1);
}

static void test_shrinks_while_read(void)
{
    check(WHILE_READING, truncate_large, 0, 1);
}

/* A file that was opened can be read to its end. */
static void test_vanishes_while_read(void)
{
    check(WHILE_READING, remove_large, 0, 1);
}

static void test_vanishes_before(void)
{
    check(AFTER_SCAN, remove_large, 1, 0);
}

static void test_grows_before(void)
{
    check(AFTER_SCAN, grow_small, 0, 0);
}

static void test_shrinks_before(void)
{
    check(AFTER_SCAN, shrink_small, 0, 0);
}

static void test_becomes_link(void)
{
    check(AFTER_SCAN, swap_small_for_link, 1, 0);
}

static void test_becomes_fifo(void)
{
    check(AFTER_SCAN, swap_small_for_fifo, 1, 0);
}

static void test_folder_vanishes(void)
{
    check(AFTER_SCAN, remove_folder, 2, 0);
}

/* What grew between walk and reading is sealed as it is then, whole. */
static void test_grown_content(void)
{
    struct change change = {.when = AFTER_SCAN, .make = grow_small};
    struct adp_report report;
    struct seal_rig rig;

    seal_rig_open(&rig);
    fill(&rig);
    (void)run(&change, &rig, NULL);
    CU_ASSERT_EQUAL(seal_rig_restore(&rig, (struct adp_options){0}, &report), ADP_OK);
    CU_ASSERT_TRUE(seal_rig_same(&rig));
    seal_rig_close(&rig);
}

/* -- Names of one file. */

static void fill_links(struct seal_rig *rig)
{
    static const char *const names[] = {"b", "c", "d"};
    char first[256];

    seal_rig_write(rig, "a", 5000, 1);
    seal_rig_write(rig, "other", 6000, 2);
    snprintf(first, sizeof(first), "%s", path_of(rig, "a"));
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(link(first, path_of(rig, names[i])), 0);
}

static void remove_first(struct seal_rig *rig)
{
    CU_ASSERT_EQUAL(unlink(path_of(rig, "a")), 0);
}

static void replace_first(struct seal_rig *rig)
{
    char from[256];

    snprintf(from, sizeof(from), "%s", path_of(rig, "other"));
    CU_ASSERT_EQUAL(rename(from, path_of(rig, "a")), 0);
}

static void replace_second(struct seal_rig *rig)
{
    char from[256];

    snprintf(from, sizeof(from), "%s", path_of(rig, "other"));
    CU_ASSERT_EQUAL(rename(from, path_of(rig, "b")), 0);
}

/* Whatever becomes of one name, the others have the content that they have in the source. */
static void test_links(void)
{
    static void (*const makes[])(struct seal_rig *) = {remove_first, replace_first, replace_second};

    for (size_t i = 0; i < sizeof(makes) / sizeof(makes[0]); i++) {
        struct change change = {.when = AFTER_SCAN, .make = makes[i]};
        struct adp_report report;
        struct seal_rig rig;
        struct stat c, d;
        char path[256];

        seal_rig_open(&rig);
        fill_links(&rig);
        (void)run(&change, &rig, NULL);
        CU_ASSERT_EQUAL(change.unreadable, 1);
        CU_ASSERT_EQUAL(change.changed, 0);
        CU_ASSERT_EQUAL(seal_rig_restore(&rig, (struct adp_options){0}, &report), ADP_OK);
        CU_ASSERT_TRUE(seal_rig_same(&rig));
        snprintf(path, sizeof(path), "%s/source/c", rig.target);
        CU_ASSERT_EQUAL(stat(path, &c), 0);
        snprintf(path, sizeof(path), "%s/source/d", rig.target);
        CU_ASSERT_EQUAL(stat(path, &d), 0);
        CU_ASSERT_EQUAL(c.st_ino, d.st_ino);
        seal_rig_close(&rig);
    }
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"a file that grows while it is read is named", test_grows_while_read},
        {"a file that shrinks while it is read is named", test_shrinks_while_read},
        {"a file that is unlinked while it is read is named", test_vanishes_while_read},
        {"a file that vanishes before it is read is named", test_vanishes_before},
        {"a file that has grown since the walk is sealed", test_grows_before},
        {"a file that has shrunk since the walk is sealed", test_shrinks_before},
        {"a file that became a link is not followed", test_becomes_link},
        {"a file that became a FIFO does not block", test_becomes_fifo},
        {"a folder that vanishes is named", test_folder_vanishes},
        {"a file that has grown is sealed whole", test_grown_content},
        {"names of one file of which one goes away or becomes another", test_links},
    };

    return adp_test_main("changing sources", cases, sizeof(cases) / sizeof(cases[0]));
}
