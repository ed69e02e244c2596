/* A queue with buffers and a file, on the back end that the command line names. */
#ifndef ADP_TEST_IOQ_RIG_H
#define ADP_TEST_IOQ_RIG_H

#include <sys/mman.h>

#include "ioq.h"
#include "ioq_backend.h"
#include "scratch.h"

#define RIG_DEPTH   32
#define RIG_FILES   4
#define RIG_BUFFERS ((size_t)1 << 20)

static enum adp_ioq_backend rig_backend = ADP_IOQ_URING;

struct rig {
    struct scratch scratch;
    uint8_t *buffers; /* the queue's */
    uint8_t *other;   /* as large, unknown to the queue */
    struct adp_ioq *queue;
    int fd;   /* an empty file, open for reading and writing */
    int file; /* its number */
};

static inline uint8_t *rig_map(size_t len)
{
    void *data =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (data == MAP_FAILED)
        abort();
    return data;
}

static inline void rig_queue(struct rig *rig)
{
    int rc = adp_ioq_new(&rig->queue, rig_backend, RIG_DEPTH, RIG_FILES, rig->buffers, RIG_BUFFERS);

    CU_ASSERT_EQUAL_FATAL(rc, 0);
    rig->file = adp_ioq_file_add(rig->queue, rig->fd);
    CU_ASSERT_TRUE_FATAL(rig->file >= 0);
}

static inline void rig_init(struct rig *rig)
{
    rig->scratch = scratch_make();
    rig->buffers = rig_map(RIG_BUFFERS);
    rig->other = rig_map(RIG_BUFFERS);
    rig->fd = openat(rig->scratch.fd, "file", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    rig_queue(rig);
}

static inline void rig_cleanup(struct rig *rig)
{
    adp_ioq_free(rig->queue);
    close(rig->fd);
    munmap(rig->buffers, RIG_BUFFERS);
    munmap(rig->other, RIG_BUFFERS);
    scratch_remove(&rig->scratch);
}

static inline void rig_pattern(uint8_t *data, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = (uint8_t)(seed >> 24);
    }
}

static inline struct adp_io_req rig_req(const struct rig *rig, enum adp_io_op op, uint8_t *buf,
                                        size_t len, uint64_t offset)
{
    return (struct adp_io_req){
        .op = op, .file = rig->file, .buf = buf, .len = len, .offset = offset};
}

/* rig_wait_all takes |num| requests back. */
static inline void rig_wait_all(struct rig *rig, unsigned num)
{
    struct adp_io_req *reqs[RIG_DEPTH];

    while (num > 0) {
        int n = adp_ioq_wait(rig->queue, reqs, RIG_DEPTH);

        CU_ASSERT_FATAL(n > 0 && (unsigned)n <= num);
        num -= (unsigned)n;
    }
}

/* rig_run does one transfer and returns its result. */
static inline int64_t rig_run(struct rig *rig, enum adp_io_op op, uint8_t *buf, size_t len,
                              uint64_t offset)
{
    struct adp_io_req req = rig_req(rig, op, buf, len, offset);

    CU_ASSERT_EQUAL_FATAL(adp_ioq_submit(rig->queue, &req), 0);
    rig_wait_all(rig, 1);
    return req.result;
}

/* rig_main runs |cases| on the back end called |argv[1]|, io_uring by default. */
static inline int rig_main(int argc, char **argv, const char *suite,
                           const struct adp_test_case *cases, size_t num)
{
    struct adp_ioq *queue;
    int rc;

    if (argc > 1 && strcmp(argv[1], "threads") == 0)
        rig_backend = ADP_IOQ_THREADS;
    rc = adp_ioq_new(&queue, rig_backend, 1, 1, NULL, 0);
    if (rc < 0) {
        printf("%s: no such queue here: %s\n", suite, strerror(-rc));
        return rig_backend == ADP_IOQ_URING ? ADP_TEST_SKIPPED : 1;
    }
    adp_ioq_free(queue);
    return adp_test_main(suite, cases, num);
}

#endif
