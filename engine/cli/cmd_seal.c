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

static void fill_options(struct adp_seal_options *out, struct cli *cli,
                         const struct adp_policy *policy)
{
    const struct options *options = &cli->options;

    *out = (struct adp_seal_options){
        .sources = (const char *const *)options->args + 1,
        .num_sources = options->num_args - 1,
        .policy = policy,
        .profile = options->profile,
        .category = options->num_categories != 0 ? options->categories[0] : 0,
        .compression_level = (int)options->level,
        .skip_derived = options_has(options, OPTION_SKIP_DERIVED),
        .sandbox = options->sandbox,
        .without_attestation = options->without_attestation,
        .parity_percent = options->parity,
    };
    session_work(&out->common, cli);
    out_stream_events(&cli->out);
}

static enum adp_status seal(struct cli *cli, const struct adp_policy *policy, struct adp_error *err)
{
    struct adp_seal_options options;
    struct session session;
    struct adp_report report;
    enum adp_status status =
        session_open(&session, cli, cli->options.args[0], SESSION_NEEDS_KEY, err);
    double start = report_clock();

    if (status != ADP_OK)
        return status;
    fill_options(&options, cli, policy);
    status = adp_seal(session.vault, &options, &report, err);
    progress_erase(&cli->progress);
    if (status == ADP_OK || status == ADP_ERR_PARTIAL)
        report_print(cli, &report, report_clock() - start);
    session_close(&session);
    return status;
}

/* The vault is there to be left out of the sources; no key is used, and nobody's identity. */
static enum adp_status plan(struct cli *cli, const struct adp_policy *policy, struct adp_error *err)
{
    struct adp_seal_options options;
    struct adp_seal_plan out = {0};
    struct adp_vault *vault;
    enum adp_status status = adp_vault_open(&vault, cli->options.args[0], NULL, err);

    if (status != ADP_OK)
        return status;
    fill_options(&options, cli, policy);
    if (cli->options.account != NULL)
        status = adp_vault_trust(vault, cli->options.account, err);
    if (status == ADP_OK)
        status = adp_seal_plan_make(&out, vault, &options, err);
    progress_erase(&cli->progress);
    if (status == ADP_OK || status == ADP_ERR_PARTIAL)
        report_print_plan(cli, &out);
    adp_seal_plan_free(&out);
    adp_vault_free(vault);
    return status;
}

enum adp_status cmd_seal(struct cli *cli, struct adp_error *err)
{
    struct adp_policy *policy = NULL;
    enum adp_status status = check(&cli->options, err);

    if (status == ADP_OK && cli->options.policy != NULL)
        status = adp_policy_load(&policy, cli->options.policy, err);
    if (status != ADP_OK)
        return status;
    status = options_has(&cli->options, OPTION_DRY_RUN) ? plan(cli, policy, err)
                                                        : seal(cli, policy, err);
    adp_policy_free(policy);
    return status;
}
