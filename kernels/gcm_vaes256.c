/* AES-256-GCM on VAES and VPCLMULQDQ with AVX2: 16 blocks a step. */
#include "vec_ymm.h"

#include "gcm_wide.h"

ADP_GCM_WIDE(adp_gcm_vaes256, "vaes256");
