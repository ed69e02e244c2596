#include "report.h"

#include <stddef.h>
#include <time.h>

#include "error.h"

#define TELL_INTERVAL_NS 100000000

static int64_t monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void adp_tell_init(struct adp_tell *tell, const struct adp_options *options, const char *stage)
{
    *tell = (struct adp_tell){.options = options, .progress = {.stage = stage}};
}

int adp_tell_progress(struct adp_tell *tell)
{
    int64_t now;

    if (tell->options->on_progress == NULL || tell->cancelled)
        return !tell->cancelled;
    now = monotonic_ns();
    if (now < tell->next_ns)
        return 1;
    tell->next_ns = now + TELL_INTERVAL_NS;
    tell->cancelled = tell->options->on_progress(tell->options->user, &tell->progress) != 0;
    return !tell->cancelled;
}

int adp_tell_stage(struct adp_tell *tell, const char *stage, uint64_t total_bytes,
                   uint64_t total_entries)
{
    tell->progress = (struct adp_progress){
        .stage = stage, .total_bytes = total_bytes, .total_entries = total_entries};
    tell->next_ns = 0;
    return adp_tell_progress(tell);
}

void adp_tell_end(struct adp_tell *tell)
{
    tell->next_ns = 0;
    (void)adp_tell_progress(tell);
}

static void tell(struct adp_tell *run, const struct adp_event *event)
{
    run->counts[event->kind]++;
    if (run->options->on_event != NULL)
        run->options->on_event(run->options->user, event);
}

void adp_tell_event(struct adp_tell *run, enum adp_event_kind kind, enum adp_status status,
                    int sys_errno, const char *path, const char *message)
{
    tell(run, &(struct adp_event){.kind = kind,
                                  .status = status,
                                  .sys_errno = sys_errno,
                                  .path = path,
                                  .message = message});
}

void adp_tell_error(struct adp_tell *run, enum adp_event_kind kind, const struct adp_error *why)
{
    tell(run, &(struct adp_event){.kind = kind,
                                  .status = why->status,
                                  .sys_errno = why->sys_errno,
                                  .path = why->path,
                                  .message = why->message,
                                  .error = why});
}

enum adp_status adp_tell_cancelled(struct adp_error *err)
{
    return adp_fail(err, ADP_ERR_CANCELLED, NULL, "stopped before it was finished");
}
