/* The contract between the queue's front (ioq.c) and its back ends.
 *
 * The front keeps the counts and the file table, and checks arguments: a back end may assume that
 * never more than |depth| requests are with it, that |req->file| is in use, and that all calls but
 * wake come from one thread at a time. A back end finishes short transfers with transfer.h. */
#ifndef ADP_IOQ_BACKEND_H
#define ADP_IOQ_BACKEND_H

#include "ioq.h"

struct adp_ioq_ops {
    const char *name;

    /* file_changed says that |queue->fds[file]| has become another descriptor, or -1. May be NULL.
     */
    void (*file_changed)(struct adp_ioq *queue, unsigned file);

    /* start takes |req|, whose |done| is zero, or queues it until the next reap. */
    void (*start)(struct adp_ioq *queue, struct adp_io_req *req);

    /* reap starts what is queued and stores up to |max| (at least 1) finished requests. With
     * |block| it waits until there is one or a wake is pending; a wake is used up by a blocking
     * reap that returns zero, and by nothing else. Returns the number, or -errno. */
    int (*reap)(struct adp_ioq *queue, struct adp_io_req **out_reqs, unsigned max, int block);

    void (*wake)(struct adp_ioq *queue);

    /* free is called with no request in the back end, or after reap has failed. */
    void (*free)(struct adp_ioq *queue);
};

struct adp_ioq {
    const struct adp_ioq_ops *ops;
    void *state; /* the back end's */
    unsigned depth;
    unsigned num_in_flight;
    size_t max_transfer; /* bytes per attempt; lowered by tests to force short transfers */

    unsigned max_files;
    unsigned num_free;
    int *fds;             /* by file number; -1 where free */
    unsigned *free_files; /* a stack of |num_free| file numbers */
};

/* The back ends: each sets |ops| and |state| of a queue that is otherwise complete. Return 0 or
 * -errno. */
int adp_ioq_uring_init(struct adp_ioq *queue, void *buffers, size_t buffers_len);
int adp_ioq_threads_init(struct adp_ioq *queue);

#endif
