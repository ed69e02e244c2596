/* A process that seals a thousand times, and opens and verifies in between, has no more memory,
 * descriptors, mappings and threads in the end than near the beginning. A hundred times without
 * ADP_SOAK=1; over both back ends, where the kernel has io_uring. */
#include <dirent.h>
#include <malloc.h>

#include "assurance.h"
#include "seal_test.h"

#define WARM_UP 20u /* rounds until caches and pools of the libraries have their size */

/* A sanitizer keeps what was freed. What is lost it tells itself. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define IS_MEMORY_OURS 0
#else
#    define IS_MEMORY_OURS 1
#endif

/* What a process holds. */
struct held {
    size_t allocated; /* bytes that were got of malloc and not given back */
    size_t resident;  /* bytes */
    size_t descriptors, mappings, threads;
};

static size_t count_entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t num = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    while (readdir(dir) != NULL)
        num++;
    closedir(dir);
    return num;
}

static size_t count_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t num = 0;
    int c;

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while ((c = getc(file)) != EOF)
        num += c == '\n';
    fclose(file);
    return num;
}

static size_t resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fscanf(file, "%*u %zu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static struct held look(void)
{
    struct mallinfo2 info;

    malloc_trim(0);
    info = mallinfo2();
    return (struct held){.allocated = info.uordblks + info.hblkhd,
                         .resident = resident(),
                         .descriptors = count_entries("/proc/self/fd"),
                         .mappings = count_lines("/proc/self/maps"),
                         .threads = count_entries("/proc/self/task")};
}

static void one_round(struct seal_rig *rig, struct adp_options common, unsigned round)
{
    struct adp_verify_options verify = {.common = common, .selection = {.snapshot = "latest"}};
    struct adp_report report;
    char command[256];

    CU_ASSERT_EQUAL(seal_rig_seal(rig, common, &report), ADP_OK);
    if (round % 4 == 0)
        CU_ASSERT_EQUAL(adp_verify(rig->vault, &verify, &report, &rig->err), ADP_OK);
    if (round % 10 != 0)
        return;
    CU_ASSERT_EQUAL(seal_rig_restore(rig, common, &report), ADP_OK);
    CU_ASSERT_TRUE(seal_rig_same(rig));
    /* The list of snapshots grows with the vault: it is kept as it was. */
    snprintf(command, sizeof(command),
             "cd %s && rm -rf target vault/archives/* vault/snapshots/*.adpr", rig->dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void report_growth(const char *io, unsigned rounds, struct held a, struct held b)
{
    printf("\n    %s, %u rounds: malloc %zu -> %zu, resident %zu -> %zu, descriptors %zu -> %zu, "
           "mappings %zu -> %zu, threads %zu -> %zu\n",
           io, rounds, a.allocated, b.allocated, a.resident, b.resident, a.descriptors,
           b.descriptors, a.mappings, b.mappings, a.threads, b.threads);
}

static void check_rounds(const char *io)
{
    const char *soak = getenv("ADP_SOAK");
    unsigned rounds = soak != NULL && strcmp(soak, "1") == 0 ? 1000 : 100;
    unsigned failures = CU_get_number_of_failures();
    struct adp_options common = {.num_threads = 2, .memory = (size_t)16 << 20, .io = io};
    struct held early = {0}, late;
    struct adp_report report;
    struct seal_rig rig;

    seal_rig_open(&rig);
    seal_rig_write(&rig, "a.jpg", 300000, 1);
    seal_rig_write(&rig, "b.txt", 2000, 2);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, (struct adp_options){0}, &report), ADP_OK);
    if (strcmp(io, "uring") == 0 && strcmp(report.io, io) != 0) {
        printf("\n    the kernel has no io_uring here\n");
        seal_rig_close(&rig);
        return;
    }
    for (unsigned round = 0; round < rounds; round++) {
        one_round(&rig, common, round);
        if (round == WARM_UP)
            early = look();
    }
    late = look();
    report_growth(io, rounds, early, late);
    CU_ASSERT_EQUAL(late.descriptors, early.descriptors);
    CU_ASSERT_EQUAL(late.threads, early.threads);
    if (IS_MEMORY_OURS) {
        CU_ASSERT_EQUAL(late.allocated, early.allocated);
        CU_ASSERT_TRUE(late.mappings <= early.mappings);
        CU_ASSERT_TRUE(late.resident < early.resident + (256 << 10));
    }
    adp_assurance_add("duration", "seals in one process without growth", rounds,
                      CU_get_number_of_failures() == failures ? rounds : 0);
    seal_rig_close(&rig);
}

static void test_threads(void)
{
    check_rounds("threads");
}

static void test_uring(void)
{
    check_rounds("uring");
}

/* Each thread's cache of malloc counts as allocated, and what is in it depends on chance: without
 * it, growth is growth. It is read at a process's start. */
static void without_cache(char **arguments)
{
    if (!IS_MEMORY_OURS || getenv("GLIBC_TUNABLES") != NULL)
        return;
    setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
    execv("/proc/self/exe", arguments);
}

int main(int num_arguments, char **arguments)
{
    static const struct adp_test_case cases[] = {
        {"many seals over threads", test_threads},
        {"many seals over io_uring", test_uring},
    };

    (void)num_arguments;
    without_cache(arguments);
    return adp_test_main("duration", cases, sizeof(cases) / sizeof(cases[0]));
}
