/* What every pipeline runs on: one driver thread with an I/O queue, a pool of workers for what
 * costs CPU, a pool of readers for what blocks, and a fixed set of buffers.
 *
 * The driver is the thread that called the library. It alone touches the state of a pipeline:
 * workers and readers get a job, and post it back when they are done. Each completion carries the
 * function that the driver is to call; these functions move things between queues and never wait.
 */
#ifndef ADP_RUN_H
#define ADP_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "gcm.h"
#include "ioq.h"
#include "pool.h"
#include "report.h"

/* Pieces of a file that are read at once, and of input to one zstd frame. */
#define ADP_CHUNK_LEN (1u << 20)

#define ADP_MEMORY_DEFAULT ((size_t)64 << 20)
#define ADP_MEMORY_MIN     ((size_t)16 << 20)
#define ADP_MAX_THREADS    64u
/* Without a wish of the caller's there are no more threads than the memory keeps busy: each works
 * on a chunk with a spare beside it, while others are read and written. */
#define ADP_MEMORY_PER_THREAD ((size_t)4 << 20)

/* Threads that open, stat and read small files: waiting in the kernel, so more than cores. */
#define ADP_NUM_READERS 8u
#define ADP_QUEUE_DEPTH 128u
#define ADP_QUEUE_FILES 64u

/* struct adp_job is work for a pool; embed it first in the job's own struct. |work| runs on a
 * thread of the pool, |done| then on the driver. */
struct adp_job {
    struct adp_task task;
    struct adp_run *run;
    void (*work)(struct adp_job *job, unsigned thread);
    void (*done)(struct adp_job *job);
    enum adp_stage stage; /* that it counts for, with |bytes| */
    size_t bytes;
    struct adp_job *next;
};

/* struct adp_transfer is a read or write of the run's queue; embed it likewise. */
struct adp_transfer {
    struct adp_io_req req;
    int is_direct; /* around the page cache, for the report */
    void (*done)(struct adp_transfer *transfer);
    int64_t start_ns;
};

/* struct adp_worker is what one worker thread keeps. */
struct adp_worker {
    struct adp_gcm_scratch *scratch; /* secret memory */
    void *zstd;                      /* ZSTD_CCtx or ZSTD_DCtx, made at first use by the pipeline */
    uint8_t *buffer;                 /* the pipeline's */
};

struct adp_run {
    struct adp_tell *tell;
    struct adp_ioq *queue;
    struct adp_pool *workers, *readers;
    unsigned num_workers;
    struct adp_worker *worker;
    uint8_t *memory;
    size_t memory_len;
    int priority; /* of the driver before the run, if |has_priority| */
    int has_priority;
    atomic_int is_abandoned; /* jobs that wait are posted back without their |work| */
    unsigned in_flight;      /* jobs and transfers whose |done| is still to come */
    pthread_mutex_t lock;
    struct adp_job *posted, **posted_end;
};

/* struct adp_chunk is a buffer, used by all that hold a reference. */
struct adp_chunk {
    uint8_t *data;
    size_t len;
    unsigned refs;
    unsigned slab, parts; /* where it lies; the pipeline's */
};

/* adp_run_num_threads returns how many workers a run with these options has. */
unsigned adp_run_num_threads(const struct adp_options *options);

/* adp_run_init checks the options and starts everything. The caller must call adp_run_cleanup, also
 * after a failure; |run| must be zeroed before. */
enum adp_status adp_run_init(struct adp_run *run, const struct adp_options *options,
                             struct adp_tell *tell, struct adp_error *err);

/* adp_run_stop drains what is in flight and stops the threads, so that a pipeline can free what it
 * keeps with them. Part of adp_run_cleanup; calling it before is allowed. */
void adp_run_stop(struct adp_run *run);

/* adp_run_is_stopped returns whether that has happened: nothing can be given to threads any more.
 */
int adp_run_is_stopped(const struct adp_run *run);

/* adp_run_cleanup drains what is in flight, stops the threads, wipes and frees. */
void adp_run_cleanup(struct adp_run *run);

/* adp_run_work and adp_run_read give |job| to a worker or to a reader. */
void adp_run_work(struct adp_run *run, struct adp_job *job);
void adp_run_read(struct adp_run *run, struct adp_job *job);

/* adp_run_transfer starts |transfer|. Pipelines keep fewer than ADP_QUEUE_DEPTH in flight. */
enum adp_status adp_run_transfer(struct adp_run *run, struct adp_transfer *transfer,
                                 struct adp_error *err);

/* adp_run_turn calls the |done| of whatever is complete; if nothing is and |wait| is set, it waits,
 * provided that something is in flight. It tells progress. */
enum adp_status adp_run_turn(struct adp_run *run, int wait, struct adp_error *err);

#endif
