#include "memory.h"

#include <stdio.h>

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("adp-seal: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

void *must_alloc(size_t len)
{
    return must(malloc(len != 0 ? len : 1));
}

void *must_grow(void *items, size_t *cap, size_t num, size_t size)
{
    if (num < *cap)
        return items;
    *cap = *cap != 0 ? 2 * *cap : 64;
    return must(reallocarray(items, *cap, size));
}
