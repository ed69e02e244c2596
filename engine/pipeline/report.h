/* What long work tells its caller: progress some ten times a second, events as they happen. One
 * struct adp_tell per run; only the thread that called the library uses it. */
#ifndef ADP_REPORT_H
#define ADP_REPORT_H

#include <stdatomic.h>
#include <stdint.h>

#include "adpseal.h"

/* struct adp_meter counts a stage's work. Any thread. */
struct adp_meter {
    atomic_uint_fast64_t count, bytes, busy_ns, cpu_ns;
};

/* struct adp_watch is when a piece of work began: by the clock, and by the thread's own CPU. */
struct adp_watch {
    int64_t busy_ns, cpu_ns;
};

struct adp_tell {
    const struct adp_options *options;
    int64_t start_ns;   /* of the stage that progress tells of */
    int64_t process_ns; /* CPU time of the process at the beginning */
    int64_t child_ns;   /* and what children have used since */
    struct adp_meter meters[ADP_NUM_STAGES];
    atomic_uint_fast64_t direct_read, direct_written; /* bytes */
    struct adp_progress progress;
    int64_t next_ns; /* when to tell progress again */
    int cancelled;
    uint64_t counts[ADP_EVENT_DAMAGED + 1]; /* of events, by kind */
};

void adp_tell_init(struct adp_tell *tell, const struct adp_options *options, const char *stage);

/* adp_tell_stage begins a stage with its totals, and calls the callback at once. Returns whether
 * the work goes on. */
int adp_tell_stage(struct adp_tell *tell, const char *stage, uint64_t total_bytes,
                   uint64_t total_entries);

/* adp_tell_progress calls the callback if it is time. Returns whether the work goes on. */
int adp_tell_progress(struct adp_tell *tell);

/* adp_tell_end calls it once more, with the final figures. */
void adp_tell_end(struct adp_tell *tell);

/* adp_tell_pace sleeps while the work is ahead of |limit_rate|, telling progress meanwhile. */
void adp_tell_pace(struct adp_tell *tell);

/* adp_watch_start and adp_watch_stop measure a piece of work of the calling thread. */
struct adp_watch adp_watch_start(void);
void adp_watch_stop(struct adp_tell *tell, enum adp_stage stage, struct adp_watch since,
                    uint64_t bytes);

/* adp_tell_child counts |cpu_ns| that a child process has used for |stage|. */
void adp_tell_child(struct adp_tell *tell, enum adp_stage stage, int64_t cpu_ns);

/* adp_tell_now and adp_tell_transfer do so for a transfer, which takes no thread's time. */
int64_t adp_tell_now(void);
void adp_tell_transfer(struct adp_tell *tell, enum adp_stage stage, int64_t since_ns,
                       uint64_t bytes, int is_direct);

/* adp_tell_sum_up writes what was measured into |report|. */
void adp_tell_sum_up(struct adp_tell *tell, struct adp_report *report);

/* adp_report_total makes categories[0] the sum of all others. */
void adp_report_total(struct adp_category_report categories[ADP_NUM_CATEGORIES + 1]);

/* adp_report_count counts a file of |bytes|. */
void adp_report_count(struct adp_category_report *report, uint64_t bytes, int is_derived);

/* adp_tell_event reports one event. |path| and |message| live during the call. */
void adp_tell_event(struct adp_tell *tell, enum adp_event_kind kind, enum adp_status status,
                    int sys_errno, const char *path, const char *message);

/* adp_tell_error reports |why| as an event. */
void adp_tell_error(struct adp_tell *tell, enum adp_event_kind kind, const struct adp_error *why);

/* adp_tell_damage reports a damaged stretch of the archive |path|. */
void adp_tell_damage(struct adp_tell *tell, enum adp_status status, const char *path,
                     const struct adp_damage *damage);

/* adp_tell_cancelled fills |err| for a run that the callback ended. */
enum adp_status adp_tell_cancelled(struct adp_error *err);

#endif
