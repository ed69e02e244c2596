/* What only a person knows, the identity's passphrase or a recovery code: out of a file, or asked
 * for on the terminal without echo. */
#ifndef PASSPHRASE_H
#define PASSPHRASE_H

#include "adpseal.h"

#define PASSPHRASE_MAX 1023 /* bytes */

struct passphrase {
    char text[PASSPHRASE_MAX + 1];
};

enum passphrase_purpose {
    PASSPHRASE_UNLOCK,
    PASSPHRASE_UNLOCK_AGAIN, /* the one before was wrong */
    PASSPHRASE_NEW,          /* on a terminal it is asked for twice */
    PASSPHRASE_RECOVERY,     /* a recovery code */
};

/* passphrase_get fills |out| from the first line of |file|, or, if that is NULL, from the terminal.
 * |what| is the identity's file or the vault, for the prompt. */
ADP_MUST_CHECK enum adp_status passphrase_get(struct passphrase *out, const char *file,
                                              const char *what, enum passphrase_purpose purpose,
                                              struct adp_error *err);

/* passphrase_new returns memory for one, zero, locked as far as the system allows and in no core
 * dump; or ends the program. passphrase_free wipes and releases it. */
struct passphrase *passphrase_new(void);
void passphrase_free(struct passphrase *passphrase);

#endif
