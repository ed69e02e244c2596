/* The queue where the kernel says no. */
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "ioq_rig.h"

static void test_bad_files(void)
{
    struct rig rig;
    struct adp_io_req req;
    int fd, file;

    rig_init(&rig);
    req = rig_req(&rig, ADP_IO_READ, rig.buffers, 10, 0);
    req.file = RIG_FILES;
    CU_ASSERT_EQUAL(adp_ioq_submit(rig.queue, &req), -EBADF);
    req.file = rig.file + 1; /* never added */
    CU_ASSERT_EQUAL(adp_ioq_submit(rig.queue, &req), -EBADF);
    CU_ASSERT_EQUAL(adp_ioq_file_add(rig.queue, -1), -EBADF);

    fd = openat(rig.scratch.fd, "file", O_RDONLY | O_CLOEXEC);
    file = rig.file;
    rig.file = adp_ioq_file_add(rig.queue, fd);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, rig.buffers, 10, 0), -EBADF);
    adp_ioq_file_remove(rig.queue, rig.file);
    close(fd);
    rig.file = adp_ioq_file_add(rig.queue, fd); /* closed */
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.buffers, 10, 0), -EBADF);
    adp_ioq_file_remove(rig.queue, rig.file);
    rig.file = file;
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, rig.buffers, 10, 0), 10);
    rig_cleanup(&rig);
}

/* A number that is free again serves another file, and never the one before. */
static void test_file_numbers_are_reused(void)
{
    struct rig rig;
    int fds[RIG_FILES];

    rig_init(&rig);
    adp_ioq_file_remove(rig.queue, rig.file);
    for (int round = 0; round < 3; round++) {
        int files[RIG_FILES];
        char name[32];

        for (int i = 0; i < RIG_FILES; i++) {
            snprintf(name, sizeof(name), "f%d-%d", round, i);
            fds[i] = openat(rig.scratch.fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            files[i] = adp_ioq_file_add(rig.queue, fds[i]);
            CU_ASSERT_TRUE_FATAL(files[i] >= 0);
        }
        CU_ASSERT_EQUAL(adp_ioq_file_add(rig.queue, rig.fd), -ENFILE);
        for (int i = 0; i < RIG_FILES; i++) {
            uint8_t mark = (uint8_t)(round * 16 + i), found = 255;

            rig.file = files[i];
            CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, &mark, 1, 0), 1);
            CU_ASSERT_EQUAL(adp_fs_read_all(fds[i], &found, 1, 0), 1);
            CU_ASSERT_EQUAL(found, mark);
        }
        for (int i = 0; i < RIG_FILES; i++) {
            adp_ioq_file_remove(rig.queue, files[i]);
            adp_ioq_file_remove(rig.queue, files[i]); /* a second time does nothing */
            close(fds[i]);
        }
    }
    rig_cleanup(&rig);
}

static void test_dev_full(void)
{
    struct rig rig;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    rig_init(&rig);
    rig.file = adp_ioq_file_add(rig.queue, fd);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, rig.buffers, 4096, 0), -ENOSPC);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, rig.other, 4096, 0), -ENOSPC);
    rig_cleanup(&rig);
    close(fd);
}

/* The first part of the write fits; it must not pass for all of it. */
static int full_disk(const struct scratch *scratch)
{
    struct rig rig = {.buffers = rig_map(RIG_BUFFERS)};
    struct adp_io_req req, *done[1];

    if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", scratch->path, "tmpfs", 0, "size=64k") < 0 || chdir(scratch->path) < 0)
        return ADP_TEST_SKIPPED;
    rig.fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    rig_queue(&rig);
    req = rig_req(&rig, ADP_IO_WRITE, rig.buffers, 1 << 20, 0);
    if (adp_ioq_submit(rig.queue, &req) < 0 || adp_ioq_wait(rig.queue, done, 1) != 1)
        return 1;
    adp_ioq_free(rig.queue);
    return req.result == -ENOSPC ? 0 : 2;
}

static void test_full_disk(void)
{
    struct scratch scratch = scratch_make();
    int rc = scratch_child(full_disk, &scratch, 0);

    if (rc == ADP_TEST_SKIPPED)
        printf("(no right to mount: only /dev/full was tried) ");
    else
        CU_ASSERT_EQUAL(rc, 0);
    scratch_remove(&scratch);
}

static void test_file_size_limit(void)
{
    struct rig rig;
    struct rlimit old, limit;

    rig_init(&rig);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit){.rlim_cur = 10000, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, rig.buffers, 20000, 0), -EFBIG);
    setrlimit(RLIMIT_FSIZE, &old);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, rig.buffers, 20000, 0), 20000);
    rig_cleanup(&rig);
}

static volatile sig_atomic_t num_signals;

static void on_signal(int number)
{
    (void)number;
    num_signals = num_signals + 1;
}

/* Signals, one a millisecond, change nothing: no result, and no wait that returns early. */
static void test_signals(void)
{
    struct itimerval each_ms = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000}, off = {0};
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART */
    struct rig rig;

    rig_init(&rig);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &each_ms, NULL);
    rig.queue->max_transfer = 4096;
    while (num_signals < 100) {
        memset(rig.other, num_signals, RIG_BUFFERS);
        CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, rig.other, RIG_BUFFERS, 0), RIG_BUFFERS);
        CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.buffers, RIG_BUFFERS, 0), RIG_BUFFERS);
        CU_ASSERT_EQUAL(memcmp(rig.other, rig.buffers, RIG_BUFFERS), 0);
    }
    setitimer(ITIMER_REAL, &off, NULL);
    rig_cleanup(&rig);
}

/* Without the right to lock the buffers or to have a table of files, transfers work on plain memory
 * and descriptors. */
static int poor(const struct scratch *scratch)
{
    enum { LEN = 16 << 20 };
    /* Enough for the ring, not for the buffers. */
    struct rlimit locked = {.rlim_cur = LEN / 2, .rlim_max = LEN / 2};
    struct rlimit few = {.rlim_cur = 64, .rlim_max = 64};
    uint8_t *buffers = rig_map(LEN);
    struct adp_io_req req = {.op = ADP_IO_WRITE, .buf = buffers, .len = LEN}, *done[1];
    struct adp_ioq *queue;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)scratch;
    setrlimit(RLIMIT_MEMLOCK, &locked);
    setrlimit(RLIMIT_NOFILE, &few);
    if (adp_ioq_new(&queue, rig_backend, 8, 1000, buffers, LEN) < 0)
        return 1;
    req.file = adp_ioq_file_add(queue, fd);
    if (req.file < 0 || adp_ioq_submit(queue, &req) < 0 || adp_ioq_wait(queue, done, 1) != 1)
        return 2;
    adp_ioq_free(queue);
    return req.result == LEN ? 0 : 3;
}

static void test_low_limits(void)
{
    CU_ASSERT_EQUAL(scratch_child(poor, NULL, 1), 0);
}

static int forbidden(const struct scratch *scratch)
{
    struct adp_ioq *queue;

    (void)scratch;
    if (scratch_forbid(SYS_io_uring_setup, EPERM) < 0)
        return ADP_TEST_SKIPPED;
    if (adp_ioq_new(&queue, ADP_IOQ_URING, 8, 8, NULL, 0) != -EPERM)
        return 1;
    if (adp_ioq_new(&queue, ADP_IOQ_AUTO, 8, 8, NULL, 0) != 0)
        return 2;
    if (strcmp(adp_ioq_backend_name(queue), "threads") != 0)
        return 3;
    adp_ioq_free(queue);
    return 0;
}

static void test_ring_is_forbidden(void)
{
    int rc = scratch_child(forbidden, NULL, 0);

    CU_ASSERT_TRUE(rc == 0 || rc == ADP_TEST_SKIPPED);
}

static void test_auto_takes_the_ring(void)
{
    struct adp_ioq *queue;

    if (rig_backend != ADP_IOQ_URING)
        return;
    CU_ASSERT_EQUAL_FATAL(adp_ioq_new(&queue, ADP_IOQ_AUTO, 8, 8, NULL, 0), 0);
    CU_ASSERT_STRING_EQUAL(adp_ioq_backend_name(queue), "uring");
    adp_ioq_free(queue);
}

int main(int argc, char **argv)
{
    static const struct adp_test_case cases[] = {
        {"bad files", test_bad_files},
        {"file numbers are reused", test_file_numbers_are_reused},
        {"/dev/full", test_dev_full},
        {"full disk", test_full_disk},
        {"file size limit", test_file_size_limit},
        {"signals", test_signals},
        {"low limits", test_low_limits},
        {"ring is forbidden", test_ring_is_forbidden},
        {"auto takes the ring", test_auto_takes_the_ring},
    };

    return rig_main(argc, argv, "ioq_faults", cases, sizeof(cases) / sizeof(cases[0]));
}
