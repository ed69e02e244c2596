/* A queue of reads and writes in flight, on io_uring or on a pool of threads.
 *
 * The caller owns requests, buffers and descriptors; the queue owns a request from submit until
 * adp_ioq_wait hands it back. Short reads and writes, EINTR and EAGAIN are finished inside: a
 * result below |len| means end of file (reads) or never happens (writes: ENOSPC and the like are
 * errors). Requests complete in any order.
 *
 * Files are such that can be read at an offset: pipes are not.
 *
 * Threads: one thread drives a queue, from its first wait or poll on; before that, another may make
 * it, and after the last request came back, another may free it. adp_ioq_wake alone may be called
 * from any thread at any time.
 * Errors: functions return 0 (or a count) on success, -errno on failure. */
#ifndef ADP_IOQ_H
#define ADP_IOQ_H

#include <stddef.h>
#include <stdint.h>

enum adp_ioq_backend {
    ADP_IOQ_AUTO = 0, /* io_uring where it can be set up, threads elsewhere */
    ADP_IOQ_URING = 1,
    ADP_IOQ_THREADS = 2,
};

enum adp_io_op {
    ADP_IO_READ = 1,
    ADP_IO_WRITE = 2,
};

/* struct adp_io_req is one transfer. The caller fills the first block; |result| is set at
 * completion: bytes moved, or -errno. The rest is the queue's while the request is in flight. */
struct adp_io_req {
    enum adp_io_op op;
    int file; /* from adp_ioq_file_add */
    uint8_t *buf;
    size_t len;
    uint64_t offset;
    void *user;

    int64_t result;

    size_t done;
    struct adp_io_req *next;
};

struct adp_ioq;

/* adp_ioq_new makes a queue for at most |depth| requests (1 to 4096) and |max_files| files in
 * flight. |buffers| of |buffers_len| bytes, page-aligned, is the memory that most requests use; it
 * is registered with the ring where limits allow (RLIMIT_MEMLOCK) and must outlive the queue.
 * Requests on other memory work as well, only slower. |buffers| may be NULL.
 *
 * ADP_IOQ_URING fails with -ENOSYS or -EPERM where the kernel refuses a ring; ADP_IOQ_AUTO then
 * takes threads. The caller must call adp_ioq_free. */
int adp_ioq_new(struct adp_ioq **out_queue, enum adp_ioq_backend backend, unsigned depth,
                unsigned max_files, void *buffers, size_t buffers_len);

/* adp_ioq_free waits for every request in flight, then frees. NULL is allowed. */
void adp_ioq_free(struct adp_ioq *queue);

/* adp_ioq_backend_name says what the queue runs on: "uring" or "threads". */
const char *adp_ioq_backend_name(const struct adp_ioq *queue);

/* adp_ioq_file_add makes |fd| usable in requests and returns its number, or -errno (-ENFILE if all
 * |max_files| are taken). The caller keeps |fd| open until adp_ioq_file_remove. */
int adp_ioq_file_add(struct adp_ioq *queue, int fd);

/* adp_ioq_file_remove ends the use of |file|; no request on it may be in flight. */
void adp_ioq_file_remove(struct adp_ioq *queue, int file);

/* adp_ioq_submit starts |req|, at the latest in the next wait or poll. Returns 0, or -EBUSY if
 * |depth| requests are in flight, or -EBADF if |req->file| is not from adp_ioq_file_add. */
int adp_ioq_submit(struct adp_ioq *queue, struct adp_io_req *req);

/* adp_ioq_wait blocks until a request is complete or adp_ioq_wake was called, and stores up to
 * |max| completed requests. Returns their number: zero after a wake. If nothing is in flight it
 * still waits for a wake. A wake is remembered until an adp_ioq_wait returns zero. -errno if the
 * queue itself has failed. */
int adp_ioq_wait(struct adp_ioq *queue, struct adp_io_req **out_reqs, unsigned max);

/* adp_ioq_poll is adp_ioq_wait that never blocks. */
int adp_ioq_poll(struct adp_ioq *queue, struct adp_io_req **out_reqs, unsigned max);

/* adp_ioq_wake makes a present or the next adp_ioq_wait return. Any thread. */
void adp_ioq_wake(struct adp_ioq *queue);

#endif
