#include "entry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(int rc)
{
    return rc < 0 ? -errno : rc;
}

int adp_entry_stat(int dirfd, const char *name, struct stat *out)
{
    if (name == NULL)
        return result(fstat(dirfd, out));
    return result(fstatat(dirfd, name, out, AT_SYMLINK_NOFOLLOW));
}

int adp_entry_read_link(int dirfd, const char *name, char *out, size_t out_len)
{
    ssize_t len = readlinkat(dirfd, name, out, out_len);

    if (len < 0)
        return -errno;
    if ((size_t)len >= out_len)
        return -ENAMETOOLONG;
    out[len] = '\0';
    return (int)len;
}

int adp_entry_make_dir(int dirfd, const char *name, mode_t mode)
{
    return result(mkdirat(dirfd, name, mode));
}

int adp_entry_make_fifo(int dirfd, const char *name, mode_t mode)
{
    return result(mkfifoat(dirfd, name, mode));
}

int adp_entry_make_symlink(int dirfd, const char *name, const char *target)
{
    return result(symlinkat(target, dirfd, name));
}

int adp_entry_link(int old_dirfd, const char *old_name, int new_dirfd, const char *new_name)
{
    return result(linkat(old_dirfd, old_name, new_dirfd, new_name, 0));
}

int adp_entry_rename(int dirfd, const char *from, const char *to, int replace)
{
    int rc;

    if (replace)
        return result(renameat(dirfd, from, dirfd, to));
    rc = result(renameat2(dirfd, from, dirfd, to, RENAME_NOREPLACE));
    if (rc != -EINVAL && rc != -ENOSYS)
        return rc;
    /* The file system lacks RENAME_NOREPLACE: a second name, then without the first. */
    rc = adp_entry_link(dirfd, from, dirfd, to);
    return rc == 0 ? adp_entry_unlink(dirfd, from) : rc;
}

int adp_entry_set_mode(int dirfd, const char *name, mode_t mode)
{
    return result(fchmodat(dirfd, name, mode, AT_SYMLINK_NOFOLLOW));
}

int adp_entry_unlink(int dirfd, const char *name)
{
    return result(unlinkat(dirfd, name, 0));
}

int adp_entry_reserve(int fd, uint64_t size)
{
    int rc;

    if (size == 0)
        return 0;
    do
        rc = result(fallocate(fd, 0, 0, (off_t)size));
    while (rc == -EINTR);
    return rc == -ENOSPC || rc == -EDQUOT ? rc : 0;
}

int adp_entry_truncate(int fd, uint64_t size)
{
    int rc;

    do
        rc = result(ftruncate(fd, (off_t)size));
    while (rc == -EINTR);
    return rc;
}

/* cachestat(2), Linux 6.5; older headers know it not. */
#ifndef SYS_cachestat
#    define SYS_cachestat 451
#endif

struct cache_range {
    uint64_t offset, len;
};

struct cache_pages {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* Returns 1 or 0, or -ENOSYS: also where a container forbids to ask. */
static int is_half_cached(int fd, uint64_t size)
{
    struct cache_range range = {0, size};
    struct cache_pages pages;

    if (syscall(SYS_cachestat, fd, &range, &pages, 0) < 0)
        return -ENOSYS;
    return pages.cached * (uint64_t)sysconf(_SC_PAGESIZE) > size / 2;
}

/* Where the kernel cannot say, the middle stands for the whole: beginnings are looked at by many
 * who read no further. mincore(2) says yes of a file that is somebody else's. */
static int is_middle_cached(int fd, uint64_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *map = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)(size / 2 / page * page));
    unsigned char present = 0;

    if (map == MAP_FAILED)
        return 0;
    if (mincore(map, page, &present) < 0)
        present = 0;
    munmap(map, page);
    return (present & 1) != 0;
}

int adp_entry_is_cached(int fd)
{
    struct stat st;
    int rc;

    if (fstat(fd, &st) < 0)
        return 0;
    rc = is_half_cached(fd, (uint64_t)st.st_size);
    return rc >= 0 ? rc : is_middle_cached(fd, (uint64_t)st.st_size);
}

int adp_entry_go_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && !adp_entry_is_cached(fd) && fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;
}

int adp_entry_go_buffered(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 ? -errno : result(fcntl(fd, F_SETFL, flags & ~O_DIRECT));
}

void adp_entry_read_ahead(int fd)
{
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
}

void adp_entry_will_need(int fd, uint64_t offset, size_t len)
{
    (void)posix_fadvise(fd, (off_t)offset, (off_t)len, POSIX_FADV_WILLNEED);
}

void adp_entry_forget(int fd)
{
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

void adp_entry_write_behind(int fd)
{
    (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int adp_entry_sync(int fd)
{
    int rc;

    do
        rc = result(fsync(fd));
    while (rc == -EINTR);
    return rc;
}

unsigned adp_entry_max_open(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    return limit.rlim_cur < UINT_MAX ? (unsigned)limit.rlim_cur : UINT_MAX;
}

int adp_entry_lock(int fd, int exclusive)
{
    int rc = result(TEMP_FAILURE_RETRY(flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB)));

    return rc == -EWOULDBLOCK ? -EBUSY : rc;
}

int adp_entry_write_stream(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}
