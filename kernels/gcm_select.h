/* The choice among kernels, over any table of them: the real one, or a test's. Internal. */
#ifndef ADP_GCM_SELECT_H
#define ADP_GCM_SELECT_H

#include "gcm_kernel.h"

#include <pthread.h>

enum adp_gcm_verdict { ADP_GCM_UNTESTED = 0, ADP_GCM_PASSED, ADP_GCM_FAILED };

/* struct adp_gcm_candidate is a kernel, the features beside its own without which it is chosen by
 * name only, and what its self-test said. */
struct adp_gcm_candidate {
    const struct adp_gcm_kernel *kernel;
    unsigned default_needs;
    enum adp_gcm_verdict verdict;
};

/* struct adp_gcm_table lists candidates, fastest first. The last one is the portable kernel: it is
 * usable everywhere and the measure of the others. */
struct adp_gcm_table {
    pthread_mutex_t lock; /* guards the verdicts */
    struct adp_gcm_candidate *candidates;
    size_t num;
};

/* adp_gcm_table is the real one. */
extern struct adp_gcm_table adp_gcm_table;

/* adp_gcm_table_select is adp_gcm_kernel_select over |table|, without the environment. */
enum adp_gcm_result adp_gcm_table_select(const struct adp_gcm_kernel **out_kernel,
                                         struct adp_gcm_table *table, const char *name);

/* adp_gcm_selftest returns whether |kernel|, which must be usable, gives the published answers and
 * those of |reference|, whole and scattered, in place or not, and refuses a wrong tag. */
int adp_gcm_selftest(const struct adp_gcm_kernel *kernel, const struct adp_gcm_kernel *reference);

#endif
