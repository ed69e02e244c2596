#include "path_set.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "wrap.h"

#define FIRST_CAP 1024u

static uint64_t hash_of(const struct adp_path_set *set, const char *path, size_t len)
{
    uint64_t hash = XXH3_64bits_withSeed(path, len, set->seed);

    return hash != 0 ? hash : 1;
}

/* Where |hash| is, or the empty slot where it would be. */
static uint64_t *find(const struct adp_path_set *set, uint64_t hash)
{
    size_t at = (size_t)hash & (set->cap - 1);

    while (set->slots[at] != 0 && set->slots[at] != hash)
        at = (at + 1) & (set->cap - 1);
    return &set->slots[at];
}

static int grow(struct adp_path_set *set)
{
    struct adp_path_set grown = {.num = set->num, .seed = set->seed};

    if (set->cap == 0)
        adp_random(&grown.seed, sizeof(grown.seed));
    grown.cap = set->cap > 0 ? set->cap * 2 : FIRST_CAP;
    grown.slots = calloc(grown.cap, sizeof(*grown.slots));
    if (grown.slots == NULL)
        return 0;
    for (size_t i = 0; i < set->cap; i++) {
        if (set->slots[i] != 0)
            *find(&grown, set->slots[i]) = set->slots[i];
    }
    free(set->slots);
    *set = grown;
    return 1;
}

int adp_path_set_add(struct adp_path_set *set, const char *path, size_t len)
{
    uint64_t hash, *slot;

    if (set->num >= set->cap / 4 * 3 && !grow(set))
        return 0;
    hash = hash_of(set, path, len);
    slot = find(set, hash);
    set->num += *slot == 0;
    *slot = hash;
    return 1;
}

int adp_path_set_has(const struct adp_path_set *set, const char *path, size_t len)
{
    return set->cap > 0 && *find(set, hash_of(set, path, len)) != 0;
}

void adp_path_set_clear(struct adp_path_set *set)
{
    free(set->slots);
    memset(set, 0, sizeof(*set));
}
