#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "human.h"
#include "report.h"
#include "session.h"

/* A run over several snapshots. */
struct verification {
    struct cli *cli;
    struct adp_vault *vault;
    json_t *results;
    enum adp_status worst;
    struct adp_error worst_error;
    size_t num_failed, num_total;
};

/* is_worse ranks damage before everything else that may go wrong. */
static int is_worse(enum adp_status status, enum adp_status than)
{
    int integrity = adp_status_exit_code(ADP_ERR_FORMAT);

    if (status == ADP_OK || than == ADP_OK)
        return than == ADP_OK && status != ADP_OK;
    return adp_status_exit_code(status) == integrity && adp_status_exit_code(than) != integrity;
}

static void note_error(struct verification *run, const struct adp_error *err)
{
    if (!is_worse(err->status, run->worst))
        return;
    run->worst = err->status;
    run->worst_error = *err;
}

static void note_failure(struct verification *run, const struct adp_error *err)
{
    run->num_failed++;
    note_error(run, err);
}

static void tell_result(struct verification *run, const char *id, const struct adp_report *report,
                        const struct adp_error *err, double seconds)
{
    char size[HUMAN_LEN], files[HUMAN_LEN];
    json_t *object;

    if (run->cli->out.is_json) {
        object = json_object();
        json_object_set_new(object, "id", json_string(id));
        json_object_set_new(object, "status", json_string(out_status_word(err->status)));
        json_object_set_new(object, "seconds", json_real(seconds));
        if (report->sandbox != NULL)
            json_object_set_new(object, "sandbox", json_string(report->sandbox));
        json_object_set_new(object, "stages", report_stages_json(report));
        if (err->status != ADP_OK)
            json_object_set_new(object, "error", out_error_json(err));
        json_array_append_new(run->results, object);
    } else if (err->status != ADP_OK) {
        printf("%s  FAILED: %s\n", id, adp_status_string(err->status));
    } else if (out_shows_text(&run->cli->out)) {
        human_count(files, report->categories[0].files);
        human_size(size, report->categories[0].bytes);
        printf("%s  ok: %s files, %s, %.1f s\n", id, files, size, seconds);
        report_print_stages(run->cli, report);
    }
    fflush(stdout);
}

/* verify_one returns what it found; only ADP_ERR_CANCELLED need end the run. */
static enum adp_status verify_one(struct verification *run, const char *id)
{
    const struct options *options = &run->cli->options;
    struct adp_verify_options verify = {
        .selection = {.snapshot = id,
                      .categories = options->categories,
                      .num_categories = options->num_categories},
    };
    struct adp_report report = {0};
    struct adp_error err = {0};
    double start = report_clock();
    enum adp_status status;

    session_work(&verify.common, run->cli);
    status = adp_verify(run->vault, &verify, &report, &err);
    progress_erase(&run->cli->progress);
    err.status = status;
    run->num_total++;
    if (status != ADP_OK)
        note_failure(run, &err);
    tell_result(run, report.snapshot[0] != '\0' ? report.snapshot : id, &report, &err,
                report_clock() - start);
    return status;
}

/* note_record is told of records that do not verify: each is a snapshot that failed. */
static void note_record(void *user, const struct adp_event *event)
{
    struct verification *run = user;

    session_on_event(run->cli, event);
    if (event->kind != ADP_EVENT_REFUSED)
        return;
    run->num_total++;
    note_failure(run, event->error);
}

/* check_keybag tells of copies of the keybag that are not what they were: the vault opens by the
 * others, for now. */
static void check_keybag(struct verification *run)
{
    struct adp_error err = {0};
    struct adp_history history = {0};

    err.status = adp_vault_history(run->vault, &history, &err);
    if (err.status == ADP_OK && history.num_damaged > 0)
        out_fail(&err, ADP_ERR_FORMAT, run->cli->options.args[0],
                 "the other copies are whole, and each change of the keybag mends these: adp-seal "
                 "device update",
                 "%llu generations of the keybag have a damaged copy, in keybag/ or snapshots/",
                 (unsigned long long)history.num_damaged);
    if (err.status != ADP_OK)
        note_error(run, &err);
}

static enum adp_status verify_all(struct verification *run, struct adp_error *err)
{
    struct adp_snapshots snapshots = {0};
    enum adp_status status = adp_vault_snapshots(run->vault, &snapshots, note_record, run, err);

    if (status != ADP_OK && status != ADP_ERR_PARTIAL)
        return status;
    status = ADP_OK;
    for (size_t i = 0; i < snapshots.num && status != ADP_ERR_CANCELLED; i++)
        status = verify_one(run, snapshots.items[i].id);
    adp_snapshots_free(&snapshots);
    check_keybag(run);
    return ADP_OK;
}

enum adp_status cmd_verify(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    struct verification run = {.cli = cli, .vault = vault};
    enum adp_status status = ADP_OK;

    if (cli->out.is_json) {
        run.results = json_array();
        json_object_set_new(cli->out.root, "snapshots", run.results);
    }
    if (cli->options.num_args > 1)
        verify_one(&run, cli->options.args[1]);
    else
        status = verify_all(&run, err);
    if (status != ADP_OK || run.worst == ADP_OK)
        return status;
    *err = run.worst_error;
    if (run.num_total > 1)
        out_note(&cli->out, "%zu of %zu snapshots failed", run.num_failed, run.num_total);
    return run.worst;
}
