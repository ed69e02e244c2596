/* The queue on a pool of threads, each of which does one transfer at a time with pread or pwrite.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "ioq_backend.h"
#include "pool.h"
#include "transfer.h"

/* Cold reads of many small files gain up to 16 threads (measured on ext4); beyond, only memory
 * grows. */
#define MAX_THREADS 16

/* struct slot ties a pool's task to a request. There are as many as requests in flight. */
struct slot {
    struct adp_task task;
    struct adp_ioq *queue;
    struct adp_io_req *req;
    struct slot *next;
};

struct threads {
    struct adp_pool *pool;
    struct slot *slots;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct slot *free_slots;
    struct adp_io_req *done;
    struct adp_io_req **done_end;
    int woken;
};

static void finish(struct threads *threads, struct slot *slot, struct adp_io_req *req)
{
    pthread_mutex_lock(&threads->lock);
    slot->next = threads->free_slots;
    threads->free_slots = slot;
    *threads->done_end = req;
    threads->done_end = &req->next;
    pthread_cond_signal(&threads->changed);
    pthread_mutex_unlock(&threads->lock);
}

static void run_slot(struct adp_task *task, unsigned thread)
{
    struct slot *slot = (struct slot *)task; /* its first member */
    struct adp_io_req *req = slot->req;

    (void)thread;
    adp_transfer_run(req, slot->queue->fds[req->file], slot->queue->max_transfer);
    finish(slot->queue->state, slot, req);
}

static void threads_start(struct adp_ioq *queue, struct adp_io_req *req)
{
    struct threads *threads = queue->state;
    struct slot *slot;

    pthread_mutex_lock(&threads->lock);
    slot = threads->free_slots;
    threads->free_slots = slot->next;
    pthread_mutex_unlock(&threads->lock);
    slot->req = req;
    adp_pool_submit(threads->pool, &slot->task);
}

static int threads_reap(struct adp_ioq *queue, struct adp_io_req **out_reqs, unsigned max,
                        int block)
{
    struct threads *threads = queue->state;
    unsigned num = 0;

    pthread_mutex_lock(&threads->lock);
    while (block && threads->done == NULL && !threads->woken)
        pthread_cond_wait(&threads->changed, &threads->lock);
    for (; num < max && threads->done != NULL; num++) {
        out_reqs[num] = threads->done;
        threads->done = threads->done->next;
    }
    if (threads->done == NULL)
        threads->done_end = &threads->done;
    if (block && num == 0)
        threads->woken = 0;
    pthread_mutex_unlock(&threads->lock);
    return (int)num;
}

static void threads_wake(struct adp_ioq *queue)
{
    struct threads *threads = queue->state;

    pthread_mutex_lock(&threads->lock);
    threads->woken = 1;
    pthread_cond_signal(&threads->changed);
    pthread_mutex_unlock(&threads->lock);
}

static void threads_free(struct adp_ioq *queue)
{
    struct threads *threads = queue->state;

    adp_pool_free(threads->pool);
    pthread_cond_destroy(&threads->changed);
    pthread_mutex_destroy(&threads->lock);
    free(threads->slots);
    free(threads);
}

static const struct adp_ioq_ops threads_ops = {
    .name = "threads",
    .start = threads_start,
    .reap = threads_reap,
    .wake = threads_wake,
    .free = threads_free,
};

int adp_ioq_threads_init(struct adp_ioq *queue)
{
    struct threads *threads = calloc(1, sizeof(*threads));
    int rc = -ENOMEM;

    if (threads == NULL)
        goto err0;
    threads->slots = calloc(queue->depth, sizeof(*threads->slots));
    if (threads->slots == NULL)
        goto err1;
    rc = adp_pool_new(&threads->pool, queue->depth < MAX_THREADS ? queue->depth : MAX_THREADS);
    if (rc < 0)
        goto err2;
    pthread_mutex_init(&threads->lock, NULL);
    pthread_cond_init(&threads->changed, NULL);
    threads->done_end = &threads->done;
    for (unsigned i = 0; i < queue->depth; i++) {
        threads->slots[i].task.run = run_slot;
        threads->slots[i].queue = queue;
        threads->slots[i].next = threads->free_slots;
        threads->free_slots = &threads->slots[i];
    }
    queue->ops = &threads_ops;
    queue->state = threads;
    return 0;
err2:
    free(threads->slots);
err1:
    free(threads);
err0:
    return rc;
}
