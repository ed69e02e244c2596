/* What long work tells its caller: progress some ten times a second, events as they happen. One
 * struct adp_tell per run; only the thread that called the library uses it. */
#ifndef ADP_REPORT_H
#define ADP_REPORT_H

#include <stdint.h>

#include "adpseal.h"

struct adp_tell {
    const struct adp_options *options;
    struct adp_progress progress;
    int64_t next_ns; /* when to tell progress again */
    int cancelled;
    uint64_t counts[ADP_EVENT_NOTE + 1]; /* of events, by kind */
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

/* adp_tell_event reports one event. |path| and |message| live during the call. */
void adp_tell_event(struct adp_tell *tell, enum adp_event_kind kind, enum adp_status status,
                    int sys_errno, const char *path, const char *message);

/* adp_tell_error reports |why| as an event. */
void adp_tell_error(struct adp_tell *tell, enum adp_event_kind kind, const struct adp_error *why);

/* adp_tell_cancelled fills |err| for a run that the callback ended. */
enum adp_status adp_tell_cancelled(struct adp_error *err);

#endif
