/* Entries at and beyond what the format holds: named, and no reason to fail for the others. This
 * program's flistxattr and fgetxattr stand before the C library's: few file systems have attributes
 * as large as the kernel allows. */
#include <errno.h>
#include <sys/xattr.h>

#include "seal_test.h"

static unsigned num_names; /* of attributes that every file has */
static size_t value_len;

ssize_t flistxattr(int fd, char *list, size_t size)
{
    size_t used = 0;

    (void)fd;
    for (unsigned i = 0; i < num_names; i++) {
        char name[32];
        size_t len = (size_t)snprintf(name, sizeof(name), "user.%04u", i) + 1;

        if (size > 0 && used + len <= size)
            memcpy(list + used, name, len);
        used += len;
    }
    if (size > 0 && used > size) {
        errno = ERANGE;
        return -1;
    }
    return (ssize_t)used;
}

ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)
{
    (void)fd;
    (void)name;
    if (size > 0 && size < value_len) {
        errno = ERANGE;
        return -1;
    }
    if (size > 0)
        memset(value, 'v', value_len);
    return (ssize_t)value_len;
}

struct events {
    unsigned unreadable;
    char path[256];
};

static void on_event(void *user, const struct adp_event *event)
{
    struct events *events = user;

    events->unreadable += event->kind == ADP_EVENT_UNREADABLE;
    snprintf(events->path, sizeof(events->path), "%s", event->path);
}

static void check_verifies(struct seal_rig *rig)
{
    struct adp_verify_options verify = {.selection = {.snapshot = "latest"}};
    struct adp_report report;

    CU_ASSERT_EQUAL(adp_verify(rig->vault, &verify, &report, &rig->err), ADP_OK);
}

static void check_xattrs(unsigned num, size_t len, unsigned unreadable)
{
    struct events events = {0};
    struct adp_options common = {.on_event = on_event, .user = &events};
    struct adp_report report;
    struct seal_rig rig;

    seal_rig_open(&rig);
    seal_rig_write(&rig, "file", 1000, 1);
    num_names = num;
    value_len = len;
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, common, &report), unreadable ? ADP_ERR_PARTIAL : ADP_OK);
    num_names = 0;
    CU_ASSERT_EQUAL(events.unreadable, unreadable);
    if (unreadable > 0)
        CU_ASSERT_STRING_EQUAL(events.path, "source/file");
    CU_ASSERT_EQUAL(report.categories[0].files, 1);
    check_verifies(&rig);
    seal_rig_close(&rig);
}

static void test_many_xattrs(void)
{
    check_xattrs(1024, 3, 0);
    check_xattrs(1025, 3, 2); /* the file and its folder */
}

static void test_huge_xattrs(void)
{
    check_xattrs(5, 65536, 0);
    check_xattrs(12, 65536, 2);
}

/* Three sparse files, each as long as a file can be, have more bytes than a u64 counts. */
static void test_sum_of_sizes(void)
{
    struct events events = {0};
    char dir[] = "/dev/shm/adp-seal-test-XXXXXX", path[64];
    const char *sources[] = {dir};
    struct adp_seal_options options = {
        .common = {.on_event = on_event, .user = &events}, .sources = sources, .num_sources = 1};
    struct adp_report report;
    struct seal_rig rig;
    int fits = mkdtemp(dir) != NULL;

    for (int i = 0; fits && i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%d", dir, i);
        fits = close(open(path, O_CREAT | O_WRONLY, 0600)) == 0 && truncate(path, INT64_MAX) == 0;
    }
    if (fits) {
        seal_rig_open(&rig);
        CU_ASSERT_EQUAL(adp_seal(rig.vault, &options, &report, &rig.err), ADP_ERR_PARTIAL);
        CU_ASSERT_EQUAL(events.unreadable, 1);
        CU_ASSERT_EQUAL(report.categories[0].files, 2);
        check_verifies(&rig);
        seal_rig_close(&rig);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%d", dir, i);
        unlink(path);
    }
    rmdir(dir);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"more extended attributes than an entry counts", test_many_xattrs},
        {"more extended attributes than an entry holds", test_huge_xattrs},
        {"more bytes than an archive counts", test_sum_of_sizes},
    };

    return adp_test_main("limits", cases, sizeof(cases) / sizeof(cases[0]));
}
