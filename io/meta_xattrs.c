/* Reading extended attributes: the kernel's list of names, then each value straight to the end of
 * one piece of memory, name before value, so that a pass over it finds both again. */
#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "meta.h"
#include "proc_path.h"

/* struct file is what the attributes belong to: a descriptor, or a path if |fd| is negative. */
struct file {
    int fd;
    int follow; /* for the path: only the link of /proc itself is followed */
    struct adp_proc_path path;
};

struct storage {
    uint8_t *data;
    size_t len, cap;
};

static ssize_t list_names(const struct file *file, char *out, size_t max)
{
    ssize_t n;

    if (file->fd >= 0)
        n = TEMP_FAILURE_RETRY(flistxattr(file->fd, out, max));
    else if (file->follow)
        n = TEMP_FAILURE_RETRY(listxattr(file->path.text, out, max));
    else
        n = TEMP_FAILURE_RETRY(llistxattr(file->path.text, out, max));
    return n < 0 ? -errno : n;
}

static ssize_t get_value(const struct file *file, const char *name, uint8_t *out, size_t max)
{
    ssize_t n;

    if (file->fd >= 0)
        n = TEMP_FAILURE_RETRY(fgetxattr(file->fd, name, out, max));
    else if (file->follow)
        n = TEMP_FAILURE_RETRY(getxattr(file->path.text, name, out, max));
    else
        n = TEMP_FAILURE_RETRY(lgetxattr(file->path.text, name, out, max));
    return n < 0 ? -errno : n;
}

/* reserve makes room for |len| bytes more. */
static int reserve(struct storage *storage, size_t len)
{
    size_t cap = storage->cap * 2 + len;
    uint8_t *data;

    if (len <= storage->cap - storage->len)
        return 0;
    data = realloc(storage->data, cap);
    if (data == NULL)
        return -ENOMEM;
    storage->data = data;
    storage->cap = cap;
    return 0;
}

/* read_one appends an attribute. Returns 1, or 0 if it has vanished. */
static int read_one(const struct file *file, const char *name, struct storage *storage,
                    size_t *out_value_len)
{
    size_t name_len = strlen(name) + 1;
    ssize_t n = reserve(storage, name_len + XATTR_SIZE_MAX);

    if (n < 0)
        return (int)n;
    n = get_value(file, name, storage->data + storage->len + name_len, XATTR_SIZE_MAX);
    if (n < 0)
        return n == -ENODATA ? 0 : (int)n;
    memcpy(storage->data + storage->len, name, name_len);
    storage->len += name_len + (size_t)n;
    *out_value_len = (size_t)n;
    return 1;
}

/* point_items finds the names and values of |out|, whose value lengths are known, in its storage.
 */
static void point_items(struct adp_xattrs *out)
{
    const uint8_t *at = out->storage;

    for (size_t i = 0; i < out->num; i++) {
        out->items[i].name = (const char *)at;
        at += strlen((const char *)at) + 1;
        out->items[i].value = at;
        at += out->items[i].value_len;
    }
}

static int compare(const void *a, const void *b)
{
    const struct adp_xattr *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int read_values(struct adp_xattrs *out, const struct file *file, const char *names,
                       size_t names_len)
{
    struct storage storage = {0};
    int rc = 0;

    for (size_t at = 0; at < names_len && rc >= 0; at += strlen(names + at) + 1)
        out->num++;
    out->items = calloc(out->num, sizeof(*out->items));
    if (out->items == NULL)
        rc = -ENOMEM;
    out->num = 0;
    for (size_t at = 0; at < names_len && rc >= 0; at += strlen(names + at) + 1) {
        rc = read_one(file, names + at, &storage, &out->items[out->num].value_len);
        out->num += rc > 0;
    }
    out->storage = storage.data;
    if (rc < 0)
        return rc;
    point_items(out);
    if (out->num > 0)
        qsort(out->items, out->num, sizeof(*out->items), compare);
    return 0;
}

static int read_file(struct adp_xattrs *out, const struct file *file)
{
    char first[1024]; /* holds the names of nearly every file, most have none */
    char *names = first;
    ssize_t n = list_names(file, first, sizeof(first));
    int rc = 0;

    if (n == -ERANGE) {
        names = malloc(XATTR_LIST_MAX);
        n = names != NULL ? list_names(file, names, XATTR_LIST_MAX) : -ENOMEM;
    }
    if (n < 0)
        rc = n == -EOPNOTSUPP ? 0 : (int)n;
    else if (n > 0)
        rc = read_values(out, file, names, (size_t)n);
    if (names != first)
        free(names);
    return rc;
}

int adp_meta_xattrs_read(struct adp_xattrs *out, int dirfd, const char *name)
{
    struct file file = {.fd = name == NULL ? dirfd : -1, .follow = name == NULL};
    int rc = 0;

    memset(out, 0, sizeof(*out));
    if (name == NULL && dirfd < 0)
        return -EBADF;
    if (name != NULL)
        rc = adp_proc_path_init(&file.path, dirfd, name);
    if (rc == 0)
        rc = read_file(out, &file);
    if (rc == -EBADF && name == NULL) { /* O_PATH */
        file.fd = -1;
        rc = adp_proc_path_init(&file.path, dirfd, NULL);
        if (rc == 0)
            rc = read_file(out, &file);
    }
    if (rc < 0)
        adp_meta_xattrs_free(out);
    return rc;
}

void adp_meta_xattrs_free(struct adp_xattrs *xattrs)
{
    free(xattrs->items);
    free(xattrs->storage);
    memset(xattrs, 0, sizeof(*xattrs));
}
