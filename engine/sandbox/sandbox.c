/* The parent's side. */
#include "sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "child.h"
#include "confine.h"
#include "error.h"
#include "shared.h"

/* How often a wait looks whether the child is still there, and when it takes it for stuck. No frame
 * takes seconds, not on a machine that is a hundred times too busy. */
#define LOOK_NS      INT64_C(100000000)
#define MAX_WAIT_NS  (120 * INT64_C(1000000000))
#define MAX_START_NS (30 * INT64_C(1000000000))

/* What ends a child, beside signals. */
#define CAUSE_EXIT  (-1)
#define CAUSE_STUCK (-2)

#define PAGE_LEN ((size_t)64 << 10) /* of the largest kind */

static const struct timespec look = {.tv_nsec = LOOK_NS};

enum adp_status adp_sandbox_mode_of(enum adp_sandbox_mode *out, const char *how,
                                    struct adp_error *err)
{
    static const char *const names[] = {
        [ADP_SANDBOX_AUTO] = "auto", [ADP_SANDBOX_ON] = "on", [ADP_SANDBOX_OFF] = "off"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(how != NULL ? how : "auto", names[i]) == 0) {
            *out = (enum adp_sandbox_mode)i;
            return ADP_OK;
        }
    }
    return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "\"%s\" is no sandbox: it is auto, on or off",
                    how);
}

/* -- The child's end. */

static void note_end(struct adp_sandbox *sandbox, int cause)
{
    int none = 0;

    (void)atomic_compare_exchange_strong(&sandbox->cause, &none, cause);
}

/* Returns whether the child has ended; why, is noted. It stays to be reaped. Any thread. */
static int has_ended(struct adp_sandbox *sandbox)
{
    siginfo_t info = {0};

    if (atomic_load(&sandbox->cause) != 0)
        return 1;
    if (waitid(P_PIDFD, (id_t)sandbox->pidfd, &info, WEXITED | WNOWAIT | WNOHANG) < 0)
        note_end(sandbox, CAUSE_EXIT); /* somebody else has reaped it */
    else if (info.si_pid != 0)
        note_end(sandbox, info.si_code == CLD_EXITED ? CAUSE_EXIT : info.si_status);
    return atomic_load(&sandbox->cause) != 0;
}

static void kill_child(const struct adp_sandbox *sandbox)
{
    (void)pidfd_send_signal(sandbox->pidfd, SIGKILL, NULL, 0);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Waits until |*word| is no more |value|. Returns whether it is. The child may wake as often as it
 * likes, and the whole command may be stopped for hours: a look counts for no more than it should
 * have taken, twice. */
static int wait_for(struct adp_sandbox *sandbox, atomic_uint *word, unsigned value, int64_t max_ns)
{
    int64_t last_ns = 0, waited_ns = 0;

    while (atomic_load(word) == value) {
        int64_t at_ns = now_ns(), step_ns = last_ns != 0 ? at_ns - last_ns : 0;

        waited_ns += step_ns < 2 * LOOK_NS ? step_ns : 2 * LOOK_NS;
        last_ns = at_ns;
        if (waited_ns > max_ns) {
            note_end(sandbox, CAUSE_STUCK);
            kill_child(sandbox);
        }
        if (waited_ns > 0 && has_ended(sandbox))
            return 0;
        shared_wait(word, value, &look);
    }
    return 1;
}

/* -- Beginning. */

static size_t round_up(size_t len)
{
    return (len + PAGE_LEN - 1) / PAGE_LEN * PAGE_LEN;
}

static size_t at_least(size_t least, size_t len)
{
    return round_up(len > least ? len : least);
}

static int map_shared(struct adp_sandbox *sandbox)
{
    void *shared;

    sandbox->control_len = round_up(sizeof(*sandbox->control) +
                                    sandbox->num_lanes * sizeof(sandbox->control->lanes[0]));
    sandbox->stored_len = at_least(ADP_FRAME_MAX, sandbox->trailer.directory_stored_len);
    sandbox->plain_len = at_least(ADP_FRAME_MAX, sandbox->trailer.directory_plain_len);
    sandbox->shared_len = sandbox->control_len + sandbox->stored_len + sandbox->plain_len +
                          (size_t)(sandbox->num_lanes - 1) * 2 * ADP_FRAME_MAX;
    shared = mmap(NULL, sandbox->shared_len, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (shared == MAP_FAILED)
        return 0;
    (void)madvise(shared, sandbox->shared_len, MADV_DONTDUMP); /* it will hold plaintext */
    sandbox->control = shared;
    return 1;
}

static enum adp_status fail_start(int rc, struct adp_error *err)
{
    enum adp_status status =
        adp_fail_errno(err, -rc, NULL, "cannot start the process that archives are decoded in");

    return adp_error_hint(err, status,
                          "raise the limit of processes or memory; or, if you trust whoever sealed "
                          "this, use --sandbox=off");
}

/* Starts a child with |layers|. |*out| is NULL if it comes to nothing, as it does where the kernel
 * or an emulator has something against it: nothing hostile was touched so far. */
static enum adp_status try_layers(struct adp_sandbox **out, unsigned layers, unsigned num_lanes,
                                  const struct adp_trailer *trailer, struct adp_error *err)
{
    struct adp_sandbox *sandbox =
        calloc(1, sizeof(*sandbox) + num_lanes * sizeof(sandbox->locks[0]));
    unsigned ready;
    int rc;

    if (sandbox == NULL)
        return adp_fail_memory(err);
    sandbox->trailer = *trailer;
    sandbox->num_lanes = num_lanes;
    sandbox->layers = layers;
    sandbox->pidfd = -1;
    for (unsigned i = 0; i < num_lanes; i++)
        pthread_mutex_init(&sandbox->locks[i], NULL);
    rc = map_shared(sandbox) ? adp_child_start(decoder_run, sandbox) : -ENOMEM;
    if (rc < 0) {
        (void)adp_sandbox_free(sandbox);
        return rc == -ENOSYS ? ADP_OK : fail_start(rc, err);
    }
    sandbox->pidfd = rc;
    (void)wait_for(sandbox, &sandbox->control->ready, SHARED_STARTING, MAX_START_NS);
    ready = atomic_load(&sandbox->control->ready);
    sandbox->layers = ready > SHARED_READY ? ready - SHARED_READY : 0;
    if (sandbox->layers != 0)
        *out = sandbox;
    else
        (void)adp_sandbox_free(sandbox);
    return ready == SHARED_FAILED ? fail_start(-EAGAIN, err) : ADP_OK;
}

enum adp_status adp_sandbox_refuse(const char *name, struct adp_error *err)
{
    adp_fail(err, ADP_ERR_UNSUPPORTED, NULL,
             "there is no full sandbox here: landlock+seccomp was asked for, and there is %s",
             name);
    return adp_error_hint(
        err, ADP_ERR_UNSUPPORTED,
        "use Linux 5.13 or newer with Landlock and seccomp, and /proc mounted; or "
        "--sandbox=auto for what there is");
}

enum adp_status adp_sandbox_new(struct adp_sandbox **out, enum adp_sandbox_mode mode,
                                unsigned num_workers, const struct adp_trailer *trailer,
                                struct adp_error *err)
{
    enum adp_status status;

    *out = NULL;
    if (mode == ADP_SANDBOX_OFF)
        return ADP_OK;
    status = try_layers(out, ADP_CONFINE_ALL, num_workers + 1, trailer, err);
    if (mode == ADP_SANDBOX_AUTO && status == ADP_OK && *out == NULL)
        status = try_layers(out, ADP_CONFINE_LANDLOCK, num_workers + 1, trailer, err);
    if (mode != ADP_SANDBOX_ON || status != ADP_OK ||
        (*out != NULL && (*out)->layers == ADP_CONFINE_ALL))
        return status;
    status = adp_sandbox_refuse(*out != NULL ? adp_sandbox_name(*out) : "none", err);
    (void)adp_sandbox_free(*out);
    *out = NULL;
    return status;
}

static int64_t nanoseconds(struct timeval time)
{
    return ((int64_t)time.tv_sec * 1000000 + time.tv_usec) * 1000;
}

int64_t adp_sandbox_free(struct adp_sandbox *sandbox)
{
    struct rusage usage = {0};

    if (sandbox == NULL)
        return 0;
    if (sandbox->pidfd >= 0)
        adp_child_end(sandbox->pidfd, &usage);
    for (unsigned i = 0; i < sandbox->num_lanes; i++)
        pthread_mutex_destroy(&sandbox->locks[i]);
    if (sandbox->control != NULL)
        munmap(sandbox->control, sandbox->shared_len);
    free(sandbox);
    return nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
}

const char *adp_sandbox_name(const struct adp_sandbox *sandbox)
{
    static const char *const names[] = {
        [0] = "off",
        [ADP_CONFINE_LANDLOCK] = "landlock",
        [ADP_CONFINE_SECCOMP] = "seccomp",
        [ADP_CONFINE_ALL] = "landlock+seccomp",
    };

    return names[sandbox != NULL ? sandbox->layers : 0];
}

/* -- Decoding. */

unsigned adp_sandbox_enter(struct adp_sandbox *sandbox, unsigned worker)
{
    unsigned lane = 0;

    if (worker != ADP_SANDBOX_CALLER && sandbox->num_lanes > 1)
        lane = 1 + worker % (sandbox->num_lanes - 1);
    pthread_mutex_lock(&sandbox->locks[lane]);
    return lane;
}

void adp_sandbox_leave(struct adp_sandbox *sandbox, unsigned lane)
{
    pthread_mutex_unlock(&sandbox->locks[lane]);
}

static void ask(struct adp_sandbox *sandbox, unsigned number, const struct adp_sandbox_frame *frame)
{
    struct shared_lane *lane = &sandbox->control->lanes[number];

    lane->frame = *frame;
    shared_set(&lane->state, SHARED_ASKED);
}

static int is_answered(struct adp_sandbox *sandbox, unsigned number)
{
    if (number == 0)
        sandbox->is_ahead = 0;
    return wait_for(sandbox, &sandbox->control->lanes[number].state, SHARED_ASKED, MAX_WAIT_NS);
}

uint8_t *adp_sandbox_room(struct adp_sandbox *sandbox, unsigned lane)
{
    if (lane == 0 && sandbox->is_ahead)
        (void)is_answered(sandbox, lane);
    return shared_stored(sandbox, lane);
}

void adp_sandbox_begin(struct adp_sandbox *sandbox, const struct adp_sandbox_frame *frame)
{
    sandbox->is_ahead = 1;
    sandbox->ahead = *frame;
    ask(sandbox, 0, frame);
}

int adp_sandbox_has_begun(const struct adp_sandbox *sandbox, unsigned lane,
                          const struct adp_sandbox_frame *frame)
{
    return lane == 0 && sandbox->is_ahead && sandbox->ahead.kind == frame->kind &&
           sandbox->ahead.number == frame->number;
}

enum adp_status adp_sandbox_decode(struct adp_sandbox *sandbox, unsigned lane,
                                   const struct adp_sandbox_frame *frame, const uint8_t **out)
{
    unsigned status;

    if (atomic_load(&sandbox->cause) != 0)
        return ADP_ERR_DECODER;
    if (!adp_sandbox_has_begun(sandbox, lane, frame))
        ask(sandbox, lane, frame);
    if (!is_answered(sandbox, lane))
        return ADP_ERR_DECODER;
    *out = shared_plain(sandbox, lane);
    status = atomic_load(&sandbox->control->lanes[lane].status);
    return status == ADP_OK || status == ADP_ERR_MEMORY ? (enum adp_status)status : ADP_ERR_CONTENT;
}

enum adp_status adp_sandbox_fail(const struct adp_sandbox *sandbox, const char *path,
                                 uint64_t offset, struct adp_error *err)
{
    int cause = atomic_load(&sandbox->cause);

    if (cause == CAUSE_STUCK)
        adp_fail(err, ADP_ERR_DECODER, path, "the process that decodes it did not come to an end");
    else if (cause > 0)
        adp_fail(err, ADP_ERR_DECODER, path,
                 "the process that decodes it was ended by signal %d (%s)%s", cause,
                 sigdescr_np(cause),
                 cause == SIGSYS ? ": it has tried what the sandbox forbids" : "");
    else
        adp_fail(err, ADP_ERR_DECODER, path, "the process that decodes it has ended");
    return adp_error_offset(err, ADP_ERR_DECODER, offset);
}
