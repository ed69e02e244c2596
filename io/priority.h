/* The calling thread's class of input and output, ioprio_set(2). Threads that it starts, and what a
 * ring of its does, have the same. */
#ifndef ADP_PRIORITY_H
#define ADP_PRIORITY_H

/* adp_priority_set_idle lets everybody else's transfers go first, and sets |*out_before| to what
 * was before. Returns 0 or -errno. */
int adp_priority_set_idle(int *out_before);

/* adp_priority_restore goes back to |before|. */
void adp_priority_restore(int before);

#endif
