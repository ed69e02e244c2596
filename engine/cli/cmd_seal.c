#include "cli.h"
#include "report.h"
#include "session.h"

static enum adp_status check(const struct options *options, struct adp_error *err)
{
    if (options->num_categories > 1)
        return out_fail(err, ADP_ERR_ARGUMENT, NULL, "for several, write a policy",
                        "seal takes one --category, into which everything goes");
    if (options->num_categories == 1 && options->policy != NULL)
        return out_fail(err, ADP_ERR_ARGUMENT, NULL, NULL,
                        "--category and --policy exclude each other");
    return ADP_OK;
}

static enum adp_status seal(struct cli *cli, struct adp_vault *vault,
                            const struct adp_policy *policy, struct adp_error *err)
{
    const struct options *options = &cli->options;
    struct adp_seal_options seal = {
        .sources = (const char *const *)options->args + 1,
        .num_sources = options->num_args - 1,
        .policy = policy,
        .category = options->num_categories != 0 ? options->categories[0] : 0,
        .compression_level = (int)options->level,
        .without_attestation = options->without_attestation,
    };
    struct adp_report report;
    double start = report_clock();
    enum adp_status status;

    session_work(&seal.common, cli);
    status = adp_seal(vault, &seal, &report, err);
    progress_erase(&cli->progress);
    if (status == ADP_OK || status == ADP_ERR_PARTIAL)
        report_print(cli, &report, report_clock() - start);
    return status;
}

enum adp_status cmd_seal(struct cli *cli, struct adp_error *err)
{
    struct session session;
    struct adp_policy *policy = NULL;
    enum adp_status status = check(&cli->options, err);

    if (status != ADP_OK)
        return status;
    if (cli->options.policy != NULL) {
        status = adp_policy_load(&policy, cli->options.policy, err);
        if (status != ADP_OK)
            return status;
    }
    status = session_open(&session, cli, cli->options.args[0], SESSION_NEEDS_KEY, err);
    if (status == ADP_OK) {
        status = seal(cli, session.vault, policy, err);
        session_close(&session);
    }
    adp_policy_free(policy);
    return status;
}
