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

enum adp_status cmd_device_remove(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    const char *name = cli->options.args[1];
    enum adp_kind kind;
    enum adp_status status;

    kind = kind_of(vault, name);
    status = adp_vault_remove_device(vault, name, err);
    if (status == ADP_OK)
        access_tell_removed(cli, vault, name, kind);
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

enum adp_status cmd_rotate(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    unsigned categories[ADP_NUM_CATEGORIES];
    size_t num;
    enum adp_status status = read_categories(&cli->options, categories, &num, err);

    if (status != ADP_OK)
        return status;
    status = adp_vault_rotate(vault, categories, num, err);
    if (status == ADP_OK) {
        access_json(cli, vault);
        if (out_shows_text(&cli->out))
            printf("%zu categories have a new key, for what is sealed from now on\n",
                   num > 0 ? num : (size_t)ADP_NUM_CATEGORIES);
    }
    return status;
}

enum adp_status cmd_device_update(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    enum adp_status status = adp_vault_update_device(vault, err);

    if (status == ADP_OK) {
        access_json(cli, vault);
        if (out_shows_text(&cli->out))
            printf("the vault knows that adp-seal %s runs here\n", adp_version_string());
    }
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

enum adp_status cmd_erase(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    unsigned categories[ADP_NUM_CATEGORIES] = {0};
    char warning[256];
    size_t num;
    enum adp_status status = read_categories(&cli->options, categories, &num, err);

    if (status != ADP_OK)
        return status;
    snprintf(warning, sizeof(warning),
             "all that was sealed in %s until now will be lost for ever, in every snapshot",
             adp_category_name(categories[0]));
    status = confirm(cli, warning, err);
    if (status == ADP_OK)
        status = adp_vault_erase(vault, categories[0], err);
    if (status == ADP_OK)
        tell_erased(cli, vault, categories[0]);
    return status;
}
