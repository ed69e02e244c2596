#include "select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_header.h"
#include "error.h"
#include "fs.h"
#include "secret.h"

/* -- Paths. */

/* Drops empty and "." components. Returns 0 if a ".." is in it. */
static int tidy_path(char *out, const char *path)
{
    size_t len = 0;

    while (*path != '\0') {
        size_t n = strcspn(path, "/");

        if (n == 2 && path[0] == '.' && path[1] == '.')
            return 0;
        if (n > 0 && !(n == 1 && path[0] == '.')) {
            if (len > 0)
                out[len++] = '/';
            memcpy(out + len, path, n);
            len += n;
        }
        path += n + (path[n] == '/');
    }
    out[len] = '\0';
    return 1;
}

static int compare_paths(const void *a, const void *b)
{
    const struct adp_select_path *x = a, *y = b;

    return adp_path_compare(x->path, x->len, y->path, y->len);
}

/* Does |path| lie at or below |top|? */
static int is_below(const char *path, size_t path_len, const char *top, size_t top_len)
{
    return path_len >= top_len && memcmp(path, top, top_len) == 0 &&
           (path_len == top_len || path[top_len] == '/');
}

/* A path below another one is selected anyway. */
static void drop_nested(struct adp_select *select)
{
    size_t kept = 0;

    for (size_t i = 0; i < select->num_paths; i++) {
        struct adp_select_path *path = &select->paths[i];
        struct adp_select_path *top = kept > 0 ? &select->paths[kept - 1] : NULL;

        if (top != NULL && is_below(path->path, path->len, top->path, top->len))
            free(path->path);
        else
            select->paths[kept++] = *path;
    }
    select->num_paths = kept;
}

static enum adp_status take_paths(struct adp_select *out, const struct adp_selection *selection,
                                  struct adp_error *err)
{
    int everything = 0;

    out->paths = calloc(selection->num_paths + 1, sizeof(*out->paths));
    if (out->paths == NULL)
        return adp_fail_memory(err);
    for (size_t i = 0; i < selection->num_paths; i++) {
        const char *given = selection->paths[i];
        struct adp_select_path *path = &out->paths[out->num_paths++];

        path->given = given;
        path->path = malloc(strlen(given) + 1);
        if (path->path == NULL)
            return adp_fail_memory(err);
        if (!tidy_path(path->path, given))
            return adp_fail(err, ADP_ERR_ARGUMENT, given, "a path in a snapshot has no \"..\"");
        path->len = strlen(path->path);
        everything |= path->len == 0;
    }
    qsort(out->paths, out->num_paths, sizeof(*out->paths), compare_paths);
    if (!everything) {
        drop_nested(out);
        return ADP_OK;
    }
    for (size_t i = 0; i < out->num_paths; i++)
        free(out->paths[i].path);
    out->num_paths = 0;
    return ADP_OK;
}

/* -- Archives. */

static int is_named(const struct adp_selection *selection, unsigned category)
{
    for (size_t i = 0; i < selection->num_categories; i++) {
        if (selection->categories[i] == category)
            return 1;
    }
    return 0;
}

static enum adp_status check_categories(const struct adp_select *out,
                                        const struct adp_selection *selection,
                                        struct adp_error *err)
{
    for (size_t i = 0; i < selection->num_categories; i++) {
        unsigned category = selection->categories[i];
        size_t k = 0;

        if (category == 0 || category > ADP_NUM_CATEGORIES)
            return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "there is no category %u", category);
        while (k < out->record.num_archives && out->record.archives[k].category != category)
            k++;
        if (k == out->record.num_archives)
            return adp_fail(err, ADP_ERR_NOT_FOUND, NULL, "snapshot %s has no archive of %s",
                            out->record.id, adp_category_name(category));
    }
    return ADP_OK;
}

/* Can the identity unwrap the key of an epoch that one of |header|'s slots is of? */
static enum adp_status has_slot_key(const struct adp_vault *vault, const struct adp_header *header,
                                    struct adp_error *err)
{
    uint8_t *key = adp_secret_new(ADP_KEM_KEY_LEN);
    enum adp_status status = ADP_OK;

    if (key == NULL)
        return adp_fail_memory(err);
    for (size_t i = 0; i < header->num_slots; i++) {
        status = adp_vault_epoch_key(vault, header->category, header->slots[i].key_epoch, key, err);
        if (status == ADP_OK)
            break;
    }
    adp_secret_free(key, ADP_KEM_KEY_LEN);
    return status;
}

/* Has the identity a key of this archive? Its slots decide, for they may have been rewritten. What
 * keeps its header from being read, opening it will tell. */
static enum adp_status has_key(struct adp_vault *vault, const char *id,
                               const struct adp_record_archive *archive, struct adp_error *err)
{
    struct adp_header header;
    int fd, is_beside;
    enum adp_status status;

    if (adp_archive_header_open(&fd, &header, &is_beside, vault, id, archive, NULL) != ADP_OK)
        header = (struct adp_header){.category = archive->category,
                                     .num_slots = 1,
                                     .slots = {{.key_epoch = archive->epoch}}};
    adp_fs_close(fd);
    status = adp_vault_refresh_for(vault, &header, err);
    return status == ADP_OK ? has_slot_key(vault, &header, err) : status;
}

/* Notes that a category cannot be opened; returns |why|. */
static struct adp_error note_locked(struct adp_select *select, unsigned category,
                                    const struct adp_error *why)
{
    size_t used = strlen(select->locked);

    if (used == 0)
        snprintf(select->locked_why, sizeof(select->locked_why), "%s", why->message);
    snprintf(select->locked + used, sizeof(select->locked) - used, "%s%s", used > 0 ? ", " : "",
             adp_category_name(category));
    return *why;
}

static enum adp_status choose_archives(struct adp_select *out, struct adp_vault *vault,
                                       const struct adp_selection *selection, struct adp_tell *tell,
                                       int *out_partial, struct adp_error *err)
{
    enum adp_status status = check_categories(out, selection, err);
    struct adp_error why = {0}, locked[ADP_NUM_CATEGORIES];
    size_t num_locked = 0;

    if (status != ADP_OK)
        return status;
    for (unsigned i = 0; i < out->record.num_archives; i++) {
        const struct adp_record_archive *archive = &out->record.archives[i];

        if (selection->num_categories > 0 && !is_named(selection, archive->category))
            continue;
        status = has_key(vault, out->record.id, archive, &why);
        if (status == ADP_OK)
            out->archives[out->num_archives++] = i;
        else if (status != ADP_ERR_NO_KEY || selection->num_categories > 0)
            break;
        else
            locked[num_locked++] = note_locked(out, archive->category, &why);
    }
    if (status == ADP_ERR_NO_KEY && out->num_archives > 0 && selection->num_categories == 0)
        status = ADP_OK;
    for (size_t i = 0; status == ADP_OK && i < num_locked; i++) {
        adp_tell_error(tell, ADP_EVENT_REFUSED, &locked[i]);
        *out_partial = 1;
    }
    if (status != ADP_OK && err != NULL)
        *err = why;
    return status;
}

enum adp_status adp_select_make(struct adp_select *out, struct adp_vault *vault,
                                const struct adp_selection *selection, struct adp_tell *tell,
                                int *out_partial, struct adp_error *err)
{
    enum adp_status status;

    memset(out, 0, sizeof(*out));
    status = adp_vault_check_trusted(vault, err);
    if (status == ADP_OK)
        status = take_paths(out, selection, err);
    if (status == ADP_OK)
        status = adp_vault_resolve(vault, selection->snapshot, &out->record, err);
    if (status == ADP_OK)
        status = choose_archives(out, vault, selection, tell, out_partial, err);
    return status;
}

void adp_select_free(struct adp_select *select)
{
    for (size_t i = 0; i < select->num_paths; i++)
        free(select->paths[i].path);
    free(select->paths);
    select->paths = NULL;
    select->num_paths = 0;
}

enum adp_status adp_select_unmatched(const struct adp_select *select, struct adp_error *err)
{
    for (size_t i = 0; i < select->num_paths; i++) {
        if (select->paths[i].is_matched)
            continue;
        if (select->locked[0] != '\0') {
            adp_fail(err, ADP_ERR_NO_KEY, select->paths[i].given,
                     "it is not in what this identity can open of snapshot %s, which has more: %s",
                     select->record.id, select->locked);
            return adp_error_hint(err, ADP_ERR_NO_KEY, "%s", select->locked_why);
        }
        adp_fail(err, ADP_ERR_NOT_FOUND, select->paths[i].given,
                 "there is no such path in snapshot %s", select->record.id);
        return adp_error_hint(err, ADP_ERR_NOT_FOUND, "see: adp-seal list VAULT %s",
                              select->record.id);
    }
    return ADP_OK;
}

/* -- Entries. */

/* Feeds an index frame of |len| bytes, |data|, to |fn|, entry by entry. */
static enum adp_status each_in(struct adp_index_cursor *cursor, const struct adp_index_frame *frame,
                               const uint8_t *data, size_t len, adp_select_fn fn, void *user,
                               struct adp_error *err)
{
    const struct adp_index_entry *entry = NULL;
    enum adp_status status = adp_index_cursor_feed(cursor, frame, data, len, err);

    while (status == ADP_OK && (status = adp_index_cursor_next(cursor, &entry, err)) == ADP_OK &&
           entry != NULL)
        status = fn(user, entry, ADP_SELECT_CHOSEN, err);
    return status;
}

/* Leaves frame |number| out, which is damaged: what follows is read without what it held. */
static enum adp_status skip_frame(struct adp_archive *archive, size_t number,
                                  struct adp_index_cursor **cursor, const struct adp_error *why,
                                  struct adp_error *err)
{
    enum adp_status status;

    if (archive->on_lost == NULL || !adp_archive_is_damage(why)) {
        if (err != NULL)
            *err = *why;
        return why->status;
    }
    status = archive->on_lost(archive->lost_user, number, why);
    adp_index_cursor_free(*cursor);
    *cursor = NULL;
    if (status != ADP_OK)
        return adp_fail_memory(err);
    return adp_index_cursor_new(cursor, archive->directory.index_start, 0, archive->path, err);
}

/* Feeds frames from |first| on to |fn| until it says anything but ADP_OK. */
static enum adp_status each_from(struct adp_archive *archive, size_t first, adp_select_fn fn,
                                 void *user, struct adp_error *err)
{
    struct adp_index_cursor *cursor;
    int is_whole = first == 0;
    enum adp_status status =
        adp_index_cursor_new(&cursor, archive->directory.index_start, is_whole, archive->path, err);

    for (size_t i = first; status == ADP_OK && i < archive->directory.num_frames; i++) {
        struct adp_error why = {0};
        uint8_t *data;
        size_t len;

        if (adp_archive_frame(archive, i, &data, &len, &why) != ADP_OK) {
            status = skip_frame(archive, i, &cursor, &why, err);
            is_whole = 0;
            continue;
        }
        status = each_in(cursor, &archive->directory.frames[i], data, len, fn, user, err);
        free(data);
    }
    if (status == ADP_OK && is_whole)
        status = adp_index_cursor_finish(cursor, &archive->trailer, err);
    adp_index_cursor_free(cursor);
    return status;
}

/* Everything at or below one path, and nothing after it. */
struct subtree {
    struct adp_select_path *top;
    adp_select_fn fn;
    void *user;
    enum adp_status status; /* of |fn|, if it ended the walk */
};

/* Ends the walk with ADP_ERR_CANCELLED, whatever the reason. */
static enum adp_status visit_subtree(void *user, const struct adp_index_entry *entry,
                                     enum adp_select_role role, struct adp_error *err)
{
    struct subtree *subtree = user;
    const struct adp_select_path *top = subtree->top;

    if (is_below(entry->path, entry->path_len, top->path, top->len)) {
        subtree->top->is_matched = 1;
        subtree->status = subtree->fn(subtree->user, entry, role, err);
        return subtree->status == ADP_OK ? ADP_OK : ADP_ERR_CANCELLED;
    }
    if (adp_path_compare(entry->path, entry->path_len, top->path, top->len) > 0)
        return ADP_ERR_CANCELLED;
    return ADP_OK;
}

static enum adp_status each_below(struct adp_archive *archive, struct adp_select_path *top,
                                  adp_select_fn fn, void *user, struct adp_error *err)
{
    struct subtree subtree = {.top = top, .fn = fn, .user = user};
    enum adp_status status =
        each_from(archive, adp_directory_find(&archive->directory, top->path, top->len),
                  visit_subtree, &subtree, err);

    return status == ADP_ERR_CANCELLED ? subtree.status : status;
}

/* Exactly one path. */
struct lookup {
    const char *path;
    size_t path_len;
    adp_select_fn fn;
    void *user;
    int is_found;
    enum adp_status status;
};

/* Ends the walk with ADP_ERR_CANCELLED, whatever the reason. */
static enum adp_status visit_lookup(void *user, const struct adp_index_entry *entry,
                                    enum adp_select_role role, struct adp_error *err)
{
    struct lookup *lookup = user;
    int order = adp_path_compare(entry->path, entry->path_len, lookup->path, lookup->path_len);

    if (order > 0)
        return ADP_ERR_CANCELLED;
    if (order < 0)
        return ADP_OK;
    lookup->is_found = 1;
    lookup->status = lookup->fn(lookup->user, entry, role, err);
    return lookup->status == ADP_OK ? ADP_OK : ADP_ERR_CANCELLED;
}

enum adp_status adp_select_find(struct adp_archive *archive, const char *path, size_t path_len,
                                adp_select_fn fn, void *user, struct adp_error *err)
{
    struct lookup lookup = {.path = path, .path_len = path_len, .fn = fn, .user = user};
    enum adp_status status =
        each_from(archive, adp_directory_find(&archive->directory, path, path_len), visit_lookup,
                  &lookup, err);

    if (status == ADP_ERR_CANCELLED)
        status = lookup.status;
    return status == ADP_OK && !lookup.is_found ? ADP_ERR_NOT_FOUND : status;
}

/* Tells the directories above |top| that were not told for the path before it. */
struct ancestors {
    adp_select_fn fn;
    void *user;
};

static enum adp_status tell_ancestor(void *user, const struct adp_index_entry *entry,
                                     enum adp_select_role role, struct adp_error *err)
{
    struct ancestors *ancestors = user;

    (void)role;
    return ancestors->fn(ancestors->user, entry, ADP_SELECT_ANCESTOR, err);
}

static enum adp_status tell_ancestors(struct adp_archive *archive,
                                      const struct adp_select_path *before,
                                      const struct adp_select_path *top, adp_select_fn fn,
                                      void *user, struct adp_error *err)
{
    struct ancestors ancestors = {fn, user};
    enum adp_status status = ADP_OK;

    for (size_t len = 0; status == ADP_OK && len < top->len; len++) {
        if (top->path[len] != '/' ||
            (before != NULL && is_below(before->path, before->len, top->path, len)))
            continue;
        status = adp_select_find(archive, top->path, len, tell_ancestor, &ancestors, err);
    }
    /* An archive that has nothing of this path lacks its directories too. */
    return status == ADP_ERR_NOT_FOUND ? ADP_OK : status;
}

enum adp_status adp_select_each(struct adp_select *select, struct adp_archive *archive,
                                int with_ancestors, adp_select_fn fn, void *user,
                                struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    if (select->num_paths == 0)
        return each_from(archive, 0, fn, user, err);
    for (size_t i = 0; status == ADP_OK && i < select->num_paths; i++) {
        if (with_ancestors)
            status = tell_ancestors(archive, i > 0 ? &select->paths[i - 1] : NULL,
                                    &select->paths[i], fn, user, err);
        if (status == ADP_OK)
            status = each_below(archive, &select->paths[i], fn, user, err);
    }
    return status;
}
