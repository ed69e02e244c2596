/* Snapshots through the public header: whole or absent, whatever ends a seal. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "seal_test.h"

/* Snapshots and their folders, temporary ones as well; the keybag's copies are no entries. */
static unsigned count_entries(const char *parent, const char *name)
{
    char path[256];
    struct dirent *entry;
    unsigned num = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/%s", parent, name);
    dir = opendir(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    while ((entry = readdir(dir)) != NULL)
        num += (entry->d_name[0] != '.' || strlen(entry->d_name) > 2) &&
               strstr(entry->d_name, ".adpk") == NULL;
    closedir(dir);
    return num;
}

static int cancel(void *user, const struct adp_progress *progress)
{
    const char *stage = user;

    return strcmp(progress->stage, stage) == 0;
}

static void test_round_trip(void)
{
    static const struct {
        const char *io;
        unsigned threads;
        size_t memory;
    } ways[] = {
        {"auto", 0, 0}, {"threads", 1, (size_t)16 << 20}, {"threads", 4, 0}, {"auto", 4, 0}};

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct adp_options common = {
            .io = ways[i].io, .num_threads = ways[i].threads, .memory = ways[i].memory};
        struct adp_report report;
        struct seal_rig rig;

        seal_rig_open(&rig);
        seal_rig_write(&rig, "a.jpg", 5000001, 1);
        seal_rig_write(&rig, "b.txt", 262144, 2);
        seal_rig_write(&rig, "c.txt", 262145, 3);
        seal_rig_write(&rig, "d.txt", 1, 4);
        seal_rig_write(&rig, "e.vcf", 0, 5);
        CU_ASSERT_EQUAL(seal_rig_seal(&rig, common, &report), ADP_OK);
        CU_ASSERT_EQUAL(report.categories[0].files, 5);
        CU_ASSERT_EQUAL(report.categories[adp_category_find("photos")].bytes, 5000001);
        CU_ASSERT_EQUAL(report.categories[adp_category_find("contacts")].files, 1);
        CU_ASSERT_EQUAL(seal_rig_restore(&rig, common, &report), ADP_OK);
        CU_ASSERT_TRUE(seal_rig_same(&rig));
        seal_rig_close(&rig);
    }
}

static void check_cancelled(const char *stage)
{
    struct adp_options common = {.on_progress = cancel};
    char user[16];
    struct adp_report report;
    struct seal_rig rig;

    snprintf(user, sizeof(user), "%s", stage);
    common.user = user;
    seal_rig_open(&rig);
    seal_rig_write(&rig, "a.bin", 30 << 20, 1);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, common, &report), ADP_ERR_CANCELLED);
    CU_ASSERT_EQUAL(count_entries(rig.vault_path, "snapshots"), 0);
    CU_ASSERT_EQUAL(count_entries(rig.vault_path, "archives"), 0);
    seal_rig_close(&rig);
}

static void test_cancelled_seal_leaves_nothing(void)
{
    check_cancelled("scan");
    check_cancelled("seal");
}

/* There is no content to wait for, and still somebody listens. */
static void test_cancelled_open_of_empty_files(void)
{
    char user[] = "open";
    struct adp_options common = {.on_progress = cancel, .user = user};
    struct adp_report report;
    struct seal_rig rig;

    seal_rig_open(&rig);
    seal_rig_write(&rig, "a.txt", 0, 1);
    seal_rig_write(&rig, "b.jpg", 0, 2);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, (struct adp_options){0}, &report), ADP_OK);
    CU_ASSERT_EQUAL(seal_rig_restore(&rig, common, &report), ADP_ERR_CANCELLED);
    CU_ASSERT_EQUAL(count_entries(rig.target, "."), 0);
    seal_rig_close(&rig);
}

/* An emulator may say yes to MADV_WIPEONFORK and copy the page nevertheless. */
static int is_wiped_on_fork(void)
{
    char *page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t child;
    int status;

    CU_ASSERT_NOT_EQUAL_FATAL(page, MAP_FAILED);
    *page = 1;
    (void)madvise(page, 1, MADV_WIPEONFORK);
    child = fork();
    if (child == 0)
        _exit(*page == 0);
    waitpid(child, &status, 0);
    munmap(page, 1);
    return WEXITSTATUS(status);
}

/* Keys do not pass into a forked child: it is told so, and nothing is sealed or written with none.
 */
static void test_forked_child_is_told(void)
{
    struct adp_report report;
    struct seal_rig rig;
    pid_t child;
    int status;

    if (!is_wiped_on_fork()) {
        printf("\n    not here: a child gets its parent's secrets ");
        return;
    }
    seal_rig_open(&rig);
    seal_rig_write(&rig, "a.bin", 1000, 1);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, (struct adp_options){0}, &report), ADP_OK);
    child = fork();
    if (child == 0) {
        struct adp_vault *vault;
        char *request, path[128];
        int told = 0;

        told += seal_rig_seal(&rig, (struct adp_options){0}, &report) == ADP_ERR_NO_KEY &&
                strstr(rig.err.message, "forked") != NULL;
        told += seal_rig_restore(&rig, (struct adp_options){0}, &report) == ADP_ERR_NO_KEY &&
                strstr(rig.err.message, "forked") != NULL;
        told += adp_identity_request(rig.identity, &request, &rig.err) == ADP_ERR_NO_KEY;
        told += adp_vault_rotate(rig.vault, NULL, 0, &rig.err) == ADP_ERR_NO_KEY;
        snprintf(path, sizeof(path), "%s/other", rig.dir);
        told += adp_vault_create(&vault, path, rig.identity, "laptop", &rig.err) == ADP_ERR_NO_KEY;
        _exit(told);
    }
    waitpid(child, &status, 0);
    CU_ASSERT_EQUAL(WEXITSTATUS(status), 5);
    CU_ASSERT_EQUAL(count_entries(rig.vault_path, "snapshots"), 1);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, (struct adp_options){0}, &report), ADP_OK);
    seal_rig_close(&rig);
}

/* In a forked child, which has to load its identity itself. */
static void seal_in_child(struct seal_rig *rig)
{
    struct adp_report report;

    if (adp_identity_load(&rig->identity, rig->identity_path, NULL, &rig->err) == ADP_OK &&
        adp_vault_open(&rig->vault, rig->vault_path, rig->identity, &rig->err) == ADP_OK)
        (void)!seal_rig_seal(rig, (struct adp_options){0}, &report);
    _exit(0);
}

/* A child that is killed at some moment of its seal, or ends it, then a seal that is not killed. */
static void test_killed_seal_is_swept_up(void)
{
    static const unsigned delays_ms[] = {1, 21, 41, 61, 81, 2000};

    for (size_t i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++) {
        struct adp_verify_options verify = {.selection = {0}};
        struct adp_snapshots snapshots;
        struct adp_report report;
        struct seal_rig rig;
        pid_t child;

        seal_rig_open(&rig);
        seal_rig_write(&rig, "a.bin", 30 << 20, delays_ms[i]);
        child = fork();
        if (child == 0)
            seal_in_child(&rig);
        usleep(delays_ms[i] * 1000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        CU_ASSERT_EQUAL(seal_rig_seal(&rig, (struct adp_options){0}, &report), ADP_OK);
        CU_ASSERT_EQUAL(adp_vault_snapshots(rig.vault, &snapshots, NULL, NULL, &rig.err), ADP_OK);
        CU_ASSERT_EQUAL(count_entries(rig.vault_path, "archives"), snapshots.num);
        adp_snapshots_free(&snapshots);
        CU_ASSERT_EQUAL(adp_verify(rig.vault, &verify, &report, &rig.err), ADP_OK);
        seal_rig_close(&rig);
    }
}

static void test_two_devices_one_is_told(void)
{
    struct adp_identity *second, *third;
    struct adp_vault *other;
    char path[128], *request2, *request3;
    struct seal_rig rig;

    seal_rig_open(&rig);
    snprintf(path, sizeof(path), "%s/second", rig.dir);
    CU_ASSERT_EQUAL_FATAL(
        adp_identity_create(&second, path, ADP_KIND_DEVICE, "second", NULL, &rig.err), ADP_OK);
    snprintf(path, sizeof(path), "%s/third", rig.dir);
    CU_ASSERT_EQUAL_FATAL(
        adp_identity_create(&third, path, ADP_KIND_SEALER, "third", NULL, &rig.err), ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_identity_request(second, &request2, &rig.err), ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_identity_request(third, &request3, &rig.err), ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_vault_open(&other, rig.vault_path, rig.identity, &rig.err), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_add_device(rig.vault, request2, NULL, &rig.err), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_generation(rig.vault), 2);
    CU_ASSERT_EQUAL(adp_vault_add_device(other, request3, NULL, &rig.err), ADP_ERR_CONFLICT);
    CU_ASSERT_EQUAL(adp_vault_add_device(rig.vault, request3, NULL, &rig.err), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_add_device(rig.vault, request3, NULL, &rig.err), ADP_ERR_EXISTS);
    CU_ASSERT_EQUAL(adp_vault_num_devices(rig.vault), 3);
    adp_vault_free(other);
    free(request2);
    free(request3);
    adp_identity_free(second);
    adp_identity_free(third);
    seal_rig_close(&rig);
}

/* Replaces the newest keybag with the bytes of generation one, under either name. */
static void test_rolled_back_keybag(void)
{
    struct adp_identity *sealer;
    struct adp_vault *vault;
    char path[256], command[512], *request;
    struct seal_rig rig;

    seal_rig_open(&rig);
    snprintf(path, sizeof(path), "%s/sealer", rig.dir);
    CU_ASSERT_EQUAL_FATAL(
        adp_identity_create(&sealer, path, ADP_KIND_SEALER, "box", NULL, &rig.err), ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_identity_request(sealer, &request, &rig.err), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_add_device(rig.vault, request, NULL, &rig.err), ADP_OK);
    snprintf(command, sizeof(command),
             "cd %s && for d in keybag snapshots; do cp $d/0000000000000001.adpk "
             "$d/0000000000000002.adpk; done",
             rig.vault_path);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_EQUAL(adp_vault_open(&vault, rig.vault_path, rig.identity, &rig.err), ADP_ERR_FORMAT);
    snprintf(command, sizeof(command), "rm %s/*/0000000000000002.adpk", rig.vault_path);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_EQUAL(adp_vault_open(&vault, rig.vault_path, rig.identity, &rig.err),
                    ADP_ERR_ROLLBACK);
    CU_ASSERT_PTR_NULL(vault);
    free(request);
    adp_identity_free(sealer);
    seal_rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"round trip over back ends, threads and memory", test_round_trip},
        {"a cancelled seal leaves nothing", test_cancelled_seal_leaves_nothing},
        {"a cancelled open of empty files", test_cancelled_open_of_empty_files},
        {"a forked child is told to load its identity", test_forked_child_is_told},
        {"what a killed seal leaves is swept up by the next", test_killed_seal_is_swept_up},
        {"of two changes at once one is told", test_two_devices_one_is_told},
        {"a rolled-back keybag is refused", test_rolled_back_keybag},
    };

    return adp_test_main("snapshots", cases, sizeof(cases) / sizeof(cases[0]));
}
