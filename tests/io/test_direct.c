/* Going round the page cache: what is not in it is not brought there by asking, what is in it is
 * read from there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adp_test.h"
#include "entry.h"

#define LEN ((size_t)8 << 20)

/* Makes a file of LEN bytes, on the disk. */
static int make_file(void)
{
    char name[] = "adp-direct-XXXXXX";
    char *data = calloc(1, LEN);
    int fd = mkstemp(name);

    CU_ASSERT_TRUE_FATAL(fd >= 0 && data != NULL);
    unlink(name);
    CU_ASSERT_EQUAL(write(fd, data, LEN), (ssize_t)LEN);
    CU_ASSERT_EQUAL(fsync(fd), 0);
    free(data);
    return fd;
}

static int takes_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    int takes = fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;

    fcntl(fd, F_SETFL, flags);
    return takes;
}

static void test_asking_changes_nothing(void)
{
    int fd = make_file();

    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (takes_direct(fd) && adp_entry_go_direct(fd)) { /* a file system in memory caches always */
        usleep(50000); /* what was begun to be read would be there */
        for (int i = 0; i < 3; i++) {
            CU_ASSERT_EQUAL(adp_entry_go_buffered(fd), 0);
            CU_ASSERT_TRUE(adp_entry_go_direct(fd));
        }
    }
    close(fd);
}

static void test_cached_is_read_from_the_cache(void)
{
    char *data = malloc(LEN);
    int fd = make_file();

    CU_ASSERT_EQUAL(pread(fd, data, LEN, 0), (ssize_t)LEN);
    CU_ASSERT_FALSE(adp_entry_go_direct(fd));
    free(data);
    close(fd);
}

static void test_a_beginning_is_not_the_whole(void)
{
    char byte;
    int fd = make_file();

    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (takes_direct(fd) && adp_entry_go_direct(fd)) {
        CU_ASSERT_EQUAL(adp_entry_go_buffered(fd), 0);
        CU_ASSERT_EQUAL(pread(fd, &byte, 1, 0), 1); /* and what is read ahead */
        CU_ASSERT_TRUE(adp_entry_go_direct(fd));
    }
    close(fd);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"asking changes nothing", test_asking_changes_nothing},
        {"what is cached is read from the cache", test_cached_is_read_from_the_cache},
        {"a beginning is not the whole", test_a_beginning_is_not_the_whole},
    };

    return adp_test_main("direct", cases, sizeof(cases) / sizeof(cases[0]));
}
