/* What interrupted seals leave behind, and what only looks like it. This program's flock and
 * mkdirat stand before the C library's: they let another seal be faster by a hair. */
#include <errno.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "seal_test.h"

static const char *rename_from, *rename_to; /* what the next lock does first */

int flock(int fd, int operation)
{
    if (rename_from != NULL)
        CU_ASSERT_EQUAL(rename(rename_from, rename_to), 0);
    rename_from = NULL;
    return (int)syscall(SYS_flock, fd, operation);
}

static char taken[64]; /* "?": the next folder is another seal's already */

int mkdirat(int dirfd, const char *name, mode_t mode)
{
    int rc = (int)syscall(SYS_mkdirat, dirfd, name, mode);

    if (rc != 0 || strcmp(taken, "?") != 0)
        return rc;
    snprintf(taken, sizeof(taken), "%s", name);
    errno = EEXIST;
    return -1;
}

static void seal_one(struct seal_rig *rig, struct adp_report *report)
{
    CU_ASSERT_EQUAL_FATAL(seal_rig_seal(rig, (struct adp_options){0}, report), ADP_OK);
}

static int exists(const struct seal_rig *rig, const char *id)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/archives/%s", rig->vault_path, id);
    return access(path, F_OK) == 0;
}

static void record_path(const struct seal_rig *rig, const char *id, char out[256])
{
    snprintf(out, 256, "%s/snapshots/%s.adpr", rig->vault_path, id);
}

/* A folder without a record, whose seal commits between the cleaner's look and its lock. */
static void test_commit_in_between(void)
{
    struct adp_verify_options verify = {.selection = {.snapshot = NULL}};
    struct adp_report first, second;
    char record[256], hidden[256];
    struct seal_rig rig;

    seal_rig_open(&rig);
    seal_rig_write(&rig, "file", 1000, 1);
    seal_one(&rig, &first);
    record_path(&rig, first.snapshot, record);
    snprintf(hidden, sizeof(hidden), "%s/hidden", rig.dir);
    CU_ASSERT_EQUAL(rename(record, hidden), 0);
    rename_to = record;
    rename_from = hidden;
    seal_one(&rig, &second);
    CU_ASSERT_PTR_NULL(rename_from);
    verify.selection.snapshot = first.snapshot;
    CU_ASSERT_EQUAL(adp_verify(rig.vault, &verify, &second, &rig.err), ADP_OK);
    seal_rig_close(&rig);
}

static void test_swept(void)
{
    struct adp_report first, second;
    struct seal_rig rig;
    char record[256];

    seal_rig_open(&rig);
    seal_rig_write(&rig, "file", 1000, 1);
    seal_one(&rig, &first);
    record_path(&rig, first.snapshot, record);
    CU_ASSERT_EQUAL(unlink(record), 0);
    seal_one(&rig, &second);
    CU_ASSERT_FALSE(exists(&rig, first.snapshot));
    CU_ASSERT_TRUE(exists(&rig, second.snapshot));
    seal_rig_close(&rig);
}

static void test_locked(void)
{
    struct adp_report first, second;
    char record[256], path[256];
    struct seal_rig rig;
    int fd;

    seal_rig_open(&rig);
    seal_rig_write(&rig, "file", 1000, 1);
    seal_one(&rig, &first);
    record_path(&rig, first.snapshot, record);
    CU_ASSERT_EQUAL(unlink(record), 0);
    snprintf(path, sizeof(path), "%s/archives/%s", rig.vault_path, first.snapshot);
    fd = open(path, O_RDONLY | O_DIRECTORY);
    CU_ASSERT_EQUAL(flock(fd, LOCK_EX), 0);
    seal_one(&rig, &second);
    CU_ASSERT_TRUE(exists(&rig, first.snapshot));
    close(fd);
    seal_one(&rig, &second);
    CU_ASSERT_FALSE(exists(&rig, first.snapshot));
    seal_rig_close(&rig);
}

/* The same second and the same draw: a folder that is there is never used, nor removed. */
static void test_taken(void)
{
    struct adp_report report;
    struct seal_rig rig;

    seal_rig_open(&rig);
    seal_rig_write(&rig, "file", 1000, 1);
    strcpy(taken, "?");
    seal_one(&rig, &report);
    CU_ASSERT_STRING_NOT_EQUAL(taken, report.snapshot);
    CU_ASSERT_TRUE(exists(&rig, taken));
    taken[0] = '\0';
    seal_rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"a seal that commits under the cleaner's eyes is kept", test_commit_in_between},
        {"the rest of an interrupted seal is removed", test_swept},
        {"a running seal is left alone", test_locked},
        {"a snapshot's folder is nobody else's", test_taken},
    };

    return adp_test_main("leftovers", cases, sizeof(cases) / sizeof(cases[0]));
}
