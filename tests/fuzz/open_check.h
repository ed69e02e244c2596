/* What must hold of the disk after a restore, whatever was sealed. */
#ifndef ADP_OPEN_CHECK_H
#define ADP_OPEN_CHECK_H

#include "adpseal.h"
#include "open_plan.h"

/* struct check is a folder of canaries with the target beside them. */
struct check {
    char base[64]; /* its path */
    int dir, outside;
    struct told *told;
};

/* check_init makes the folder of canaries; check_begin forgets what was told, and removes the
 * target, unless it is opened once more. */
void check_init(struct check *check);
void check_begin(struct check *check, int is_again);

/* check_event takes note of what is not restored; the user is a struct check. */
void check_event(void *check, const struct adp_event *event);

/* check_was_refused returns whether an archive was told to be left out since check_begin. */
int check_was_refused(const struct check *check);

/* check_canaries: nothing outside of the target was touched. */
void check_canaries(const struct check *check);

/* check_tree: the target holds what |plan| says but for what was told, and nothing else. */
void check_tree(struct check *check, const struct plan *plan);

#endif
