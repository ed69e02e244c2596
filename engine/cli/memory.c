#include "memory.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

void must_fail(void)
{
    fputs("adp-seal: out of memory\n", stderr);
    exit(EXIT_FAILURE);
}

static void *must(void *memory)
{
    if (memory == NULL)
        must_fail();
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

void wiped_free(void *memory)
{
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}
