#include "confined.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <unistd.h>

#include "child.h"
#include "confine.h"
#include "error.h"

#define WAIT_MS    100
#define MAX_WAITS  300 /* for the child to begin */
#define MEMORY_LEN ((size_t)64 << 20)
#define FIRST_FREE 3 /* beyond the standard descriptors */

struct start {
    int file, pipe[2];
    unsigned layers;
    void (*work)(int in, int out, void *user);
    void *user;
};

/* The pipe's first byte is which layers are on: whoever reads it knows that nothing of the file has
 * been touched without them. */
static _Noreturn void run(void *user)
{
    const struct start *start = user;
    struct adp_confine confine = {
        .layers = start->layers, .has_pipe = 1, .more_memory = MEMORY_LEN};
    int in = fcntl(start->file, F_DUPFD, FIRST_FREE);
    int out = fcntl(start->pipe[1], F_DUPFD, FIRST_FREE);
    uint8_t layers;

    (void)mallopt(M_ARENA_MAX, 1); /* another arena's address space would be past the limit */
    if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        adp_confine_begin(&confine) < 0)
        _exit(1);
    adp_confine_end(&confine);
    layers = (uint8_t)confine.layers;
    if (layers != 0 && write(STDOUT_FILENO, &layers, 1) == 1)
        start->work(STDIN_FILENO, STDOUT_FILENO, start->user);
    _exit(0);
}

/* Returns which layers the child says are on; 0 if it says nothing. */
static unsigned layers_of(const struct adp_confined *confined)
{
    uint8_t layers = 0;
    int64_t got = -EAGAIN;

    for (unsigned i = 0; got == -EAGAIN && i < MAX_WAITS; i++)
        got = adp_confined_read(confined, &layers, 1);
    return got == 1 ? layers : 0;
}

/* Returns which layers are on, or -errno; without any |out| is no child. */
static int try_layers(struct adp_confined *out, struct start *start, unsigned layers)
{
    int rc;

    start->layers = layers;
    if (pipe2(start->pipe, O_CLOEXEC) < 0)
        return -errno;
    rc = adp_child_start(run, start);
    close(start->pipe[1]);
    if (rc < 0) {
        close(start->pipe[0]);
        return rc == -ENOSYS ? 0 : rc;
    }
    *out = (struct adp_confined){.pidfd = rc, .fd = start->pipe[0]};
    rc = (int)layers_of(out);
    if (rc == 0)
        adp_confined_end(out);
    return rc;
}

enum adp_status adp_confined_start(struct adp_confined *out_confined, enum adp_sandbox_mode mode,
                                   int file, void (*work)(int in, int out, void *user), void *user,
                                   struct adp_error *err)
{
    struct start start = {.file = file, .work = work, .user = user};
    int rc;

    *out_confined = (struct adp_confined){-1, -1};
    if (mode == ADP_SANDBOX_OFF)
        return ADP_OK;
    rc = try_layers(out_confined, &start, ADP_CONFINE_ALL);
    if (rc == 0 && mode == ADP_SANDBOX_AUTO)
        rc = try_layers(out_confined, &start, ADP_CONFINE_LANDLOCK);
    if (rc < 0)
        return adp_error_hint(
            err, adp_fail_errno(err, -rc, NULL, "cannot start the process that reads it"),
            "raise the limit of processes or memory");
    if (mode == ADP_SANDBOX_AUTO || rc == ADP_CONFINE_ALL)
        return ADP_OK;
    adp_confined_end(out_confined);
    return adp_sandbox_refuse(rc == 0 ? "none" : "less", err);
}

int64_t adp_confined_read(const struct adp_confined *confined, void *buf, size_t len)
{
    struct pollfd ready = {.fd = confined->fd, .events = POLLIN};
    int num = poll(&ready, 1, WAIT_MS);
    ssize_t got;

    if (num == 0 || (num < 0 && errno == EINTR))
        return -EAGAIN;
    got = num < 0 ? -1 : read(confined->fd, buf, len);
    if (got >= 0)
        return got;
    return errno == EINTR ? -EAGAIN : -errno;
}

void adp_confined_end(struct adp_confined *confined)
{
    if (confined->fd < 0)
        return;
    close(confined->fd);
    adp_child_end(confined->pidfd, NULL);
    *confined = (struct adp_confined){-1, -1};
}
