/* A pool of threads with a queue of tasks: first in, first out.
 *
 * A task is a small struct that the caller embeds in its own; the pool allocates nothing per task.
 * Each thread has a number (0 to num_threads - 1) so that a caller can keep per-thread state. */
#ifndef ADP_POOL_H
#define ADP_POOL_H

struct adp_pool;

struct adp_task {
    void (*run)(struct adp_task *task, unsigned thread);
    struct adp_task *next; /* the pool's */
};

/* adp_pool_new starts |num_threads| (1 to 256) threads. Returns 0 or -errno; the caller must call
 * adp_pool_free. */
int adp_pool_new(struct adp_pool **out_pool, unsigned num_threads);

/* adp_pool_free runs what was submitted, then joins the threads. NULL is allowed. */
void adp_pool_free(struct adp_pool *pool);

/* adp_pool_submit appends |task|, which must stay valid until its run function is entered (from
 * then on it is the function's to free). Any thread. */
void adp_pool_submit(struct adp_pool *pool, struct adp_task *task);

#endif
