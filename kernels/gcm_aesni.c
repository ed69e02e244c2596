/* AES-256-GCM on AES-NI and PCLMULQDQ with AVX's encodings: 8 blocks a step. */
#include "vec_xmm.h"

#include "gcm_wide.h"

ADP_GCM_WIDE(adp_gcm_aesni, "aesni");
