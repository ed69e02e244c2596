/* A process that is forked to do what must not be done with this one's rights. */
#ifndef ADP_CHILD_H
#define ADP_CHILD_H

#include <sys/resource.h>

/* adp_child_start forks a process that runs |run|, which must not return. It ends with the thread
 * that calls, takes no signal but SIGKILL, and finds no rests of keys on its stack; those on pages
 * of secret.h are wiped by the fork. Returns a pidfd, or -errno; -ENOSYS where a sanitizer bears no
 * fork, or the kernel has no pidfd. */
int adp_child_start(void (*run)(void *user), void *user);

/* adp_child_end ends it, whatever it does, and closes |pidfd|. |out_usage|, if not NULL, is what it
 * has used. */
void adp_child_end(int pidfd, struct rusage *out_usage);

#endif
