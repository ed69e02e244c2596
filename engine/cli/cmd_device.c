#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "human.h"
#include "request.h"
#include "session.h"
#include "table.h"
#include "text.h"

#define NS_PER_S 1000000000

enum adp_status cmd_device_request(struct cli *cli, struct adp_error *err)
{
    int is_sealer = options_has(&cli->options, OPTION_SEALER);

    return request_print(is_sealer ? ADP_KIND_SEALER : ADP_KIND_DEVICE,
                         "On a trusted device: adp-seal device add VAULT REQUEST", cli, err);
}

/* tell_newest tells of the device that was admitted, the last one, and how it gets to know the
 * vault. */
static void tell_newest(struct cli *cli, const struct adp_vault *vault)
{
    char fingerprint[ADP_FINGERPRINT_LEN];
    struct adp_device device;

    adp_vault_fingerprint(vault, fingerprint);
    adp_vault_device(vault, adp_vault_num_devices(vault) - 1, &device);
    if (cli->out.is_json) {
        text_set(cli->out.root, "name", device.name);
        json_object_set_new(cli->out.root, "kind", json_string(adp_kind_name(device.kind)));
        text_set_number(cli->out.root, "generation", adp_vault_generation(vault));
        json_object_set_new(cli->out.root, "account", json_string(fingerprint));
    }
    if (!out_shows_text(&cli->out))
        return;
    text_print(device.name);
    printf(" is admitted as a %s\n", adp_kind_name(device.kind));
    out_note(&cli->out, "There, once: adp-seal %s ... --account \"%s\"",
             device.kind == ADP_KIND_SEALER ? "seal" : "open", fingerprint);
}

/* check_sealer refuses what --sealer does not expect: a device would open everything. */
static enum adp_status check_sealer(const struct cli *cli, const char *request,
                                    struct adp_error *err)
{
    enum adp_kind kind;
    enum adp_status status = adp_request_kind(request, &kind, err);

    if (status != ADP_OK || !options_has(&cli->options, OPTION_SEALER) || kind == ADP_KIND_SEALER)
        return status;
    return out_fail(err, ADP_ERR_ARGUMENT, NULL, "there: adp-seal device request --sealer",
                    "this is a %s's request, not a sealer's", adp_kind_name(kind));
}

enum adp_status cmd_device_add(struct cli *cli, struct adp_error *err)
{
    struct session session;
    char *request = NULL;
    enum adp_status status = request_read(&request, cli->options.args[1], err);

    if (status != ADP_OK)
        return status;
    status = check_sealer(cli, request, err);
    if (status == ADP_OK)
        status = session_open(&session, cli, cli->options.args[0], SESSION_NEEDS_KEY, err);
    if (status != ADP_OK)
        goto err0;
    status = adp_vault_add_device(session.vault, request, cli->options.name, err);
    if (status == ADP_OK)
        tell_newest(cli, session.vault);
    session_close(&session);
err0:
    free(request);
    return status;
}

static void add_row(struct table *table, const struct adp_device *device)
{
    char time[HUMAN_LEN];

    human_time(time, device->added_ns / NS_PER_S);
    table_add(table, "%s%s", device->name, device->is_self ? " (this one)" : "");
    table_add(table, "%s", adp_kind_name(device->kind));
    table_add(table, "%s", device->is_active ? "active" : "removed");
    table_add(table, "%s", time);
    table_add(table, "%02x%02x%02x%02x", device->id[0], device->id[1], device->id[2],
              device->id[3]);
}

static json_t *device_json(const struct adp_device *device)
{
    json_t *object = json_object();
    char id[2 * sizeof(device->id) + 1];

    for (size_t i = 0; i < sizeof(device->id); i++)
        sprintf(id + 2 * i, "%02x", device->id[i]);
    text_set(object, "name", device->name);
    json_object_set_new(object, "kind", json_string(adp_kind_name(device->kind)));
    json_object_set_new(object, "active", json_boolean(device->is_active));
    json_object_set_new(object, "self", json_boolean(device->is_self));
    json_object_set_new(object, "outdated", json_boolean(device->is_outdated));
    json_object_set_new(object, "added_ns", json_integer(device->added_ns));
    json_object_set_new(object, "id", json_string(id));
    return object;
}

static void print_devices_json(json_t *root, const struct adp_vault *vault, const char *fingerprint)
{
    json_t *devices = json_array();
    struct adp_device device;

    for (size_t i = 0; i < adp_vault_num_devices(vault); i++) {
        adp_vault_device(vault, i, &device);
        json_array_append_new(devices, device_json(&device));
    }
    json_object_set_new(root, "devices", devices);
    json_object_set_new(root, "account", json_string(fingerprint));
    text_set_number(root, "generation", adp_vault_generation(vault));
}

static void print_devices(const struct adp_vault *vault, const char *fingerprint)
{
    struct table table = {.alignment = "lllll"};
    struct adp_device device;

    table_add(&table, "name");
    table_add(&table, "kind");
    table_add(&table, "state");
    table_add(&table, "added");
    table_add(&table, "id");
    for (size_t i = 0; i < adp_vault_num_devices(vault); i++) {
        adp_vault_device(vault, i, &device);
        add_row(&table, &device);
    }
    table_print(&table);
    printf("account %s\n", fingerprint);
}

enum adp_status cmd_device_list(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    char fingerprint[ADP_FINGERPRINT_LEN];

    (void)err;
    adp_vault_fingerprint(vault, fingerprint);
    if (cli->out.is_json)
        print_devices_json(cli->out.root, vault, fingerprint);
    else
        print_devices(vault, fingerprint);
    return ADP_OK;
}
