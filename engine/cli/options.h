/* The command line. Every option of every command is known to one table; a command says which of
 * them it takes. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

#include "adpseal.h"

enum option_id {
    /* Taken by every command. */
    OPTION_IDENTITY,
    OPTION_PASSPHRASE_FILE,
    OPTION_QUIET,
    OPTION_JSON,
    OPTION_THREADS,
    OPTION_MEMORY,
    OPTION_IO,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_NUM_COMMON,

    /* Taken by some. */
    OPTION_DEVICE = OPTION_NUM_COMMON,
    OPTION_PASSPHRASE,
    OPTION_NAME,
    OPTION_SEALER,
    OPTION_CATEGORY,
    OPTION_POLICY,
    OPTION_LEVEL,
    OPTION_TO,
    OPTION_OVERWRITE,
    OPTION_ACCOUNT,
    OPTION_SYNC,
    OPTION_IO_CLASS,
    OPTION_LIMIT_RATE,
    OPTION_STATS,
    OPTION_ATTEST,
    OPTION_YES,
    OPTION_LEAKS,
    OPTION_CODE_FILE,
    OPTION_HALF,
    OPTION_PROFILE,
    OPTION_SKIP_DERIVED,
    OPTION_DRY_RUN,
    OPTION_KEEP_GOING,
    OPTION_PARITY,
    OPTION_SANDBOX,
    OPTION_NUM,
};

/* A set of options has a bit for each. */
typedef uint64_t option_set;

#define OPTION_BIT(id) (UINT64_C(1) << OPTION_##id)

_Static_assert(OPTION_NUM <= 64, "an option has no bit");

struct options {
    option_set given;     /* those that were given */
    const char *identity; /* file; NULL: the default */
    const char *passphrase_file;
    const char *io;
    const char *sandbox;
    const char *device;
    const char *name;
    const char *policy;
    const char *profile;
    const char *to;
    const char *account; /* fingerprint */
    const char *code_file;
    const char *half; /* file */
    unsigned num_threads;
    unsigned level;
    unsigned parity; /* percent; 0: none */
    size_t memory;
    size_t limit_rate;                       /* bytes a second; 0: none */
    int is_idle;                             /* of --io-class */
    int sync_each;                           /* of --sync */
    int without_attestation;                 /* of --attest */
    unsigned categories[ADP_NUM_CATEGORIES]; /* each once */
    size_t num_categories;
    char **args; /* what is no option */
    size_t num_args;
};

/* options_parse reads |argv| from the word after the command's name on; |command| is that name, for
 * errors, |allowed| the bits of the options that it takes besides the common ones. */
ADP_MUST_CHECK enum adp_status options_parse(struct options *out, int argc, char **argv,
                                             const char *command, option_set allowed,
                                             struct adp_error *err);

/* options_add_category adds the category called |name| to the |*num| of |categories|, if it is not
 * among them yet. */
ADP_MUST_CHECK enum adp_status options_add_category(unsigned categories[ADP_NUM_CATEGORIES],
                                                    size_t *num, const char *name,
                                                    struct adp_error *err);

/* options_has returns whether the option was given. */
int options_has(const struct options *options, enum option_id id);

/* options_announced returns whether --|name| stands among the words of |argv|: for what must be
 * known before they are parsed. */
int options_announced(int argc, char **argv, const char *name);

/* options_print_help prints a line for each option of |allowed|, then for each common one. */
void options_print_help(option_set allowed);

#endif
