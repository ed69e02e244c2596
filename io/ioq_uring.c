/* The queue on io_uring.
 *
 * The submission ring holds |depth| + 1 entries: every request and the poll on the wake descriptor
 * have at most one entry each, and the completion ring is twice as large. So neither can overflow,
 * and io_uring_get_sqe never fails. Entries gather until a reap enters the kernel. */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ioq_backend.h"
#include "transfer.h"

/* The kernel refuses to register a buffer of more than 1 GiB. */
#define BUFFER_MAX ((size_t)1 << 30)

struct uring {
    struct io_uring ring;
    int is_disabled; /* until the driving thread first enters */
    int wake_fd;
    atomic_int woken;
    atomic_int is_asleep; /* in the kernel, or about to be: a wake needs |wake_fd| */

    const uint8_t *buffers; /* registered memory, as buffers of BUFFER_MAX bytes */
    size_t buffers_len;     /* zero if there is none */

    uint8_t *is_fixed; /* by file number: in the ring's table; NULL without a table */
};

/* registered_buffer returns the number of the registered buffer in which |data| lies, or -1, and
 * cuts |*len| to its end. */
static int registered_buffer(const struct uring *uring, const uint8_t *data, size_t *len)
{
    size_t at = (uintptr_t)data - (uintptr_t)uring->buffers; /* wraps for lower addresses */
    size_t end;

    if (at >= uring->buffers_len)
        return -1;
    end = (at / BUFFER_MAX + 1) * BUFFER_MAX;
    if (end > uring->buffers_len)
        end = uring->buffers_len;
    if (*len > end - at)
        *len = end - at;
    return (int)(at / BUFFER_MAX);
}

static void uring_start(struct adp_ioq *queue, struct adp_io_req *req)
{
    struct uring *uring = queue->state;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
    size_t len = adp_transfer_next_len(req, queue->max_transfer);
    uint8_t *data = req->buf + req->done;
    uint64_t at = req->offset + req->done;
    int buffer = registered_buffer(uring, data, &len);
    int is_fixed = uring->is_fixed != NULL && uring->is_fixed[req->file];
    int fd = is_fixed ? req->file : queue->fds[req->file];

    if (req->op == ADP_IO_READ && buffer >= 0)
        io_uring_prep_read_fixed(sqe, fd, data, (unsigned)len, at, buffer);
    else if (req->op == ADP_IO_READ)
        io_uring_prep_read(sqe, fd, data, (unsigned)len, at);
    else if (buffer >= 0)
        io_uring_prep_write_fixed(sqe, fd, data, (unsigned)len, at, buffer);
    else
        io_uring_prep_write(sqe, fd, data, (unsigned)len, at);
    if (is_fixed)
        io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
    io_uring_sqe_set_data(sqe, req);
}

static void arm_wake(struct uring *uring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

    io_uring_prep_poll_add(sqe, uring->wake_fd, POLLIN);
    io_uring_sqe_set_data(sqe, NULL);
}

static void take_wake(struct uring *uring)
{
    eventfd_t count;

    (void)eventfd_read(uring->wake_fd, &count);
    arm_wake(uring);
}

/* Before the driving thread sleeps it says so and looks once more: whoever wakes either sees it
 * asleep or is seen. */
static int may_sleep(struct uring *uring)
{
    atomic_store(&uring->is_asleep, 1);
    return !atomic_load(&uring->woken);
}

/* enter submits what is queued and, with |wait|, waits for a completion. The first thread to enter
 * becomes the ring's only issuer. */
static int enter(struct uring *uring, int wait)
{
    int rc;

    if (uring->is_disabled) {
        /* Debian's liburing 2.3 declares io_uring_enable_rings but does not export it. */
        rc =
            io_uring_register((unsigned)uring->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
        if (rc < 0)
            return rc;
        uring->is_disabled = 0;
    }
    if (wait)
        rc = io_uring_submit_and_wait(&uring->ring, 1);
    else
        rc = io_uring_submit_and_get_events(&uring->ring);
    if (rc == -EINTR || rc == -EAGAIN || rc == -EBUSY)
        rc = 0; /* what was not submitted stays queued for the next round */
    return rc;
}

/* harvest takes completions off the ring until |max| requests are finished. */
static unsigned harvest(struct adp_ioq *queue, struct adp_io_req **out_reqs, unsigned max)
{
    struct uring *uring = queue->state;
    struct io_uring_cqe *cqe;
    unsigned head, num_seen = 0, num = 0;

    io_uring_for_each_cqe(&uring->ring, head, cqe)
    {
        struct adp_io_req *req = io_uring_cqe_get_data(cqe);

        if (num == max)
            break;
        num_seen++;
        if (req == NULL)
            take_wake(uring);
        else if (adp_transfer_step(req, cqe->res))
            out_reqs[num++] = req;
        else
            uring_start(queue, req);
    }
    io_uring_cq_advance(&uring->ring, num_seen);
    return num;
}

static int uring_reap(struct adp_ioq *queue, struct adp_io_req **out_reqs, unsigned max, int block)
{
    struct uring *uring = queue->state;

    for (;;) {
        int is_ready = io_uring_cq_ready(&uring->ring) > 0;
        unsigned num;
        int rc = 0;

        if (!is_ready || io_uring_sq_ready(&uring->ring) > 0)
            rc = enter(uring, block && !is_ready && may_sleep(uring));
        atomic_store(&uring->is_asleep, 0);
        if (rc < 0)
            return rc;
        num = harvest(queue, out_reqs, max);
        if (num > 0 || !block)
            return (int)num;
        if (atomic_exchange(&uring->woken, 0))
            return 0;
    }
}

static void uring_wake(struct adp_ioq *queue)
{
    struct uring *uring = queue->state;

    /* Writing fails only when the counter is full, and then a wake is pending already. */
    if (!atomic_exchange(&uring->woken, 1) && atomic_load(&uring->is_asleep))
        (void)eventfd_write(uring->wake_fd, 1);
}

static void uring_file_changed(struct adp_ioq *queue, unsigned file)
{
    struct uring *uring = queue->state;

    if (uring->is_fixed == NULL)
        return;
    /* A file that the table does not take is used by its descriptor. */
    uring->is_fixed[file] =
        io_uring_register_files_update(&uring->ring, file, &queue->fds[file], 1) == 1 &&
        queue->fds[file] >= 0;
}

static void uring_free(struct adp_ioq *queue)
{
    struct uring *uring = queue->state;

    io_uring_queue_exit(&uring->ring);
    close(uring->wake_fd);
    free(uring->is_fixed);
    free(uring);
}

static const struct adp_ioq_ops uring_ops = {
    .name = "uring",
    .file_changed = uring_file_changed,
    .start = uring_start,
    .reap = uring_reap,
    .wake = uring_wake,
    .free = uring_free,
};

/* ring_init sets the ring up with the cheapest way of completing that the kernel takes. The ring
 * starts disabled where it may have one issuer only, so that the queue can be made on another
 * thread than the one that drives it. */
static int ring_init(struct uring *uring, unsigned num_entries)
{
    static const unsigned flags[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED,
        IORING_SETUP_COOP_TASKRUN,
        0,
    };
    int rc = -EINVAL;

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && rc == -EINVAL; i++) {
        rc = io_uring_queue_init(num_entries, &uring->ring, flags[i]);
        uring->is_disabled = (flags[i] & IORING_SETUP_R_DISABLED) != 0;
    }
    return rc;
}

static int probe_ops(struct uring *uring)
{
    static const int ops[] = {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READ_FIXED,
                              IORING_OP_WRITE_FIXED, IORING_OP_POLL_ADD};
    struct io_uring_probe *probe = io_uring_get_probe_ring(&uring->ring);
    int rc = probe != NULL ? 0 : -ENOSYS;

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]) && rc == 0; i++) {
        if (!io_uring_opcode_supported(probe, ops[i]))
            rc = -ENOSYS;
    }
    io_uring_free_probe(probe);
    return rc;
}

/* register_buffers makes the memory known to the ring. Where limits forbid it, transfers work on it
 * as on any other. */
static void register_buffers(struct uring *uring, uint8_t *buffers, size_t len)
{
    size_t num = (len + BUFFER_MAX - 1) / BUFFER_MAX;
    struct iovec *pieces = num > 0 ? calloc(num, sizeof(*pieces)) : NULL;

    if (pieces == NULL)
        return;
    for (size_t i = 0; i < num; i++) {
        pieces[i].iov_base = buffers + i * BUFFER_MAX;
        pieces[i].iov_len = i + 1 < num ? BUFFER_MAX : len - i * BUFFER_MAX;
    }
    if (io_uring_register_buffers(&uring->ring, pieces, (unsigned)num) == 0) {
        uring->buffers = buffers;
        uring->buffers_len = len;
    }
    free(pieces);
}

static void register_files(struct uring *uring, unsigned max_files)
{
    uring->is_fixed = calloc(max_files, sizeof(*uring->is_fixed));
    if (uring->is_fixed == NULL)
        return;
    if (io_uring_register_files_sparse(&uring->ring, max_files) < 0) {
        free(uring->is_fixed);
        uring->is_fixed = NULL;
    }
}

int adp_ioq_uring_init(struct adp_ioq *queue, void *buffers, size_t buffers_len)
{
    struct uring *uring = calloc(1, sizeof(*uring));
    int rc = -ENOMEM;

    if (uring == NULL)
        goto err0;
    rc = ring_init(uring, queue->depth + 1);
    if (rc < 0)
        goto err1;
    rc = probe_ops(uring);
    if (rc < 0)
        goto err2;
    uring->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (uring->wake_fd < 0) {
        rc = -errno;
        goto err2;
    }
    register_buffers(uring, buffers, buffers_len);
    register_files(uring, queue->max_files);
    arm_wake(uring);
    queue->ops = &uring_ops;
    queue->state = uring;
    return 0;
err2:
    io_uring_queue_exit(&uring->ring);
err1:
    free(uring);
err0:
    return rc;
}
