#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "human.h"
#include "out.h"

#define MAX_THREADS 1024
#define MAX_LEVEL   19 /* adpseal.h, struct adp_seal_options */

static const struct option_info {
    const char *name;
    const char *value; /* NULL: it takes none */
    const char *help;
} infos[OPTION_NUM] = {
    [OPTION_IDENTITY] = {"identity", "FILE", "the keys of this device or sealer"},
    [OPTION_PASSPHRASE_FILE] = {"passphrase-file", "FILE", "read the identity's passphrase here"},
    [OPTION_QUIET] = {"quiet", NULL, "no progress, no summary; errors only"},
    [OPTION_JSON] = {"json", NULL, "one JSON object on standard output, nothing else"},
    [OPTION_THREADS] = {"threads", "N", "threads to use; one per core by default"},
    [OPTION_MEMORY] = {"memory", "SIZE", "bytes of buffers, 16M or more; 64M by default"},
    [OPTION_IO] = {"io", "HOW", "auto, uring or threads; auto by default"},
    [OPTION_HELP] = {"help", NULL, "this"},
    [OPTION_VERSION] = {"version", NULL, "the version"},
    [OPTION_DEVICE] = {"device", "NAME", "what this device is called"},
    [OPTION_PASSPHRASE] = {"passphrase", NULL, "protect the new identity by a passphrase"},
    [OPTION_NAME] = {"name", "NAME", "what the device or sealer is called"},
    [OPTION_SEALER] = {"sealer", NULL, "may seal, can open nothing"},
    [OPTION_CATEGORY] = {"category", "NAME", "this category only (adp-seal category list)"},
    [OPTION_POLICY] = {"policy", "FILE", "rules that go before the built-in ones"},
    [OPTION_LEVEL] = {"level", "N", "zstd level, 1 to 19; 3 by default"},
    [OPTION_TO] = {"to", "DIR", "where to restore to; made if it is not there"},
    [OPTION_OVERWRITE] = {"overwrite", NULL, "replace files that exist"},
    [OPTION_ACCOUNT] = {"account", "FINGERPRINT", "the vault's account must be this one"},
    [OPTION_SYNC] = {"sync", "WHEN", "end: all at once (the default); each: one by one"},
    [OPTION_IO_CLASS] = {"io-class", "CLASS", "normal, or idle: others use the disk first"},
    [OPTION_LIMIT_RATE] = {"limit-rate", "SIZE", "at most so many bytes a second"},
    [OPTION_STATS] = {"stats", NULL, "show where the time went"},
    [OPTION_ATTEST] = {"attest", "HOW", "on: whoever has no key can check (the default); off"},
    [OPTION_YES] = {"yes", NULL, "do not ask"},
    [OPTION_LEAKS] = {"leaks", NULL, "what somebody sees who has no key"},
    [OPTION_CODE_FILE] = {"code-file", "FILE", "read the recovery code here"},
    [OPTION_HALF] = {"half", "FILE", "where the contact's other half is, or is to be"},
    [OPTION_PROFILE] = {"profile", "NAME", "what the sources are; auto (the default), none"},
    [OPTION_KEEP_GOING] = {"keep-going", NULL, "restore all that damage has left, exit code 3"},
    [OPTION_SKIP_DERIVED] = {"skip-derived", NULL, "leave out what can be made again"},
    [OPTION_PARITY] = {"parity", "N%", "heal damage of so much of an archive; 1% to 100%"},
    [OPTION_SANDBOX] = {"sandbox", "HOW", "decode in a process without rights: auto, on or off"},
    [OPTION_DRY_RUN] = {"dry-run", NULL, "show what would be sealed, and seal nothing"},
};

enum adp_status options_add_category(unsigned categories[ADP_NUM_CATEGORIES], size_t *num,
                                     const char *name, struct adp_error *err)
{
    unsigned category = adp_category_find(name);

    if (category == 0)
        return out_fail(err, ADP_ERR_ARGUMENT, NULL, "adp-seal category list shows them all",
                        "no category is called \"%s\"", name);
    for (size_t i = 0; i < *num; i++) {
        if (categories[i] == category)
            return ADP_OK;
    }
    categories[(*num)++] = category;
    return ADP_OK;
}

static enum adp_status refuse_value(const char *value, enum option_id id, const char *hint,
                                    struct adp_error *err)
{
    return out_fail(err, ADP_ERR_ARGUMENT, NULL, hint, "--%s cannot be \"%s\"", infos[id].name,
                    value);
}

/* set_choice sets |*out| to 0 or 1 for |no| or |yes|. */
static enum adp_status set_choice(const char *value, enum option_id id, const char *no,
                                  const char *yes, int *out, struct adp_error *err)
{
    char hint[64];

    *out = strcmp(value, yes) == 0;
    if (*out || strcmp(value, no) == 0)
        return ADP_OK;
    snprintf(hint, sizeof(hint), "%s or %s", no, yes);
    return refuse_value(value, id, hint, err);
}

/* set_checked handles the options whose value is checked here. */
/* "5%"; without the sign as well. */
static int parse_percent(const char *text, unsigned *out)
{
    char digits[8];
    size_t len = strcspn(text, "%");

    if (len >= sizeof(digits) || (text[len] == '%' && text[len + 1] != '\0'))
        return 0;
    snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
    return human_parse_number(digits, 1, 100, out);
}

static enum adp_status set_checked(struct options *out, enum option_id id, const char *value,
                                   struct adp_error *err)
{
    switch (id) {
    case OPTION_THREADS:
        if (!human_parse_number(value, 1, MAX_THREADS, &out->num_threads))
            return refuse_value(value, id, "a number from 1 to 1024", err);
        return ADP_OK;
    case OPTION_LEVEL:
        if (!human_parse_number(value, 1, MAX_LEVEL, &out->level))
            return refuse_value(value, id, "a number from 1 to 19", err);
        return ADP_OK;
    case OPTION_PARITY:
        if (!parse_percent(value, &out->parity))
            return refuse_value(value, id, "a number from 1 to 100, with % behind it", err);
        return ADP_OK;
    case OPTION_MEMORY:
        if (!human_parse_size(value, &out->memory) || out->memory == 0)
            return refuse_value(value, id, "a number of bytes, or one with K, M or G", err);
        return ADP_OK;
    case OPTION_LIMIT_RATE:
        if (!human_parse_size(value, &out->limit_rate) || out->limit_rate == 0)
            return refuse_value(value, id, "a number of bytes, or one with K, M or G", err);
        return ADP_OK;
    case OPTION_SYNC:
        return set_choice(value, id, "end", "each", &out->sync_each, err);
    case OPTION_ATTEST:
        return set_choice(value, id, "on", "off", &out->without_attestation, err);
    case OPTION_IO_CLASS:
        return set_choice(value, id, "normal", "idle", &out->is_idle, err);
    case OPTION_IO:
        if (strcmp(value, "auto") != 0 && strcmp(value, "uring") != 0 &&
            strcmp(value, "threads") != 0)
            return refuse_value(value, id, "auto, uring or threads", err);
        out->io = value;
        return ADP_OK;
    case OPTION_SANDBOX:
        if (strcmp(value, "auto") != 0 && strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
            return refuse_value(value, id, "auto, on or off", err);
        out->sandbox = value;
        return ADP_OK;
    default:
        return options_add_category(out->categories, &out->num_categories, value, err);
    }
}

static enum adp_status set_option(struct options *out, enum option_id id, const char *value,
                                  struct adp_error *err)
{
    const char **texts[OPTION_NUM] = {
        [OPTION_IDENTITY] = &out->identity, [OPTION_PASSPHRASE_FILE] = &out->passphrase_file,
        [OPTION_DEVICE] = &out->device,     [OPTION_NAME] = &out->name,
        [OPTION_POLICY] = &out->policy,     [OPTION_TO] = &out->to,
        [OPTION_ACCOUNT] = &out->account,   [OPTION_CODE_FILE] = &out->code_file,
        [OPTION_HALF] = &out->half,         [OPTION_PROFILE] = &out->profile,
    };

    out->given |= UINT64_C(1) << id;
    if (infos[id].value == NULL)
        return ADP_OK;
    if (texts[id] == NULL)
        return set_checked(out, id, value, err);
    *texts[id] = value;
    return ADP_OK;
}

static void make_getopt_table(struct option table[OPTION_NUM + 1])
{
    for (int i = 0; i < OPTION_NUM; i++)
        table[i] = (struct option){
            infos[i].name, infos[i].value != NULL ? required_argument : no_argument, NULL, i};
    table[OPTION_NUM] = (struct option){0};
}

static enum adp_status refuse_word(const char *word, const char *command, int needs_value,
                                   struct adp_error *err)
{
    char hint[128];

    snprintf(hint, sizeof(hint), "adp-seal %s --help lists its options", command);
    if (needs_value)
        return out_fail(err, ADP_ERR_ARGUMENT, NULL, hint, "%s needs a value", word);
    return out_fail(err, ADP_ERR_ARGUMENT, NULL, hint, "%s does not take %s", command, word);
}

enum adp_status options_parse(struct options *out, int argc, char **argv, const char *command,
                              option_set allowed, struct adp_error *err)
{
    struct option table[OPTION_NUM + 1];
    enum adp_status status = ADP_OK;
    int id;

    *out = (struct options){0};
    make_getopt_table(table);
    allowed |= (UINT64_C(1) << OPTION_NUM_COMMON) - 1;
    opterr = 0;
    optind = 1;
    while (status == ADP_OK && (id = getopt_long(argc, argv, ":hq", table, NULL)) != -1) {
        const char *word = argv[optind - 1];

        if (id == 'h' || id == 'q')
            id = id == 'h' ? OPTION_HELP : OPTION_QUIET;
        if (id == '?' || id == ':' || !(allowed & UINT64_C(1) << id))
            return refuse_word(word, command, id == ':', err);
        status = set_option(out, (enum option_id)id, optarg, err);
    }
    out->args = argv + optind;
    out->num_args = (size_t)(argc - optind);
    return status;
}

int options_has(const struct options *options, enum option_id id)
{
    return (options->given & UINT64_C(1) << id) != 0;
}

int options_announced(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0)
            return 1;
    }
    return 0;
}

static void print_options(option_set ids)
{
    char left[64];

    for (int i = 0; i < OPTION_NUM; i++) {
        if (!(ids & UINT64_C(1) << i))
            continue;
        snprintf(left, sizeof(left), "--%s %s", infos[i].name,
                 infos[i].value != NULL ? infos[i].value : "");
        printf("  %-24s %s\n", left, infos[i].help);
    }
}

void options_print_help(option_set allowed)
{
    option_set common = (UINT64_C(1) << OPTION_NUM_COMMON) - 1;

    if (allowed != 0)
        puts("\noptions:");
    print_options(allowed);
    puts("\ncommon options:");
    print_options(common);
}
