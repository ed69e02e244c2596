#include "ioq.h"

#include <errno.h>
#include <stdlib.h>

#include "ioq_backend.h"
#include "transfer.h"

#define MAX_DEPTH 4096

static int files_init(struct adp_ioq *queue, unsigned max_files)
{
    queue->fds = calloc(max_files, sizeof(*queue->fds));
    queue->free_files = calloc(max_files, sizeof(*queue->free_files));
    if (queue->fds == NULL || queue->free_files == NULL)
        return -ENOMEM;
    queue->max_files = max_files;
    queue->num_free = max_files;
    for (unsigned i = 0; i < max_files; i++) {
        queue->fds[i] = -1;
        queue->free_files[i] = max_files - 1 - i;
    }
    return 0;
}

static int backend_init(struct adp_ioq *queue, enum adp_ioq_backend backend, void *buffers,
                        size_t buffers_len)
{
    int rc = -EINVAL;

    if (backend == ADP_IOQ_AUTO || backend == ADP_IOQ_URING)
        rc = adp_ioq_uring_init(queue, buffers, buffers_len);
    if (backend == ADP_IOQ_THREADS || (backend == ADP_IOQ_AUTO && rc < 0))
        rc = adp_ioq_threads_init(queue);
    return rc;
}

int adp_ioq_new(struct adp_ioq **out_queue, enum adp_ioq_backend backend, unsigned depth,
                unsigned max_files, void *buffers, size_t buffers_len)
{
    struct adp_ioq *queue;
    int rc;

    *out_queue = NULL;
    if (depth == 0 || depth > MAX_DEPTH || max_files == 0)
        return -EINVAL;
    queue = calloc(1, sizeof(*queue));
    if (queue == NULL)
        return -ENOMEM;
    queue->depth = depth;
    queue->max_transfer = ADP_TRANSFER_MAX;
    rc = files_init(queue, max_files);
    if (rc == 0)
        rc = backend_init(queue, backend, buffers, buffers != NULL ? buffers_len : 0);
    if (rc < 0)
        goto err0;
    *out_queue = queue;
    return 0;
err0:
    free(queue->free_files);
    free(queue->fds);
    free(queue);
    return rc;
}

/* take hands requests back to the caller, and counts them. */
static int take(struct adp_ioq *queue, struct adp_io_req **out_reqs, unsigned max, int block)
{
    int num = max == 0 ? -EINVAL : queue->ops->reap(queue, out_reqs, max, block);

    if (num > 0)
        queue->num_in_flight -= (unsigned)num;
    return num;
}

void adp_ioq_free(struct adp_ioq *queue)
{
    struct adp_io_req *reqs[64];
    int rc = 0;

    if (queue == NULL)
        return;
    while (queue->num_in_flight > 0 && rc >= 0)
        rc = take(queue, reqs, sizeof(reqs) / sizeof(reqs[0]), 1);
    queue->ops->free(queue);
    free(queue->free_files);
    free(queue->fds);
    free(queue);
}

const char *adp_ioq_backend_name(const struct adp_ioq *queue)
{
    return queue->ops->name;
}

static void file_set(struct adp_ioq *queue, unsigned file, int fd)
{
    queue->fds[file] = fd;
    if (queue->ops->file_changed != NULL)
        queue->ops->file_changed(queue, file);
}

static int file_in_use(const struct adp_ioq *queue, int file)
{
    return file >= 0 && (unsigned)file < queue->max_files && queue->fds[file] >= 0;
}

int adp_ioq_file_add(struct adp_ioq *queue, int fd)
{
    unsigned file;

    if (fd < 0)
        return -EBADF;
    if (queue->num_free == 0)
        return -ENFILE;
    file = queue->free_files[--queue->num_free];
    file_set(queue, file, fd);
    return (int)file;
}

void adp_ioq_file_remove(struct adp_ioq *queue, int file)
{
    if (!file_in_use(queue, file))
        return;
    file_set(queue, (unsigned)file, -1);
    queue->free_files[queue->num_free++] = (unsigned)file;
}

int adp_ioq_submit(struct adp_ioq *queue, struct adp_io_req *req)
{
    if (!file_in_use(queue, req->file))
        return -EBADF;
    if (req->op != ADP_IO_READ && req->op != ADP_IO_WRITE)
        return -EINVAL;
    if (queue->num_in_flight == queue->depth)
        return -EBUSY;
    req->done = 0;
    req->next = NULL;
    queue->num_in_flight++;
    queue->ops->start(queue, req);
    return 0;
}

int adp_ioq_wait(struct adp_ioq *queue, struct adp_io_req **out_reqs, unsigned max)
{
    return take(queue, out_reqs, max, 1);
}

int adp_ioq_poll(struct adp_ioq *queue, struct adp_io_req **out_reqs, unsigned max)
{
    return take(queue, out_reqs, max, 0);
}

void adp_ioq_wake(struct adp_ioq *queue)
{
    queue->ops->wake(queue);
}
