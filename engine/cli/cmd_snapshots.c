#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "human.h"
#include "session.h"
#include "table.h"
#include "text.h"

#define NS_PER_S 1000000000

static uint64_t size_of(const struct adp_snapshot_info *info)
{
    uint64_t size = 0;

    for (size_t i = 0; i < info->num_archives; i++)
        size += info->archives[i].size;
    return size;
}

static void add_row(struct table *table, const struct adp_snapshot_info *info)
{
    char time[HUMAN_LEN], categories[512] = "";
    char *end = categories;

    for (size_t i = 0; i < info->num_archives; i++) {
        end = stpcpy(end, i > 0 ? " " : "");
        end = stpcpy(end, adp_category_name(info->archives[i].category));
    }
    human_time(time, info->started_ns / NS_PER_S);
    table_add(table, "%s", info->id);
    table_add(table, "%s", time);
    table_add(table, "%s", info->author);
    table_add_size(table, size_of(info));
    table_add(table, "%s", categories);
}

static json_t *snapshot_json(const struct adp_snapshot_info *info)
{
    json_t *object = json_object();
    json_t *archives = json_array();

    for (size_t i = 0; i < info->num_archives; i++) {
        const struct adp_archive_info *archive = &info->archives[i];
        json_t *item = json_object();

        json_object_set_new(item, "category", json_string(adp_category_name(archive->category)));
        json_object_set_new(item, "epoch", json_integer(archive->epoch));
        text_set_number(item, "size", archive->size);
        json_array_append_new(archives, item);
    }
    json_object_set_new(object, "id", json_string(info->id));
    json_object_set_new(object, "started_ns", json_integer(info->started_ns));
    json_object_set_new(object, "finished_ns", json_integer(info->finished_ns));
    text_set(object, "author", info->author);
    text_set_number(object, "size", size_of(info));
    json_object_set_new(object, "archives", archives);
    return object;
}

static void print_snapshots(struct cli *cli, const struct adp_snapshots *snapshots)
{
    struct table table = {.alignment = "lllrl"};
    json_t *array;

    if (cli->out.is_json) {
        array = json_array();
        for (size_t i = 0; i < snapshots->num; i++)
            json_array_append_new(array, snapshot_json(&snapshots->items[i]));
        json_object_set_new(cli->out.root, "snapshots", array);
        return;
    }
    if (snapshots->num == 0) {
        out_note(&cli->out, "There is no snapshot in this vault.");
        return;
    }
    if (!cli->out.is_quiet) {
        table_add(&table, "snapshot");
        table_add(&table, "time");
        table_add(&table, "by");
        table_add(&table, "size");
        table_add(&table, "categories");
    }
    for (size_t i = 0; i < snapshots->num; i++)
        add_row(&table, &snapshots->items[i]);
    table_print(&table);
}

enum adp_status cmd_snapshots(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    struct adp_snapshots snapshots = {0};
    enum adp_status status = adp_vault_snapshots(vault, &snapshots, session_on_event, cli, err);

    if (status == ADP_OK || status == ADP_ERR_PARTIAL) {
        print_snapshots(cli, &snapshots);
        adp_snapshots_free(&snapshots);
    }
    return status;
}
