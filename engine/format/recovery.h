/* The recovery key: a secret that people write down, and what follows from it. docs/FORMAT.md
 * section 10. */
#ifndef ADP_RECOVERY_H
#define ADP_RECOVERY_H

#include <stdint.h>

#include "adpseal.h"
#include "identity.h"

#define ADP_RECOVERY_NUM_DATA  26 /* characters of five bits, and two to check them */
#define ADP_RECOVERY_NUM_CHARS 28

/* struct adp_recovery_secret is 130 bits, or one of the two halves of 130 bits. */
struct adp_recovery_secret {
    uint8_t symbols[ADP_RECOVERY_NUM_DATA]; /* 0 to 31 */
};

/* adp_recovery_draw draws a secret. */
void adp_recovery_draw(struct adp_recovery_secret *out);

/* adp_recovery_combine is the exclusive or: of two halves the secret, of it and one the other. */
void adp_recovery_combine(struct adp_recovery_secret *out, const struct adp_recovery_secret *a,
                          const struct adp_recovery_secret *b);

/* adp_recovery_pack writes a half as what a wrap holds; adp_recovery_unpack returns 0 for bytes
 * that are none. */
void adp_recovery_pack(uint8_t out[ADP_SECRET_LEN], const struct adp_recovery_secret *secret);
int adp_recovery_unpack(struct adp_recovery_secret *out, const uint8_t bytes[ADP_SECRET_LEN]);

/* adp_recovery_to_text writes the code: seven groups of four characters, zero-terminated. */
void adp_recovery_to_text(char out[ADP_RECOVERY_CODE_LEN],
                          const struct adp_recovery_secret *secret);

/* adp_recovery_from_text reads a code in upper or lower case, with or without hyphens and spaces.
 * ADP_ERR_PASSPHRASE says what is wrong with it: the character, where that can be told. Any one
 * wrong character and any two that are exchanged are found; of other errors all but one in 1024. */
enum adp_status adp_recovery_from_text(struct adp_recovery_secret *out, const char *text,
                                       struct adp_error *err);

/* adp_recovery_identity derives the identity of |kind| (recovery key or contact) from the whole
 * secret. It is in memory only, and has no pins. The caller must call adp_identity_free. */
enum adp_status adp_recovery_identity(struct adp_identity **out,
                                      const struct adp_recovery_secret *secret, enum adp_kind kind,
                                      struct adp_error *err);

#endif
