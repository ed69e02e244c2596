#include "names.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* struct bytes holds the names one behind the other, each with its zero. */
struct bytes {
    char *data;
    size_t len, cap, num_names;
};

int adp_names_is_dot(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static int append(struct bytes *bytes, const char *name)
{
    size_t len = strlen(name) + 1;

    if (bytes->data == NULL || len > bytes->cap - bytes->len) {
        size_t cap = bytes->cap * 2 + len;
        char *data = realloc(bytes->data, cap);

        if (data == NULL)
            return -ENOMEM;
        bytes->data = data;
        bytes->cap = cap;
    }
    memcpy(bytes->data + bytes->len, name, len);
    bytes->len += len;
    bytes->num_names++;
    return 0;
}

static int append_all(struct bytes *bytes, const char *buf, size_t buf_len)
{
    for (size_t at = 0; at < buf_len;) {
        const struct dirent64 *entry = (const void *)(buf + at);

        if (!adp_names_is_dot(entry->d_name) && append(bytes, entry->d_name) < 0)
            return -ENOMEM;
        at += entry->d_reclen;
    }
    return 0;
}

static int read_bytes(struct bytes *bytes, int fd)
{
    _Alignas(struct dirent64) char buf[32768];
    ssize_t n;
    int rc = 0;

    while (rc == 0 && (n = TEMP_FAILURE_RETRY(getdents64(fd, buf, sizeof(buf)))) != 0)
        rc = n < 0 ? -errno : append_all(bytes, buf, (size_t)n);
    return rc;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int adp_names_read(struct adp_names *out, int fd)
{
    struct bytes bytes = {0};
    int rc = read_bytes(&bytes, fd);
    const char *name = bytes.data;

    *out = (struct adp_names){.bytes = bytes.data};
    if (bytes.num_names == 0)
        return rc;
    out->items = calloc(bytes.num_names, sizeof(*out->items));
    if (out->items == NULL)
        return -ENOMEM;
    for (; out->num < bytes.num_names; name += strlen(name) + 1)
        out->items[out->num++] = name;
    qsort(out->items, out->num, sizeof(*out->items), compare);
    return rc;
}

void adp_names_free(struct adp_names *names)
{
    free(names->items);
    free(names->bytes);
    memset(names, 0, sizeof(*names));
}
