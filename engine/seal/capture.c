#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "fs.h"

/* O_NONBLOCK: what was a file at the walk may be a FIFO by now, and must not hold us up. */
#define OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

void adp_capture_dir_init(struct adp_capture_dir *dir)
{
    dir->parent = ADP_PLAN_NONE;
    dir->fd = -1;
    dir->is_owned = 0;
}

void adp_capture_dir_close(struct adp_capture_dir *dir)
{
    if (dir->is_owned)
        adp_fs_close(dir->fd);
    adp_capture_dir_init(dir);
}

static void skip(struct adp_capture *out, int error)
{
    out->skip_reason =
        error == ENOENT || error == ENOTDIR ? ADP_SKIP_VANISHED : ADP_SKIP_UNREADABLE;
    out->skip_errno = error;
}

/* Opens the folder that holds node |index|, unless it is the one of the entry before. */
static int enter_parent(struct adp_capture_dir *dir, const struct adp_plan *plan, uint32_t index)
{
    uint32_t parent = plan->nodes[index].parent;
    const char *below;
    char *path;
    int fd;

    if (dir->fd >= 0 && dir->parent == parent && parent != ADP_PLAN_NONE)
        return 0;
    adp_capture_dir_close(dir);
    if (parent == ADP_PLAN_NONE || plan->nodes[parent].parent == ADP_PLAN_NONE) {
        dir->fd = adp_plan_source_of(plan, index)->dir;
        dir->parent = parent;
        return 0;
    }
    path = malloc(ADP_PATH_MAX + 1);
    if (path == NULL)
        return -ENOMEM;
    fd = adp_plan_path(plan, parent, path, ADP_PATH_MAX + 1, &below) < 0
             ? -ENAMETOOLONG
             : adp_fs_open_beneath(adp_plan_source_of(plan, index)->dir, below,
                                   O_RDONLY | O_DIRECTORY, 0);
    free(path);
    if (fd < 0)
        return fd;
    *dir = (struct adp_capture_dir){.parent = parent, .fd = fd, .is_owned = 1};
    return 0;
}

static void read_target(struct adp_capture *out, int dir, const char *name)
{
    char target[4096];
    int len = adp_entry_read_link(dir, name, target, sizeof(target));

    out->target = len > 0 ? strdup(target) : NULL;
    if (out->target == NULL)
        skip(out, len < 0 ? -len : ENOMEM);
}

/* Without O_NOATIME reading would change what it reads; the kernel allows it to the owner alone. */
static int open_file(int dir, const char *name)
{
    int fd = adp_fs_open_beneath(dir, name, OPEN_FLAGS | O_NOATIME, 0);

    return fd == -EPERM ? adp_fs_open_beneath(dir, name, OPEN_FLAGS, 0) : fd;
}

static void capture_file(struct adp_capture *out, int dir, const char *name)
{
    int rc;

    out->fd = open_file(dir, name);
    if (out->fd < 0) {
        skip(out, out->fd == -ELOOP || out->fd == -ENXIO ? ENOENT : -out->fd);
        out->fd = -1;
        return;
    }
    rc = adp_entry_stat(out->fd, NULL, &out->st);
    if (rc == 0 && !S_ISREG(out->st.st_mode))
        rc = -ENOENT;
    if (rc == 0)
        rc = adp_meta_xattrs_read(&out->xattrs, out->fd, NULL);
    if (rc < 0) {
        skip(out, -rc);
        adp_capture_close(out);
    }
}

static void capture_other(struct adp_capture *out, int dir, const char *name, unsigned type)
{
    int rc = adp_entry_stat(dir, name, &out->st);

    if (rc == 0 && (out->st.st_mode & S_IFMT) >> 12 != type)
        rc = -ENOENT;
    if (rc < 0) {
        skip(out, -rc);
        return;
    }
    switch (out->st.st_mode & S_IFMT) {
    case S_IFSOCK:
        out->skip_reason = ADP_SKIP_SOCKET;
        return;
    case S_IFCHR:
        out->skip_reason = ADP_SKIP_CHAR_DEVICE;
        return;
    case S_IFBLK:
        out->skip_reason = ADP_SKIP_BLOCK_DEVICE;
        return;
    case S_IFLNK:
        read_target(out, dir, name);
        break;
    }
    rc = out->skip_reason == 0 ? adp_meta_xattrs_read(&out->xattrs, dir, name) : 0;
    if (rc < 0)
        skip(out, -rc);
}

void adp_capture_entry(struct adp_capture *out, const struct adp_plan *plan, uint32_t index,
                       struct adp_capture_dir *dir)
{
    const struct adp_plan_node *node = &plan->nodes[index];
    const struct adp_plan_source *source;
    char name[ADP_NAME_MAX + 1];
    int rc;

    memset(out, 0, sizeof(*out));
    out->fd = -1;
    if ((node->flags & ADP_PLAN_ERROR) != 0 && node->type != S_IFDIR >> 12) {
        skip(out, (int)node->size);
        return;
    }
    rc = enter_parent(dir, plan, index);
    if (rc < 0) {
        skip(out, -rc);
        return;
    }
    memcpy(name, plan->names + node->name, node->name_len);
    name[node->name_len] = '\0';
    source = node->parent == ADP_PLAN_NONE ? adp_plan_source_of(plan, index) : NULL;
    if (source != NULL && source->file != NULL)
        memcpy(name, source->file, strlen(source->file) + 1);
    if (node->type == S_IFREG >> 12)
        capture_file(out, dir->fd, name);
    else
        capture_other(out, dir->fd, source != NULL && source->file == NULL ? NULL : name,
                      node->type);
}

void adp_capture_holes(struct adp_capture *capture)
{
    int rc = adp_meta_data_ranges(capture->fd, (uint64_t)capture->st.st_size, &capture->ranges,
                                  &capture->num_ranges);

    if (rc < 0) {
        skip(capture, -rc);
        adp_capture_close(capture);
    }
}

void adp_capture_settle(struct adp_capture *capture)
{
    struct stat now;

    if (adp_entry_stat(capture->fd, NULL, &now) < 0 || now.st_size != capture->st.st_size ||
        now.st_mtim.tv_sec != capture->st.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != capture->st.st_mtim.tv_nsec ||
        now.st_ctim.tv_sec != capture->st.st_ctim.tv_sec ||
        now.st_ctim.tv_nsec != capture->st.st_ctim.tv_nsec)
        capture->is_changed = 1;
}

void adp_capture_close(struct adp_capture *capture)
{
    adp_fs_close(capture->fd);
    capture->fd = -1;
}

void adp_capture_free(struct adp_capture *capture)
{
    adp_capture_close(capture);
    adp_meta_xattrs_free(&capture->xattrs);
    free(capture->target);
    free(capture->ranges);
    capture->target = NULL;
    capture->ranges = NULL;
    capture->num_ranges = 0;
}
