#include "transfer.h"

#include <errno.h>
#include <unistd.h>

/* The smallest block that a direct transfer can be aligned to (open(2), NOTES). */
#define SECTOR 512

size_t adp_transfer_next_len(const struct adp_io_req *req, size_t max)
{
    size_t rest = req->len - req->done;

    return rest < max ? rest : max;
}

/* A direct read stops off a sector boundary only at end of file. Some file systems answer the
 * attempt that would confirm it with EINVAL, for its alignment. */
static int is_direct_end(const struct adp_io_req *req, int64_t res)
{
    return res == -EINVAL && req->op == ADP_IO_READ && req->done > 0 &&
           (req->offset + req->done) % SECTOR != 0;
}

int adp_transfer_step(struct adp_io_req *req, int64_t res)
{
    if (res == -EINTR || res == -EAGAIN)
        return 0;
    if (is_direct_end(req, res))
        res = 0;
    if (res < 0) {
        req->result = res;
        return 1;
    }
    req->done += (size_t)res;
    if (req->done < req->len && res > 0)
        return 0;
    if (req->done < req->len && req->op == ADP_IO_WRITE)
        req->result = -EIO; /* a write that makes no progress never will */
    else
        req->result = (int64_t)req->done;
    return 1;
}

static int64_t attempt(const struct adp_io_req *req, int fd, size_t len)
{
    off_t at = (off_t)(req->offset + req->done);
    ssize_t n = req->op == ADP_IO_READ ? pread(fd, req->buf + req->done, len, at)
                                       : pwrite(fd, req->buf + req->done, len, at);

    return n < 0 ? -errno : n;
}

void adp_transfer_run(struct adp_io_req *req, int fd, size_t max)
{
    req->done = 0;
    while (!adp_transfer_step(req, attempt(req, fd, adp_transfer_next_len(req, max))))
        continue;
}
