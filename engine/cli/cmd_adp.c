/* Advanced Data Protection. */
#include <stdio.h>

#include "access.h"
#include "cli.h"
#include "confirm.h"
#include "session.h"
#include "text.h"

#define NAMES_LEN 512

static const char *const words[] = {
    [ADP_PROTECTION_STANDARD] = "standard",
    [ADP_PROTECTION_ADVANCED] = "advanced",
};

/* tell_on says what is so now, and what that cannot undo. */
static void tell_on(const struct cli *cli, const struct adp_vault *vault)
{
    char names[NAMES_LEN], never[NAMES_LEN], operators[NAMES_LEN];

    access_categories(names, sizeof(names), ADP_CLASS_ADVANCED);
    access_categories(never, sizeof(never), ADP_CLASS_NEVER);
    printf("Advanced Data Protection is on: end-to-end encrypted are now %s as well\n", names);
    if (access_names(operators, sizeof(operators), vault, ADP_KIND_OPERATOR) == 0)
        return;
    printf("the operator, ");
    text_print(operators);
    printf(", opens %s alone\n", never);
    out_note(&cli->out,
             "What the operator has read already it has. Older copies of the keybag, if "
             "somebody kept one, still have its keys for what was sealed until now: adp-seal "
             "rewrap takes those from the archives themselves.");
    access_note_old(cli, vault);
}

static enum adp_status set(struct cli *cli, struct adp_vault *vault, enum adp_protection protection,
                           struct adp_error *err)
{
    enum adp_status status = adp_vault_set_protection(vault, protection, err);

    if (status != ADP_OK)
        return status;
    access_json(cli, vault);
    if (cli->out.is_json)
        json_object_set_new(cli->out.root, "protection", json_string(words[protection]));
    if (!out_shows_text(&cli->out))
        return ADP_OK;
    if (protection == ADP_PROTECTION_ADVANCED)
        tell_on(cli, vault);
    else
        printf("Advanced Data Protection is off\n");
    return ADP_OK;
}

enum adp_status cmd_adp_on(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    return set(cli, vault, ADP_PROTECTION_ADVANCED, err);
}

/* confirm_off warns of what the operator gets, if there is one. */
static enum adp_status confirm_off(struct cli *cli, const struct adp_vault *vault,
                                   struct adp_error *err)
{
    char names[NAMES_LEN], operators[NAMES_LEN], warning[3 * NAMES_LEN];
    struct adp_vault_info info;

    adp_vault_describe(vault, &info);
    if (info.protection != ADP_PROTECTION_ADVANCED ||
        access_names(operators, sizeof(operators), vault, ADP_KIND_OPERATOR) == 0)
        return ADP_OK;
    access_categories(names, sizeof(names), ADP_CLASS_ADVANCED);
    snprintf(warning, sizeof(warning),
             "the operator, %s, will be able to open %s, also what was sealed until now", operators,
             names);
    return confirm(cli, warning, err);
}

enum adp_status cmd_adp_off(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    enum adp_status status = confirm_off(cli, vault, err);

    if (status == ADP_OK)
        status = set(cli, vault, ADP_PROTECTION_STANDARD, err);
    return status;
}
