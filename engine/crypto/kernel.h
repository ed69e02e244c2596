/* The AES-256-GCM kernel of this process, with errors for people (kernels/gcm.h has the choice). */
#ifndef ADP_KERNEL_H
#define ADP_KERNEL_H

#include "adpseal.h"
#include "gcm.h"

/* adp_kernel_choose finds the kernel that the environment asks for, or the fastest.
 * ADP_ERR_ARGUMENT, with the names that there are, if it asks for one that cannot be used. */
enum adp_status adp_kernel_choose(const struct adp_gcm_kernel **out_kernel, struct adp_error *err);

#endif
