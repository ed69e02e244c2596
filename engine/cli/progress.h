/* The progress bar: one line on standard error, redrawn in place, erased when something else is to
 * be printed there. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "adpseal.h"

struct progress {
    int is_enabled;
    int is_shown;
    const char *stage; /* that the figures below belong to */
    double time;       /* of the last sample, seconds */
    uint64_t bytes;    /* done at the last sample */
    double rate;       /* bytes a second, smoothed */
};

/* progress_init switches the bar on if |wanted| and standard error is a terminal. */
void progress_init(struct progress *progress, int wanted);

void progress_draw(struct progress *progress, const struct adp_progress *now);

void progress_erase(struct progress *progress);

#endif
