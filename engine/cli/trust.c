#include "trust.h"

#include <stdio.h>
#include <stdlib.h>

#include "confirm.h"
#include "text.h"

static const char question[] =
    "This identity does not know the vault %.1024s yet. Its account is\n\n  %s\n\n"
    "Compare it with what \"adp-seal device list\" shows on a trusted device, or with what\n"
    "\"init\" printed. If you have used this vault from here before, somebody has replaced\n"
    "its keybag: say no.\nTrust it? [y/N] ";

static const char advice[] =
    "if you have used this vault from here before, somebody has replaced its keybag; else, if a "
    "trusted device shows the same account (adp-seal device list), confirm it once: "
    "--account \"%s\"";

/* refuse is the error where nobody has said yes. */
static enum adp_status refuse(const char *vault, const char *fingerprint, const char *message,
                              struct adp_error *err)
{
    char hint[sizeof(err->hint)];

    snprintf(hint, sizeof(hint), advice, fingerprint);
    return out_fail(err, ADP_ERR_UNTRUSTED, vault, hint, "%s", message);
}

static enum answer ask(const char *vault, const char *fingerprint)
{
    char *name = text_escape(vault), text[sizeof(question) + 1200];

    snprintf(text, sizeof(text), question, name, fingerprint);
    free(name);
    return confirm_ask(text);
}

enum adp_status trust_confirm(const struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    const char *path = cli->options.args[0];
    char fingerprint[ADP_FINGERPRINT_LEN];

    if (cli->options.account != NULL)
        return adp_vault_trust(vault, cli->options.account, err);
    if (!adp_vault_first_contact(vault))
        return ADP_OK;
    adp_vault_fingerprint(vault, fingerprint);
    switch (ask(path, fingerprint)) {
    case ANSWER_YES:
        return adp_vault_trust(vault, NULL, err);
    case ANSWER_NO:
        return refuse(path, fingerprint, "the vault's account was not confirmed", err);
    default:
        return refuse(path, fingerprint,
                      "this identity does not know the vault's account yet, and there is no "
                      "terminal to ask on",
                      err);
    }
}
