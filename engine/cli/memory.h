/* Memory for what the command prints. There is nothing to be done where it is missing but to say
 * so; the library's work leaves no half things behind. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdlib.h>

/* must_fail ends the program for want of memory. */
void must_fail(void) __attribute__((noreturn));

/* must_alloc returns |len| bytes, or ends the program. */
void *must_alloc(size_t len) __attribute__((returns_nonnull));

/* must_grow makes room in an array of |*cap| items of |size| bytes for item number |num|, or ends
 * the program. */
void *must_grow(void *items, size_t *cap, size_t num, size_t size);

/* wiped_free frees what may have held a code or a passphrase. */
void wiped_free(void *memory);

#endif
