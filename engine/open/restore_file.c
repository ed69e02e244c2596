#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "restoring.h"

/* The kernel would keep everything for the sync at the end, while the disk is idle. So it is told
 * to write a file when it is complete, and a large one every so many extents; per extent was a
 * tenth slower. Smaller files it gathers better itself. */
#define WRITE_BEHIND_MIN     (256u << 10)
#define WRITE_BEHIND_EXTENTS 32u

void restore_entry_fail(struct restore_entry *entry, enum adp_status status, int sys_errno,
                        const char *format, ...)
{
    va_list args;

    if (entry->is_failed)
        return;
    entry->is_failed = 1;
    entry->status = status;
    entry->sys_errno = sys_errno;
    va_start(args, format);
    vsnprintf(entry->message, sizeof(entry->message), format, args);
    va_end(args);
}

void restore_entry_fail_errno(struct restore_entry *entry, int rc, const char *what)
{
    if (rc == -EEXIST)
        restore_entry_fail(entry, ADP_ERR_EXISTS, EEXIST,
                           "exists already and was left alone; --overwrite replaces it");
    else if (rc == -ENOTUNIQ)
        restore_entry_fail(entry, ADP_ERR_EXISTS, EEXIST,
                           "this file system takes its name for that of another entry, which has "
                           "it: restore to one that tells upper from lower case");
    else if (rc == -ELOOP || rc == -EXDEV)
        restore_entry_fail(entry, ADP_ERR_IO, -rc,
                           "a symbolic link lies in its way, and is not followed");
    else
        restore_entry_fail(entry, ADP_ERR_IO, -rc, "%s: %s", what, strerror(-rc));
}

/* Whatever ends the run, what has its name and permissions is whole. A file that is written at once
 * has its name from the beginning, and none of its permissions: a change of names would be half the
 * cost of a small file. The others grow under a temporary name, and so do all that may replace one.
 */
static int create(struct restoring *restoring, struct restore_entry *entry)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    int is_at_once = entry->num_extents <= 1 && !restoring->overwrite, rc;
    struct adp_fs_temp temp;
    struct stat st;

    if (is_at_once) {
        entry->fd = adp_fs_open_beneath(entry->parent, entry->name, flags, 0);
        if (entry->fd == -EEXIST)
            return restore_case_taken(restoring, entry->parent, entry->name);
        return entry->fd < 0 ? entry->fd : 0;
    }
    if (!restoring->overwrite && adp_entry_stat(entry->parent, entry->name, &st) == 0)
        return restore_case_taken(restoring, entry->parent, entry->name);
    rc = adp_fs_temp_create(&temp, entry->parent, RESTORE_TEMP, 0600, 0, NULL);
    entry->fd = temp.fd;
    memcpy(entry->temp, temp.name, sizeof(entry->temp)); /* it is much shorter */
    return rc;
}

static const char *present_name(const struct restore_entry *entry)
{
    return entry->temp[0] != '\0' ? entry->temp : entry->name;
}

static uint64_t written_len(const struct restore_entry *entry)
{
    uint64_t len = 0;

    for (size_t i = 0; i < entry->num_extents; i++)
        len += entry->extents[i].hole + entry->extents[i].len;
    return len;
}

/* Opens the file for the first extent that arrives. The entry keeps a folder of its own: the
 * worker's place may move on before the last extent comes. */
static void begin(struct restoring *restoring, struct restore_entry *entry, unsigned thread)
{
    int parent, rc;

    entry->is_begun = 1;
    parent = restore_parent(restoring, thread, entry->path, &entry->name);
    if (parent < 0) {
        restore_entry_fail_errno(entry, parent, "cannot open its folder");
        return;
    }
    entry->parent = parent;
    if (entry->num_extents > 1) {
        entry->parent = adp_fs_open_beneath(parent, ".", O_RDONLY | O_DIRECTORY, 0);
        if (entry->parent < 0) {
            restore_entry_fail_errno(entry, entry->parent, "cannot open its folder");
            return;
        }
    }
    rc = create(restoring, entry);
    if (rc < 0)
        restore_entry_fail_errno(entry, rc, "cannot create it");
}

static void close_file(struct restore_entry *entry)
{
    adp_fs_close(entry->fd);
    entry->fd = -1;
    if (entry->num_extents > 1)
        adp_fs_close(entry->parent);
    entry->parent = -1;
}

void restore_file_abandon(struct restore_entry *entry)
{
    if (entry->fd >= 0)
        (void)adp_entry_unlink(entry->parent, present_name(entry));
    close_file(entry);
}

/* The last extent is in: length (a hole may be at the end), metadata, and the name at last. */
static void finish(struct restoring *restoring, struct restore_entry *entry)
{
    int rc = 0;

    if (!entry->is_failed && written_len(entry) != entry->size) {
        rc = adp_entry_truncate(entry->fd, entry->size);
        if (rc < 0)
            restore_entry_fail_errno(entry, rc, "cannot set its length");
    }
    if (!entry->is_failed) {
        entry->meta_failures = adp_meta_apply(entry->fd, NULL, &entry->meta, restoring->set_owner,
                                              &entry->meta_errno, &entry->meta_what);
        if (restoring->sync_each)
            rc = adp_entry_sync(entry->fd);
        if (rc < 0)
            restore_entry_fail_errno(entry, rc, "cannot sync it");
    }
    if (!entry->is_failed && entry->temp[0] != '\0') {
        rc = restore_rename(restoring, entry->parent, entry->temp, entry->name);
        if (rc < 0)
            restore_entry_fail_errno(entry, rc, "cannot give it its name");
    }
    if (entry->is_failed)
        restore_file_abandon(entry);
    else
        close_file(entry);
}

static void write_pieces(struct restore_entry *entry, uint64_t offset,
                         const struct adp_gcm_piece *pieces, size_t num_pieces)
{
    for (size_t i = 0; i < num_pieces; i++) {
        int rc = adp_fs_write_all(entry->fd, pieces[i].data, pieces[i].len, offset);

        if (rc < 0) {
            pthread_mutex_lock(&entry->lock);
            restore_entry_fail_errno(entry, rc, "cannot write it");
            pthread_mutex_unlock(&entry->lock);
            return;
        }
        offset += pieces[i].len;
    }
}

void restore_file_write(struct restoring *restoring, struct restore_entry *entry, unsigned thread,
                        uint64_t offset, const struct adp_gcm_piece *pieces, size_t num_pieces)
{
    int is_failed;

    pthread_mutex_lock(&entry->lock);
    if (!entry->is_begun)
        begin(restoring, entry, thread);
    is_failed = entry->is_failed;
    pthread_mutex_unlock(&entry->lock);
    if (!is_failed)
        write_pieces(entry, offset, pieces, num_pieces);
    /* Before the count: after it another worker may end the file. */
    if (!is_failed && entry->size >= WRITE_BEHIND_MIN &&
        atomic_load(&entry->remaining) % WRITE_BEHIND_EXTENTS == 1)
        adp_entry_write_behind(entry->fd);
    if (atomic_fetch_sub(&entry->remaining, 1) == 1)
        finish(restoring, entry);
}

void restore_file_lose(struct restoring *restoring, struct restore_entry *entry,
                       enum adp_status status, uint64_t offset)
{
    pthread_mutex_lock(&entry->lock);
    restore_entry_fail(entry, status, 0, "lost: the archive of %s is damaged at offset %" PRIu64,
                       adp_category_name(restoring->category), offset);
    pthread_mutex_unlock(&entry->lock);
    if (atomic_fetch_sub(&entry->remaining, 1) == 1 && restoring->target >= 0)
        finish(restoring, entry);
}

void restore_file_empty(struct restoring *restoring, struct restore_entry *entry, unsigned thread)
{
    begin(restoring, entry, thread);
    finish(restoring, entry);
}
