/* What the parts of the preloaded library share: crash_at.c says what it is. */
#ifndef CRASH_AT_H
#define CRASH_AT_H

#include <dlfcn.h>

/* The function that would have been called without this library. */
#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

enum crash_kind {
    CRASH_EFFECT = 1, /* changes a file or folder */
    CRASH_READ = 2,   /* looks at one */
    CRASH_MEMORY = 3,
};

/* crash_memory_fails counts an allocation by |caller|, and returns whether it is the one that is to
 * fail; errno is set then. */
int crash_memory_fails(const char *call, const void *caller);

/* crash_dump writes the process's memory to |file|.|suffix|: for every run of pages that are not
 * all zero its address and length, two numbers of 8 bytes, and then the bytes; and
 * /proc/self/smaps to |file|.|suffix|.maps. Only what may be written to is looked at. */
void crash_dump(const char *file, const char *suffix);

#endif
