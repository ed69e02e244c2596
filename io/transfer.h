/* How one transfer is carried to its end, the same on every back end.
 *
 * A transfer is a series of attempts. Each asks for the rest of it, gets a byte count or -errno
 * from the kernel, and is accounted for by adp_transfer_step, which says whether another attempt
 * is due. |buf|, |len|, |offset| and |done| of the request describe the rest. */
#ifndef ADP_TRANSFER_H
#define ADP_TRANSFER_H

#include "ioq.h"

/* The kernel moves at most 2^31 - 4096 bytes a call (read(2), NOTES) and io_uring counts in 32
 * bits; a power of two below both keeps direct transfers aligned. */
#define ADP_TRANSFER_MAX ((size_t)1 << 30)

/* adp_transfer_next_len returns how much the next attempt asks for: the rest, at most |max|. */
size_t adp_transfer_next_len(const struct adp_io_req *req, size_t max);

/* adp_transfer_step accounts for an attempt that gave |res|, a byte count or -errno. Returns 1 and
 * sets |req->result| if the transfer is over, 0 if it needs another attempt. */
int adp_transfer_step(struct adp_io_req *req, int64_t res);

/* adp_transfer_run does all of |req| on |fd| before it returns, |max| bytes an attempt. */
void adp_transfer_run(struct adp_io_req *req, int fd, size_t max);

#endif
