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
    int is_derived; /* what it matches can be made again from the rest */
};

/* Rules as this library has them in its tables: numbered through all groups of a table from 1, in
 * the order in which they are asked. */
struct adp_rule_group {
    unsigned category;
    int is_derived;
    const char *const *patterns; /* ended by NULL */
};

/* The last two fields of a group, in a table. */
#define ADP_KEPT(...)    0, ((const char *const[]){__VA_ARGS__, NULL})
#define ADP_DERIVED(...) 1, ((const char *const[]){__VA_ARGS__, NULL})

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

/* adp_rules_add appends a copy of |rule|, with |pattern| copied as its pattern; the origin must
 * outlive the list. Returns 0, or -ENOMEM. */
int adp_rules_add(struct adp_rules *rules, const char *pattern, const struct adp_rule *rule);

/* adp_rules_add_groups appends all rules of a table. Returns 0, or -ENOMEM. */
int adp_rules_add_groups(struct adp_rules *rules, const struct adp_rule_group *groups,
                         size_t num_groups, const char *origin);

/* adp_rules_pattern_in returns the pattern of rule |line| of a table, which must have it: where
 * those of a list, which are copies, do not live long enough. */
const char *adp_rules_pattern_in(const struct adp_rule_group *groups, unsigned line);

/* adp_rules_index makes the index: after the last add, before the first match. Returns 0, or
 * -ENOMEM. */
int adp_rules_index(struct adp_rules *rules);

void adp_rules_free(struct adp_rules *rules);

/* adp_rules_match returns the first rule, in the order of adding, whose pattern matches |path| or a
 * directory that it lies in; NULL if there is none. */
const struct adp_rule *adp_rules_match(const struct adp_rules *rules, const char *path, int is_dir);

#endif
