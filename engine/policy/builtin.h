/* The built-in rules: what a person's files are, told by their names. */
#ifndef ADP_BUILTIN_H
#define ADP_BUILTIN_H

#include "rules.h"

extern const struct adp_rule_group adp_builtin_groups[];
extern const size_t adp_builtin_num_groups;

#endif
