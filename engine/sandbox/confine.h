/* A process gives up what it may do: for the child in which hostile bytes are decoded, and for the
 * test that tries what is left. Nothing here knows of archives.
 *
 * adp_confine_begin comes before the process starts threads, adp_confine_end when they are there.
 * In between nothing hostile is touched. */
#ifndef ADP_CONFINE_H
#define ADP_CONFINE_H

#include <stddef.h>

/* Layers that a kernel may lack. */
enum adp_confine_layer {
    ADP_CONFINE_LANDLOCK = 1, /* no file, no TCP, no signal to others: landlock(7) */
    ADP_CONFINE_SECCOMP = 2,  /* whoever makes another system call than those of
                                 confine_calls.c is killed: seccomp(2) */
};
#define ADP_CONFINE_ALL (ADP_CONFINE_LANDLOCK | ADP_CONFINE_SECCOMP)

/* A sanitizer's runtime makes calls of its own, writes to standard error, and maps terabytes:
 * builds with one leave it that, and nothing else. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define ADP_CONFINE_LOOSE 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define ADP_CONFINE_LOOSE 1
#    endif
#endif
#ifndef ADP_CONFINE_LOOSE
#    define ADP_CONFINE_LOOSE 0
#endif

/* struct adp_confine is what is left to a process. */
struct adp_confine {
    unsigned layers; /* to be put on; adp_confine_begin and _end take out those that are not there
                      */
    int has_pipe;    /* descriptors 0, for reading at any place, and 1, for writing, stay open */
    void *shared;    /* the one mapping that stays shared with others, and its length */
    size_t shared_len;
    size_t more_memory; /* bytes of address space beyond what is mapped at the beginning */
    size_t memory;      /* that limit, set by adp_confine_begin */
};

/* adp_confine_begin closes all other descriptors, unmaps what is shared with other processes, and
 * puts Landlock on the calling thread, which must be the only one: threads that it starts have it
 * too. Returns 0, or -errno if memory of others cannot be told from its own (no /proc). */
int adp_confine_begin(struct adp_confine *confine);

/* adp_confine_end sets the limits of the process, and the filter of system calls for all its
 * threads. */
void adp_confine_end(struct adp_confine *confine);

/* adp_confine_calls puts that filter on. Returns 0 or -errno. */
int adp_confine_calls(const struct adp_confine *confine);

#endif
