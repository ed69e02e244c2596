/* A walk over a directory tree, in an order that does not depend on the file system.
 *
 * Entries of a directory come sorted by the bytes of their names; a directory comes before its
 * content, and its content before its next sibling. Nothing is opened but directories, and no
 * symbolic link is followed below the root. Names are bytes, not text. Depth is bounded by memory,
 * not by PATH_MAX or by open descriptors. */
#ifndef ADP_WALK_H
#define ADP_WALK_H

#include <stddef.h>
#include <sys/stat.h>

#include "names.h"

enum adp_walk_event {
    /* An entry; for a directory, before its content. */
    ADP_WALK_ENTRY = 1,
    /* A directory's content is complete, or as complete as errors allowed: follows every ENTRY of
     * a directory that was not skipped. */
    ADP_WALK_LEAVE = 2,
    /* |error| happened on this entry: stat (there was no ENTRY, and st is zero), or reading the
     * directory (between its ENTRY and its LEAVE). */
    ADP_WALK_ERROR = 3,
    /* A directory was opened and all its names are known: follows its ENTRY, if nothing fails. */
    ADP_WALK_LISTED = 4,
};

enum adp_walk_verdict {
    ADP_WALK_CONTINUE = 0,
    ADP_WALK_SKIP = 1, /* on a directory's ENTRY: do not descend; no LEAVE follows */
};

struct adp_walk_entry {
    enum adp_walk_event event;
    const char *name; /* one component; the root's is what the caller gave; zero-terminated */
    size_t name_len;
    unsigned depth; /* 0 for the root */
    const struct stat *st;
    int error; /* errno value for ADP_WALK_ERROR, else 0 */
    int dir;   /* of ADP_WALK_LISTED: the directory, which the walk closes; else -1 */
    const struct adp_names *names; /* of ADP_WALK_LISTED, else NULL */
};

/* adp_walk_fn is called for each event, on the walking thread. Returns a verdict, or -errno, which
 * ends the walk with that result. */
typedef int (*adp_walk_fn)(void *user, const struct adp_walk_entry *entry);

/* adp_walk visits |root| itself (event ENTRY, depth 0, named |root_name|) and, if it is a
 * directory, everything below. A symbolic link as root is visited as a link unless |follow_root|.
 * Returns 0, or the callback's -errno. Errors of single entries are events, not results. */
int adp_walk(const char *root, const char *root_name, int follow_root, adp_walk_fn fn, void *user);

#endif
