/* One piece of work on a vault beside another: before each call by which the one changes something
 * on the disk, the other runs from beginning to end, as another process would, with a handle of its
 * own. Each is done, or ends with ADP_ERR_CONFLICT and is done when it is repeated; nobody is told
 * of damage or forgery that is none, and in the end all is there. ADP_SOAK=1 takes every call of
 * every pair, without it one of each third pair. This program's calls stand before the C library's,
 * and sync nothing.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "work_test.h"

#define MAX_STEPS 1000
#define MOMENT_US 50000

/* -- Before a call ----------------------------------------------------------------------------- */

static struct {
    atomic_int armed;
    atomic_uint num;
    unsigned at;
    void *(*run)(void *);
    int goes_on; /* the call waits for the other for a moment only */
    pthread_t thread;
} beside;

/* On a thread of its own: who makes the call may be a thread with a small stack. */
static void step(void)
{
    if (!beside.armed || atomic_fetch_add(&beside.num, 1) != beside.at)
        return;
    beside.armed = 0;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&beside.thread, NULL, beside.run, NULL), 0);
    if (beside.goes_on)
        usleep(MOMENT_US);
    else
        CU_ASSERT_EQUAL(pthread_join(beside.thread, NULL), 0);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    step();
    return syscall(SYS_pwrite64, fd, buf, len, offset);
}

int fsync(int fd)
{
    (void)fd;
    step();
    return 0;
}

int syncfs(int fd)
{
    (void)fd;
    step();
    return 0;
}

int renameat(int old_dir, const char *old, int new_dir, const char *new)
{
    step();
    return (int)syscall(SYS_renameat2, old_dir, old, new_dir, new, 0);
}

int renameat2(int old_dir, const char *old, int new_dir, const char *new, unsigned flags)
{
    step();
    return (int)syscall(SYS_renameat2, old_dir, old, new_dir, new, flags);
}

int unlinkat(int dir, const char *name, int flags)
{
    step();
    return (int)syscall(SYS_unlinkat, dir, name, flags);
}

/* Who waits for a lock of the one that waits for it, waits in vain. */
int nanosleep(const struct timespec *time, struct timespec *left)
{
    return beside.goes_on ? clock_nanosleep(CLOCK_REALTIME, 0, time, left) : 0;
}

/* -- The one and the other ----------------------------------------------------------------------
 */

static struct {
    enum work work;
    enum adp_status status;
    struct adp_error err;
    int is_early;    /* opens the vault before the first one begins */
    int is_recorded; /* the first one's record, or generation, was there when this began */
    struct actor actor;
} other;

static void *run_other(void *unused_argument)
{
    (void)unused_argument;
    other.is_recorded = num_in("snapshots", ".adpr") > (int)BASE;
    other.status = other.is_early ? ADP_OK : actor_open(&other.actor, &other.err);
    if (other.status == ADP_OK)
        other.status = run_work(&other.actor, other.work, &other.err);
    actor_close(&other.actor);
    return NULL;
}

/* Runs |work| with the other before its call number |at|; returns whether it makes so many. */
static int run_pair(enum work work, unsigned at, enum adp_status *out_status, struct adp_error *err)
{
    struct actor actor;

    go_back();
    is_at_rest = 0;
    if (work == REPAIR)
        damage();
    CU_ASSERT_EQUAL_FATAL(actor_open(&actor, err), ADP_OK);
    if (other.is_early)
        CU_ASSERT_EQUAL_FATAL(actor_open(&other.actor, err), ADP_OK);
    beside.at = at;
    beside.num = 0;
    beside.run = run_other;
    beside.goes_on = 0;
    beside.armed = 1;
    *out_status = run_work(&actor, work, err);
    actor_close(&actor);
    if (!beside.armed)
        return 1;
    beside.armed = 0;
    if (other.is_early)
        actor_close(&other.actor);
    return 0;
}

static int try_pair(enum work work, unsigned at)
{
    unsigned failures = CU_get_number_of_failures();
    struct adp_error err = {0};
    enum adp_status status;

    memset(&other.err, 0, sizeof(other.err));
    if (!run_pair(work, at, &status, &err))
        return 0;
    CU_ASSERT_TRUE(is_right(work, status, &err));
    CU_ASSERT_TRUE(is_right(other.work, other.status, &other.err));
    repeat(work, status);
    repeat(other.work, other.status);
    check_settled(BASE + (size_t)is_seal(work) + (size_t)is_seal(other.work));
    if (CU_get_number_of_failures() != failures)
        fprintf(stderr, "  %s before call %u of %s, %s\n", names[other.work], at, names[work],
                other.is_early ? "opened before" : "opened then");
    return 1;
}

/* How many calls |work| makes. */
static unsigned count_calls(enum work work)
{
    struct adp_error err = {0};
    enum adp_status status;

    CU_ASSERT_FALSE(run_pair(work, MAX_STEPS, &status, &err));
    CU_ASSERT_EQUAL(status, ADP_OK);
    return beside.num;
}

/* In a soak the other runs before each of the |num| calls, else before one. */
static void try_calls(enum work work, unsigned num, unsigned chance)
{
    unsigned tried = 0, survived = 0;

    for (unsigned at = is_soak() ? 0 : chance % num; at < num; at += is_soak() ? 1 : num) {
        unsigned failures = CU_get_number_of_failures();

        if (!try_pair(work, at))
            break; /* threads: this time it made fewer */
        tried++;
        survived += CU_get_number_of_failures() == failures;
    }
    adp_assurance_add("concurrency", "work before a call of other work", tried, survived);
}

/* Pairs without a place in this table: who reads a damaged archive is told so. */
static int is_fit(enum work first, enum work second)
{
    return first != REPAIR || second < OPEN || second > LIST;
}

static void test_pairs(void)
{
    static const enum work first[] = {SEAL_WITH_PARITY, ROTATE, REMOVE,    ERASE,
                                      REWRAP,           REPAIR, PARITY_ADD};
    unsigned chance = 0;

    make_base();
    for (size_t i = 0; i < NUM_OF(first); i++) {
        unsigned num = count_calls(first[i]);

        for (other.work = 0; other.work < NUM_WORK; other.work++) {
            if (!is_fit(first[i], other.work))
                continue;
            chance += 7;
            if (!is_soak() && chance % 3 != 0)
                continue;
            other.is_early = (int)(chance & 1);
            try_calls(first[i], num, chance);
            if (!is_soak())
                continue;
            other.is_early = !other.is_early;
            try_calls(first[i], num, chance);
        }
    }
    seal_rig_close(&rig);
}

/* -- Handles that know an older keybag ----------------------------------------------------------
 */

static void run_then(const enum work *work, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        struct adp_error err = {0};
        struct actor actor;

        CU_ASSERT_EQUAL_FATAL(actor_open(&actor, &err), ADP_OK);
        CU_ASSERT_EQUAL(run_work(&actor, work[i], &err), ADP_OK);
        actor_close(&actor);
    }
}

/* What others have rotated, sealed and rewrapped since a vault was opened is not taken for a
 * keybag that was set back, nor for archives without a key. */
static void test_old_handles(void)
{
    static const enum work since[] = {ROTATE, SEAL, REWRAP};
    unsigned tried = 0, survived = 0;

    make_base();
    for (enum work work = 0; work < NUM_WORK; work++) {
        unsigned failures = CU_get_number_of_failures();
        struct adp_error err = {0};
        enum adp_status status;
        struct actor actor;

        go_back();
        CU_ASSERT_EQUAL_FATAL(actor_open(&actor, &err), ADP_OK);
        run_then(since, NUM_OF(since));
        status = run_work(&actor, work, &err);
        CU_ASSERT_TRUE(is_right(work, status, &err));
        actor_close(&actor);
        repeat(work, status);
        check_settled(BASE + 1 + (size_t)is_seal(work));
        tried++;
        survived += CU_get_number_of_failures() == failures;
    }
    adp_assurance_add("concurrency", "work through a handle of an older keybag", tried, survived);
    seal_rig_close(&rig);
}

/* -- Erasing what is being sealed ---------------------------------------------------------------
 */

/* Whoever erases means what was sealed before. What is being sealed opens, or there is no snapshot,
 * and that is said; unless its record was there first. */
static void check_erased(unsigned at, enum adp_status status)
{
    struct adp_error err = {0};
    struct actor actor;

    CU_ASSERT_EQUAL(other.status, ADP_OK);
    CU_ASSERT_TRUE(status == ADP_OK || status == ADP_ERR_CONFLICT);
    CU_ASSERT_EQUAL_FATAL(actor_open(&actor, &err), ADP_OK);
    if (status != ADP_OK) {
        CU_ASSERT_EQUAL(num_in("snapshots", ".adpr"), (int)BASE);
        CU_ASSERT_EQUAL(num_in("archives", ""), (int)BASE);
    } else if (!other.is_recorded) {
        CU_ASSERT_EQUAL(open_whole(&actor, "latest", &err), ADP_OK);
    }
    if (status == ADP_OK && err.status != ADP_OK)
        fprintf(stderr, "  erased before call %u: %s\n", at, err.message);
    actor_close(&actor);
}

static void test_erase_beside_seal(void)
{
    unsigned num, tried = 0, failures = CU_get_number_of_failures();
    enum adp_status status;

    make_base();
    to_erase = photos;
    other.is_early = 0;
    other.work = ERASE;
    num = count_calls(SEAL);
    for (unsigned at = 0; at < num; at += is_soak() ? 1 : 3) {
        struct adp_error err = {0};

        if (!run_pair(SEAL, at, &status, &err))
            break;
        check_erased(at, status);
        tried++;
    }
    CU_ASSERT_TRUE(tried > 3);
    adp_assurance_add("concurrency", "erasure before a call of a seal", tried,
                      CU_get_number_of_failures() == failures ? tried : 0);
    seal_rig_close(&rig);
}

/* -- One identity, two vaults -------------------------------------------------------------------
 */

/* Makes the vault |name| with the rig's identity, loaded anew, which then knows it. */
static enum adp_status make_vault(const char *name)
{
    char path[128];
    struct adp_identity *identity = NULL;
    struct adp_vault *vault = NULL;
    struct adp_error err = {0};
    enum adp_status status = adp_identity_load(&identity, rig.identity_path, NULL, &err);

    snprintf(path, sizeof(path), "%s/%s", rig.dir, name);
    if (status == ADP_OK)
        status = adp_vault_create(&vault, path, identity, "laptop", &err);
    adp_vault_free(vault);
    adp_identity_free(identity);
    return status;
}

static void *make_other(void *unused_argument)
{
    (void)unused_argument;
    other.status = make_vault("second");
    return NULL;
}

static int is_known(const char *name)
{
    char path[128];
    struct adp_identity *identity;
    struct adp_vault *vault;
    struct adp_error err = {0};
    int is_first;

    snprintf(path, sizeof(path), "%s/%s", rig.dir, name);
    CU_ASSERT_EQUAL_FATAL(adp_identity_load(&identity, rig.identity_path, NULL, &err), ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_vault_open(&vault, path, identity, &err), ADP_OK);
    is_first = adp_vault_first_contact(vault);
    adp_vault_free(vault);
    adp_identity_free(identity);
    return !is_first;
}

/* The identity's file has both, whoever writes it when. */
static void test_one_identity(void)
{
    unsigned num, tried = 0, survived = 0;

    make_base();
    beside.at = MAX_STEPS;
    beside.num = 0;
    beside.goes_on = 1;
    beside.run = make_other;
    beside.armed = 1;
    CU_ASSERT_EQUAL(make_vault("counted"), ADP_OK);
    num = beside.num;
    for (unsigned at = 0; at < num; at++) {
        int is_right_now;

        shell("rm -rf first second && cp base/identity .");
        beside.at = at;
        beside.num = 0;
        beside.armed = 1;
        CU_ASSERT_EQUAL(make_vault("first"), ADP_OK);
        CU_ASSERT_EQUAL_FATAL(beside.armed, 0);
        CU_ASSERT_EQUAL(pthread_join(beside.thread, NULL), 0);
        is_right_now = other.status == ADP_OK && is_known("first") && is_known("second");
        if (!is_right_now)
            fprintf(stderr, "  a vault is forgotten that is made at call %u\n", at);
        CU_ASSERT_TRUE(is_right_now);
        tried++;
        survived += is_right_now;
    }
    adp_assurance_add("concurrency", "vaults made at once with one identity", tried, survived);
    seal_rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"each work before calls of each other", test_pairs},
        {"work through a handle of an older keybag", test_old_handles},
        {"what is erased while it is being sealed", test_erase_beside_seal},
        {"one identity that meets two vaults at once", test_one_identity},
    };

    return adp_test_main("beside", cases, NUM_OF(cases));
}
