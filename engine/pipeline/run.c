#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "entry.h"
#include "error.h"
#include "priority.h"
#include "secret.h"

#define COMPLETIONS 32
#define HUGE_PAGE   ((size_t)2 << 20)

unsigned adp_run_num_threads(const struct adp_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t memory_len = options->memory != 0 ? options->memory : ADP_MEMORY_DEFAULT;
    size_t max = memory_len / ADP_MEMORY_PER_THREAD;

    if (options->num_threads != 0)
        return options->num_threads;
    if (max > ADP_MAX_THREADS)
        max = ADP_MAX_THREADS;
    return cores < 1 ? 1 : (size_t)cores > max ? (unsigned)max : (unsigned)cores;
}

static enum adp_status choose_backend(const struct adp_options *options, enum adp_ioq_backend *out,
                                      struct adp_error *err)
{
    static const struct {
        const char *name;
        enum adp_ioq_backend backend;
    } names[] = {{"auto", ADP_IOQ_AUTO}, {"uring", ADP_IOQ_URING}, {"threads", ADP_IOQ_THREADS}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (options->io == NULL || strcmp(options->io, names[i].name) == 0) {
            *out = names[i].backend;
            return ADP_OK;
        }
    }
    return adp_fail(err, ADP_ERR_ARGUMENT, NULL,
                    "\"%s\" is no I/O back end: it is auto, uring or threads", options->io);
}

static enum adp_status check_options(const struct adp_options *options, struct adp_error *err)
{
    if (options->num_threads > ADP_MAX_THREADS)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "at most %u threads", ADP_MAX_THREADS);
    if (options->memory != 0 && options->memory < ADP_MEMORY_MIN)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "at least %zu MiB of memory are needed",
                        ADP_MEMORY_MIN >> 20);
    return ADP_OK;
}

static enum adp_status start_queue(struct adp_run *run, enum adp_ioq_backend backend,
                                   struct adp_error *err)
{
    int rc = adp_ioq_new(&run->queue, backend, ADP_QUEUE_DEPTH, ADP_QUEUE_FILES, run->memory,
                         run->memory_len);

    if (rc == 0)
        return ADP_OK;
    if (backend == ADP_IOQ_URING) {
        adp_fail_errno(err, -rc, NULL, "the kernel refuses io_uring here");
        return adp_error_hint(err, ADP_ERR_IO, "use --io=auto or --io=threads");
    }
    return adp_fail_errno(err, -rc, NULL, "cannot set up input and output");
}

static enum adp_status start_threads(struct adp_run *run, struct adp_error *err)
{
    int rc;

    run->worker = calloc(run->num_workers, sizeof(*run->worker));
    if (run->worker == NULL)
        return adp_fail_memory(err);
    for (unsigned i = 0; i < run->num_workers; i++) {
        run->worker[i].scratch = adp_secret_new(sizeof(struct adp_gcm_scratch));
        if (run->worker[i].scratch == NULL)
            return adp_fail_memory(err);
    }
    rc = adp_pool_new(&run->workers, run->num_workers);
    if (rc == 0)
        rc = adp_pool_new(&run->readers, ADP_NUM_READERS);
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, NULL, "cannot start threads");
}

/* Memory for buffers, in huge pages if the kernel gives them: cheaper to make, to pin and to walk.
 * NULL if there is none. */
static uint8_t *map_buffers(size_t len)
{
    uint8_t *all =
        mmap(NULL, len + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t before;

    if (all == MAP_FAILED)
        return NULL;
    before = -(uintptr_t)all % HUGE_PAGE;
    if (before > 0)
        munmap(all, before);
    if (before < HUGE_PAGE)
        munmap(all + before + len, HUGE_PAGE - before);
    (void)madvise(all + before, len, MADV_HUGEPAGE);
    /* It will hold plaintext. And a process that is forked must neither see it nor cost copies. */
    (void)madvise(all + before, len, MADV_DONTDUMP);
    (void)madvise(all + before, len, MADV_DONTFORK);
    return all + before;
}

enum adp_status adp_run_init(struct adp_run *run, const struct adp_options *options,
                             struct adp_tell *tell, struct adp_error *err)
{
    enum adp_ioq_backend backend = ADP_IOQ_AUTO;
    enum adp_status status = check_options(options, err);

    run->tell = tell;
    run->posted_end = &run->posted;
    pthread_mutex_init(&run->lock, NULL);
    run->memory_len = options->memory != 0 ? options->memory : ADP_MEMORY_DEFAULT;
    run->memory_len -= run->memory_len % ADP_DIRECT_ALIGN;
    run->num_workers = adp_run_num_threads(options);
    if (status == ADP_OK)
        status = choose_backend(options, &backend, err);
    if (status != ADP_OK)
        return status;
    run->memory = map_buffers(run->memory_len);
    if (run->memory == NULL)
        return adp_fail_memory(err);
    /* First: the ring and the threads take it over. A refusal is no reason not to work. */
    if (options->is_idle)
        run->has_priority = adp_priority_set_idle(&run->priority) == 0;
    status = start_queue(run, backend, err);
    return status == ADP_OK ? start_threads(run, err) : status;
}

void adp_run_stop(struct adp_run *run)
{
    while (run->in_flight > 0 && adp_run_turn(run, 1, NULL) == ADP_OK)
        ;
    adp_pool_free(run->readers);
    adp_pool_free(run->workers);
    run->readers = run->workers = NULL;
}

int adp_run_is_stopped(const struct adp_run *run)
{
    return run->workers == NULL;
}

void adp_run_cleanup(struct adp_run *run)
{
    adp_run_stop(run);
    adp_ioq_free(run->queue);
    for (unsigned i = 0; run->worker != NULL && i < run->num_workers; i++)
        adp_secret_free(run->worker[i].scratch, sizeof(struct adp_gcm_scratch));
    free(run->worker);
    if (run->has_priority)
        adp_priority_restore(run->priority);
    if (run->memory != NULL)
        munmap(run->memory, run->memory_len);
    pthread_mutex_destroy(&run->lock);
}

static void run_job(struct adp_task *task, unsigned thread)
{
    struct adp_job *job = (struct adp_job *)task;
    struct adp_run *run = job->run;
    int is_first;

    if (!atomic_load(&run->is_abandoned)) {
        struct adp_watch watch = adp_watch_start();

        job->work(job, thread);
        adp_watch_stop(run->tell, job->stage, watch, job->bytes);
    }
    job->next = NULL;
    pthread_mutex_lock(&run->lock);
    is_first = run->posted == NULL;
    *run->posted_end = job;
    run->posted_end = &job->next;
    /* Inside the lock: once the driver has seen the job, it may take the queue down. Whoever
     * posted before and was not taken yet has woken it. */
    if (is_first)
        adp_ioq_wake(run->queue);
    pthread_mutex_unlock(&run->lock);
}

static void submit(struct adp_run *run, struct adp_pool *pool, struct adp_job *job)
{
    job->run = run;
    job->task.run = run_job;
    run->in_flight++;
    adp_pool_submit(pool, &job->task);
}

void adp_run_work(struct adp_run *run, struct adp_job *job)
{
    submit(run, run->workers, job);
}

void adp_run_read(struct adp_run *run, struct adp_job *job)
{
    submit(run, run->readers, job);
}

enum adp_status adp_run_transfer(struct adp_run *run, struct adp_transfer *transfer,
                                 struct adp_error *err)
{
    int rc;

    transfer->req.user = transfer;
    transfer->start_ns = adp_tell_now();
    rc = adp_ioq_submit(run->queue, &transfer->req);
    if (rc < 0)
        return adp_fail_errno(err, -rc, NULL, "cannot queue a transfer");
    run->in_flight++;
    return ADP_OK;
}

static struct adp_job *take_posted(struct adp_run *run)
{
    struct adp_job *jobs;

    pthread_mutex_lock(&run->lock);
    jobs = run->posted;
    run->posted = NULL;
    run->posted_end = &run->posted;
    pthread_mutex_unlock(&run->lock);
    return jobs;
}

static void count_transfer(struct adp_run *run, const struct adp_transfer *transfer)
{
    int is_read = transfer->req.op == ADP_IO_READ;
    uint64_t bytes = transfer->req.result > 0 ? (uint64_t)transfer->req.result : 0;

    adp_tell_transfer(run->tell, is_read ? ADP_STAGE_READ : ADP_STAGE_WRITE, transfer->start_ns,
                      bytes, transfer->is_direct);
}

/* Returns how many completions there were, or -errno of the queue. */
static int collect(struct adp_run *run, int wait)
{
    struct adp_io_req *reqs[COMPLETIONS];
    struct adp_job *job = take_posted(run);
    int num = 0, rc;

    wait = wait && job == NULL;
    rc = wait ? adp_ioq_wait(run->queue, reqs, COMPLETIONS)
              : adp_ioq_poll(run->queue, reqs, COMPLETIONS);
    for (int i = 0; i < rc; i++) {
        struct adp_transfer *transfer = reqs[i]->user;

        run->in_flight--;
        count_transfer(run, transfer);
        transfer->done(transfer);
        num++;
    }
    if (wait)
        job = take_posted(run);
    while (job != NULL) {
        struct adp_job *next = job->next;

        run->in_flight--;
        job->done(job);
        job = next;
        num++;
    }
    return rc < 0 ? rc : num;
}

enum adp_status adp_run_turn(struct adp_run *run, int wait, struct adp_error *err)
{
    int rc;

    (void)adp_tell_progress(run->tell);
    adp_tell_pace(run->tell);
    do
        rc = collect(run, wait && run->in_flight > 0);
    while (rc == 0 && wait && run->in_flight > 0);
    return rc < 0 ? adp_fail_errno(err, -rc, NULL, "input and output have failed") : ADP_OK;
}
