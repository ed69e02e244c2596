#include "report.h"

#include <stdio.h>
#include <time.h>

#include "human.h"
#include "table.h"

double report_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *category_json(const struct adp_category_report *part)
{
    json_t *object = json_object();

    json_object_set_new(object, "entries", number(part->entries));
    json_object_set_new(object, "files", number(part->files));
    json_object_set_new(object, "bytes", number(part->bytes));
    if (part->stored_bytes != 0)
        json_object_set_new(object, "stored_bytes", number(part->stored_bytes));
    return object;
}

static void add_counts(json_t *root, const struct adp_report *report)
{
    json_object_set_new(root, "skipped", number(report->num_skipped));
    json_object_set_new(root, "unreadable", number(report->num_unreadable));
    json_object_set_new(root, "changed", number(report->num_changed));
    json_object_set_new(root, "not_restored", number(report->num_not_restored));
    json_object_set_new(root, "metadata_not_set", number(report->num_metadata));
}

json_t *report_stages_json(const struct adp_report *report)
{
    json_t *stages = json_object();

    for (int i = 0; i < ADP_NUM_STAGES; i++) {
        const struct adp_stage_report *stage = &report->stages[i];

        if (stage->count != 0)
            json_object_set_new(stages, adp_stage_name((enum adp_stage)i),
                                json_pack("{s:I, s:I, s:f, s:f}", "count", (json_int_t)stage->count,
                                          "bytes", (json_int_t)stage->bytes, "busy_seconds",
                                          stage->busy_s, "cpu_seconds", stage->cpu_s));
    }
    return stages;
}

static void print_json(json_t *root, const struct adp_report *report, double seconds)
{
    json_t *categories = json_object();

    for (unsigned i = 1; i <= ADP_NUM_CATEGORIES; i++) {
        if (report->categories[i].entries != 0)
            json_object_set_new(categories, adp_category_name(i),
                                category_json(&report->categories[i]));
    }
    json_object_set_new(root, "snapshot", json_string(report->snapshot));
    json_object_set_new(root, "categories", categories);
    json_object_set_new(root, "total", category_json(&report->categories[0]));
    add_counts(root, report);
    json_object_set_new(root, "seconds", json_real(seconds));
    json_object_set_new(root, "io", report->io != NULL ? json_string(report->io) : json_null());
    json_object_set_new(root, "kernel",
                        report->kernel != NULL ? json_string(report->kernel) : json_null());
    json_object_set_new(root, "direct_read_bytes", number(report->direct_read_bytes));
    json_object_set_new(root, "direct_write_bytes", number(report->direct_write_bytes));
    json_object_set_new(root, "cpu_seconds", json_real(report->cpu_s));
    json_object_set_new(root, "stages", report_stages_json(report));
}

static void add_row(struct table *table, const char *name, const struct adp_category_report *part,
                    int with_stored)
{
    table_add(table, "%s", name);
    table_add_count(table, part->files);
    table_add_size(table, part->bytes);
    if (with_stored)
        table_add_size(table, part->stored_bytes);
}

static void print_table(const struct adp_report *report)
{
    int with_stored = report->categories[0].stored_bytes != 0;
    struct table table = {.alignment = with_stored ? "lrrr" : "lrr"};

    table_add(&table, "category");
    table_add(&table, "files");
    table_add(&table, "content");
    if (with_stored)
        table_add(&table, "sealed");
    for (unsigned i = 1; i <= ADP_NUM_CATEGORIES; i++) {
        if (report->categories[i].entries != 0)
            add_row(&table, adp_category_name(i), &report->categories[i], with_stored);
    }
    add_row(&table, "total", &report->categories[0], with_stored);
    table_print(&table);
}

void report_print_stages(const struct cli *cli, const struct adp_report *report)
{
    struct table table = {.alignment = "lrrrrr"};
    static const char *const heads[] = {"stage", "count", "bytes", "busy", "CPU", "of CPU"};

    if (!options_has(&cli->options, OPTION_STATS))
        return;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        table_add(&table, "%s", heads[i]);
    for (int i = 0; i < ADP_NUM_STAGES; i++) {
        const struct adp_stage_report *stage = &report->stages[i];

        if (stage->count == 0)
            continue;
        table_add(&table, "%s", adp_stage_name((enum adp_stage)i));
        table_add_count(&table, stage->count);
        table_add_size(&table, stage->bytes);
        table_add(&table, "%.2f s", stage->busy_s);
        table_add(&table, "%.2f s", stage->cpu_s);
        table_add(&table, "%.0f %%", report->cpu_s > 0 ? stage->cpu_s / report->cpu_s * 100 : 0);
    }
    table_print(&table);
    printf("%.2f s of CPU, on %s, %s", report->cpu_s, report->io, report->kernel);
    if (report->direct_read_bytes == 0 && report->direct_write_bytes == 0)
        puts(", through the page cache");
    else
        printf("; around the page cache: %.0f MB read, %.0f MB written\n",
               (double)report->direct_read_bytes * 1e-6, (double)report->direct_write_bytes * 1e-6);
}

void report_print(struct cli *cli, const struct adp_report *report, double seconds)
{
    char rate[HUMAN_LEN];

    if (cli->out.is_json)
        print_json(cli->out.root, report, seconds);
    if (!out_shows_text(&cli->out))
        return;
    print_table(report);
    report_print_stages(cli, report);
    human_size(rate, (uint64_t)((double)report->categories[0].bytes / (seconds > 0 ? seconds : 1)));
    printf("snapshot %s, %.1f s, %s/s\n", report->snapshot, seconds, rate);
}
