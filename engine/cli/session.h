/* An identity, a vault opened with it, and what long work on it needs. */
#ifndef SESSION_H
#define SESSION_H

#include "cli.h"

enum session_need {
    SESSION_NEEDS_KEY,
    SESSION_ANYBODY, /* works without identity; one that is at hand is used to check the keybag */
};

struct session {
    struct adp_identity *identity; /* NULL: none was at hand */
    struct adp_vault *vault;
};

/* session_open loads the identity, asking for a passphrase where it needs one, and opens the vault
 * |dir| with it. A vault that the identity does not know is confirmed first (trust.h) if a key is
 * needed. The caller must call session_close. */
ADP_MUST_CHECK enum adp_status session_open(struct session *out, struct cli *cli, const char *dir,
                                            enum session_need need, struct adp_error *err);
void session_close(struct session *session);

/* session_run opens the vault that the first word names, has |run| work on it, and closes it. */
ADP_MUST_CHECK enum adp_status session_run(struct cli *cli, enum session_need need,
                                           vault_command_fn *run, struct adp_error *err);

/* session_identity_path returns the identity's file, as given or by default, for free(). */
ADP_MUST_CHECK enum adp_status session_identity_path(char **out_path, const struct cli *cli,
                                                     struct adp_error *err);

/* session_load_identity loads |path|, asking for a passphrase where it needs one. */
ADP_MUST_CHECK enum adp_status session_load_identity(struct adp_identity **out_identity,
                                                     const char *path, const struct cli *cli,
                                                     struct adp_error *err);

/* session_create_identity makes |path|, under a passphrase if the options say so. */
ADP_MUST_CHECK enum adp_status session_create_identity(struct adp_identity **out_identity,
                                                       const char *path, enum adp_kind kind,
                                                       const char *name, const struct cli *cli,
                                                       struct adp_error *err);

/* session_work fills |out| from the options, with callbacks that show progress and events and stop
 * at Ctrl-C, which is caught from now on. */
void session_work(struct adp_options *out, struct cli *cli);

/* session_on_event is the callback for events, for calls that take it alone; |user| is the cli. */
void session_on_event(void *user, const struct adp_event *event);

#endif
