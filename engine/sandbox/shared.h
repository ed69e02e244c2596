/* What parent and child of a sandbox have in common: the memory between them, and how one waits for
 * the other. */
#ifndef ADP_SANDBOX_SHARED_H
#define ADP_SANDBOX_SHARED_H

#include <linux/futex.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "index.h"
#include "sandbox.h"

enum shared_lane_state {
    SHARED_IDLE = 0,
    SHARED_ASKED = 1,
    SHARED_DONE = 2,
};

/* One lane's mailbox, on a cache line of its own. */
struct shared_lane {
    alignas(64) atomic_uint state; /* a futex */
    struct adp_sandbox_frame frame;
    atomic_uint status; /* enum adp_status, of the child's word alone */
};

#define SHARED_STARTING 0u
#define SHARED_FAILED   1u /* for want of memory or threads: no reason to do without */
#define SHARED_READY    2u /* or more: the layers that are on are added */

struct shared_control {
    atomic_uint ready; /* a futex */
    struct shared_lane lanes[];
};

struct adp_sandbox {
    struct shared_control *control; /* shared, with what follows it: the lanes' room */
    size_t shared_len, control_len;
    size_t stored_len, plain_len; /* room in lane 0; ADP_FRAME_MAX in the others */
    unsigned num_lanes;
    struct adp_trailer trailer;
    unsigned layers;         /* enum adp_confine_layer */
    atomic_uint num_started; /* threads, in the child */
    int pidfd;
    int is_ahead; /* lane 0 was asked for |ahead|, and nobody has waited for it */
    struct adp_sandbox_frame ahead;
    atomic_int cause;        /* of the child's end: a signal, or of sandbox.c; 0 while it runs */
    pthread_mutex_t locks[]; /* of the lanes, here */
};

static inline uint8_t *shared_stored(const struct adp_sandbox *sandbox, unsigned lane)
{
    uint8_t *first = (uint8_t *)sandbox->control + sandbox->control_len;

    if (lane == 0)
        return first;
    return first + sandbox->stored_len + sandbox->plain_len +
           (size_t)(lane - 1) * 2 * ADP_FRAME_MAX;
}

static inline uint8_t *shared_plain(const struct adp_sandbox *sandbox, unsigned lane)
{
    return shared_stored(sandbox, lane) + (lane == 0 ? sandbox->stored_len : ADP_FRAME_MAX);
}

/* shared_wait sleeps while |*word| is |value|, for |timeout| at most if it is not NULL; or shorter.
 */
static inline void shared_wait(atomic_uint *word, unsigned value, const struct timespec *timeout)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT, value, timeout, NULL, 0);
}

static inline void shared_set(atomic_uint *word, unsigned value)
{
    atomic_store(word, value);
    (void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* decoder_run is the child's whole life, decoder.c. */
_Noreturn void decoder_run(void *sandbox);

#endif
