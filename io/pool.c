#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define MAX_THREADS 256

struct worker {
    struct adp_pool *pool;
    unsigned number;
    pthread_t thread;
};

struct adp_pool {
    pthread_mutex_t lock; /* guards the rest but the workers */
    pthread_cond_t changed;
    struct adp_task *tasks;
    struct adp_task **tasks_end;
    unsigned num_waiting;
    int is_closing;

    unsigned num_workers; /* started */
    struct worker workers[];
};

/* next_task waits for a task. NULL once the pool is closing and all tasks are taken. */
static struct adp_task *next_task(struct adp_pool *pool)
{
    struct adp_task *task;

    pthread_mutex_lock(&pool->lock);
    pool->num_waiting++;
    while (pool->tasks == NULL && !pool->is_closing)
        pthread_cond_wait(&pool->changed, &pool->lock);
    pool->num_waiting--;
    task = pool->tasks;
    if (task != NULL) {
        pool->tasks = task->next;
        if (pool->tasks == NULL)
            pool->tasks_end = &pool->tasks;
    }
    pthread_mutex_unlock(&pool->lock);
    return task;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct adp_task *task;

    while ((task = next_task(worker->pool)) != NULL)
        task->run(task, worker->number);
    return NULL;
}

/* start_workers starts them with all signals blocked: signals belong to the caller's threads. */
static int start_workers(struct adp_pool *pool, unsigned num)
{
    sigset_t all, old;
    int rc = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (unsigned i = 0; i < num && rc == 0; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].number = i;
        rc = pthread_create(&pool->workers[i].thread, NULL, work, &pool->workers[i]);
        if (rc == 0)
            pool->num_workers++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -rc;
}

int adp_pool_new(struct adp_pool **out_pool, unsigned num_threads)
{
    struct adp_pool *pool;
    int rc;

    *out_pool = NULL;
    if (num_threads == 0 || num_threads > MAX_THREADS)
        return -EINVAL;
    pool = calloc(1, sizeof(*pool) + num_threads * sizeof(pool->workers[0]));
    if (pool == NULL)
        return -ENOMEM;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    pool->tasks_end = &pool->tasks;
    rc = start_workers(pool, num_threads);
    if (rc < 0) {
        adp_pool_free(pool);
        return rc;
    }
    *out_pool = pool;
    return 0;
}

void adp_pool_free(struct adp_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_closing = 1;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->num_workers; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void adp_pool_submit(struct adp_pool *pool, struct adp_task *task)
{
    int is_wanted;

    task->next = NULL;
    pthread_mutex_lock(&pool->lock);
    *pool->tasks_end = task;
    pool->tasks_end = &task->next;
    is_wanted = pool->num_waiting > 0;
    pthread_mutex_unlock(&pool->lock);
    /* Outside the lock, or whoever wakes would wait for it at once. */
    if (is_wanted)
        pthread_cond_signal(&pool->changed);
}
