/* How somebody new asks to be admitted: made on the new machine, read on a trusted one. */
#ifndef REQUEST_H
#define REQUEST_H

#include "cli.h"

/* request_identity loads the identity of this machine, which must be of |kind|, or makes it under
 * the name of --name. */
ADP_MUST_CHECK enum adp_status request_identity(struct adp_identity **out_identity,
                                                enum adp_kind kind, struct cli *cli,
                                                struct adp_error *err);

/* request_print makes the identity and prints its request, and |advice| on what to do with it. */
ADP_MUST_CHECK enum adp_status request_print(enum adp_kind kind, const char *advice,
                                             struct cli *cli, struct adp_error *err);

/* request_read returns the request that |word| is, or that the file of this name has; "-" is
 * standard input. For free(). */
ADP_MUST_CHECK enum adp_status request_read(char **out_request, const char *word,
                                            struct adp_error *err);

#endif
