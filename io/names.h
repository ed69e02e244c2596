/* The names in a directory, sorted by their bytes, "." and ".." left out. */
#ifndef ADP_NAMES_H
#define ADP_NAMES_H

#include <stddef.h>

struct adp_names {
    const char **items;
    size_t num;
    char *bytes; /* what |items| points into */
};

/* adp_names_read reads the directory that was opened as |fd|. Returns 0, or -errno with those names
 * in
 * |*out| that could be read. The caller must call adp_names_free in both cases. */
int adp_names_read(struct adp_names *out, int fd);

void adp_names_free(struct adp_names *names);

/* adp_names_is_dot returns whether |name| is "." or "..". */
int adp_names_is_dot(const char *name);

#endif
