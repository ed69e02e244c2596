/* The identity's passphrase: out of a file, or asked for on the terminal without echo. */
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
};

/* passphrase_get fills |out| from the first line of |file|, or, if that is NULL, from the terminal.
 * |identity| is the file's name, for the prompt. */
ADP_MUST_CHECK enum adp_status passphrase_get(struct passphrase *out, const char *file,
                                              const char *identity, enum passphrase_purpose purpose,
                                              struct adp_error *err);

/* passphrase_wipe overwrites it. */
void passphrase_wipe(struct passphrase *passphrase);

#endif
