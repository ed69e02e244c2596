#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "passphrase.h"
#include "trust.h"

#define MAX_ATTEMPTS 3 /* at typing a passphrase */

enum adp_status session_identity_path(char **out_path, const struct cli *cli, struct adp_error *err)
{
    if (cli->options.identity == NULL)
        return adp_identity_default_path(out_path, err);
    *out_path = strdup(cli->options.identity);
    return *out_path != NULL ? ADP_OK : out_fail(err, ADP_ERR_MEMORY, NULL, NULL, "out of memory");
}

enum adp_status session_load_identity(struct adp_identity **out_identity, const char *path,
                                      const struct cli *cli, struct adp_error *err)
{
    const char *file = cli->options.passphrase_file;
    int max_attempts = file != NULL ? 1 : MAX_ATTEMPTS;
    struct passphrase *passphrase = NULL;
    enum adp_status status = adp_identity_load(out_identity, path, NULL, err);

    for (int i = 0; i < max_attempts && status == ADP_ERR_PASSPHRASE; i++) {
        passphrase = passphrase_new();
        status = passphrase_get(passphrase, file, path,
                                i == 0 ? PASSPHRASE_UNLOCK : PASSPHRASE_UNLOCK_AGAIN, err);
        i = status == ADP_OK ? i : max_attempts;
        if (status == ADP_OK)
            status = adp_identity_load(out_identity, path, passphrase->text, err);
        passphrase_free(passphrase);
    }
    return status;
}

enum adp_status session_create_identity(struct adp_identity **out_identity, const char *path,
                                        enum adp_kind kind, const char *name, const struct cli *cli,
                                        struct adp_error *err)
{
    const char *file = cli->options.passphrase_file;
    struct passphrase *passphrase;
    enum adp_status status;

    if (file == NULL && !options_has(&cli->options, OPTION_PASSPHRASE))
        return adp_identity_create(out_identity, path, kind, name, NULL, err);
    passphrase = passphrase_new();
    status = passphrase_get(passphrase, file, path, PASSPHRASE_NEW, err);
    if (status == ADP_OK)
        status = adp_identity_create(out_identity, path, kind, name, passphrase->text, err);
    passphrase_free(passphrase);
    return status;
}

/* find_identity loads the identity; where anybody may run the command, and neither identity nor
 * passphrase file was named, it does without one that is not there or would have to be asked for.
 */
static enum adp_status find_identity(struct adp_identity **out_identity, const struct cli *cli,
                                     enum session_need need, struct adp_error *err)
{
    int is_optional = need == SESSION_ANYBODY && cli->options.identity == NULL &&
                      cli->options.passphrase_file == NULL;
    char *path;
    enum adp_status status = session_identity_path(&path, cli, err);

    if (status != ADP_OK)
        return is_optional ? ADP_OK : status;
    if (is_optional) {
        status = adp_identity_load(out_identity, path, NULL, err);
        if (status == ADP_ERR_NOT_FOUND || status == ADP_ERR_PASSPHRASE)
            status = ADP_OK;
    } else {
        status = session_load_identity(out_identity, path, cli, err);
        if (status == ADP_ERR_NOT_FOUND) /* to the person the same as a key that does not fit */
            status = err->status = ADP_ERR_NO_KEY;
    }
    free(path);
    return status;
}

static void tell_first_contact(struct cli *cli, const struct adp_vault *vault)
{
    char fingerprint[ADP_FINGERPRINT_LEN];

    if (!cli->out.is_json)
        return;
    adp_vault_fingerprint(vault, fingerprint);
    json_object_set_new(cli->out.root, "first_contact", json_true());
    json_object_set_new(cli->out.root, "account", json_string(fingerprint));
}

/* meet settles whose vault it is where a key is needed or the caller has said so; else the vault
 * may be looked at, but not unaware. */
static enum adp_status meet(struct cli *cli, struct adp_vault *vault, enum session_need need,
                            struct adp_error *err)
{
    int is_first = adp_vault_first_contact(vault);

    if (is_first)
        tell_first_contact(cli, vault);
    if (need == SESSION_NEEDS_KEY || cli->options.account != NULL)
        return trust_confirm(cli, vault, err);
    if (is_first)
        out_note(&cli->out, "This identity does not know this vault's account yet: compare it with "
                            "what a trusted device shows (device list).");
    return ADP_OK;
}

enum adp_status session_open(struct session *out, struct cli *cli, const char *dir,
                             enum session_need need, struct adp_error *err)
{
    struct session session = {0};
    enum adp_status status = find_identity(&session.identity, cli, need, err);

    if (status == ADP_OK)
        status = adp_vault_open(&session.vault, dir, session.identity, err);
    if (status == ADP_OK)
        status = adp_vault_set_sandbox(session.vault, cli->options.sandbox, err);
    if (status == ADP_OK)
        status = meet(cli, session.vault, need, err);
    if (status != ADP_OK) {
        session_close(&session);
        return status;
    }
    *out = session;
    return ADP_OK;
}

void session_close(struct session *session)
{
    adp_vault_free(session->vault);
    adp_identity_free(session->identity);
    *session = (struct session){0};
}

enum adp_status session_run(struct cli *cli, enum session_need need, vault_command_fn *run,
                            struct adp_error *err)
{
    struct session session;
    enum adp_status status = session_open(&session, cli, cli->options.args[0], need, err);

    if (status != ADP_OK)
        return status;
    status = run(cli, session.vault, err);
    session_close(&session);
    return status;
}

static int on_progress(void *user, const struct adp_progress *progress)
{
    struct cli *cli = user;

    progress_draw(&cli->progress, progress);
    return interrupt_requested();
}

void session_on_event(void *user, const struct adp_event *event)
{
    struct cli *cli = user;

    progress_erase(&cli->progress);
    out_event(&cli->out, event);
}

void session_work(struct adp_options *out, struct cli *cli)
{
    interrupt_catch();
    *out = (struct adp_options){
        .num_threads = cli->options.num_threads,
        .memory = cli->options.memory,
        .io = cli->options.io,
        .is_idle = cli->options.is_idle,
        .limit_rate = cli->options.limit_rate,
        .on_progress = on_progress,
        .on_event = session_on_event,
        .user = cli,
    };
}
