/* The operator: who may open what is not end-to-end encrypted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "cli.h"
#include "confirm.h"
#include "request.h"
#include "session.h"
#include "text.h"

#define NAMES_LEN 512

enum adp_status cmd_operator_keygen(struct cli *cli, struct adp_error *err)
{
    return request_print(
        ADP_KIND_OPERATOR,
        "That is the public key. On a trusted device of a vault: adp-seal operator "
        "set VAULT PUBLIC-KEY",
        cli, err);
}

/* confirm_set names what the operator will be able to open. */
static enum adp_status confirm_set(struct cli *cli, const struct adp_vault *vault,
                                   struct adp_error *err)
{
    char never[NAMES_LEN], advanced[NAMES_LEN] = "", warning[3 * NAMES_LEN];
    struct adp_vault_info info;

    adp_vault_describe(vault, &info);
    access_categories(never, sizeof(never), ADP_CLASS_NEVER);
    if (info.protection == ADP_PROTECTION_STANDARD)
        access_categories(advanced, sizeof(advanced), ADP_CLASS_ADVANCED);
    snprintf(warning, sizeof(warning),
             "the operator will be able to open %s%s%s, also what was sealed until now", never,
             advanced[0] != '\0' ? ", " : "", advanced);
    return confirm(cli, warning, err);
}

static void tell_operator(struct cli *cli, const struct adp_vault *vault)
{
    char names[NAMES_LEN];

    access_json(cli, vault);
    access_names(names, sizeof(names), vault, ADP_KIND_OPERATOR);
    if (cli->out.is_json)
        text_set(cli->out.root, "operator", names);
    if (!out_shows_text(&cli->out))
        return;
    text_print(names);
    printf(" is the operator\n");
    out_note(&cli->out, "adp-seal status shows what it can open.");
}

enum adp_status cmd_operator_set(struct cli *cli, struct adp_error *err)
{
    struct session session;
    char *request;
    enum adp_status status = request_read(&request, cli->options.args[1], err);

    if (status != ADP_OK)
        return status;
    status = session_open(&session, cli, cli->options.args[0], SESSION_NEEDS_KEY, err);
    if (status != ADP_OK)
        goto err0;
    status = confirm_set(cli, session.vault, err);
    if (status == ADP_OK)
        status = adp_vault_set_operator(session.vault, request, cli->options.name, err);
    if (status == ADP_OK)
        tell_operator(cli, session.vault);
    session_close(&session);
err0:
    free(request);
    return status;
}

enum adp_status cmd_operator_release(struct cli *cli, struct adp_vault *vault,
                                     struct adp_error *err)
{
    char half[ADP_RECOVERY_CODE_LEN];
    enum adp_status status = adp_vault_release_half(vault, cli->options.args[1], half, err);

    if (status == ADP_OK && cli->out.is_json) {
        json_object_set_new(cli->out.root, "half", json_string(half));
    } else if (status == ADP_OK) {
        out_secret(&cli->out, half);
        out_note(&cli->out,
                 "With the contact's code it opens the vault: give it to the owner alone, "
                 "once you are sure who that is.");
    }
    explicit_bzero(half, sizeof(half));
    return status;
}
