/* Allocations that fail. Of what the C library allocates for itself only malloc and its like are
 * seen, not its mappings. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "crash_at.h"

#define FAILS(name) crash_memory_fails(#name, __builtin_return_address(0))

/* dlsym costs more than malloc. */
#define NEXT_ONCE(name)                                                                            \
    ({                                                                                             \
        static __typeof__(&(name)) next;                                                           \
                                                                                                   \
        if (next == NULL)                                                                          \
            next = NEXT(name);                                                                     \
        next;                                                                                      \
    })

void *malloc(size_t len)
{
    return FAILS(malloc) ? NULL : NEXT_ONCE(malloc)(len);
}

void *calloc(size_t num, size_t size)
{
    return FAILS(calloc) ? NULL : NEXT_ONCE(calloc)(num, size);
}

void *realloc(void *memory, size_t len)
{
    return FAILS(realloc) ? NULL : NEXT_ONCE(realloc)(memory, len);
}

void *reallocarray(void *memory, size_t num, size_t size)
{
    size_t len;

    if (FAILS(reallocarray))
        return NULL;
    if (__builtin_mul_overflow(num, size, &len)) {
        errno = ENOMEM;
        return NULL;
    }
    return NEXT_ONCE(realloc)(memory, len);
}

int posix_memalign(void **out, size_t alignment, size_t len)
{
    return FAILS(posix_memalign) ? ENOMEM : NEXT_ONCE(posix_memalign)(out, alignment, len);
}

void *aligned_alloc(size_t alignment, size_t len)
{
    return FAILS(aligned_alloc) ? NULL : NEXT_ONCE(aligned_alloc)(alignment, len);
}

void *mmap(void *address, size_t len, int access, int flags, int fd, off_t offset)
{
    if (FAILS(mmap))
        return MAP_FAILED;
    return NEXT_ONCE(mmap)(address, len, access, flags, fd, offset);
}

int pthread_create(pthread_t *out, const pthread_attr_t *how, void *(*run)(void *), void *arg)
{
    return FAILS(pthread_create) ? EAGAIN : NEXT_ONCE(pthread_create)(out, how, run, arg);
}
