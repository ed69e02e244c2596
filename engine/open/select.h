/* Which archives and which entries a person meant: for list, open, cat and verify. */
#ifndef ADP_SELECT_H
#define ADP_SELECT_H

#include <stddef.h>

#include "archive_read.h"
#include "report.h"

/* struct adp_select_path is one path of a selection, tidied up. */
struct adp_select_path {
    char *path;
    size_t len;
    const char *given; /* as the caller gave it, for messages */
    int is_matched;
};

struct adp_select {
    struct adp_record record;
    struct adp_select_path *paths; /* sorted; none lies below another; num 0 selects everything */
    size_t num_paths;
    unsigned archives[ADP_NUM_CATEGORIES]; /* indexes into the record, those selected */
    size_t num_archives;
    char locked[256]; /* categories that were wanted and cannot be opened, with commas */
    char locked_why[sizeof(((struct adp_error *)NULL)->message)]; /* of the first of them */
};

/* adp_select_make resolves the snapshot, tidies the paths and chooses archives: without categories
 * all that the identity has a key for; others are told as events and |*out_partial| is set. The
 * caller must call adp_select_free, also after a failure. */
enum adp_status adp_select_make(struct adp_select *out, struct adp_vault *vault,
                                const struct adp_selection *selection, struct adp_tell *tell,
                                int *out_partial, struct adp_error *err);
void adp_select_free(struct adp_select *select);

/* adp_select_unmatched fails with ADP_ERR_NOT_FOUND if a path has matched nothing. */
enum adp_status adp_select_unmatched(const struct adp_select *select, struct adp_error *err);

enum adp_select_role {
    ADP_SELECT_CHOSEN = 1,   /* selected */
    ADP_SELECT_ANCESTOR = 2, /* a directory above something selected */
};

/* adp_select_fn sees each entry once, in order; continuations follow theirs. The entry is valid
 * during the call. Anything but ADP_OK ends the walk with that status. */
typedef enum adp_status (*adp_select_fn)(void *user, const struct adp_index_entry *entry,
                                         enum adp_select_role role, struct adp_error *err);

/* adp_select_each walks the selected entries of one archive. With |with_ancestors| directories
 * above them are told too, before them. */
enum adp_status adp_select_each(struct adp_select *select, struct adp_archive *archive,
                                int with_ancestors, adp_select_fn fn, void *user,
                                struct adp_error *err);

/* adp_select_find looks one path up. ADP_ERR_NOT_FOUND is quiet: |err| is left alone. |fn| is
 * called for the entry and its continuations. */
enum adp_status adp_select_find(struct adp_archive *archive, const char *path, size_t path_len,
                                adp_select_fn fn, void *user, struct adp_error *err);

#endif
