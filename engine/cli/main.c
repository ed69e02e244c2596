/* adp-seal: the command. It uses the public header alone, as an embedder would. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "cli.h"
#include "session.h"

#define ANY_NUMBER UINT_MAX

/* Of all that moves bulk data. */
#define WORK_OPTIONS (OPTION_BIT(IO_CLASS) | OPTION_BIT(LIMIT_RATE) | OPTION_BIT(STATS))

/* How a command begins: by itself; with the vault, which anybody may look at; or with a key of it.
 */
#define PLAIN(run)    run, NULL, SESSION_ANYBODY
#define LOOKING(run)  NULL, run, SESSION_ANYBODY
#define WITH_KEY(run) NULL, run, SESSION_NEEDS_KEY

static const struct command {
    const char *name; /* one word, or more with a space between them */
    const char *usage;
    const char *summary;
    command_fn *run;          /* or */
    vault_command_fn *run_on; /* the vault, opened for |need| */
    enum session_need need;
    option_set options;
    unsigned min_args, max_args;
} commands[] = {
    {"init", "VAULT --device NAME", "make a vault, its account and the first trusted device",
     PLAIN(cmd_init), OPTION_BIT(DEVICE) | OPTION_BIT(PASSPHRASE), 1, 1},
    {"seal", "VAULT SOURCE...", "seal files and directories into a new snapshot", PLAIN(cmd_seal),
     OPTION_BIT(ACCOUNT) | OPTION_BIT(CATEGORY) | OPTION_BIT(POLICY) | OPTION_BIT(LEVEL) |
         OPTION_BIT(ATTEST) | OPTION_BIT(PARITY) | OPTION_BIT(PROFILE) | OPTION_BIT(SKIP_DERIVED) |
         OPTION_BIT(DRY_RUN) | OPTION_BIT(SANDBOX) | WORK_OPTIONS,
     2, ANY_NUMBER},
    {"snapshots", "VAULT", "what was sealed, when, by whom, how much", LOOKING(cmd_snapshots),
     OPTION_BIT(ACCOUNT), 1, 1},
    {"list", "VAULT SNAPSHOT [PATH...]", "what a snapshot has", WITH_KEY(cmd_list),
     OPTION_BIT(ACCOUNT) | OPTION_BIT(CATEGORY) | OPTION_BIT(SANDBOX), 2, ANY_NUMBER},
    {"open", "VAULT SNAPSHOT [PATH...] --to DIR", "restore a snapshot, or some of it",
     PLAIN(cmd_open),
     OPTION_BIT(ACCOUNT) | OPTION_BIT(CATEGORY) | OPTION_BIT(TO) | OPTION_BIT(OVERWRITE) |
         OPTION_BIT(SYNC) | OPTION_BIT(SKIP_DERIVED) | OPTION_BIT(KEEP_GOING) |
         OPTION_BIT(SANDBOX) | WORK_OPTIONS,
     2, ANY_NUMBER},
    {"cat", "VAULT SNAPSHOT PATH", "write one file to standard output", WITH_KEY(cmd_cat),
     OPTION_BIT(ACCOUNT) | OPTION_BIT(SANDBOX), 3, 3},
    {"verify", "VAULT [SNAPSHOT]", "authenticate and decompress everything, write nothing",
     WITH_KEY(cmd_verify),
     OPTION_BIT(ACCOUNT) | OPTION_BIT(CATEGORY) | OPTION_BIT(SANDBOX) | WORK_OPTIONS, 1, 2},
    {"scrub", "VAULT [SNAPSHOT]", "without any key: is everything what was sealed?",
     LOOKING(cmd_scrub), OPTION_BIT(ACCOUNT) | WORK_OPTIONS, 1, 2},
    {"parity add", "VAULT [SNAPSHOT] --parity N%", "without any key: let damage be healed later",
     PLAIN(cmd_parity_add), OPTION_BIT(ACCOUNT) | OPTION_BIT(PARITY), 1, 2},
    {"repair", "VAULT [SNAPSHOT]", "without any key: heal what is damaged, by the parity",
     LOOKING(cmd_repair), OPTION_BIT(ACCOUNT), 1, 2},
    {"device request", "--name NAME", "make an identity; print its request to be admitted",
     PLAIN(cmd_device_request), OPTION_BIT(NAME) | OPTION_BIT(SEALER) | OPTION_BIT(PASSPHRASE), 0,
     0},
    {"device add", "VAULT REQUEST", "admit the device or sealer that made the request",
     PLAIN(cmd_device_add), OPTION_BIT(ACCOUNT) | OPTION_BIT(NAME) | OPTION_BIT(SEALER), 2, 2},
    {"device remove", "VAULT NAME", "take access away; new keys for all that it could open",
     WITH_KEY(cmd_device_remove), OPTION_BIT(ACCOUNT), 2, 2},
    {"device list", "VAULT", "devices and sealers of a vault, and its account",
     LOOKING(cmd_device_list), OPTION_BIT(ACCOUNT), 1, 1},
    {"device update", "VAULT", "let the others know that adp-seal is new on this device",
     WITH_KEY(cmd_device_update), OPTION_BIT(ACCOUNT), 1, 1},
    {"status", "VAULT", "who may open what, and whether the keybag is whole", LOOKING(cmd_status),
     OPTION_BIT(ACCOUNT) | OPTION_BIT(LEAKS), 1, 1},
    {"operator keygen", "--name NAME", "make an operator's identity; print its public key",
     PLAIN(cmd_operator_keygen), OPTION_BIT(NAME) | OPTION_BIT(PASSPHRASE), 0, 0},
    {"operator set", "VAULT PUBLIC-KEY", "who may open what is not end-to-end encrypted",
     PLAIN(cmd_operator_set), OPTION_BIT(ACCOUNT) | OPTION_BIT(NAME) | OPTION_BIT(YES), 2, 2},
    {"operator release", "VAULT CONTACT", "as the operator: the half of a recovery contact",
     WITH_KEY(cmd_operator_release), OPTION_BIT(ACCOUNT), 2, 2},
    {"adp on", "VAULT", "Advanced Data Protection: the operator loses nine categories",
     WITH_KEY(cmd_adp_on), OPTION_BIT(ACCOUNT), 1, 1},
    {"adp off", "VAULT", "the operator may open them again", WITH_KEY(cmd_adp_off),
     OPTION_BIT(ACCOUNT) | OPTION_BIT(YES), 1, 1},
    {"recovery key", "VAULT", "make a recovery key, show it once; an older one is void",
     WITH_KEY(cmd_recovery_key), OPTION_BIT(ACCOUNT), 1, 1},
    {"recovery contact add", "VAULT NAME", "somebody who can help you in, not alone",
     WITH_KEY(cmd_recovery_contact_add), OPTION_BIT(ACCOUNT) | OPTION_BIT(HALF), 2, 2},
    {"recovery contact remove", "VAULT NAME", "their half is void",
     WITH_KEY(cmd_recovery_contact_remove), OPTION_BIT(ACCOUNT), 2, 2},
    {"recovery contact list", "VAULT", "the recovery contacts", LOOKING(cmd_recovery_contact_list),
     OPTION_BIT(ACCOUNT), 1, 1},
    {"recovery open", "VAULT --name NAME", "all devices lost: this one becomes a trusted one",
     PLAIN(cmd_recovery_open),
     OPTION_BIT(ACCOUNT) | OPTION_BIT(NAME) | OPTION_BIT(PASSPHRASE) | OPTION_BIT(CODE_FILE) |
         OPTION_BIT(HALF),
     1, 1},
    {"rotate", "VAULT [CATEGORY...]", "new keys for what is sealed from now on",
     WITH_KEY(cmd_rotate), OPTION_BIT(ACCOUNT), 1, ANY_NUMBER},
    {"erase", "VAULT CATEGORY", "destroy all keys of what was sealed in a category",
     WITH_KEY(cmd_erase), OPTION_BIT(ACCOUNT) | OPTION_BIT(YES), 2, 2},
    {"rewrap", "VAULT [SNAPSHOT]", "after a rotation: archives open by the newest keys alone",
     WITH_KEY(cmd_rewrap), OPTION_BIT(ACCOUNT), 1, 2},
    {"category list", "", "the categories", PLAIN(cmd_category_list), 0, 0, 0},
    {"category explain", "PATH...", "which rule decides on a path", PLAIN(cmd_category_explain),
     OPTION_BIT(POLICY) | OPTION_BIT(PROFILE), 1, ANY_NUMBER},
};

#define NUM_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *file)
{
    fputs("usage: adp-seal COMMAND ...\n\n", file);
    for (size_t i = 0; i < NUM_COMMANDS; i++)
        fprintf(file, "  %-23s %s\n", commands[i].name, commands[i].summary);
    fputs("\nSNAPSHOT is an id, the beginning of one, or latest.\n"
          "adp-seal COMMAND --help tells more; so does adp-seal(1).\n",
          file);
}

static void print_command_help(const struct command *command)
{
    printf("usage: adp-seal %s %s\n\n%s\n", command->name, command->usage, command->summary);
    options_print_help(command->options);
}

/* num_words_of returns how many words of |argv| the command's |name| is, 0 if they differ. */
static int num_words_of(const char *name, int argc, char **argv)
{
    int num = 0;

    for (;; name++) {
        size_t len = strcspn(name, " ");

        if (1 + num >= argc || strlen(argv[1 + num]) != len ||
            memcmp(argv[1 + num], name, len) != 0)
            return 0;
        num++;
        name += len;
        if (*name == '\0')
            return num;
    }
}

static const struct command *find_command(int argc, char **argv, int *out_num_words)
{
    for (size_t i = 0; i < NUM_COMMANDS; i++) {
        *out_num_words = num_words_of(commands[i].name, argc, argv);
        if (*out_num_words > 0)
            return &commands[i];
    }
    return NULL;
}

/* edit_distance is Levenshtein's, for text shorter than 32 bytes. */
static unsigned edit_distance(const char *a, const char *b)
{
    unsigned row[33];
    size_t len = strlen(b);

    for (unsigned j = 0; j <= len; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (best > row[j] + 1)
                best = row[j] + 1;
            if (best > row[j - 1] + 1)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[len];
}

/* typed_command writes the words of |argv| that were meant as a command: as many as may be one. */
static void typed_command(char *out, size_t out_len, int argc, char **argv)
{
    size_t used = (size_t)snprintf(out, out_len, "%s", argv[1]);

    for (int i = 2; i < argc && used < out_len; i++) {
        int is_group = 0;

        for (size_t c = 0; c < NUM_COMMANDS; c++)
            is_group |= strncmp(commands[c].name, out, used) == 0 && commands[c].name[used] == ' ';
        if (!is_group)
            return;
        used += (size_t)snprintf(out + used, out_len - used, " %s", argv[i]);
    }
}

static enum adp_status refuse_command(int argc, char **argv, struct adp_error *err)
{
    char typed[32], hint[128] = "adp-seal --help lists the commands";
    unsigned best = 3; /* further away is no slip of the fingers */

    typed_command(typed, sizeof(typed), argc, argv);
    for (size_t i = 0; i < NUM_COMMANDS; i++) {
        unsigned distance = edit_distance(typed, commands[i].name);

        if (distance < best) {
            best = distance;
            snprintf(hint, sizeof(hint), "did you mean \"%s\"?", commands[i].name);
        }
    }
    if (*argv[1] == '-')
        return out_fail(err, ADP_ERR_ARGUMENT, NULL, NULL, "the command comes before its options");
    return out_fail(err, ADP_ERR_ARGUMENT, NULL, hint, "there is no command \"%s\"", typed);
}

static enum adp_status check_args(const struct command *command, const struct options *options,
                                  struct adp_error *err)
{
    char hint[160];

    snprintf(hint, sizeof(hint), "usage: adp-seal %s %s", command->name, command->usage);
    if (options->num_args < command->min_args)
        return out_fail(err, ADP_ERR_ARGUMENT, NULL, hint, "%s needs more words", command->name);
    if (options->num_args > command->max_args)
        return out_fail(err, ADP_ERR_ARGUMENT, NULL, hint,
                        "%s does not know what to do with \"%s\"", command->name,
                        options->args[command->max_args]);
    return ADP_OK;
}

static void print_version(void)
{
    printf("adp-seal %s\n", adp_version_string());
}

static enum adp_status run(struct cli *cli, int argc, char **argv, struct adp_error *err)
{
    struct options *options = &cli->options;
    const struct command *command;
    int num_words;
    enum adp_status status;

    command = find_command(argc, argv, &num_words);
    if (command == NULL)
        return refuse_command(argc, argv, err);
    status = options_parse(options, argc - num_words, argv + num_words, command->name,
                           command->options, err);
    if (status != ADP_OK)
        return status;
    if (options_has(options, OPTION_HELP) || options_has(options, OPTION_VERSION)) {
        cli->out.is_json = 0;
        options_has(options, OPTION_HELP) ? print_command_help(command) : print_version();
        return ADP_OK;
    }
    if (options_has(options, OPTION_JSON) && !cli->out.is_json)
        out_init(&cli->out, 1, 0); /* it was abbreviated */
    cli->out.is_quiet = options_has(options, OPTION_QUIET);
    progress_init(&cli->progress, !cli->out.is_quiet && !cli->out.is_json);
    if (command->run_on == cmd_cat && cli->out.is_json)
        return out_fail(err, ADP_ERR_ARGUMENT, NULL, "standard output is the file's",
                        "cat does not take --json");
    status = check_args(command, options, err);
    if (status != ADP_OK)
        return status;
    return command->run != NULL ? command->run(cli, err)
                                : session_run(cli, command->need, command->run_on, err);
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    struct adp_error err = {0};
    enum adp_status status;

    /* A broken pipe and a limit of file sizes are errors of write(2); memory with keys is in no
     * core dump. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    prctl(PR_SET_DUMPABLE, 0);
    if (argc < 2) {
        print_usage(stderr);
        return adp_status_exit_code(ADP_ERR_ARGUMENT);
    }
    out_init(&cli.out, options_announced(argc, argv, "json"), 0);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        cli.out.is_json = 0;
        print_usage(stdout);
        return out_finish(&cli.out, ADP_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        cli.out.is_json = 0;
        print_version();
        return out_finish(&cli.out, ADP_OK);
    }
    status = run(&cli, argc, argv, &err);
    progress_erase(&cli.progress);
    err.status = status;
    if (status != ADP_OK)
        out_error(&cli.out, &err);
    return out_finish(&cli.out, status);
}
