/* The policy file: YAML, docs/CATEGORIES.md. What it says, before anything is done with it. */
#ifndef ADP_POLICY_FILE_H
#define ADP_POLICY_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"

#define ADP_POLICY_FILE_MAX (1U << 20) /* bytes */

struct adp_policy_file {
    unsigned version;
    int *builtin;           /* NULL: not said */
    char *default_category; /* NULL: not said */
    struct adp_policy_file_rule {
        char *match; /* one of these two is NULL, unless the file is wrong */
        char *label;
        char *category;
        int *derived; /* NULL: not said */
    } * rules;
    unsigned num_rules;
};

/* adp_policy_file_parse reads |len| bytes that came from |origin|. The version is checked; the
 * patterns, of which kind they are, and the names of categories are not. The caller must call
 * adp_policy_file_free. */
ADP_MUST_CHECK enum adp_status adp_policy_file_parse(struct adp_policy_file **out_file,
                                                     const uint8_t *data, size_t len,
                                                     const char *origin, struct adp_error *err);

/* adp_policy_file_free frees. NULL is allowed. */
void adp_policy_file_free(struct adp_policy_file *file);

#endif
