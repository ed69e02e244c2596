#include "report.h"

#include <stddef.h>
#include <time.h>

#include "error.h"

#define TELL_INTERVAL_NS 100000000

#define PACE_MAX_NS 50000000 /* short enough for progress and for being stopped */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void adp_tell_init(struct adp_tell *tell, const struct adp_options *options, const char *stage)
{
    *tell = (struct adp_tell){.options = options,
                              .start_ns = clock_ns(CLOCK_MONOTONIC),
                              .process_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
                              .progress = {.stage = stage}};
}

int adp_tell_progress(struct adp_tell *tell)
{
    int64_t now;

    if (tell->options->on_progress == NULL || tell->cancelled)
        return !tell->cancelled;
    now = clock_ns(CLOCK_MONOTONIC_COARSE);
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
    tell->start_ns = clock_ns(CLOCK_MONOTONIC);
    tell->next_ns = 0;
    return adp_tell_progress(tell);
}

/* How far the work is ahead of the rate that it may have. */
static double ahead_ns(const struct adp_tell *tell)
{
    double due_ns = (double)tell->progress.done_bytes / (double)tell->options->limit_rate * 1e9;

    return due_ns - (double)(clock_ns(CLOCK_MONOTONIC) - tell->start_ns);
}

void adp_tell_pace(struct adp_tell *tell)
{
    double ns;

    if (tell->options->limit_rate == 0)
        return;
    while (!tell->cancelled && (ns = ahead_ns(tell)) > 0) {
        if (ns > PACE_MAX_NS)
            ns = PACE_MAX_NS;
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
        (void)adp_tell_progress(tell);
    }
}

struct adp_watch adp_watch_start(void)
{
    return (struct adp_watch){clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_THREAD_CPUTIME_ID)};
}

static void add(struct adp_meter *meter, int64_t busy_ns, int64_t cpu_ns, uint64_t bytes)
{
    atomic_fetch_add(&meter->count, 1);
    atomic_fetch_add(&meter->bytes, bytes);
    atomic_fetch_add(&meter->busy_ns, (uint64_t)busy_ns);
    atomic_fetch_add(&meter->cpu_ns, (uint64_t)cpu_ns);
}

void adp_watch_stop(struct adp_tell *tell, enum adp_stage stage, struct adp_watch since,
                    uint64_t bytes)
{
    struct adp_watch now = adp_watch_start();

    add(&tell->meters[stage], now.busy_ns - since.busy_ns, now.cpu_ns - since.cpu_ns, bytes);
}

void adp_tell_child(struct adp_tell *tell, enum adp_stage stage, int64_t cpu_ns)
{
    tell->child_ns += cpu_ns;
    atomic_fetch_add(&tell->meters[stage].cpu_ns, (uint64_t)cpu_ns);
}

int64_t adp_tell_now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

void adp_tell_transfer(struct adp_tell *tell, enum adp_stage stage, int64_t since_ns,
                       uint64_t bytes, int is_direct)
{
    add(&tell->meters[stage], adp_tell_now() - since_ns, 0, bytes);
    if (is_direct)
        atomic_fetch_add(stage == ADP_STAGE_READ ? &tell->direct_read : &tell->direct_written,
                         bytes);
}

const char *adp_stage_name(enum adp_stage stage)
{
    static const char *const names[ADP_NUM_STAGES] = {
        "scan", "read", "compress", "encrypt", "attest", "write", "decrypt", "restore", "commit"};

    return (unsigned)stage < ADP_NUM_STAGES ? names[stage] : NULL;
}

void adp_tell_sum_up(struct adp_tell *tell, struct adp_report *report)
{
    for (int i = 0; i < ADP_NUM_STAGES; i++) {
        struct adp_meter *meter = &tell->meters[i];

        report->stages[i] = (struct adp_stage_report){
            .count = atomic_load(&meter->count),
            .bytes = atomic_load(&meter->bytes),
            .busy_s = (double)atomic_load(&meter->busy_ns) * 1e-9,
            .cpu_s = (double)atomic_load(&meter->cpu_ns) * 1e-9,
        };
    }
    report->direct_read_bytes = atomic_load(&tell->direct_read);
    report->direct_write_bytes = atomic_load(&tell->direct_written);
    report->cpu_s =
        (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - tell->process_ns + tell->child_ns) * 1e-9;
}

void adp_report_total(struct adp_category_report categories[ADP_NUM_CATEGORIES + 1])
{
    struct adp_category_report *total = &categories[0];

    for (unsigned c = 1; c <= ADP_NUM_CATEGORIES; c++) {
        total->entries += categories[c].entries;
        total->files += categories[c].files;
        total->bytes += categories[c].bytes;
        total->stored_bytes += categories[c].stored_bytes;
        total->derived_files += categories[c].derived_files;
        total->derived_bytes += categories[c].derived_bytes;
    }
}

void adp_report_count(struct adp_category_report *report, uint64_t bytes, int is_derived)
{
    report->files++;
    report->bytes += bytes;
    report->derived_files += (unsigned)(is_derived != 0);
    report->derived_bytes += is_derived ? bytes : 0;
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

void adp_tell_damage(struct adp_tell *run, enum adp_status status, const char *path,
                     const struct adp_damage *damage)
{
    tell(run, &(struct adp_event){.kind = ADP_EVENT_DAMAGED,
                                  .status = status,
                                  .path = path,
                                  .message = "damaged",
                                  .damage = damage});
}

enum adp_status adp_tell_cancelled(struct adp_error *err)
{
    return adp_fail(err, ADP_ERR_CANCELLED, NULL, "stopped before it was finished");
}
