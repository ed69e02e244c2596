#include "access.h"

#include <inttypes.h>
#include <stdio.h>

void access_json(struct cli *cli, const struct adp_vault *vault)
{
    char fingerprint[ADP_FINGERPRINT_LEN];

    if (!cli->out.is_json)
        return;
    adp_vault_fingerprint(vault, fingerprint);
    json_object_set_new(cli->out.root, "generation",
                        json_integer((json_int_t)adp_vault_generation(vault)));
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
