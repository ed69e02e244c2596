/* AES-256-GCM on VAES and VPCLMULQDQ with AVX-512: 32 blocks a step. */
#include "vec_zmm.h"

#include "gcm_wide.h"

ADP_GCM_WIDE(adp_gcm_vaes512, "vaes512");
