#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "meta.h"

struct ranges {
    struct adp_data_range *items;
    size_t num, cap;
};

static int append(struct ranges *ranges, uint64_t offset, uint64_t end)
{
    if (ranges->num == ranges->cap) {
        size_t cap = ranges->cap * 2 + 4;
        struct adp_data_range *items = realloc(ranges->items, cap * sizeof(*items));

        if (items == NULL)
            return -ENOMEM;
        ranges->items = items;
        ranges->cap = cap;
    }
    ranges->items[ranges->num++] = (struct adp_data_range){.offset = offset, .len = end - offset};
    return 0;
}

/* find appends the next range at or after |at| and returns where it ends; |size| after the last. A
 * file system that cannot tell has data everywhere. */
static int64_t find(struct ranges *ranges, int fd, uint64_t at, uint64_t size)
{
    off_t start = lseek(fd, (off_t)at, SEEK_DATA);
    off_t end;
    int rc;

    if (start < 0 && errno == ENXIO)
        return (int64_t)size;
    if (start < 0 && (errno == EINVAL || errno == EOPNOTSUPP))
        start = (off_t)at, end = (off_t)size;
    else if (start < 0)
        return -errno;
    else
        end = lseek(fd, start, SEEK_HOLE);
    if ((uint64_t)start >= size)
        return (int64_t)size;
    if (end <= start || (uint64_t)end > size)
        end = (off_t)size; /* cut short or grown meanwhile: reading it will tell */
    rc = append(ranges, (uint64_t)start, (uint64_t)end);
    return rc < 0 ? rc : end;
}

int adp_meta_data_ranges(int fd, uint64_t size, struct adp_data_range **out_ranges, size_t *out_num)
{
    struct ranges ranges = {0};
    int64_t at = 0;

    *out_ranges = NULL;
    *out_num = 0;
    if (size > INT64_MAX)
        return -EFBIG;
    while (at >= 0 && (uint64_t)at < size)
        at = find(&ranges, fd, (uint64_t)at, size);
    if (at < 0) {
        free(ranges.items);
        return (int)at;
    }
    *out_ranges = ranges.items;
    *out_num = ranges.num;
    return 0;
}
