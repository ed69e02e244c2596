#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs_beneath.h"
#include "transfer.h"

int adp_fs_open_dir(const char *path)
{
    return adp_fs_open_following(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
}

void adp_fs_close(int fd)
{
    /* Never repeated: after EINTR the descriptor is gone and may be another thread's. */
    if (fd >= 0)
        close(fd);
}

int64_t adp_fs_read_all(int fd, void *buf, size_t len, uint64_t offset)
{
    struct adp_io_req req = {.op = ADP_IO_READ, .buf = buf, .len = len, .offset = offset};

    adp_transfer_run(&req, fd, ADP_TRANSFER_MAX);
    return req.result;
}

static int write_at(int fd, uint8_t *data, size_t len, uint64_t offset)
{
    struct adp_io_req req = {.op = ADP_IO_WRITE, .buf = data, .len = len, .offset = offset};

    adp_transfer_run(&req, fd, ADP_TRANSFER_MAX);
    return req.result < 0 ? (int)req.result : 0;
}

int adp_fs_write_all(int fd, const void *buf, size_t len, uint64_t offset)
{
    /* A request's memory is not const because most requests read into it; a write leaves it alone.
     */
    return write_at(fd, (uint8_t *)(uintptr_t)buf, len, offset);
}

/* wiped_free: what is loaded may be a key file. */
static void wiped_free(uint8_t *data, size_t len)
{
    if (data != NULL)
        explicit_bzero(data, len);
    free(data);
}

/* load_more reads until |*cap| bytes or the end of file. Pipes are read as well, so there is no
 * offset. */
static int load_more(int fd, uint8_t *data, size_t cap, size_t *len)
{
    while (*len < cap) {
        ssize_t n = TEMP_FAILURE_RETRY(read(fd, data + *len, cap - *len));

        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        *len += (size_t)n;
    }
    return 1;
}

/* load_fd reads all of |fd| into memory that grows from |guess| bytes. */
static int load_fd(int fd, size_t guess, size_t max, uint8_t **out_data, size_t *out_len)
{
    size_t cap = guess + 1, len = 0; /* one more shows that the guess was the end */
    uint8_t *data = malloc(cap);
    int rc;

    if (data == NULL)
        return -ENOMEM;
    while ((rc = load_more(fd, data, cap, &len)) == 1 && len <= max) {
        size_t new_cap = cap < max / 2 ? cap * 2 : max + 1;
        uint8_t *new_data = malloc(new_cap);

        if (new_data != NULL)
            memcpy(new_data, data, len);
        wiped_free(data, len);
        if (new_data == NULL)
            return -ENOMEM;
        data = new_data;
        cap = new_cap;
    }
    if (rc != 0) {
        wiped_free(data, len);
        return rc < 0 ? rc : -EFBIG;
    }
    *out_data = data;
    *out_len = len;
    return 0;
}

int adp_fs_load(int dirfd, const char *path, size_t max, uint8_t **out_data, size_t *out_len)
{
    struct stat st;
    size_t guess = 4095;
    int rc, fd = adp_fs_open_following(dirfd, path, O_RDONLY | O_NOCTTY, 0);

    *out_data = NULL;
    *out_len = 0;
    if (fd < 0)
        return fd;
    if (max == SIZE_MAX)
        max--;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        guess = (uint64_t)st.st_size < max ? (size_t)st.st_size : max;
    if (guess > max)
        guess = max;
    rc = load_fd(fd, guess, max, out_data, out_len);
    close(fd);
    return rc;
}

int adp_fs_sync_dir(int dirfd)
{
    int rc = (int)TEMP_FAILURE_RETRY(fsync(dirfd));

    /* EINVAL: a file system that has nothing to sync for a directory. */
    return rc < 0 && errno != EINVAL ? -errno : 0;
}

int adp_fs_sync_parent(int dirfd)
{
    int rc, fd = (int)TEMP_FAILURE_RETRY(openat(dirfd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

    if (fd < 0) /* passing through it may be all that is allowed */
        return adp_fs_sync_all(dirfd);
    rc = adp_fs_sync_dir(fd);
    close(fd);
    return rc;
}

int adp_fs_sync_all(int fd)
{
    return TEMP_FAILURE_RETRY(syncfs(fd)) < 0 ? -errno : 0;
}
