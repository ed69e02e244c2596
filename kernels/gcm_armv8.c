/* AES-256-GCM on AArch64's AES and PMULL: 8 blocks a step. */
#include "vec_neon.h"

#include "gcm_wide.h"

ADP_GCM_WIDE(adp_gcm_armv8, "armv8");
