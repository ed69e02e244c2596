/* The queue's ordinary work, on either back end. */
#include <pthread.h>

#include "ioq_rig.h"

static void round_trip(struct rig *rig, uint8_t *from, uint8_t *to, size_t len, uint64_t offset)
{
    rig_pattern(from, len, (unsigned)(len + offset));
    memset(to, 0, len);
    CU_ASSERT_EQUAL(rig_run(rig, ADP_IO_WRITE, from, len, offset), (int64_t)len);
    CU_ASSERT_EQUAL(rig_run(rig, ADP_IO_READ, to, len, offset), (int64_t)len);
    CU_ASSERT_EQUAL(memcmp(from, to, len), 0);
}

static void test_any_memory(void)
{
    struct rig rig;

    rig_init(&rig);
    round_trip(&rig, rig.buffers, rig.other, 100000, 0);
    round_trip(&rig, rig.other, rig.buffers + 5, 100000, 12345);
    round_trip(&rig, rig.other + 1, rig.other + 200000, 1, 99);
    round_trip(&rig, rig.buffers + RIG_BUFFERS - 300, rig.buffers, 300, 7);
    rig_cleanup(&rig);
}

/* A request may begin in the queue's buffers and end behind them. */
static void test_across_the_end_of_buffers(void)
{
    struct rig rig;
    uint8_t *all;

    rig_init(&rig);
    adp_ioq_free(rig.queue);
    all = rig_map(2 * RIG_BUFFERS);
    munmap(rig.buffers, RIG_BUFFERS);
    rig.buffers = all;
    rig_queue(&rig);
    round_trip(&rig, all + RIG_BUFFERS - 5000, rig.other, 10000, 0);
    round_trip(&rig, rig.other, all + RIG_BUFFERS - 1, 2, 3);
    munmap(all + RIG_BUFFERS, RIG_BUFFERS);
    rig_cleanup(&rig);
}

/* struct full is a queue that is kept full: each of RIG_DEPTH slots has a request, and a slot whose
 * request came back is sent again. */
struct full {
    struct rig rig;
    struct adp_io_req reqs[RIG_DEPTH];
    unsigned num_sent, num_done;
};

#define SLOT_LEN (RIG_BUFFERS / RIG_DEPTH)

static void send_slot(struct full *full, unsigned slot)
{
    uint64_t offset = full->num_sent * 7919 % (RIG_BUFFERS - SLOT_LEN);
    uint8_t *buf = full->rig.buffers + slot * SLOT_LEN;

    full->reqs[slot] = rig_req(&full->rig, ADP_IO_READ, buf, SLOT_LEN - full->num_sent % 7, offset);
    full->reqs[slot].user = &full->reqs[slot];
    CU_ASSERT_EQUAL_FATAL(adp_ioq_submit(full->rig.queue, &full->reqs[slot]), 0);
    full->num_sent++;
}

/* Every request comes back once, with its own data, while the queue is kept full. */
static void test_many_in_flight(void)
{
    enum { NUM = 2000 };
    struct full full = {0};
    struct rig *rig = &full.rig;
    struct adp_io_req *done[RIG_DEPTH];

    rig_init(rig);
    rig_pattern(rig->other, RIG_BUFFERS, 1);
    CU_ASSERT_EQUAL(rig_run(rig, ADP_IO_WRITE, rig->other, RIG_BUFFERS, 0), RIG_BUFFERS);
    for (unsigned slot = 0; slot < RIG_DEPTH; slot++)
        send_slot(&full, slot);
    while (full.num_done < full.num_sent) {
        int n = adp_ioq_wait(rig->queue, done, RIG_DEPTH);

        CU_ASSERT_FATAL(n > 0);
        for (int i = 0; i < n; i++) {
            CU_ASSERT_PTR_EQUAL(done[i]->user, done[i]);
            CU_ASSERT_EQUAL(done[i]->result, (int64_t)done[i]->len);
            CU_ASSERT_EQUAL(memcmp(done[i]->buf, rig->other + done[i]->offset, done[i]->len), 0);
            memset(done[i]->buf, 0, done[i]->len);
            full.num_done++;
            if (full.num_sent < NUM)
                send_slot(&full, (unsigned)(done[i] - full.reqs));
        }
    }
    CU_ASSERT_EQUAL(full.num_done, NUM);
    CU_ASSERT_EQUAL(adp_ioq_poll(rig->queue, done, RIG_DEPTH), 0);
    rig_cleanup(rig);
}

/* A long transfer holds up nothing that was submitted after it. */
static void test_out_of_order(void)
{
    struct rig rig;
    struct adp_io_req slow, quick, *done[1];

    rig_init(&rig);
    CU_ASSERT_EQUAL(ftruncate(rig.fd, RIG_BUFFERS), 0);
    rig.queue->max_transfer = 8;
    slow = rig_req(&rig, ADP_IO_READ, rig.buffers, RIG_BUFFERS, 0);
    quick = rig_req(&rig, ADP_IO_READ, rig.other, 1, 0);
    CU_ASSERT_EQUAL(adp_ioq_submit(rig.queue, &slow), 0);
    CU_ASSERT_EQUAL(adp_ioq_submit(rig.queue, &quick), 0);
    CU_ASSERT_EQUAL(adp_ioq_wait(rig.queue, done, 1), 1);
    CU_ASSERT_PTR_EQUAL(done[0], &quick);
    CU_ASSERT_EQUAL(adp_ioq_wait(rig.queue, done, 1), 1);
    CU_ASSERT_PTR_EQUAL(done[0], &slow);
    CU_ASSERT_EQUAL(slow.result, RIG_BUFFERS);
    rig_cleanup(&rig);
}

/* What the kernel does in several pieces comes back in one. */
static void test_short_transfers(void)
{
    struct rig rig;

    rig_init(&rig);
    rig.queue->max_transfer = 777;
    round_trip(&rig, rig.buffers, rig.other, 50000, 11);
    round_trip(&rig, rig.other, rig.buffers, 778, 0);
    round_trip(&rig, rig.other, rig.buffers, 777, 0);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.other, 60000, 11), 50000);
    rig_cleanup(&rig);
}

static void test_end_of_file(void)
{
    struct rig rig;

    rig_init(&rig);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.buffers, 4096, 0), 0);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, rig.buffers, 1000, 0), 1000);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.buffers, 4096, 0), 1000);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.other, 4096, 999), 1);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.buffers, 4096, 1000), 0);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.buffers, 4096, 1 << 20), 0);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.buffers, 0, 0), 0);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, rig.buffers, 0, 0), 0);
    rig_cleanup(&rig);
}

/* A direct read of a file whose length is no multiple of a block stops in the middle of one. */
static void test_direct_end_of_file(void)
{
    struct rig rig;
    int fd;

    rig_init(&rig);
    rig_pattern(rig.other, 9001, 3);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, rig.other, 9001, 0), 9001);
    fd = openat(rig.scratch.fd, "file", O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (fd >= 0) {
        rig.file = adp_ioq_file_add(rig.queue, fd);
        CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.buffers, 65536, 0), 9001);
        CU_ASSERT_EQUAL(memcmp(rig.buffers, rig.other, 9001), 0);
        CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.buffers, 4096, 8192), 809);
        adp_ioq_file_remove(rig.queue, rig.file);
        close(fd);
    }
    rig_cleanup(&rig);
}

/* The size that a caller took from stat is not what it gets once the file has changed. */
static void test_file_that_shrinks_and_grows(void)
{
    struct rig rig;

    rig_init(&rig);
    rig.queue->max_transfer = 4096;
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_WRITE, rig.buffers, 100000, 0), 100000);
    CU_ASSERT_EQUAL(ftruncate(rig.fd, 30001), 0);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.buffers, 100000, 0), 30001);
    CU_ASSERT_EQUAL(ftruncate(rig.fd, 200000), 0);
    CU_ASSERT_EQUAL(rig_run(&rig, ADP_IO_READ, rig.buffers, 100000, 0), 100000);
    rig_cleanup(&rig);
}

static void test_depth(void)
{
    struct rig rig;
    struct adp_io_req reqs[RIG_DEPTH + 1], *done[RIG_DEPTH];

    rig_init(&rig);
    for (int i = 0; i <= RIG_DEPTH; i++) {
        reqs[i] = rig_req(&rig, ADP_IO_WRITE, rig.buffers, 10, 0);
        CU_ASSERT_EQUAL(adp_ioq_submit(rig.queue, &reqs[i]), i < RIG_DEPTH ? 0 : -EBUSY);
    }
    for (int i = 0; i < RIG_DEPTH; i++)
        CU_ASSERT_EQUAL(adp_ioq_wait(rig.queue, done, 1), 1);
    CU_ASSERT_EQUAL(adp_ioq_poll(rig.queue, done, RIG_DEPTH), 0);
    CU_ASSERT_EQUAL(adp_ioq_submit(rig.queue, &reqs[RIG_DEPTH]), 0);
    rig_wait_all(&rig, 1);
    rig_cleanup(&rig);
}

static void test_poll_finishes(void)
{
    struct rig rig;
    struct adp_io_req req, *done[1];
    int n;

    rig_init(&rig);
    req = rig_req(&rig, ADP_IO_WRITE, rig.buffers, RIG_BUFFERS, 0);
    CU_ASSERT_EQUAL(adp_ioq_submit(rig.queue, &req), 0);
    while ((n = adp_ioq_poll(rig.queue, done, 1)) == 0)
        usleep(100);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(req.result, RIG_BUFFERS);
    rig_cleanup(&rig);
}

static void test_free_waits(void)
{
    struct rig rig;
    struct adp_io_req reqs[RIG_DEPTH];
    size_t len = RIG_BUFFERS / RIG_DEPTH;

    rig_init(&rig);
    rig_pattern(rig.buffers, RIG_BUFFERS, 5);
    rig.queue->max_transfer = 1000;
    for (int i = 0; i < RIG_DEPTH; i++) {
        reqs[i] =
            rig_req(&rig, ADP_IO_WRITE, rig.buffers + (size_t)i * len, len, (uint64_t)i * len);
        CU_ASSERT_EQUAL(adp_ioq_submit(rig.queue, &reqs[i]), 0);
    }
    adp_ioq_wake(rig.queue);
    adp_ioq_free(rig.queue);
    rig.queue = NULL;
    CU_ASSERT_EQUAL(adp_fs_read_all(rig.fd, rig.other, RIG_BUFFERS, 0), RIG_BUFFERS);
    CU_ASSERT_EQUAL(memcmp(rig.buffers, rig.other, RIG_BUFFERS), 0);
    rig_cleanup(&rig);
}

static void *wake_later(void *queue)
{
    usleep(20000);
    adp_ioq_wake(queue);
    return NULL;
}

static void test_wake(void)
{
    struct rig rig;
    struct adp_io_req req, *done[1];
    unsigned num_wakes = 0, num_reqs = 0;
    pthread_t thread;

    rig_init(&rig);
    pthread_create(&thread, NULL, wake_later, rig.queue);
    CU_ASSERT_EQUAL(adp_ioq_wait(rig.queue, done, 1), 0);
    pthread_join(thread, NULL);
    /* Wakes that nobody waited for are remembered, as one, and a poll does not use it up. */
    adp_ioq_wake(rig.queue);
    adp_ioq_wake(rig.queue);
    CU_ASSERT_EQUAL(adp_ioq_poll(rig.queue, done, 1), 0);
    CU_ASSERT_EQUAL(adp_ioq_wait(rig.queue, done, 1), 0);
    /* A wake and a request are both reported, in either order. */
    req = rig_req(&rig, ADP_IO_WRITE, rig.buffers, 1, 0);
    CU_ASSERT_EQUAL(adp_ioq_submit(rig.queue, &req), 0);
    adp_ioq_wake(rig.queue);
    for (int i = 0; i < 2; i++) {
        int n = adp_ioq_wait(rig.queue, done, 1);

        num_wakes += n == 0;
        num_reqs += n == 1;
    }
    CU_ASSERT_TRUE(num_wakes == 1 && num_reqs == 1);
    rig_cleanup(&rig);
}

static void *drive(void *arg)
{
    struct rig *rig = arg;

    round_trip(rig, rig->buffers, rig->other, 5000, 0);
    return NULL;
}

/* Made here, driven there, freed here. */
static void test_another_thread_drives(void)
{
    struct rig rig;
    pthread_t thread;

    rig_init(&rig);
    pthread_create(&thread, NULL, drive, &rig);
    pthread_join(thread, NULL);
    rig_cleanup(&rig);
}

static void test_arguments(void)
{
    struct adp_ioq *queue;

    CU_ASSERT_EQUAL(adp_ioq_new(&queue, rig_backend, 0, 1, NULL, 0), -EINVAL);
    CU_ASSERT_EQUAL(adp_ioq_new(&queue, rig_backend, 4097, 1, NULL, 0), -EINVAL);
    CU_ASSERT_EQUAL(adp_ioq_new(&queue, rig_backend, 1, 0, NULL, 0), -EINVAL);
    CU_ASSERT_PTR_NULL(queue);
    CU_ASSERT_EQUAL_FATAL(adp_ioq_new(&queue, rig_backend, 4096, 1000, NULL, 0), 0);
    CU_ASSERT_STRING_EQUAL(adp_ioq_backend_name(queue),
                           rig_backend == ADP_IOQ_URING ? "uring" : "threads");
    adp_ioq_free(queue);
    adp_ioq_free(NULL);
}

int main(int argc, char **argv)
{
    static const struct adp_test_case cases[] = {
        {"any memory", test_any_memory},
        {"across the end of the buffers", test_across_the_end_of_buffers},
        {"many in flight", test_many_in_flight},
        {"out of order", test_out_of_order},
        {"short transfers are finished", test_short_transfers},
        {"end of file", test_end_of_file},
        {"end of file, direct", test_direct_end_of_file},
        {"a file that shrinks and grows", test_file_that_shrinks_and_grows},
        {"depth is the limit", test_depth},
        {"poll finishes", test_poll_finishes},
        {"free waits for what is in flight", test_free_waits},
        {"wake", test_wake},
        {"another thread drives", test_another_thread_drives},
        {"arguments", test_arguments},
    };

    return rig_main(argc, argv, "ioq", cases, sizeof(cases) / sizeof(cases[0]));
}
