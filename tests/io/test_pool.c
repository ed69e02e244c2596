#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "adp_test.h"
#include "pool.h"

#define NUM_TASKS 1000

struct job {
    struct adp_task task;
    struct adp_pool *pool;
    unsigned number;
};

static unsigned order[NUM_TASKS];
static atomic_uint num_run;
static atomic_uint threads_seen;

static void record(struct adp_task *task, unsigned thread)
{
    struct job *job = (struct job *)task;
    unsigned at = atomic_fetch_add(&num_run, 1);

    order[at] = job->number;
    atomic_fetch_or(&threads_seen, 1U << thread);
    free(job);
}

static void submit(struct adp_pool *pool, unsigned number, void (*run)(struct adp_task *, unsigned))
{
    struct job *job = malloc(sizeof(*job));

    *job = (struct job){.task.run = run, .pool = pool, .number = number};
    adp_pool_submit(pool, &job->task);
}

/* Free runs all that was submitted; one thread keeps the order. */
static void test_first_in_first_out(void)
{
    struct adp_pool *pool;

    atomic_store(&num_run, 0);
    CU_ASSERT_EQUAL_FATAL(adp_pool_new(&pool, 1), 0);
    for (unsigned i = 0; i < NUM_TASKS; i++)
        submit(pool, i, record);
    adp_pool_free(pool);
    CU_ASSERT_EQUAL(num_run, NUM_TASKS);
    for (unsigned i = 0; i < NUM_TASKS; i++)
        CU_ASSERT_EQUAL(order[i], i);
}

static void test_all_run_on_many_threads(void)
{
    struct adp_pool *pool;
    unsigned char seen[NUM_TASKS] = {0};

    atomic_store(&num_run, 0);
    atomic_store(&threads_seen, 0);
    CU_ASSERT_EQUAL_FATAL(adp_pool_new(&pool, 8), 0);
    for (unsigned i = 0; i < NUM_TASKS; i++)
        submit(pool, i, record);
    adp_pool_free(pool);
    CU_ASSERT_EQUAL(num_run, NUM_TASKS);
    CU_ASSERT_EQUAL(threads_seen & ~0xffU, 0);
    for (unsigned i = 0; i < NUM_TASKS; i++)
        seen[order[i]]++;
    for (unsigned i = 0; i < NUM_TASKS; i++)
        CU_ASSERT_EQUAL(seen[i], 1);
}

static void record_and_submit(struct adp_task *task, unsigned thread)
{
    struct job *job = (struct job *)task;

    if (job->number + 1 < NUM_TASKS)
        submit(job->pool, job->number + 1, record_and_submit);
    record(task, thread);
}

/* A task may submit the next one, also while the pool is being freed. */
static void test_tasks_submit_tasks(void)
{
    struct adp_pool *pool;

    atomic_store(&num_run, 0);
    CU_ASSERT_EQUAL_FATAL(adp_pool_new(&pool, 3), 0);
    submit(pool, 0, record_and_submit);
    adp_pool_free(pool);
    CU_ASSERT_EQUAL(num_run, NUM_TASKS);
}

static pthread_barrier_t barrier;

static void meet(struct adp_task *task, unsigned thread)
{
    pthread_barrier_wait(&barrier);
    record(task, thread);
}

/* Four tasks that wait for each other need four threads with numbers of their own. */
static void test_threads_run_at_once(void)
{
    struct adp_pool *pool;

    atomic_store(&num_run, 0);
    atomic_store(&threads_seen, 0);
    pthread_barrier_init(&barrier, NULL, 4);
    CU_ASSERT_EQUAL_FATAL(adp_pool_new(&pool, 4), 0);
    for (unsigned i = 0; i < 4; i++)
        submit(pool, i, meet);
    adp_pool_free(pool);
    pthread_barrier_destroy(&barrier);
    CU_ASSERT_EQUAL(threads_seen, 0xf);
}

static void test_arguments(void)
{
    struct adp_pool *pool;

    CU_ASSERT_EQUAL(adp_pool_new(&pool, 0), -EINVAL);
    CU_ASSERT_EQUAL(adp_pool_new(&pool, 257), -EINVAL);
    CU_ASSERT_PTR_NULL(pool);
    adp_pool_free(NULL);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"first in, first out", test_first_in_first_out},
        {"all run on many threads", test_all_run_on_many_threads},
        {"tasks submit tasks", test_tasks_submit_tasks},
        {"threads run at once", test_threads_run_at_once},
        {"arguments", test_arguments},
    };

    return adp_test_main("pool", cases, sizeof(cases) / sizeof(cases[0]));
}
