#include <stdio.h>

#include "cli.h"
#include "human.h"
#include "report.h"
#include "session.h"
#include "text.h"

static void tell_finding(void *user, const struct adp_finding *finding)
{
    struct cli *cli = user;

    progress_erase(&cli->progress);
    out_finding(&cli->out, finding);
}

static void print_json(json_t *root, const struct adp_scrub_report *report, double seconds)
{
    json_t *counts = json_object();

    for (unsigned kind = 1; kind < ADP_NUM_FINDINGS; kind++)
        text_set_number(counts, adp_finding_name(kind), report->num_findings[kind]);
    json_object_set_new(root, "counts", counts);
    text_set_number(root, "snapshots", report->num_snapshots);
    text_set_number(root, "archives", report->num_archives);
    text_set_number(root, "attested", report->num_attested);
    text_set_number(root, "read_bytes", report->work.categories[0].stored_bytes);
    json_object_set_new(root, "seconds", json_real(seconds));
    json_object_set_new(root, "stages", report_stages_json(&report->work));
}

static void print_text(struct cli *cli, const struct adp_scrub_report *report, double seconds)
{
    char snapshots[HUMAN_LEN], archives[HUMAN_LEN], attested[HUMAN_LEN], size[HUMAN_LEN],
        speed[HUMAN_LEN];
    uint64_t bytes = report->work.categories[0].stored_bytes;

    human_count(snapshots, report->num_snapshots);
    human_count(archives, report->num_archives);
    human_count(attested, report->num_attested);
    human_size(size, bytes);
    human_size(speed, seconds > 0 ? (uint64_t)((double)bytes / seconds) : 0);
    printf("snapshots: %s, archives: %s, attested: %s; %s read, %.1f s, %s/s\n", snapshots,
           archives, attested, size, seconds, speed);
    for (unsigned kind = 1; kind < ADP_NUM_FINDINGS; kind++) {
        if (report->num_findings[kind] > 0)
            printf("%s: %llu\n", adp_finding_name(kind),
                   (unsigned long long)report->num_findings[kind]);
    }
    report_print_stages(cli, &report->work);
}

enum adp_status cmd_scrub(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    struct adp_scrub_options options = {.on_finding = tell_finding};
    struct adp_scrub_report report = {0};
    double start = report_clock();
    enum adp_status status;

    options.snapshot = cli->options.num_args > 1 ? cli->options.args[1] : NULL;
    session_work(&options.common, cli);
    if (cli->out.is_json)
        out_stream_begin(&cli->out, "findings");
    status = adp_scrub(vault, &options, &report, err);
    progress_erase(&cli->progress);
    if (cli->out.is_json)
        print_json(cli->out.root, &report, report_clock() - start);
    else if (out_shows_text(&cli->out))
        print_text(cli, &report, report_clock() - start);
    return status;
}
