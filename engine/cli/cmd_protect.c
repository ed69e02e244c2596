/* Who has access, from now on: device remove and update, rotate, erase. */
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "cli.h"
#include "confirm.h"
#include "session.h"
#include "text.h"

/* kind_of returns the kind of the active one called |name|. */
static enum adp_kind kind_of(const struct adp_vault *vault, const char *name)
{
    struct adp_device device;

    for (size_t i = 0; i < adp_vault_num_devices(vault); i++) {
        adp_vault_device(vault, i, &device);
        if (device.is_active && strcmp(device.name, name) == 0)
            return device.kind;
    }
    return ADP_KIND_DEVICE;
}

/* tell_who_is_left names all that hold keys still: one that somebody has slipped in shows here. */
static void tell_who_is_left(const struct adp_vault *vault)
{
    const char *before = "Who holds keys from now on: ";
    struct adp_device device;

    for (size_t i = 0; i < adp_vault_num_devices(vault); i++) {
        adp_vault_device(vault, i, &device);
        if (!device.is_active || device.kind == ADP_KIND_SEALER)
            continue;
        printf("%s", before);
        text_print(device.name);
        before = ", ";
    }
    printf("\n");
}

static void tell_removed(struct cli *cli, const struct adp_vault *vault, const char *name,
                         enum adp_kind kind)
{
    char fingerprint[ADP_FINGERPRINT_LEN];

    access_json(cli, vault);
    if (!out_shows_text(&cli->out))
        return;
    text_print(name);
    printf(" is removed\n");
    if (kind == ADP_KIND_SEALER)
        return;
    tell_who_is_left(vault);
    access_note_old(cli, vault);
    if (kind != ADP_KIND_DEVICE)
        return;
    adp_vault_fingerprint(vault, fingerprint);
    printf("account %s\n", fingerprint);
    out_note(&cli->out,
             "What it could open so far it still can, here until adp-seal rewrap has run "
             "and in copies made before for ever; nothing that is sealed from now on.");
    out_note(&cli->out, "The account is a new one: whoever gives it with --account needs the line "
                        "above. Devices and sealers follow by themselves.");
}

enum adp_status cmd_device_remove(struct cli *cli, struct adp_error *err)
{
    const char *name = cli->options.args[1];
    struct session session;
    enum adp_kind kind;
    enum adp_status status =
        session_open(&session, cli, cli->options.args[0], SESSION_NEEDS_KEY, err);

    if (status != ADP_OK)
        return status;
    kind = kind_of(session.vault, name);
    status = adp_vault_remove_device(session.vault, name, err);
    if (status == ADP_OK)
        tell_removed(cli, session.vault, name, kind);
    session_close(&session);
    return status;
}

/* read_categories finds the categories that the words after the vault name. */
static enum adp_status read_categories(const struct options *options, unsigned *out,
                                       size_t *out_num, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    *out_num = 0;
    for (size_t i = 1; status == ADP_OK && i < options->num_args; i++)
        status = options_add_category(out, out_num, options->args[i], err);
    return status;
}

enum adp_status cmd_rotate(struct cli *cli, struct adp_error *err)
{
    unsigned categories[ADP_NUM_CATEGORIES];
    struct session session;
    size_t num;
    enum adp_status status = read_categories(&cli->options, categories, &num, err);

    if (status == ADP_OK)
        status = session_open(&session, cli, cli->options.args[0], SESSION_NEEDS_KEY, err);
    if (status != ADP_OK)
        return status;
    status = adp_vault_rotate(session.vault, categories, num, err);
    if (status == ADP_OK) {
        access_json(cli, session.vault);
        if (out_shows_text(&cli->out))
            printf("%zu categories have a new key, for what is sealed from now on\n",
                   num > 0 ? num : (size_t)ADP_NUM_CATEGORIES);
    }
    session_close(&session);
    return status;
}

enum adp_status cmd_device_update(struct cli *cli, struct adp_error *err)
{
    struct session session;
    enum adp_status status =
        session_open(&session, cli, cli->options.args[0], SESSION_NEEDS_KEY, err);

    if (status != ADP_OK)
        return status;
    status = adp_vault_update_device(session.vault, err);
    if (status == ADP_OK) {
        access_json(cli, session.vault);
        if (out_shows_text(&cli->out))
            printf("the vault knows that adp-seal %s runs here\n", adp_version_string());
    }
    session_close(&session);
    return status;
}

static void tell_erased(struct cli *cli, const struct adp_vault *vault, unsigned category)
{
    access_json(cli, vault);
    if (!out_shows_text(&cli->out))
        return;
    printf("nothing that was sealed in %s until now can be opened any more\n",
           adp_category_name(category));
    out_note(&cli->out,
             "Whoever kept an older copy of the keybag still can, if they find the archives. "
             "The archives still take their room.");
    access_note_old(cli, vault);
}

enum adp_status cmd_erase(struct cli *cli, struct adp_error *err)
{
    unsigned categories[ADP_NUM_CATEGORIES];
    struct session session;
    char warning[256];
    size_t num;
    enum adp_status status = read_categories(&cli->options, categories, &num, err);

    if (status == ADP_OK)
        status = session_open(&session, cli, cli->options.args[0], SESSION_NEEDS_KEY, err);
    if (status != ADP_OK)
        return status;
    snprintf(warning, sizeof(warning),
             "all that was sealed in %s until now will be lost for ever, in every snapshot",
             adp_category_name(categories[0]));
    status = confirm(cli, warning, err);
    if (status == ADP_OK)
        status = adp_vault_erase(session.vault, categories[0], err);
    if (status == ADP_OK)
        tell_erased(cli, session.vault, categories[0]);
    session_close(&session);
    return status;
}
