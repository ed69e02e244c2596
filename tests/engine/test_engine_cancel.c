/* A seal that is stopped: nothing of it stays, and no byte of the sources has reached the disk in
 * the clear. This program's pwrite stands before the C library's and looks at what is written. */
#include <dirent.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seal_test.h"

#define PATTERN "in the clear on the disk"
#define CONTENT ((size_t)48 << 20)

static atomic_uint num_writes, num_clear;
static atomic_int stopped;

/* A slow disk, until the seal is stopped: it must not be done before progress is told again. */
ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    atomic_fetch_add(&num_writes, 1);
    if (memmem(buf, len, PATTERN, strlen(PATTERN)) != NULL)
        atomic_fetch_add(&num_clear, 1);
    if (!stopped)
        usleep(20000);
    return syscall(SYS_pwrite64, fd, buf, len, offset);
}

/* Pieces of raw frames below 64 KiB are copied into their segments: the content of such files. */
static void fill(struct seal_rig *rig)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/film.mp4", rig->source);
    file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (size_t i = 0; i < CONTENT; i += strlen(PATTERN))
        fputs(PATTERN, file);
    fclose(file);
}

static int stop_on_the_way(void *user, const struct adp_progress *progress)
{
    (void)user;
    stopped |= strcmp(progress->stage, "seal") == 0 && progress->done_bytes > 0;
    return stopped;
}

/* Snapshots and their folders; the keybag's copies are no entries. */
static int count_entries(const char *path)
{
    DIR *dir = opendir(path);
    int num = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        num += entry->d_name[0] != '.' && strstr(entry->d_name, ".adpk") == NULL;
    closedir(dir);
    return num;
}

static void test_cancelled(void)
{
    struct adp_options common = {.memory = (size_t)16 << 20,
                                 .num_threads = 1,
                                 .io = "threads",
                                 .on_progress = stop_on_the_way};
    struct adp_report report;
    struct seal_rig rig;
    char path[128];

    seal_rig_open(&rig);
    fill(&rig);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, common, &report), ADP_ERR_CANCELLED);
    CU_ASSERT_TRUE(num_writes > 1);
    CU_ASSERT_EQUAL(num_clear, 0);
    snprintf(path, sizeof(path), "%s/archives", rig.vault_path);
    CU_ASSERT_EQUAL(count_entries(path), 0);
    snprintf(path, sizeof(path), "%s/snapshots", rig.vault_path);
    CU_ASSERT_EQUAL(count_entries(path), 0);
    seal_rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"a seal that is stopped writes nothing in the clear", test_cancelled},
    };

    setenv("ADP_SEAL_KERNEL", "portable", 1); /* slow: segments wait when it is stopped */
    return adp_test_main("stopping", cases, sizeof(cases) / sizeof(cases[0]));
}
