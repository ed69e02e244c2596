/* Whole-file helpers. */
#include <pthread.h>

#include "scratch.h"

static void test_read_and_write_all(void)
{
    struct scratch scratch = scratch_make();
    int fd = openat(scratch.fd, "f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char buf[16] = {0};

    CU_ASSERT_EQUAL(adp_fs_write_all(fd, "hello", 5, 3), 0);
    CU_ASSERT_EQUAL(adp_fs_read_all(fd, buf, sizeof(buf), 0), 8);
    CU_ASSERT_EQUAL(memcmp(buf, "\0\0\0hello", 8), 0);
    CU_ASSERT_EQUAL(adp_fs_read_all(fd, buf, sizeof(buf), 8), 0);
    CU_ASSERT_EQUAL(adp_fs_read_all(-1, buf, sizeof(buf), 0), -EBADF);
    close(fd);
    fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(adp_fs_write_all(fd, "hello", 5, 0), -ENOSPC);
    close(fd);
    scratch_remove(&scratch);
}

static void check_load(const struct scratch *scratch, const char *name, size_t max, int expected,
                       size_t expected_len)
{
    uint8_t *data;
    size_t len;

    CU_ASSERT_EQUAL(adp_fs_load(scratch->fd, name, max, &data, &len), expected);
    CU_ASSERT_EQUAL(len, expected_len);
    CU_ASSERT_TRUE((data != NULL) == (expected == 0));
    for (size_t i = 0; i < len; i++)
        CU_ASSERT_EQUAL(data[i], 'x');
    free(data);
}

static void test_load(void)
{
    struct scratch scratch = scratch_make();

    scratch_file(&scratch, "empty", "");
    scratch_file(&scratch, "ten", "xxxxxxxxxx");
    CU_ASSERT_EQUAL(symlinkat("ten", scratch.fd, "link"), 0);
    check_load(&scratch, "empty", 0, 0, 0);
    check_load(&scratch, "ten", 10, 0, 10);
    check_load(&scratch, "ten", 9, -EFBIG, 0);
    check_load(&scratch, "ten", SIZE_MAX, 0, 10);
    check_load(&scratch, "link", 100, 0, 10);
    check_load(&scratch, "missing", 100, -ENOENT, 0);
    check_load(&scratch, ".", 100, -EISDIR, 0);
    scratch_remove(&scratch);
}

static void *feed(void *arg)
{
    const struct scratch *scratch = arg;
    int fd = openat(scratch->fd, "pipe", O_WRONLY | O_CLOEXEC);

    for (int i = 0; i < 1000; i++)
        CU_ASSERT_EQUAL(write(fd, "xxxxxxxxxx", 10), 10);
    close(fd);
    return NULL;
}

/* A passphrase or key may come through a pipe, whose length nobody knows. */
static void test_load_from_a_pipe(void)
{
    struct scratch scratch = scratch_make();
    pthread_t thread;

    CU_ASSERT_EQUAL(mkfifoat(scratch.fd, "pipe", 0600), 0);
    pthread_create(&thread, NULL, feed, &scratch);
    check_load(&scratch, "pipe", 20000, 0, 10000);
    pthread_join(thread, NULL);
    scratch_remove(&scratch);
}

static void test_open_dir(void)
{
    struct scratch scratch = scratch_make();
    char path[128];
    int fd;

    scratch_file(&scratch, "f", "");
    CU_ASSERT_EQUAL(symlinkat(".", scratch.fd, "link"), 0);
    snprintf(path, sizeof(path), "%s/link", scratch.path);
    fd = adp_fs_open_dir(path);
    CU_ASSERT_TRUE(fd >= 0);
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CU_ASSERT_EQUAL(adp_fs_sync_dir(fd), 0);
    CU_ASSERT_EQUAL(adp_fs_sync_all(fd), 0);
    adp_fs_close(fd);
    adp_fs_close(-1);
    snprintf(path, sizeof(path), "%s/f", scratch.path);
    CU_ASSERT_EQUAL(adp_fs_open_dir(path), -ENOTDIR);
    CU_ASSERT_EQUAL(adp_fs_sync_dir(-1), -EBADF);
    scratch_remove(&scratch);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"read and write all", test_read_and_write_all},
        {"load", test_load},
        {"load from a pipe", test_load_from_a_pipe},
        {"open a folder", test_open_dir},
    };

    return adp_test_main("fs", cases, sizeof(cases) / sizeof(cases[0]));
}
