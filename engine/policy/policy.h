/* The policy below adpseal.h: which category a path belongs to. Rules are asked in order, the
 * policy file's before the built-in ones; the first that matches the path, or a directory that it
 * lies in, decides. */
#ifndef ADP_POLICY_H
#define ADP_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"

/* adp_policy_parse is adp_policy_load for |len| bytes of YAML in memory; |origin| names them in
 * errors and verdicts, and is copied. */
ADP_MUST_CHECK enum adp_status adp_policy_parse(struct adp_policy **out_policy, const uint8_t *data,
                                                size_t len, const char *origin,
                                                struct adp_error *err);

/* adp_policy_has_builtin returns whether the built-in rules are asked after the policy file's. */
int adp_policy_has_builtin(const struct adp_policy *policy);

/* adp_policy_decide is adp_policy_classify for what has a |label| besides its path, or NULL. It
 * returns whether a rule of the policy file decided, before which no other knowledge goes. */
int adp_policy_decide(const struct adp_policy *policy, const char *path, const char *label,
                      int is_dir, struct adp_verdict *out_verdict);

#endif
