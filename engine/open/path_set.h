/* A set of paths, kept as 64-bit hashes under a seed drawn at random: 16 bytes a path at most, and
 * whoever wrote the paths cannot aim for a collision. */
#ifndef ADP_PATH_SET_H
#define ADP_PATH_SET_H

#include <stddef.h>
#include <stdint.h>

struct adp_path_set {
    uint64_t *slots; /* zero is empty */
    size_t num, cap;
    uint64_t seed;
};

/* adp_path_set_add returns 0 if memory is short. A zeroed set is empty. */
int adp_path_set_add(struct adp_path_set *set, const char *path, size_t len);
int adp_path_set_has(const struct adp_path_set *set, const char *path, size_t len);

/* adp_path_set_clear empties the set and frees its memory. */
void adp_path_set_clear(struct adp_path_set *set);

#endif
