#include "warm.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "pool.h"

/* Two are enough on a disk of a machine with two cores; four leave something to faster ones. */
#define NUM_THREADS 4u

struct adp_warm {
    struct adp_pool *pool;
    pthread_mutex_t lock; /* guards |num_tasks| */
    pthread_cond_t idle;
    unsigned num_tasks;
};

struct warm_task {
    struct adp_task task; /* first */
    struct adp_warm *warm;
    int dirfd;
    const char *const *names;
    size_t num;
};

struct adp_warm *adp_warm_new(void)
{
    struct adp_warm *warm = calloc(1, sizeof(*warm));

    if (warm == NULL)
        return NULL;
    if (adp_pool_new(&warm->pool, NUM_THREADS) < 0) {
        free(warm);
        return NULL;
    }
    pthread_mutex_init(&warm->lock, NULL);
    pthread_cond_init(&warm->idle, NULL);
    return warm;
}

void adp_warm_free(struct adp_warm *warm)
{
    if (warm == NULL)
        return;
    adp_pool_free(warm->pool);
    pthread_cond_destroy(&warm->idle);
    pthread_mutex_destroy(&warm->lock);
    free(warm);
}

static void look(struct adp_task *task, unsigned thread)
{
    struct warm_task *names = (struct warm_task *)task;
    struct adp_warm *warm = names->warm;
    struct stat st;

    (void)thread;
    for (size_t i = 0; i < names->num; i++)
        (void)!fstatat(names->dirfd, names->names[i], &st, AT_SYMLINK_NOFOLLOW);
    free(names);
    pthread_mutex_lock(&warm->lock);
    if (--warm->num_tasks == 0)
        pthread_cond_signal(&warm->idle);
    pthread_mutex_unlock(&warm->lock);
}

void adp_warm_names(struct adp_warm *warm, int dirfd, const char *const *names, size_t num)
{
    struct warm_task *task = malloc(sizeof(*task));

    if (task == NULL)
        return;
    *task = (struct warm_task){
        .task.run = look, .warm = warm, .dirfd = dirfd, .names = names, .num = num};
    pthread_mutex_lock(&warm->lock);
    warm->num_tasks++;
    pthread_mutex_unlock(&warm->lock);
    adp_pool_submit(warm->pool, &task->task);
}

void adp_warm_wait(struct adp_warm *warm)
{
    if (warm == NULL)
        return;
    pthread_mutex_lock(&warm->lock);
    while (warm->num_tasks > 0)
        pthread_cond_wait(&warm->idle, &warm->lock);
    pthread_mutex_unlock(&warm->lock);
}
