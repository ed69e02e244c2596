/* Writes through io_uring: they begin when they are submitted, and are over when their completion
 * is in the ring, whether or not anybody has looked at it. The command has one ring at a time. */
#include <liburing.h>
#include <string.h>

#include "crash_at.h"
#include "disk_log.h"

#define MAX_FLYING 4096 /* more than the queue is deep */
#define MAX_FILES  4096

static struct io_uring *ring;
static unsigned seen_tail; /* completions before it have been noted */
static int files[MAX_FILES];
static struct flying {
    uint64_t user_data, number;
} flying[MAX_FLYING];

int io_uring_queue_init(unsigned entries, struct io_uring *new_ring, unsigned flags)
{
    int rc = NEXT(io_uring_queue_init)(entries, new_ring, flags);

    if (rc == 0) {
        ring = new_ring;
        seen_tail = 0;
        memset(flying, 0, sizeof(flying));
    }
    return rc;
}

void io_uring_queue_exit(struct io_uring *old_ring)
{
    ring = NULL;
    NEXT(io_uring_queue_exit)(old_ring);
}

int io_uring_register_files_update(struct io_uring *its_ring, unsigned offset, const int *fds,
                                   unsigned num)
{
    for (unsigned i = 0; i < num && offset + i < MAX_FILES; i++)
        files[offset + i] = fds[i];
    return NEXT(io_uring_register_files_update)(its_ring, offset, fds, num);
}

static void begin(const struct io_uring_sqe *sqe)
{
    int fd = sqe->flags & IOSQE_FIXED_FILE ? files[sqe->fd] : sqe->fd;
    struct flying *free_one = flying;

    if (sqe->opcode != IORING_OP_WRITE && sqe->opcode != IORING_OP_WRITE_FIXED)
        return;
    while (free_one->number != 0)
        free_one++;
    free_one->user_data = sqe->user_data;
    free_one->number = disk_log_write(fd, sqe->off, (const void *)(uintptr_t)sqe->addr, sqe->len);
}

static void submit(const struct io_uring *its_ring)
{
    const struct io_uring_sq *sq = &its_ring->sq;

    if (!disk_log_enter())
        return;
    for (unsigned at = sq->sqe_head; at != sq->sqe_tail; at++)
        begin(&sq->sqes[at & sq->ring_mask]);
    disk_log_leave();
}

void disk_log_uring_done(void)
{
    unsigned tail;

    if (ring == NULL)
        return;
    tail = __atomic_load_n(ring->cq.ktail, __ATOMIC_ACQUIRE);
    for (; seen_tail != tail; seen_tail++) {
        const struct io_uring_cqe *cqe = &ring->cq.cqes[seen_tail & ring->cq.ring_mask];

        for (unsigned i = 0; i < MAX_FLYING; i++) {
            if (flying[i].number == 0 || flying[i].user_data != cqe->user_data)
                continue;
            disk_log_done(flying[i].number, cqe->res);
            flying[i].number = 0;
            break;
        }
    }
}

int io_uring_submit_and_wait(struct io_uring *its_ring, unsigned num)
{
    submit(its_ring);
    return NEXT(io_uring_submit_and_wait)(its_ring, num);
}

int io_uring_submit_and_get_events(struct io_uring *its_ring)
{
    submit(its_ring);
    return NEXT(io_uring_submit_and_get_events)(its_ring);
}
