#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fs.h"
#include "restoring.h"

#define BLOCK_LEN (256u << 10)

struct restore_block {
    struct restore_block *next;
    size_t used, cap;
    alignas(16) uint8_t data[];
};

void *restore_alloc(struct restore_arena *arena, size_t len)
{
    struct restore_block *block = arena->blocks;
    void *out;

    len = (len + 15) / 16 * 16;
    if (block == NULL || block->cap - block->used < len) {
        size_t cap = len > BLOCK_LEN ? len : BLOCK_LEN;

        block = malloc(sizeof(*block) + cap);
        if (block == NULL)
            return NULL;
        block->next = arena->blocks;
        block->used = 0;
        block->cap = cap;
        arena->blocks = block;
    }
    out = block->data + block->used;
    block->used += len;
    arena->len += len;
    return out;
}

void restore_arena_reset(struct restore_arena *arena)
{
    while (arena->blocks != NULL) {
        struct restore_block *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
    arena->len = 0;
}

static char *copy_bytes(struct restore_arena *arena, const void *data, size_t len)
{
    char *out = restore_alloc(arena, len + 1);

    if (out == NULL)
        return NULL;
    if (len > 0)
        memcpy(out, data, len);
    out[len] = '\0';
    return out;
}

int restore_copy_xattrs(struct restore_arena *arena, struct adp_meta *meta)
{
    struct adp_xattr *xattrs = restore_alloc(arena, meta->num_xattrs * sizeof(*xattrs));

    if (xattrs == NULL)
        return 0;
    for (size_t i = 0; i < meta->num_xattrs; i++) {
        const struct adp_xattr *from = &meta->xattrs[i];

        xattrs[i].name = copy_bytes(arena, from->name, strlen(from->name));
        xattrs[i].value = (const uint8_t *)copy_bytes(arena, from->value, from->value_len);
        xattrs[i].value_len = from->value_len;
        if (xattrs[i].name == NULL || xattrs[i].value == NULL)
            return 0;
    }
    meta->xattrs = xattrs;
    return 1;
}

static int take_xattrs(struct restore_arena *arena, struct adp_meta *meta,
                       const struct adp_index_entry *from)
{
    struct adp_xattr *xattrs = restore_alloc(arena, from->num_xattrs * sizeof(*xattrs));

    if (xattrs == NULL)
        return 0;
    for (size_t i = 0; i < from->num_xattrs; i++) {
        xattrs[i].name = copy_bytes(arena, from->xattrs[i].name, from->xattrs[i].name_len);
        xattrs[i].value =
            (const uint8_t *)copy_bytes(arena, from->xattrs[i].value, from->xattrs[i].value_len);
        xattrs[i].value_len = from->xattrs[i].value_len;
        if (xattrs[i].name == NULL || xattrs[i].value == NULL)
            return 0;
    }
    meta->xattrs = xattrs;
    meta->num_xattrs = from->num_xattrs;
    return 1;
}

static int take_extents(struct restoring *restoring, struct restore_entry *entry,
                        const struct adp_index_entry *from)
{
    size_t need = entry->num_extents + from->num_extents;

    if (need > entry->cap_extents) {
        size_t cap = need > 2 * entry->cap_extents ? need : 2 * entry->cap_extents;
        struct adp_extent *grown = restore_alloc(&restoring->arena, cap * sizeof(*grown));

        if (grown == NULL)
            return 0;
        if (entry->num_extents > 0)
            memcpy(grown, entry->extents, entry->num_extents * sizeof(*grown));
        entry->extents = grown;
        entry->cap_extents = cap;
    }
    if (from->num_extents > 0)
        memcpy(entry->extents + entry->num_extents, from->extents,
               from->num_extents * sizeof(*from->extents));
    entry->num_extents = need;
    restoring->num_extents += from->num_extents;
    return 1;
}

static struct restore_entry *copy_entry(struct restoring *restoring,
                                        const struct adp_index_entry *from)
{
    struct restore_arena *arena = &restoring->arena;
    struct restore_entry *entry = restore_alloc(arena, sizeof(*entry));

    if (entry == NULL)
        return NULL;
    memset(entry, 0, sizeof(*entry));
    entry->type = from->type;
    entry->size = from->size;
    entry->parent = entry->fd = -1;
    entry->meta = (struct adp_meta){.mode = from->mode,
                                    .uid = from->uid,
                                    .gid = from->gid,
                                    .atime = {from->atime_s, (long)from->atime_ns},
                                    .mtime = {from->mtime_s, (long)from->mtime_ns},
                                    .is_symlink = from->type == ADP_ENTRY_SYMLINK};
    entry->path = copy_bytes(arena, from->path, from->path_len);
    if (from->target_len > 0)
        entry->target = copy_bytes(arena, from->target, from->target_len);
    if (entry->path == NULL || (from->target_len > 0 && entry->target == NULL) ||
        !take_xattrs(arena, &entry->meta, from) || !take_extents(restoring, entry, from))
        return NULL;
    pthread_mutex_init(&entry->lock, NULL);
    return entry;
}

/* -- The hard link whose file was not selected: it becomes a file of its own. */

struct materialising {
    struct restoring *restoring;
    struct restore_entry *entry;
};

static enum adp_status take_content(void *user, const struct adp_index_entry *found,
                                    enum adp_select_role role, struct adp_error *err)
{
    struct materialising *materialising = user;
    struct restore_entry *entry = materialising->entry;

    (void)role;
    if (found->type == ADP_ENTRY_FILE) {
        entry->type = ADP_ENTRY_FILE;
        entry->size = found->size;
    }
    return take_extents(materialising->restoring, entry, found) ? ADP_OK : adp_fail_memory(err);
}

static int is_selected(const struct adp_select *select, const char *path)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < select->num_paths; i++) {
        const struct adp_select_path *top = &select->paths[i];

        if (len >= top->len && memcmp(path, top->path, top->len) == 0 &&
            (path[top->len] == '/' || path[top->len] == '\0'))
            return 1;
    }
    return select->num_paths == 0;
}

static enum adp_status materialise(struct restoring *restoring, struct restore_entry *entry,
                                   struct adp_error *err)
{
    struct materialising materialising = {restoring, entry};
    enum adp_status status;

    if (restoring->target < 0 || is_selected(restoring->select, entry->target))
        return ADP_OK;
    status = adp_select_find(restoring->archive, entry->target, strlen(entry->target), take_content,
                             &materialising, err);
    if (status == ADP_ERR_NOT_FOUND && restoring->damage.has_lost_index)
        return ADP_OK; /* and when the link is made, its file is not there */
    if (status == ADP_ERR_NOT_FOUND || (status == ADP_OK && entry->type != ADP_ENTRY_FILE))
        return adp_archive_fail_link(restoring->archive, err);
    return status;
}

/* -- Events. */

static void append_word(char *out, size_t out_len, const char *word)
{
    size_t used = strlen(out);

    snprintf(out + used, out_len - used, "%s%s", used > 0 ? ", " : "", word);
}

void restore_tell_meta(struct restoring *restoring, const char *path, int failures, int sys_errno,
                       const char *what)
{
    char words[128] = "", message[320];

    if ((failures & ADP_META_OWNER) != 0)
        append_word(words, sizeof(words), "owner");
    if ((failures & ADP_META_MODE) != 0)
        append_word(words, sizeof(words), "mode");
    if ((failures & ADP_META_XATTR) != 0)
        append_word(words, sizeof(words), what != NULL ? what : "attributes");
    if ((failures & ADP_META_TIMES) != 0)
        append_word(words, sizeof(words), "times");
    snprintf(message, sizeof(message), "restored, but could not set: %s (%s)", words,
             strerror(sys_errno));
    adp_tell_event(restoring->tell, ADP_EVENT_METADATA, ADP_ERR_IO, sys_errno, path, message);
}

static void tell_entry(struct restoring *restoring, const struct restore_entry *entry)
{
    if (entry->is_failed)
        adp_tell_event(restoring->tell, ADP_EVENT_NOT_RESTORED, entry->status, entry->sys_errno,
                       entry->path, entry->message);
    else if (entry->meta_failures != 0)
        restore_tell_meta(restoring, entry->path, entry->meta_failures, entry->meta_errno,
                          entry->meta_what);
}

/* -- The window. */

static void count(struct restoring *restoring, const struct adp_index_entry *entry)
{
    struct adp_category_report *report = &restoring->report->categories[restoring->category];

    report->entries++;
    if (entry->type == ADP_ENTRY_FILE)
        adp_report_count(report, entry->size, (entry->flags & ADP_INDEX_FLAG_DERIVED) != 0);
}

/* Returns whether |entry| is one that the caller does not want, after counting it. */
static int leave_out(struct restoring *restoring, const struct adp_index_entry *entry,
                     enum adp_select_role role)
{
    if (entry->type == ADP_INDEX_CONTINUATION)
        return restoring->is_skipping;
    restoring->is_skipping =
        restoring->skip_derived && (entry->flags & ADP_INDEX_FLAG_DERIVED) != 0;
    restoring->has_skipped |= restoring->is_skipping;
    if (restoring->is_skipping && role == ADP_SELECT_CHOSEN && entry->type == ADP_ENTRY_FILE) {
        restoring->report->left_out_files++;
        restoring->report->left_out_bytes += entry->size;
    }
    return restoring->is_skipping;
}

/* Before content: directories, so that files find their place; links and FIFOs on the way. */
static enum adp_status make_others(struct restoring *restoring, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    for (size_t i = 0; status == ADP_OK && i < restoring->num_entries; i++) {
        struct restore_entry *entry = restoring->entries[i];

        if (entry->type == ADP_ENTRY_DIRECTORY)
            status = restore_dir_make(restoring, entry, err);
        else if (entry->type == ADP_ENTRY_SYMLINK || entry->type == ADP_ENTRY_FIFO)
            restore_other(restoring, entry);
        else if (entry->type == ADP_ENTRY_FILE && entry->num_extents == 0)
            restore_file_empty(restoring, entry, restoring->run.num_workers);
    }
    return status;
}

/* A link's file must be in this archive, and it must be the one that was restored just now: one
 * that lay in the target before may be another. */
static enum adp_status finish_link(struct restoring *restoring, struct restore_entry *entry,
                                   struct adp_error *err)
{
    size_t len = strlen(entry->target);

    if (!adp_path_set_has(&restoring->files, entry->target, len)) {
        if (!restoring->damage.has_lost_index)
            return adp_archive_fail_link(restoring->archive, err);
        restore_entry_fail(entry, ADP_ERR_MISSING, 0, "lost: the index has lost what it links to");
        return ADP_OK;
    }
    if (restoring->target < 0)
        return ADP_OK;
    if (adp_path_set_has(&restoring->failed, entry->target, len))
        restore_entry_fail(entry, ADP_ERR_IO, 0, "the file that it is a link to was not restored");
    else
        restore_hardlink(restoring, entry);
    return ADP_OK;
}

static enum adp_status finish_entry(struct restoring *restoring, struct restore_entry *entry,
                                    struct adp_error *err)
{
    size_t len = strlen(entry->path);
    enum adp_status status = ADP_OK;

    if (entry->type == ADP_ENTRY_HARDLINK)
        status = finish_link(restoring, entry, err);
    else if (entry->type == ADP_ENTRY_FILE &&
             (!adp_path_set_add(&restoring->files, entry->path, len) ||
              (entry->is_failed && !adp_path_set_add(&restoring->failed, entry->path, len))))
        status = adp_fail_memory(err);
    if (restoring->target >= 0)
        tell_entry(restoring, entry);
    return status;
}

static enum adp_status finish_window(struct restoring *restoring, enum adp_status status,
                                     struct adp_error *err)
{
    for (size_t i = 0; i < restoring->num_entries; i++) {
        struct restore_entry *entry = restoring->entries[i];

        if (status == ADP_OK)
            status = finish_entry(restoring, entry, err);
        if (atomic_load(&entry->remaining) > 0)
            restore_file_abandon(entry);
        pthread_mutex_destroy(&entry->lock);
    }
    restoring->tell->progress.done_entries += restoring->num_entries;
    restoring->num_entries = restoring->num_extents = 0;
    restore_arena_reset(&restoring->arena);
    return status;
}

void restore_discard(struct restoring *restoring)
{
    (void)finish_window(restoring, ADP_ERR_CANCELLED, NULL);
}

static void sync_target(struct adp_job *job, unsigned thread)
{
    struct restoring *restoring =
        (struct restoring *)((char *)job - offsetof(struct restoring, sync));

    (void)thread;
    (void)adp_fs_sync_all(restoring->target); /* what fails, fails again at the end */
}

static void target_synced(struct adp_job *job)
{
    ((struct restoring *)((char *)job - offsetof(struct restoring, sync)))->is_syncing = 0;
}

/* Small files would all wait in the page cache for the sync at the end. So each window's is begun
 * when it is complete, beside the work on the next. */
static void begin_sync(struct restoring *restoring)
{
    if (restoring->target < 0 || restoring->is_syncing)
        return;
    restoring->is_syncing = 1;
    restoring->sync.work = sync_target;
    restoring->sync.done = target_synced;
    restoring->sync.stage = ADP_STAGE_COMMIT;
    adp_run_read(&restoring->run, &restoring->sync);
}

enum adp_status restore_flush(struct restoring *restoring, struct adp_error *err)
{
    enum adp_status status = ADP_OK;

    /* A window without content never comes to the driver's loop. */
    if (!adp_tell_progress(restoring->tell))
        status = adp_tell_cancelled(err);
    if (status == ADP_OK && restoring->target >= 0)
        status = make_others(restoring, err);
    if (status == ADP_OK)
        status = restore_frames(restoring, err);
    return finish_window(restoring, status, err);
}

static int is_full(const struct restoring *restoring)
{
    return restoring->num_entries == ADP_WINDOW_ENTRIES ||
           restoring->num_extents >= ADP_WINDOW_EXTENTS || restoring->arena.len >= ADP_WINDOW_LEN;
}

/* A continuation's file is the last entry, never flushed before; or the index has lost it. */
static enum adp_status take_more(struct restoring *restoring, const struct adp_index_entry *from,
                                 struct adp_error *err)
{
    struct restore_entry *last =
        restoring->num_entries > 0 ? restoring->entries[restoring->num_entries - 1] : NULL;

    if (last == NULL || strcmp(last->path, from->path) != 0)
        return restoring->damage.has_lost_index
                   ? ADP_OK
                   : adp_fail(err, ADP_ERR_INTERNAL, restoring->archive->path,
                              "a continuation without its file");
    return take_extents(restoring, last, from) ? ADP_OK : adp_fail_memory(err);
}

enum adp_status restore_take(void *user, const struct adp_index_entry *from,
                             enum adp_select_role role, struct adp_error *err)
{
    struct restoring *restoring = user;
    struct restore_entry *entry;
    enum adp_status status;

    if ((role == ADP_SELECT_ANCESTOR && from->type != ADP_ENTRY_DIRECTORY) ||
        leave_out(restoring, from, role))
        return ADP_OK;
    if (from->type == ADP_INDEX_CONTINUATION)
        return take_more(restoring, from, err);
    if (is_full(restoring)) {
        status = restore_flush(restoring, err);
        if (status != ADP_OK)
            return status;
        begin_sync(restoring);
    }
    if (role == ADP_SELECT_CHOSEN)
        count(restoring, from);
    entry = copy_entry(restoring, from);
    if (entry == NULL)
        return adp_fail_memory(err);
    restoring->entries[restoring->num_entries++] = entry;
    return entry->type == ADP_ENTRY_HARDLINK ? materialise(restoring, entry, err) : ADP_OK;
}
