/* An ordered list of rules, with an index over the last components of their patterns: almost every
 * pattern ends in a fixed name ("DCIM/") or a fixed ending ("*.jpg"), so that for a component of a
 * path two searches find the few rules that can match it at all. */
#ifndef ADP_RULES_H
#define ADP_RULES_H

#include <stddef.h>

struct adp_rule {
    char *pattern; /* valid as in glob.h */
    const char *origin;
    unsigned category;
    unsigned line;
};

struct adp_rule_key;

/* All zero is a valid empty list. */
struct adp_rules {
    struct adp_rule *items;
    size_t num, cap;
    struct adp_rule_key *keys; /* sorted by kind, text and rule */
    size_t num_keys;           /* how many rules have a key */
    size_t *rest;              /* the numbers of those that have none, ascending */
    size_t num_rest;
};

/* adp_rules_add appends a rule; |pattern| is copied, |origin| must outlive the list. Returns 0, or
 * -ENOMEM. */
int adp_rules_add(struct adp_rules *rules, const char *pattern, unsigned category,
                  const char *origin, unsigned line);

/* adp_rules_index makes the index: after the last add, before the first match. Returns 0, or
 * -ENOMEM. */
int adp_rules_index(struct adp_rules *rules);

void adp_rules_free(struct adp_rules *rules);

/* adp_rules_match returns the first rule, in the order of adding, whose pattern matches |path| or a
 * directory that it lies in; NULL if there is none. */
const struct adp_rule *adp_rules_match(const struct adp_rules *rules, const char *path, int is_dir);

#endif
