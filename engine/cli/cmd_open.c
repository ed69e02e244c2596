#include <errno.h>
#include <unistd.h>

#include "cli.h"
#include "report.h"
#include "session.h"

static enum adp_status open_snapshot(struct cli *cli, struct adp_vault *vault,
                                     struct adp_error *err)
{
    const struct options *options = &cli->options;
    struct adp_open_options open = {
        .selection =
            {
                .snapshot = options->args[1],
                .paths = (const char *const *)options->args + 2,
                .num_paths = options->num_args - 2,
                .categories = options->categories,
                .num_categories = options->num_categories,
            },
        .target = options->to,
        .overwrite = options_has(options, OPTION_OVERWRITE),
        .sync_each = options->sync_each,
        .skip_derived = options_has(options, OPTION_SKIP_DERIVED),
        .keep_going = options_has(options, OPTION_KEEP_GOING),
    };
    struct adp_report report = {0};
    double start = report_clock();
    enum adp_status status;

    session_work(&open.common, cli);
    out_stream_events(&cli->out);
    status = adp_open(vault, &open, &report, err);
    progress_erase(&cli->progress);
    if (report.snapshot[0] != '\0')
        report_print(cli, &report, report_clock() - start);
    return status;
}

enum adp_status cmd_open(struct cli *cli, struct adp_error *err)
{
    struct session session;
    enum adp_status status;

    if (cli->options.to == NULL)
        return out_fail(err, ADP_ERR_ARGUMENT, NULL, "for example --to restored",
                        "open needs --to DIR");
    status = session_open(&session, cli, cli->options.args[0], SESSION_NEEDS_KEY, err);
    if (status != ADP_OK)
        return status;
    status = open_snapshot(cli, session.vault, err);
    session_close(&session);
    return status;
}

enum adp_status cmd_cat(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    char **args = cli->options.args;
    enum adp_status status = adp_cat(vault, args[1], args[2], STDOUT_FILENO, err);

    if (status == ADP_ERR_IO && err->sys_errno == EPIPE)
        out_broken_pipe();
    return status;
}
