#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "restoring.h"

#define MAX_TRIES 3 /* at giving an entry its name */

/* -- Places. */

/* Makes the folders above |path|, of which the index has lost the entries. What fails, is missed
 * when the folder is opened. */
static void make_parents(const struct restoring *restoring, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        char *folder = strndup(path, (size_t)(slash - path));
        const char *name;
        int fd = folder != NULL ? adp_fs_parent_beneath(restoring->target, folder, &name) : -1;

        if (fd >= 0)
            (void)adp_entry_make_dir(fd, name, 0777);
        adp_fs_close(fd);
        free(folder);
    }
}

int restore_parent(struct restoring *restoring, unsigned place, const char *path,
                   const char **out_name)
{
    struct restore_place *here = &restoring->places[place];
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) : 0;
    int fd;

    *out_name = slash != NULL ? slash + 1 : path;
    if (here->path != NULL && here->len == len && memcmp(here->path, path, len) == 0)
        return here->fd;
    fd = adp_fs_parent_beneath(restoring->target, path, out_name);
    if (fd == -ENOENT && restoring->damage.has_lost_index) {
        make_parents(restoring, path);
        fd = adp_fs_parent_beneath(restoring->target, path, out_name);
    }
    if (fd < 0)
        return fd;
    adp_fs_close(here->fd);
    free(here->path);
    here->fd = fd;
    here->len = len;
    here->path = malloc(len + 1); /* without it the place is simply not found again */
    if (here->path != NULL)
        memcpy(here->path, path, len);
    return fd;
}

static unsigned own_place(const struct restoring *restoring)
{
    return restoring->run.num_workers;
}

/* -- Directories. */

/* Folders wait for the end of the restore with what they are to get. What is usual for one (paths
 * on Linux seldom reach a kilobyte) always has room; for the rest there is so much, so that nobody
 * can take memory without bound by an index that compresses well. */
#define DIR_USUAL_LEN  2048u
#define DIR_EXCESS_MAX ((size_t)64 << 20)

static size_t dir_excess(const struct restore_entry *entry)
{
    size_t len = strlen(entry->path);

    for (size_t i = 0; i < entry->meta.num_xattrs; i++)
        len += sizeof(entry->meta.xattrs[i]) + strlen(entry->meta.xattrs[i].name) +
               entry->meta.xattrs[i].value_len;
    return len > DIR_USUAL_LEN ? len - DIR_USUAL_LEN : 0;
}

/* Returns whether there is room to remember |entry|; else its metadata is told as not set. */
static int take_dir_excess(struct restoring *restoring, struct restore_entry *entry)
{
    size_t excess = dir_excess(entry);

    if (excess <= DIR_EXCESS_MAX - restoring->dirs_excess) {
        restoring->dirs_excess += excess;
        return 1;
    }
    entry->meta_failures = ADP_META_OWNER | ADP_META_MODE | ADP_META_XATTR | ADP_META_TIMES;
    entry->meta_errno = E2BIG;
    return 0;
}

static enum adp_status remember_dir(struct restoring *restoring, struct restore_entry *entry,
                                    struct adp_error *err)
{
    struct restore_dir *dir;

    if (!take_dir_excess(restoring, entry))
        return ADP_OK;
    if (restoring->num_dirs == restoring->cap_dirs) {
        size_t cap = restoring->cap_dirs > 0 ? restoring->cap_dirs * 2 : 64;
        struct restore_dir *grown = realloc(restoring->dirs, cap * sizeof(*grown));

        if (grown == NULL)
            return adp_fail_memory(err);
        restoring->dirs = grown;
        restoring->cap_dirs = cap;
    }
    dir = &restoring->dirs[restoring->num_dirs];
    dir->meta = entry->meta;
    dir->path = strdup(entry->path);
    if (dir->path == NULL || !restore_copy_xattrs(&restoring->dir_arena, &dir->meta))
        return adp_fail_memory(err);
    restoring->num_dirs++;
    return ADP_OK;
}

/* A folder that is there gets the snapshot's metadata in the end. Until then its owner may fill it,
 * though an earlier restore has left it read-only; if not, its entries say so. */
static enum adp_status take_over_dir(struct restoring *restoring, struct restore_entry *entry,
                                     int parent, const char *name, const struct stat *st,
                                     struct adp_error *err)
{
    if ((st->st_mode & S_IRWXU) != S_IRWXU)
        (void)adp_entry_set_mode(parent, name, (st->st_mode & 07777) | S_IRWXU);
    return remember_dir(restoring, entry, err);
}

/* An interrupted run may have left incomplete files in a folder that is there. */
static void clean(int parent, const char *name)
{
    int fd = adp_fs_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0);

    if (fd >= 0)
        adp_fs_temp_clean(fd, RESTORE_TEMP);
    adp_fs_close(fd);
}

enum adp_status restore_dir_make(struct restoring *restoring, struct restore_entry *entry,
                                 struct adp_error *err)
{
    const char *name;
    struct stat st;
    int parent = restore_parent(restoring, own_place(restoring), entry->path, &name), rc;

    if (parent < 0) {
        restore_entry_fail_errno(entry, parent, "cannot open the folder it lies in");
        return ADP_OK;
    }
    rc = adp_entry_make_dir(parent, name, 0700);
    if (rc == 0)
        return remember_dir(restoring, entry, err);
    if (rc == -EEXIST)
        clean(parent, name);
    if (rc == -EEXIST && adp_entry_stat(parent, name, &st) == 0 && S_ISDIR(st.st_mode))
        return restoring->overwrite ? take_over_dir(restoring, entry, parent, name, &st, err)
                                    : ADP_OK;
    if (rc == -EEXIST)
        restore_entry_fail(entry, ADP_ERR_EXISTS, EEXIST,
                           "something that is no folder has its name, and was left alone");
    else
        restore_entry_fail_errno(entry, rc, "cannot make this folder");
    return ADP_OK;
}

static int compare_dirs(const void *a, const void *b)
{
    const struct restore_dir *x = a, *y = b;

    return adp_path_compare(y->path, strlen(y->path), x->path, strlen(x->path));
}

void restore_dirs_finish(struct restoring *restoring)
{
    if (restoring->num_dirs > 1)
        qsort(restoring->dirs, restoring->num_dirs, sizeof(*restoring->dirs), compare_dirs);
    for (size_t i = 0; i < restoring->num_dirs; i++) {
        struct restore_dir *dir = &restoring->dirs[i];
        const char *name, *what = NULL;
        int error = 0, failures = 0;
        int fd = restore_parent(restoring, own_place(restoring), dir->path, &name);

        /* By descriptor: what has the name by now may be another's file. */
        if (fd >= 0)
            fd = adp_fs_open_beneath(fd, name, O_PATH | O_DIRECTORY, 0);
        if (fd >= 0)
            failures = adp_meta_apply(fd, NULL, &dir->meta, restoring->set_owner, &error, &what);
        if (fd < 0 || failures != 0)
            restore_tell_meta(restoring, dir->path, fd < 0 ? ADP_META_MODE : failures,
                              fd < 0 ? -fd : error, what);
        adp_fs_close(fd);
    }
}

/* -- Links and FIFOs. */

static int make(struct restore_entry *entry, int parent, const char *name)
{
    return entry->type == ADP_ENTRY_SYMLINK ? adp_entry_make_symlink(parent, name, entry->target)
                                            : adp_entry_make_fifo(parent, name, 0600);
}

/* Makes the entry under its name, or under a temporary one that then replaces what is there. */
static int make_or_replace(struct restoring *restoring, struct restore_entry *entry, int parent,
                           const char *name, int (*how)(struct restore_entry *, int, const char *))
{
    char temp[ADP_FS_NAME_LEN];
    int rc, tries = 0;

    if (!restoring->overwrite) {
        rc = how(entry, parent, name);
        return rc == -EEXIST ? restore_case_taken(restoring, parent, name) : rc;
    }
    do {
        rc = adp_fs_temp_name(temp, RESTORE_TEMP);
        if (rc == 0)
            rc = how(entry, parent, temp);
        if (rc < 0)
            return rc;
        rc = restore_rename(restoring, parent, temp, name);
    } while (rc == -ENOENT && tries++ < MAX_TRIES); /* another run took it for a leftover */
    /* Renaming one name of a file over another of the same file does nothing, the temporary stays.
     */
    (void)adp_entry_unlink(parent, temp);
    return rc;
}

void restore_other(struct restoring *restoring, struct restore_entry *entry)
{
    const char *name;
    int parent = restore_parent(restoring, own_place(restoring), entry->path, &name), rc;

    if (parent < 0) {
        restore_entry_fail_errno(entry, parent, "cannot open its folder");
        return;
    }
    rc = make_or_replace(restoring, entry, parent, name, make);
    if (rc < 0) {
        restore_entry_fail_errno(entry, rc, "cannot create it");
        return;
    }
    entry->meta_failures = adp_meta_apply(parent, name, &entry->meta, restoring->set_owner,
                                          &entry->meta_errno, &entry->meta_what);
}

static int make_hardlink(struct restore_entry *entry, int parent, const char *name)
{
    return adp_entry_link(entry->parent, entry->name, parent, name);
}

void restore_hardlink(struct restoring *restoring, struct restore_entry *entry)
{
    const char *name;
    int parent, rc;

    entry->parent = adp_fs_parent_beneath(restoring->target, entry->target, &entry->name);
    if (entry->parent < 0) {
        restore_entry_fail_errno(entry, entry->parent,
                                 "cannot open the folder of the file that it is a link to");
        return;
    }
    parent = restore_parent(restoring, own_place(restoring), entry->path, &name);
    rc = parent < 0 ? parent : make_or_replace(restoring, entry, parent, name, make_hardlink);
    if (rc == -ENOENT)
        restore_entry_fail(entry, ADP_ERR_IO, ENOENT, "the file that it is a link to is not there");
    else if (rc < 0)
        restore_entry_fail_errno(entry, rc, "cannot link it");
    adp_fs_close(entry->parent);
    entry->parent = -1;
}
