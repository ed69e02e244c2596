/* Who may open what, whether the keybag is whole, and what the vault shows to whoever has no key.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "cli.h"
#include "human.h"
#include "session.h"
#include "table.h"
#include "text.h"

#define NS_PER_S 1000000000

static const struct {
    enum adp_kind kind;
    const char *label, *key;
} kinds[] = {
    {ADP_KIND_DEVICE, "devices", "devices"},
    {ADP_KIND_SEALER, "sealers", "sealers"},
    {ADP_KIND_OPERATOR, "operator", "operator"},
    {ADP_KIND_RECOVERY_KEY, "recovery", "recovery_keys"},
    {ADP_KIND_RECOVERY_CONTACT, "contacts", "recovery_contacts"},
};

#define NUM_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* -- who */

static json_t *names_json(const struct adp_vault *vault, enum adp_kind kind)
{
    json_t *names = json_array();
    struct adp_device device;

    for (size_t i = 0; i < adp_vault_num_devices(vault); i++) {
        adp_vault_device(vault, i, &device);
        if (device.is_active && device.kind == kind)
            json_array_append_new(names, json_string(device.name));
    }
    return names;
}

/* print_kind names all of them, however many: one that somebody has slipped in shows here. */
static void print_kind(const struct adp_vault *vault, enum adp_kind kind)
{
    struct adp_device device;
    size_t num = 0;

    for (size_t i = 0; i < adp_vault_num_devices(vault); i++) {
        adp_vault_device(vault, i, &device);
        if (!device.is_active || device.kind != kind)
            continue;
        printf("%s", num++ > 0 ? ", " : "");
        text_print(device.name);
        printf("%s", device.is_outdated ? " (old software)" : "");
    }
    puts(num > 0 ? "" : "none");
}

static void print_names(const struct adp_vault *vault)
{
    for (size_t i = 0; i < NUM_KINDS; i++) {
        printf("%-11s", kinds[i].label);
        print_kind(vault, kinds[i].kind);
    }
}

static const char *protection_word(const struct adp_vault_info *info)
{
    return info->protection == ADP_PROTECTION_ADVANCED ? "advanced" : "standard";
}

static void print_vault(const struct adp_vault *vault)
{
    char fingerprint[ADP_FINGERPRINT_LEN], time[HUMAN_LEN];
    struct adp_vault_info info;

    adp_vault_describe(vault, &info);
    adp_vault_fingerprint(vault, fingerprint);
    human_time(time, info.changed_ns / NS_PER_S);
    printf("account    %s\n", fingerprint);
    printf("keybag     generation %" PRIu64 ", %s, by ", info.generation, time);
    text_print(info.changed_by);
    printf(": ");
    text_print(info.reason);
    printf("\nprotection %s\n", protection_word(&info));
    print_names(vault);
}

static void vault_json(json_t *root, const struct adp_vault *vault)
{
    char fingerprint[ADP_FINGERPRINT_LEN];
    struct adp_vault_info info;

    adp_vault_describe(vault, &info);
    adp_vault_fingerprint(vault, fingerprint);
    json_object_set_new(root, "account", json_string(fingerprint));
    text_set_number(root, "generation", info.generation);
    json_object_set_new(root, "changed_ns", json_integer(info.changed_ns));
    text_set(root, "changed_by", info.changed_by);
    text_set(root, "reason", info.reason);
    json_object_set_new(root, "protection", json_string(protection_word(&info)));
    for (size_t i = 0; i < NUM_KINDS; i++)
        json_object_set_new(root, kinds[i].key, names_json(vault, kinds[i].kind));
}

/* -- what */

static void print_categories(const struct adp_vault *vault)
{
    struct table table = {.alignment = "lrrl"};

    table_add(&table, "category");
    table_add(&table, "epoch");
    table_add(&table, "erased");
    table_add(&table, "can be opened by");
    for (unsigned c = 1; c <= ADP_NUM_CATEGORIES; c++) {
        struct adp_category_info info;

        adp_vault_category(vault, c, &info);
        table_add(&table, "%s", adp_category_name(c));
        table_add(&table, "%u", info.epoch);
        if (info.num_erased > 0)
            table_add(&table, "%u", info.num_erased);
        else
            table_add(&table, "-");
        table_add(&table, "%s",
                  info.is_end_to_end ? "devices, recovery" : "devices, recovery, operator");
    }
    table_print(&table);
}

static json_t *categories_json(const struct adp_vault *vault)
{
    json_t *array = json_array();

    for (unsigned c = 1; c <= ADP_NUM_CATEGORIES; c++) {
        json_t *item = json_object();
        struct adp_category_info info;

        adp_vault_category(vault, c, &info);
        json_object_set_new(item, "category", json_string(adp_category_name(c)));
        json_object_set_new(item, "epoch", json_integer(info.epoch));
        json_object_set_new(item, "erased_epochs", json_integer(info.num_erased));
        json_object_set_new(item, "end_to_end", json_boolean(info.is_end_to_end));
        json_array_append_new(array, item);
    }
    return array;
}

/* -- is it whole */

static const struct {
    const char *key, *text;
} problems[] = {
    {"missing",
     "generations of the keybag are gone in both places: devices that have not been here "
     "since will refuse the vault; unless you have deleted them, restore them from a copy of it"},
    {"single_copies", "generations of the keybag are there once only: the next change mends that"},
    {"damaged_copies", "generations of the keybag have a damaged copy: the next change mends that"},
    {"leftover_keys", "keys that were taken away are still in older keybags: a change was "
                      "interrupted, and the next one destroys them"},
    {"fixed_generations", ACCESS_OLD_KEYBAGS},
};

#define NUM_PROBLEMS (sizeof(problems) / sizeof(problems[0]))

static void show_history(struct cli *cli, const struct adp_history *history)
{
    const uint64_t counts[NUM_PROBLEMS] = {history->num_missing, history->num_single,
                                           history->num_damaged, history->num_leftovers,
                                           history->num_fixed};
    json_t *object = json_object();

    text_set_number(object, "generations", history->num_generations);
    for (size_t i = 0; i < NUM_PROBLEMS; i++) {
        text_set_number(object, problems[i].key, counts[i]);
        if (counts[i] > 0)
            out_note(&cli->out, "%" PRIu64 " %s.", counts[i], problems[i].text);
    }
    if (cli->out.is_json)
        json_object_set(cli->out.root, "history", object);
    json_decref(object);
}

/* -- leaks */

struct seen {
    uint64_t num_snapshots, num_archives[ADP_NUM_CATEGORIES], bytes[ADP_NUM_CATEGORIES];
    int64_t first_ns, last_ns;
};

static void look(struct seen *out, const struct adp_snapshots *snapshots)
{
    memset(out, 0, sizeof(*out));
    out->num_snapshots = snapshots->num;
    for (size_t i = 0; i < snapshots->num; i++) {
        const struct adp_snapshot_info *info = &snapshots->items[i];

        out->first_ns = i == 0 ? info->started_ns : out->first_ns;
        out->last_ns = info->started_ns;
        for (size_t a = 0; a < info->num_archives; a++) {
            out->num_archives[info->archives[a].category - 1]++;
            out->bytes[info->archives[a].category - 1] += info->archives[a].size;
        }
    }
}

static void print_seen(const struct seen *seen)
{
    struct table table = {.alignment = "lrr"};
    char first[HUMAN_LEN], last[HUMAN_LEN];

    puts(
        "\nWhoever reads this vault without any key sees\n"
        "- all of the above: names, kinds and times of devices and others, what was changed when,\n"
        "  by whom and why;");
    human_time(first, seen->first_ns / NS_PER_S);
    human_time(last, seen->last_ns / NS_PER_S);
    printf("- %" PRIu64 " snapshots", seen->num_snapshots);
    if (seen->num_snapshots > 0)
        printf(", from %s to %s, and who sealed each", first, last);
    puts(";\n- of each snapshot which categories it has, and how large their archives are:\n");
    table_add(&table, "category");
    table_add(&table, "archives");
    table_add(&table, "bytes");
    for (unsigned c = 0; c < ADP_NUM_CATEGORIES; c++) {
        if (seen->num_archives[c] == 0)
            continue;
        table_add(&table, "%s", adp_category_name(c + 1));
        table_add_count(&table, seen->num_archives[c]);
        table_add_size(&table, seen->bytes[c]);
    }
    table_print(&table);
    puts("\nThey do not see names, number, sizes, times or content of files, nor how well it "
         "compresses.");
}

static void seen_json(json_t *root, const struct seen *seen)
{
    json_t *leaks = json_object(), *array = json_array();

    for (unsigned c = 0; c < ADP_NUM_CATEGORIES; c++) {
        json_t *item;

        if (seen->num_archives[c] == 0)
            continue;
        item = json_object();
        json_object_set_new(item, "category", json_string(adp_category_name(c + 1)));
        text_set_number(item, "archives", seen->num_archives[c]);
        text_set_number(item, "bytes", seen->bytes[c]);
        json_array_append_new(array, item);
    }
    text_set_number(leaks, "snapshots", seen->num_snapshots);
    json_object_set_new(leaks, "first_ns", json_integer(seen->first_ns));
    json_object_set_new(leaks, "last_ns", json_integer(seen->last_ns));
    json_object_set_new(leaks, "categories", array);
    json_object_set_new(root, "leaks", leaks);
}

static enum adp_status show_leaks(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    struct adp_snapshots snapshots = {0};
    struct seen seen;
    enum adp_status status = adp_vault_snapshots(vault, &snapshots, session_on_event, cli, err);

    if (status != ADP_OK && status != ADP_ERR_PARTIAL)
        return status;
    look(&seen, &snapshots);
    adp_snapshots_free(&snapshots);
    if (cli->out.is_json)
        seen_json(cli->out.root, &seen);
    else
        print_seen(&seen);
    return status;
}

/* -- all of it */

enum adp_status cmd_status(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    struct adp_history history;
    enum adp_status status = adp_vault_history(vault, &history, err);

    if (status != ADP_OK)
        return status;
    if (cli->out.is_json) {
        vault_json(cli->out.root, vault);
        json_object_set_new(cli->out.root, "categories", categories_json(vault));
    } else {
        print_vault(vault);
        print_categories(vault);
    }
    show_history(cli, &history);
    return options_has(&cli->options, OPTION_LEAKS) ? show_leaks(cli, vault, err) : ADP_OK;
}
