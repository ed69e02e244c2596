#include "access.h"

#include <inttypes.h>
#include <stdio.h>

#include "text.h"

void access_json(struct cli *cli, const struct adp_vault *vault)
{
    char fingerprint[ADP_FINGERPRINT_LEN];

    if (!cli->out.is_json)
        return;
    adp_vault_fingerprint(vault, fingerprint);
    text_set_number(cli->out.root, "generation", adp_vault_generation(vault));
    json_object_set_new(cli->out.root, "account", json_string(fingerprint));
}

size_t access_names(char *out, size_t out_len, const struct adp_vault *vault, enum adp_kind kind)
{
    size_t used = 0, num = 0;
    struct adp_device device;

    out[0] = '\0';
    for (size_t i = 0; i < adp_vault_num_devices(vault); i++) {
        adp_vault_device(vault, i, &device);
        if (!device.is_active || device.kind != kind)
            continue;
        if (used < out_len)
            used += (size_t)snprintf(out + used, out_len - used, "%s%s", num > 0 ? ", " : "",
                                     device.name);
        num++;
    }
    return num;
}

void access_note_old(const struct cli *cli, const struct adp_vault *vault)
{
    struct adp_history history;
    struct adp_error err;

    if (out_shows_text(&cli->out) && adp_vault_history(vault, &history, &err) == ADP_OK &&
        history.num_fixed > 0)
        out_note(&cli->out, "%" PRIu64 " " ACCESS_OLD_KEYBAGS ".", history.num_fixed);
}

/* note_way_back tells of a vault under Advanced Data Protection that has neither recovery key nor
 * contact any more. */
static void note_way_back(const struct cli *cli, const struct adp_vault *vault)
{
    struct adp_vault_info info;
    char unused[1];

    adp_vault_describe(vault, &info);
    if (info.protection == ADP_PROTECTION_ADVANCED &&
        access_names(unused, sizeof(unused), vault, ADP_KIND_RECOVERY_KEY) == 0 &&
        access_names(unused, sizeof(unused), vault, ADP_KIND_RECOVERY_CONTACT) == 0)
        out_note(&cli->out, "There is no way back any more for whoever loses all devices: make one "
                            "with adp-seal recovery key.");
}

void access_categories(char *out, size_t out_len, enum adp_category_class class_of)
{
    size_t used = 0;

    out[0] = '\0';
    for (unsigned c = 1; c <= ADP_NUM_CATEGORIES && used < out_len; c++) {
        if (adp_category_class_of(c) == class_of)
            used += (size_t)snprintf(out + used, out_len - used, "%s%s", used > 0 ? ", " : "",
                                     adp_category_name(c));
    }
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

void access_tell_removed(struct cli *cli, const struct adp_vault *vault, const char *name,
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
    note_way_back(cli, vault);
    if (kind == ADP_KIND_OPERATOR) /* which had no account's key */
        return;
    adp_vault_fingerprint(vault, fingerprint);
    printf("account %s\n", fingerprint);
    out_note(&cli->out,
             "What it could open so far it still can, here until adp-seal rewrap has run "
             "and in copies made before for ever; nothing that is sealed from now on.");
    out_note(&cli->out, "The account is a new one: whoever gives it with --account needs the line "
                        "above. Devices and sealers follow by themselves.");
}
