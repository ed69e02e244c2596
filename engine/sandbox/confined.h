/* A child process that reads one file and writes what it finds there into a pipe. It has these two
 * descriptors, no other file, no network, no key (confine.h), and 64 MiB of memory more than it
 * began with.
 *
 * What comes through the pipe is the file's maker's word, whoever that is: to be checked like the
 * file itself. */
#ifndef ADP_CONFINED_H
#define ADP_CONFINED_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "sandbox.h"

/* struct adp_confined is for one thread: with the one that has started it, it ends. */
struct adp_confined {
    int pidfd;
    int fd; /* of the pipe; -1: there is no process */
};

/* adp_confined_start has |work| run in a child, with |user| as it is now, descriptor |in| for
 * |file| and |out| for the pipe; it ends when |work| returns. |out_confined->fd| is -1, with
 * ADP_OK, where |mode| is ADP_SANDBOX_OFF or the kernel has no such thing: then nothing was done.
 * The caller must call adp_confined_end. */
enum adp_status adp_confined_start(struct adp_confined *out_confined, enum adp_sandbox_mode mode,
                                   int file, void (*work)(int in, int out, void *user), void *user,
                                   struct adp_error *err);

/* adp_confined_read reads what there is of the pipe, |len| bytes at most, and waits for it for a
 * tenth of a second. Returns their number, 0 when the child has ended, -EAGAIN if there is nothing
 * yet, or another -errno. */
int64_t adp_confined_read(const struct adp_confined *confined, void *buf, size_t len);

void adp_confined_end(struct adp_confined *confined);

#endif
