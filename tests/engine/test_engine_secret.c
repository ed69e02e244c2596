/* Memory for secrets: what the kernel says of its pages, and that it is wiped. */
#include "secret.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine_test.h"

#define LEN 5000

static int is_all(const uint8_t *data, uint8_t value, size_t len)
{
    while (len > 0 && data[len - 1] == value)
        len--;
    return len == 0;
}

/* Whether the pages at |address| have the flag of two letters that proc(5) lists under smaps. */
static int has_flag(const void *address, const char *flag)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    unsigned long from, to, at = (unsigned long)(uintptr_t)address;
    char line[1024], wanted[8];
    int is_here = 0, found = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    snprintf(wanted, sizeof(wanted), " %s ", flag);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            is_here = at >= from && at < to;
        else if (is_here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, wanted) != NULL;
    }
    fclose(file);
    return found;
}

/* Whether |flag| shows on plain pages that were asked for it: emulators and sanitizers leave out
 * some of these calls, and RLIMIT_MEMLOCK may forbid one. */
static int can_tell(const char *flag)
{
    void *pages = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int shows;

    CU_ASSERT_FATAL(pages != MAP_FAILED);
    (void)mlock(pages, LEN);
    (void)madvise(pages, LEN, MADV_DONTDUMP);
    (void)madvise(pages, LEN, MADV_WIPEONFORK);
    shows = has_flag(pages, flag);
    munmap(pages, LEN);
    return shows;
}

static void test_pages(void)
{
    static const char *const flags[] = {"lo", "dd", "wf"}; /* locked, not dumped, wiped in forks */
    uint8_t *secret = adp_secret_new(LEN);

    CU_ASSERT_PTR_NOT_NULL_FATAL(secret);
    CU_ASSERT(is_all(secret, 0, LEN));
    CU_ASSERT_EQUAL((uintptr_t)secret % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
    for (size_t i = 0; i < NUM_OF(flags); i++)
        CU_ASSERT_EQUAL(has_flag(secret, flags[i]), can_tell(flags[i]));
    adp_secret_free(secret, LEN);
    CU_ASSERT_EQUAL(msync(secret, 1, MS_ASYNC), -1); /* the pages are gone */
    adp_secret_free(NULL, LEN);
    CU_ASSERT_PTR_NULL(adp_secret_new(0));
    CU_ASSERT_PTR_NULL(adp_secret_new(SIZE_MAX));
}

static void test_fork(void)
{
    uint8_t *secret = adp_secret_new(LEN);
    int status = 0;
    pid_t child;

    CU_ASSERT_PTR_NOT_NULL_FATAL(secret);
    memset(secret, 0x5a, LEN);
    child = fork();
    if (child == 0)
        _exit(!can_tell("wf") || is_all(secret, 0, LEN) ? 0 : 1);
    CU_ASSERT_FATAL(child > 0);
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CU_ASSERT(is_all(secret, 0x5a, LEN)); /* the parent still has it */
    adp_secret_free(secret, LEN);
}

static void test_wipe(void)
{
    uint8_t data[64];

    memset(data, 0x5a, sizeof(data));
    adp_wipe(data, 63);
    CU_ASSERT(is_all(data, 0, 63));
    CU_ASSERT_EQUAL(data[63], 0x5a);
    adp_wipe(NULL, 0);
}

static void test_harden(void)
{
    adp_harden_process();
    CU_ASSERT_EQUAL(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"pages", test_pages},
        {"a forked child", test_fork},
        {"wiping", test_wipe},
        {"no core dumps", test_harden},
    };

    return adp_test_main("engine/secret", cases, NUM_OF(cases));
}
