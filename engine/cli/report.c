#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "human.h"
#include "table.h"
#include "text.h"

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
    json_object_set_new(object, "derived_files", number(part->derived_files));
    json_object_set_new(object, "derived_bytes", number(part->derived_bytes));
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

static void add_categories(json_t *root, const struct adp_category_report *parts)
{
    json_t *categories = json_object();

    for (unsigned i = 1; i <= ADP_NUM_CATEGORIES; i++) {
        if (parts[i].entries != 0)
            json_object_set_new(categories, adp_category_name(i), category_json(&parts[i]));
    }
    json_object_set_new(root, "categories", categories);
    json_object_set_new(root, "total", category_json(&parts[0]));
}

static void add_left_out(json_t *root, uint64_t files, uint64_t bytes)
{
    json_object_set_new(root, "left_out_files", number(files));
    json_object_set_new(root, "left_out_bytes", number(bytes));
}

static void print_json(json_t *root, const struct adp_report *report, double seconds)
{
    json_object_set_new(root, "snapshot", json_string(report->snapshot));
    add_categories(root, report->categories);
    add_left_out(root, report->left_out_files, report->left_out_bytes);
    add_counts(root, report);
    json_object_set_new(root, "seconds", json_real(seconds));
    json_object_set_new(root, "io", report->io != NULL ? json_string(report->io) : json_null());
    json_object_set_new(root, "kernel",
                        report->kernel != NULL ? json_string(report->kernel) : json_null());
    if (report->sandbox != NULL)
        json_object_set_new(root, "sandbox", json_string(report->sandbox));
    json_object_set_new(root, "direct_read_bytes", number(report->direct_read_bytes));
    json_object_set_new(root, "direct_write_bytes", number(report->direct_write_bytes));
    json_object_set_new(root, "cpu_seconds", json_real(report->cpu_s));
    json_object_set_new(root, "stages", report_stages_json(report));
}

static void add_row(struct table *table, const char *name, const struct adp_category_report *part,
                    const struct adp_category_report *total)
{
    table_add(table, "%s", name);
    table_add_count(table, part->files);
    table_add_size(table, part->bytes);
    if (total->derived_files != 0) {
        table_add_count(table, part->derived_files);
        table_add_size(table, part->derived_bytes);
    }
    if (total->stored_bytes != 0)
        table_add_size(table, part->stored_bytes);
}

/* Columns that say nothing are not there. */
static void print_table(const struct adp_category_report *parts)
{
    struct table table = {.alignment = "lrr"};

    table_add(&table, "category");
    table_add(&table, "files");
    table_add(&table, "content");
    if (parts[0].derived_files != 0) {
        table.alignment = "lrrrr";
        table_add(&table, "derived files");
        table_add(&table, "derived");
    }
    if (parts[0].stored_bytes != 0) {
        table.alignment = parts[0].derived_files != 0 ? "lrrrrr" : "lrrr";
        table_add(&table, "sealed");
    }
    for (unsigned i = 1; i <= ADP_NUM_CATEGORIES; i++) {
        if (parts[i].entries != 0)
            add_row(&table, adp_category_name(i), &parts[i], &parts[0]);
    }
    add_row(&table, "total", &parts[0], &parts[0]);
    table_print(&table);
}

static void print_left_out(uint64_t files, uint64_t bytes)
{
    char count[HUMAN_LEN], size[HUMAN_LEN];

    if (files == 0)
        return;
    human_count(count, files);
    human_size(size, bytes);
    printf("left out, since they can be made again: %s files, %s\n", count, size);
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
    printf("%.2f s of CPU, on %s", report->cpu_s, report->io);
    if (report->kernel != NULL)
        printf(", %s", report->kernel);
    if (report->sandbox != NULL)
        printf(", sandbox: %s", report->sandbox);
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
    print_table(report->categories);
    print_left_out(report->left_out_files, report->left_out_bytes);
    report_print_stages(cli, report);
    human_size(rate, (uint64_t)((double)report->categories[0].bytes / (seconds > 0 ? seconds : 1)));
    printf("snapshot %s, %.1f s, %s/s\n", report->snapshot, seconds, rate);
}

static void print_plan_json(json_t *root, const struct adp_seal_plan *plan)
{
    json_t *profiles = json_array();

    for (size_t i = 0; i < plan->num_profiles; i++) {
        const struct adp_found_profile *found = &plan->profiles[i];
        json_t *object = json_object();

        json_object_set_new(object, "profile", json_string(found->profile));
        text_set(object, "path", found->path);
        json_object_set_new(object, "files", number(found->files));
        json_object_set_new(object, "bytes", number(found->bytes));
        json_array_append_new(profiles, object);
    }
    json_object_set_new(root, "dry_run", json_true());
    add_categories(root, plan->categories);
    add_left_out(root, plan->left_out_files, plan->left_out_bytes);
    json_object_set_new(root, "profiles", profiles);
}

static void print_profiles(const struct adp_seal_plan *plan)
{
    struct table table = {.alignment = "lrrl"};
    char *path;

    if (plan->num_profiles == 0)
        return;
    table_add(&table, "profile");
    table_add(&table, "files");
    table_add(&table, "content");
    table_add(&table, "folder");
    for (size_t i = 0; i < plan->num_profiles; i++) {
        table_add(&table, "%s", plan->profiles[i].profile);
        table_add_count(&table, plan->profiles[i].files);
        table_add_size(&table, plan->profiles[i].bytes);
        path = text_escape(plan->profiles[i].path);
        table_add(&table, "%s", path);
        free(path);
    }
    puts("");
    table_print(&table);
}

void report_print_plan(struct cli *cli, const struct adp_seal_plan *plan)
{
    if (cli->out.is_json)
        print_plan_json(cli->out.root, plan);
    if (!out_shows_text(&cli->out))
        return;
    print_table(plan->categories);
    print_left_out(plan->left_out_files, plan->left_out_bytes);
    print_profiles(plan);
    puts("nothing was sealed: this was a dry run");
}
