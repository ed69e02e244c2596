#include <stdio.h>

#include "cli.h"
#include "human.h"
#include "report.h"
#include "session.h"
#include "text.h"

static void print_json(json_t *root, const struct adp_rewrap_report *report, double seconds)
{
    text_set_number(root, "archives", report->num_archives);
    text_set_number(root, "rewritten", report->num_rewritten);
    text_set_number(root, "already_new", report->num_new);
    text_set_number(root, "erased", report->num_erased);
    text_set_number(root, "mended", report->num_mended);
    text_set_number(root, "failed", report->num_failed);
    json_object_set_new(root, "seconds", json_real(seconds));
}

static void print_text(const struct adp_rewrap_report *report, double seconds)
{
    char all[HUMAN_LEN], rewritten[HUMAN_LEN], mended[HUMAN_LEN];

    human_count(all, report->num_archives);
    human_count(rewritten, report->num_rewritten);
    human_count(mended, report->num_mended);
    if (report->num_mended > 0)
        printf("%s damaged headers, of a rewrap that was interrupted, are mended\n", mended);
    if (report->num_rewritten == 0 && report->num_failed == 0)
        printf("nothing to do: no archive of %s has a slot of an older key\n", all);
    else
        printf("%s of %s archives have new key slots, %.1f s\n", rewritten, all, seconds);
}

enum adp_status cmd_rewrap(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    struct adp_rewrap_options options = {0};
    struct adp_rewrap_report report = {0};
    double start = report_clock();
    enum adp_status status;

    options.snapshot = cli->options.num_args > 1 ? cli->options.args[1] : NULL;
    session_work(&options.common, cli);
    status = adp_rewrap(vault, &options, &report, err);
    progress_erase(&cli->progress);
    if (cli->out.is_json)
        print_json(cli->out.root, &report, report_clock() - start);
    else if (out_shows_text(&cli->out) && (status == ADP_OK || status == ADP_ERR_PARTIAL))
        print_text(&report, report_clock() - start);
    return status;
}
