#include "trust.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "text.h"

static const char question[] =
    "This identity does not know the vault %s yet. Its account is\n\n  %s\n\n"
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

/* read_yes reads a line from the terminal: is it yes? */
static int read_yes(int tty)
{
    char answer[16] = "";
    size_t len = 0;
    char c;

    while (read(tty, &c, 1) == 1 && c != '\n') {
        if (len < sizeof(answer) - 1)
            answer[len++] = c;
    }
    answer[len] = '\0';
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

static int ask(int tty, const char *vault, const char *fingerprint)
{
    char *name = text_escape(vault);

    tcflush(tty, TCIFLUSH); /* what was typed before is no answer to this */
    dprintf(tty, question, name, fingerprint);
    free(name);
    return read_yes(tty);
}

enum adp_status trust_confirm(const struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    const char *path = cli->options.args[0];
    char fingerprint[ADP_FINGERPRINT_LEN];
    int tty, is_yes;

    if (cli->options.account != NULL)
        return adp_vault_trust(vault, cli->options.account, err);
    if (!adp_vault_first_contact(vault))
        return ADP_OK;
    adp_vault_fingerprint(vault, fingerprint);
    tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (tty < 0)
        return refuse(path, fingerprint,
                      "this identity does not know the vault's account yet, and there is no "
                      "terminal to ask on",
                      err);
    is_yes = ask(tty, path, fingerprint);
    close(tty);
    if (!is_yes)
        return refuse(path, fingerprint, "the vault's account was not confirmed", err);
    return adp_vault_trust(vault, NULL, err);
}
