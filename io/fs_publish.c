#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "entry.h"
#include "fs.h"
#include "names.h"

/* What a temporary name adds: two dots, 16 hexadecimal digits, ".tmp". */
#define TEMP_NAME_EXTRA 22

static int check_name(const char *name)
{
    if (name[0] == '\0' || adp_names_is_dot(name) || strchr(name, '/') != NULL)
        return -EINVAL;
    return 0;
}

static int temp_name(struct adp_fs_temp *temp, const char *name)
{
    uint64_t random;
    int max = (int)sizeof(temp->name) - 1 - TEMP_NAME_EXTRA;

    if (TEMP_FAILURE_RETRY(getrandom(&random, sizeof(random), 0)) != sizeof(random))
        return -EIO;
    snprintf(temp->name, sizeof(temp->name), ".%.*s.%016" PRIx64 ".tmp", max, name, random);
    return 0;
}

/* go_direct sets O_DIRECT after the fact: file systems that refuse it in open(2) have made the file
 * by then. */
static int go_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;
}

int adp_fs_temp_create(struct adp_fs_temp *out_temp, int dirfd, const char *name, mode_t mode,
                       int flags, int *out_direct)
{
    int open_flags = (flags & ~O_DIRECT) | O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
    int is_direct, rc = check_name(name);

    *out_temp = (struct adp_fs_temp){.fd = -1, .dirfd = dirfd};
    if (rc == 0)
        rc = temp_name(out_temp, name);
    if (rc == 0) {
        out_temp->fd = (int)TEMP_FAILURE_RETRY(openat(dirfd, out_temp->name, open_flags, mode));
        rc = out_temp->fd < 0 ? -errno : 0;
    }
    if (rc < 0) {
        out_temp->name[0] = '\0'; /* whatever has this name is not ours to remove */
        return rc;
    }
    is_direct = (flags & O_DIRECT) && go_direct(out_temp->fd);
    if (out_direct != NULL)
        *out_direct = is_direct;
    return 0;
}

void adp_fs_temp_abandon(struct adp_fs_temp *temp)
{
    adp_fs_close(temp->fd);
    if (temp->name[0] != '\0')
        unlinkat(temp->dirfd, temp->name, 0);
    temp->fd = -1;
    temp->name[0] = '\0';
}

static int settle(int fd, uint64_t size)
{
    if (TEMP_FAILURE_RETRY(ftruncate(fd, (off_t)size)) < 0)
        return -errno;
    return TEMP_FAILURE_RETRY(fsync(fd)) < 0 ? -errno : 0;
}

int adp_fs_temp_commit(struct adp_fs_temp *temp, const char *name, uint64_t size,
                       enum adp_fs_publish_mode how)
{
    int rc = check_name(name);

    if (rc == 0)
        rc = settle(temp->fd, size);
    if (rc == 0)
        rc = adp_entry_rename(temp->dirfd, temp->name, name, how == ADP_FS_PUBLISH_REPLACE);
    if (rc < 0)
        goto err0;
    temp->name[0] = '\0';
    rc = adp_fs_sync_dir(temp->dirfd);
    /* What NEW made can be taken back; what REPLACE replaced is gone. */
    if (rc < 0 && how == ADP_FS_PUBLISH_NEW)
        unlinkat(temp->dirfd, name, 0);
err0:
    adp_fs_temp_abandon(temp);
    return rc;
}

int adp_fs_publish(int dirfd, const char *name, mode_t mode, const void *data, size_t len,
                   enum adp_fs_publish_mode how)
{
    struct adp_fs_temp temp;
    int rc = adp_fs_temp_create(&temp, dirfd, name, mode, 0, NULL);

    if (rc < 0)
        return rc;
    rc = adp_fs_write_all(temp.fd, data, len, 0);
    if (rc < 0) {
        adp_fs_temp_abandon(&temp);
        return rc;
    }
    return adp_fs_temp_commit(&temp, name, len, how);
}
