#include <stdio.h>

#include "cli.h"
#include "human.h"
#include "report.h"
#include "session.h"
#include "text.h"

static void tell_made(struct cli *cli, const struct adp_parity_report *report, double seconds)
{
    char all[HUMAN_LEN], made[HUMAN_LEN];
    json_t *root = cli->out.root;

    if (cli->out.is_json) {
        text_set_number(root, "archives", report->num_archives);
        text_set_number(root, "made", report->num_made);
        text_set_number(root, "failed", report->num_failed);
        json_object_set_new(root, "seconds", json_real(seconds));
    } else if (out_shows_text(&cli->out)) {
        human_count(all, report->num_archives);
        human_count(made, report->num_made);
        printf("%s of %s archives have %u %% of parity, %.1f s\n", made, all, cli->options.parity,
               seconds);
    }
}

enum adp_status cmd_parity_add(struct cli *cli, struct adp_error *err)
{
    struct adp_parity_options options = {0};
    struct adp_parity_report report = {0};
    struct session session;
    double start;
    enum adp_status status;

    if (!options_has(&cli->options, OPTION_PARITY))
        return out_fail(err, ADP_ERR_ARGUMENT, NULL, "for example --parity 5%",
                        "parity add needs --parity");
    status = session_open(&session, cli, cli->options.args[0], SESSION_ANYBODY, err);
    if (status != ADP_OK)
        return status;
    start = report_clock();
    options.snapshot = cli->options.num_args > 1 ? cli->options.args[1] : NULL;
    options.percent = cli->options.parity;
    session_work(&options.common, cli);
    status = adp_parity_add(session.vault, &options, &report, err);
    progress_erase(&cli->progress);
    tell_made(cli, &report, report_clock() - start);
    session_close(&session);
    return status;
}

static void repaired_json(json_t *root, const struct adp_repair_report *report, double seconds)
{
    text_set_number(root, "archives", report->num_archives);
    text_set_number(root, "whole", report->num_whole);
    text_set_number(root, "healed", report->num_healed);
    text_set_number(root, "without_parity", report->num_without);
    text_set_number(root, "failed", report->num_failed);
    text_set_number(root, "healed_bytes", report->healed_bytes);
    json_object_set_new(root, "seconds", json_real(seconds));
}

static void repaired_text(const struct adp_repair_report *report, double seconds)
{
    char whole[HUMAN_LEN], healed[HUMAN_LEN], without[HUMAN_LEN], size[HUMAN_LEN];

    human_count(whole, report->num_whole);
    human_count(healed, report->num_healed);
    human_count(without, report->num_without);
    human_size(size, report->healed_bytes);
    printf("healed: %s archives, %s of their bytes; whole: %s; without parity: %s; %.1f s\n",
           healed, size, whole, without, seconds);
}

enum adp_status cmd_repair(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    struct adp_repair_options options = {0};
    struct adp_repair_report report = {0};
    double start = report_clock();
    enum adp_status status;

    options.snapshot = cli->options.num_args > 1 ? cli->options.args[1] : NULL;
    session_work(&options.common, cli);
    status = adp_repair(vault, &options, &report, err);
    progress_erase(&cli->progress);
    if (cli->out.is_json)
        repaired_json(cli->out.root, &report, report_clock() - start);
    else if (out_shows_text(&cli->out))
        repaired_text(&report, report_clock() - start);
    return status;
}
