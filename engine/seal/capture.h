/* Looking at one source entry, on a reader thread: open, stat, attributes, link target, holes. */
#ifndef ADP_CAPTURE_H
#define ADP_CAPTURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "index.h"
#include "meta.h"
#include "plan.h"

struct adp_capture {
    struct stat st;
    struct adp_xattrs xattrs;
    char *target;                  /* of a symbolic link */
    struct adp_data_range *ranges; /* of a file that is read in chunks */
    size_t num_ranges;
    int fd;              /* of a regular file, else -1 */
    int is_changed;      /* while it was read */
    int is_short;        /* fewer bytes came than its size said */
    uint8_t skip_reason; /* enum adp_skip_reason; zero if it was captured */
    int skip_errno;
};

/* struct adp_capture_dir remembers the folder of the entry before: most entries share it. */
struct adp_capture_dir {
    uint32_t parent; /* node; ADP_PLAN_NONE if |fd| is a source's */
    int fd;          /* -1 if there is none */
    int is_owned;
};

void adp_capture_dir_init(struct adp_capture_dir *dir);
void adp_capture_dir_close(struct adp_capture_dir *dir);

/* adp_capture_entry fills |out| for node |index|. What cannot be had is told in |out->skip_reason|.
 * A regular file stays open. Any thread; the plan is only read. */
void adp_capture_entry(struct adp_capture *out, const struct adp_plan *plan, uint32_t index,
                       struct adp_capture_dir *dir);

/* adp_capture_holes finds the ranges of an open file that hold data. */
void adp_capture_holes(struct adp_capture *capture);

/* adp_capture_settle looks at an open file again after it was read, and marks it if it changed. */
void adp_capture_settle(struct adp_capture *capture);

/* adp_capture_close closes the file; adp_capture_free frees everything. */
void adp_capture_close(struct adp_capture *capture);
void adp_capture_free(struct adp_capture *capture);

#endif
