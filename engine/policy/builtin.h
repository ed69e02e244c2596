/* The built-in rules: what a person's files are, told by their names. */
#ifndef ADP_BUILTIN_H
#define ADP_BUILTIN_H

#include <stddef.h>

struct adp_builtin_group {
    unsigned category;
    const char *const *patterns; /* ended by NULL */
};

/* Rules are numbered through all groups from 1, in the order in which they are asked. */
extern const struct adp_builtin_group adp_builtin_groups[];
extern const size_t adp_builtin_num_groups;

#endif
