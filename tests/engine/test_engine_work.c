/* What a caller's wishes come to in system calls: syncs, the class of input and output. */
#include <linux/ioprio.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "seal_test.h"

#define NUM_FILES 20

static atomic_uint num_syncs;

/* In the place of the C library's. */
int fsync(int fd)
{
    atomic_fetch_add(&num_syncs, 1);
    return (int)syscall(SYS_fsync, fd);
}

static int io_class(void)
{
    return IOPRIO_PRIO_CLASS(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
}

static void fill(struct seal_rig *rig)
{
    for (unsigned i = 0; i < NUM_FILES; i++) {
        char name[32];

        snprintf(name, sizeof(name), "%u.txt", i);
        seal_rig_write(rig, name, 1000, i);
    }
}

static unsigned syncs_of_open(struct seal_rig *rig, int sync_each)
{
    struct adp_open_options options = {.selection = {.snapshot = "latest"},
                                       .target = rig->target,
                                       .overwrite = 1,
                                       .sync_each = sync_each};
    struct adp_report report;

    atomic_store(&num_syncs, 0);
    CU_ASSERT_EQUAL(adp_open(rig->vault, &options, &report, &rig->err), ADP_OK);
    return atomic_load(&num_syncs);
}

static void test_sync_each(void)
{
    struct adp_report report;
    struct seal_rig rig;

    seal_rig_open(&rig);
    fill(&rig);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, (struct adp_options){0}, &report), ADP_OK);
    CU_ASSERT_TRUE(syncs_of_open(&rig, 0) < NUM_FILES);
    CU_ASSERT_TRUE(syncs_of_open(&rig, 1) >= NUM_FILES);
    seal_rig_close(&rig);
}

static int note_class(void *user, const struct adp_progress *progress)
{
    if (strcmp(progress->stage, "seal") == 0 && progress->done_bytes == progress->total_bytes)
        *(int *)user = io_class();
    return 0;
}

static void test_idle(void)
{
    int before = io_class(), during = -1;
    struct adp_options common = {.is_idle = 1, .on_progress = note_class, .user = &during};
    struct adp_report report;
    struct seal_rig rig;

    seal_rig_open(&rig);
    fill(&rig);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, common, &report), ADP_OK);
    CU_ASSERT_EQUAL(during, IOPRIO_CLASS_IDLE);
    CU_ASSERT_EQUAL(io_class(), before);
    seal_rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"each file is synced on its own, or none is", test_sync_each},
        {"idle while it works, and not afterwards", test_idle},
    };

    return adp_test_main("work", cases, sizeof(cases) / sizeof(cases[0]));
}
