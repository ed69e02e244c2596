/* AES-256-GCM on AArch64's AES, PMULL and EOR3 of the SHA3 extension: 8 blocks a step. */
#include "vec_neon.h"

#include "gcm_wide.h"

ADP_GCM_WIDE(adp_gcm_armv8_eor3, "armv8-eor3");
