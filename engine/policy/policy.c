#include "policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "category.h"
#include "error.h"
#include "fs.h"
#include "glob.h"
#include "policy_file.h"
#include "rules.h"

#define BUILTIN_ORIGIN "built-in"

struct adp_policy {
    struct adp_rules rules;  /* for paths */
    struct adp_rules labels; /* for labels: the policy file's alone, numbered with its others */
    char *origin;            /* of the policy file; NULL without one */
    unsigned default_category;
    const char *default_origin;
    int has_builtin;
};

static enum adp_status find_category(unsigned *out, const char *name, const char *origin,
                                     const char *where, struct adp_error *err)
{
    enum adp_status status;

    *out = adp_category_find(name);
    if (*out != 0)
        return ADP_OK;
    status =
        adp_fail(err, ADP_ERR_ARGUMENT, origin, "%s: no category is called \"%s\"", where, name);
    return adp_error_hint(err, status, "adp-seal category list shows them all");
}

static enum adp_status add_file_rule(struct adp_policy *policy,
                                     const struct adp_policy_file_rule *rule, unsigned line,
                                     struct adp_error *err)
{
    const char *pattern = rule->match != NULL ? rule->match : rule->label;
    struct adp_rules *rules = rule->match != NULL ? &policy->rules : &policy->labels;
    struct adp_rule out = {.origin = policy->origin, .line = line};
    const char *reason;
    char where[32];
    enum adp_status status;

    snprintf(where, sizeof(where), "rule %u", line);
    if ((rule->match != NULL) == (rule->label != NULL))
        return adp_fail(err, ADP_ERR_ARGUMENT, policy->origin,
                        "%s: it needs one of match, for paths, and label, for names on a device",
                        where);
    reason = adp_glob_check(pattern);
    if (reason != NULL)
        return adp_fail(err, ADP_ERR_ARGUMENT, policy->origin, "%s: the pattern \"%s\": %s", where,
                        pattern, reason);
    status = find_category(&out.category, rule->category, policy->origin, where, err);
    if (status != ADP_OK)
        return status;
    out.is_derived = rule->derived != NULL && *rule->derived;
    if (adp_rules_add(rules, pattern, &out) != 0)
        return adp_fail_memory(err);
    return ADP_OK;
}

static enum adp_status add_file(struct adp_policy *policy, const struct adp_policy_file *file,
                                struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    if (file->default_category != NULL) {
        status = find_category(&policy->default_category, file->default_category, policy->origin,
                               "default", err);
        policy->default_origin = policy->origin;
    }
    for (unsigned i = 0; i < file->num_rules && status == ADP_OK; i++)
        status = add_file_rule(policy, &file->rules[i], i + 1, err);
    return status;
}

/* make_policy puts together the rules of |file| (NULL: none) and, unless it says no, ours. */
static enum adp_status make_policy(struct adp_policy **out_policy,
                                   const struct adp_policy_file *file, const char *origin,
                                   struct adp_error *err)
{
    struct adp_policy *policy = calloc(1, sizeof(*policy));
    enum adp_status status = ADP_OK;

    if (policy == NULL)
        return adp_fail_memory(err);
    policy->default_category = ADP_CATEGORY_DRIVE;
    policy->default_origin = BUILTIN_ORIGIN;
    if (origin != NULL && (policy->origin = strdup(origin)) == NULL)
        status = adp_fail_memory(err);
    if (status == ADP_OK && file != NULL)
        status = add_file(policy, file, err);
    policy->has_builtin = file == NULL || file->builtin == NULL || *file->builtin;
    if (status == ADP_OK && policy->has_builtin &&
        adp_rules_add_groups(&policy->rules, adp_builtin_groups, adp_builtin_num_groups,
                             BUILTIN_ORIGIN) != 0)
        status = adp_fail_memory(err);
    if (status == ADP_OK &&
        (adp_rules_index(&policy->rules) != 0 || adp_rules_index(&policy->labels) != 0))
        status = adp_fail_memory(err);
    if (status != ADP_OK) {
        adp_policy_free(policy);
        return status;
    }
    *out_policy = policy;
    return ADP_OK;
}

enum adp_status adp_policy_parse(struct adp_policy **out_policy, const uint8_t *data, size_t len,
                                 const char *origin, struct adp_error *err)
{
    struct adp_policy_file *file;
    enum adp_status status = adp_policy_file_parse(&file, data, len, origin, err);

    if (status != ADP_OK)
        return status;
    status = make_policy(out_policy, file, origin, err);
    adp_policy_file_free(file);
    return status;
}

enum adp_status adp_policy_load(struct adp_policy **out_policy, const char *path,
                                struct adp_error *err)
{
    uint8_t *data;
    size_t len;
    enum adp_status status;
    int result;

    if (path == NULL)
        return make_policy(out_policy, NULL, NULL, err);
    result = adp_fs_load(AT_FDCWD, path, ADP_POLICY_FILE_MAX, &data, &len);
    if (result == -EFBIG)
        return adp_fail(err, ADP_ERR_ARGUMENT, path, "larger than 1 MiB: no policy file");
    if (result != 0)
        return adp_fail_errno(err, -result, path, "cannot read the policy file");
    status = adp_policy_parse(out_policy, data, len, path, err);
    free(data);
    return status;
}

void adp_policy_free(struct adp_policy *policy)
{
    if (policy == NULL)
        return;
    adp_rules_free(&policy->rules);
    adp_rules_free(&policy->labels);
    free(policy->origin);
    free(policy);
}

int adp_policy_has_builtin(const struct adp_policy *policy)
{
    return policy->has_builtin;
}

/* Returns the first rule that matches either name, or NULL. */
static const struct adp_rule *match_names(const struct adp_policy *policy, const char *path,
                                          const char *label, int is_dir)
{
    const struct adp_rule *by_path = adp_rules_match(&policy->rules, path, is_dir);
    const struct adp_rule *by_label = NULL;

    if (label != NULL && policy->labels.num > 0)
        by_label = adp_rules_match(&policy->labels, label, is_dir);
    if (by_path == NULL || by_label == NULL)
        return by_path != NULL ? by_path : by_label;
    return by_path->origin == policy->origin && by_path->line < by_label->line ? by_path : by_label;
}

int adp_policy_decide(const struct adp_policy *policy, const char *path, const char *label,
                      int is_dir, struct adp_verdict *out_verdict)
{
    const struct adp_rule *rule = match_names(policy, path, label, is_dir);

    if (rule == NULL) {
        *out_verdict = (struct adp_verdict){.category = policy->default_category,
                                            .rule = "(default)",
                                            .origin = policy->default_origin};
        return 0;
    }
    *out_verdict = (struct adp_verdict){.category = rule->category,
                                        .rule = rule->pattern,
                                        .origin = rule->origin,
                                        .line = rule->line,
                                        .is_derived = rule->is_derived};
    return rule->origin == policy->origin;
}

void adp_policy_classify(const struct adp_policy *policy, const char *path, int is_dir,
                         struct adp_verdict *out_verdict)
{
    (void)adp_policy_decide(policy, path, NULL, is_dir, out_verdict);
}
