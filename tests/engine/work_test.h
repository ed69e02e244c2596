/* What several do on one vault: each piece of work as a number, so that any two of them can be
 * tried together, and what must hold in the end. */
#ifndef WORK_TEST_H
#define WORK_TEST_H

#include <dirent.h>

#include "assurance.h"
#include "seal_test.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BASE          2u /* snapshots that are there before */

enum work {
    SEAL,
    SEAL_WITH_PARITY,
    OPEN,
    VERIFY,
    SCRUB,
    LIST,
    SNAPSHOTS,
    HISTORY,
    ROTATE,
    REMOVE,
    ERASE,
    REWRAP,
    REPAIR,
    PARITY_ADD,
    NUM_WORK,
};

static const char *const names[] = {
    "seal",    "seal with parity", "open",          "verify", "scrub",  "list",   "snapshots",
    "history", "rotate",           "device remove", "erase",  "rewrap", "repair", "parity add"};

static struct seal_rig rig; /* its vault and identity stay closed */
static char ids[BASE][ADP_SNAPSHOT_ID_LEN + 1];
static unsigned photos, to_erase; /* categories; nothing is sealed in the second */
static int is_at_rest;            /* nobody else is at work */

/* Somebody who works on the vault. */
struct actor {
    struct adp_identity *identity;
    struct adp_vault *vault;
    unsigned number; /* of those that are at work */
    unsigned num_findings;
};

static inline enum adp_status actor_open(struct actor *actor, struct adp_error *err)
{
    enum adp_status status;

    memset(actor, 0, sizeof(*actor));
    status = adp_identity_load(&actor->identity, rig.identity_path, NULL, err);
    return status == ADP_OK ? adp_vault_open(&actor->vault, rig.vault_path, actor->identity, err)
                            : status;
}

static inline void actor_close(struct actor *actor)
{
    adp_vault_free(actor->vault);
    adp_identity_free(actor->identity);
}

static inline void count_finding(void *user, const struct adp_finding *finding)
{
    struct actor *actor = user;

    /* A folder that a seal has made and not locked yet is told of, and means nothing. */
    if (finding->kind == ADP_FINDING_SURPLUS && !is_at_rest)
        return;
    fprintf(stderr, "%s: %s\n", finding->error->path, finding->error->message);
    actor->num_findings++;
}

static inline int pass_entry(void *user, const struct adp_entry *entry)
{
    (void)user, (void)entry;
    return 0;
}

static const struct adp_options small = {
    .num_threads = 2, .memory = (size_t)16 << 20, .io = "threads"};

static inline enum adp_status fail_test(struct adp_error *err, const char *message)
{
    *err = (struct adp_error){.status = ADP_ERR_INTERNAL};
    snprintf(err->message, sizeof(err->message), "%s", message);
    return ADP_ERR_INTERNAL;
}

/* Opens |snapshot| and compares. */
static inline enum adp_status open_whole(struct actor *actor, const char *snapshot,
                                         struct adp_error *err)
{
    char target[128], command[512];
    struct adp_open_options options = {
        .common = small, .selection = {.snapshot = snapshot}, .target = target};
    struct adp_report report;
    enum adp_status status;
    int is_same;

    snprintf(target, sizeof(target), "%s/target-%u", rig.dir, actor->number);
    status = adp_open(actor->vault, &options, &report, err);
    snprintf(command, sizeof(command), "diff -r %s %s/source", rig.source, target);
    is_same = status != ADP_OK || system(command) == 0;
    snprintf(command, sizeof(command), "rm -rf %s", target);
    if (system(command) != 0 || !is_same)
        return fail_test(err, "what was opened differs from what was sealed");
    return status;
}

static inline enum adp_status seal(struct actor *actor, unsigned percent, struct adp_error *err)
{
    const char *sources[] = {rig.source};
    struct adp_seal_options options = {
        .common = small, .sources = sources, .num_sources = 1, .parity_percent = percent};
    struct adp_report report;

    return adp_seal(actor->vault, &options, &report, err);
}

static inline enum adp_status scrub(struct actor *actor, struct adp_error *err)
{
    struct adp_scrub_options options = {.common = small, .on_finding = count_finding};
    struct adp_scrub_report report;
    enum adp_status status;

    options.common.user = actor;
    status = adp_scrub(actor->vault, &options, &report, err);
    return actor->num_findings > 0 ? fail_test(err, "there are findings") : status;
}

/* Nothing is missing, damaged or left over. */
static inline enum adp_status history(struct actor *actor, struct adp_error *err)
{
    struct adp_history seen = {0};
    enum adp_status status = adp_vault_history(actor->vault, &seen, err);

    if (seen.num_missing + seen.num_single + seen.num_damaged + seen.num_leftovers > 0)
        return fail_test(err, "the history is not whole");
    return status;
}

static inline enum adp_status list_snapshots(struct actor *actor, size_t *out_num,
                                             struct adp_error *err)
{
    struct adp_snapshots snapshots;
    enum adp_status status = adp_vault_snapshots(actor->vault, &snapshots, NULL, NULL, err);

    *out_num = snapshots.num;
    adp_snapshots_free(&snapshots);
    return status;
}

static inline enum adp_status run_work(struct actor *actor, enum work work, struct adp_error *err)
{
    struct adp_verify_options verify = {.common = small};
    struct adp_selection newest = {.snapshot = "latest"};
    struct adp_rewrap_options rewrap = {0};
    struct adp_repair_options repair = {.common = small};
    struct adp_parity_options parity = {.common = small, .percent = 10};
    union {
        struct adp_report all;
        struct adp_rewrap_report rewrap;
        struct adp_repair_report repair;
        struct adp_parity_report parity;
    } report;
    size_t num;

    switch (work) {
    case SEAL:
        return seal(actor, 0, err);
    case SEAL_WITH_PARITY:
        return seal(actor, 20, err);
    case OPEN:
        return open_whole(actor, ids[0], err);
    case VERIFY:
        return adp_verify(actor->vault, &verify, &report.all, err);
    case SCRUB:
        return scrub(actor, err);
    case LIST:
        return adp_list(actor->vault, &newest, pass_entry, NULL, NULL, err);
    case SNAPSHOTS:
        return list_snapshots(actor, &num, err);
    case HISTORY:
        return history(actor, err);
    case ROTATE:
        return adp_vault_rotate(actor->vault, NULL, 0, err);
    case REMOVE:
        return adp_vault_remove_device(actor->vault, "phone", err);
    case ERASE:
        return adp_vault_erase(actor->vault, to_erase, err);
    case REWRAP:
        return adp_rewrap(actor->vault, &rewrap, &report.rewrap, err);
    case REPAIR:
        return adp_repair(actor->vault, &repair, &report.repair, err);
    case PARITY_ADD:
        return adp_parity_add(actor->vault, &parity, &report.parity, err);
    case NUM_WORK:
        break;
    }
    return ADP_ERR_INTERNAL;
}

/* -- A vault of two snapshots with parity, rotated since ----------------------------------------
 */

/* Runs |command| in the rig's folder. */
static inline void shell(const char *command)
{
    char line[512];

    snprintf(line, sizeof(line), "cd %s && %s", rig.dir, command);
    CU_ASSERT_EQUAL_FATAL(system(line), 0);
}

static inline void admit_phone(void)
{
    struct adp_identity *phone;
    char path[128], *request;

    snprintf(path, sizeof(path), "%s/phone", rig.dir);
    CU_ASSERT_EQUAL_FATAL(
        adp_identity_create(&phone, path, ADP_KIND_DEVICE, "phone", NULL, &rig.err), ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_identity_request(phone, &request, &rig.err), ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_vault_add_device(rig.vault, request, NULL, &rig.err), ADP_OK);
    free(request);
    adp_identity_free(phone);
}

static inline void make_base(void)
{
    const char *sources[] = {rig.source};
    struct adp_seal_options options = {.sources = sources, .num_sources = 1, .parity_percent = 20};
    struct adp_report report;

    seal_rig_open(&rig);
    photos = adp_category_find("photos");
    to_erase = adp_category_find("bookmarks");
    is_at_rest = 0;
    seal_rig_write(&rig, "a.jpg", 400000, 1);
    seal_rig_write(&rig, "b.txt", 100000, 2);
    admit_phone();
    for (unsigned i = 0; i < BASE; i++) {
        CU_ASSERT_EQUAL_FATAL(adp_seal(rig.vault, &options, &report, &rig.err), ADP_OK);
        memcpy(ids[i], report.snapshot, sizeof(ids[i]));
    }
    CU_ASSERT_EQUAL_FATAL(adp_vault_rotate(rig.vault, NULL, 0, &rig.err), ADP_OK);
    adp_vault_free(rig.vault);
    adp_identity_free(rig.identity);
    rig.vault = NULL;
    rig.identity = NULL;
    shell("mkdir base && cp -a vault identity base");
}

static inline void go_back(void)
{
    shell("rm -rf vault identity && cp -a base/. .");
}

/* Of each archive one bit, which its parity heals. */
static inline void damage(void)
{
    shell("for file in vault/archives/*/*.adps; do"
          " printf x | dd of=$file bs=1 seek=5000 conv=notrunc status=none; done");
}

static inline int num_in(const char *folder, const char *suffix)
{
    char path[256];
    DIR *dir;
    int num = 0;

    snprintf(path, sizeof(path), "%s/%s", rig.vault_path, folder);
    dir = opendir(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const char *end = strrchr(entry->d_name, '.');

        num += entry->d_name[0] != '.' && strcmp(end != NULL ? end : "", suffix) == 0;
    }
    closedir(dir);
    return num;
}

static inline int is_right(enum work work, enum adp_status status, const struct adp_error *err)
{
    if (status == ADP_OK)
        return 1;
    if (status == ADP_ERR_CONFLICT && err->hint[0] != '\0')
        return 1;
    fprintf(stderr, "%s: %s: %s: %s\n", names[work], err->path, err->message, err->hint);
    return 0;
}

/* Repeats what was refused. */
static inline void repeat(enum work work, enum adp_status status)
{
    struct adp_error err = {0};
    struct actor actor;

    if (status != ADP_ERR_CONFLICT)
        return;
    CU_ASSERT_EQUAL_FATAL(actor_open(&actor, &err), ADP_OK);
    CU_ASSERT_EQUAL(run_work(&actor, work, &err), ADP_OK);
    actor_close(&actor);
}

static inline void check_settled(size_t num_snapshots)
{
    static const enum work last[] = {VERIFY, SCRUB, HISTORY};
    struct adp_error err = {0};
    struct adp_snapshots snapshots;
    struct actor actor;

    is_at_rest = 1;
    CU_ASSERT_EQUAL_FATAL(actor_open(&actor, &err), ADP_OK);
    for (size_t i = 0; i < NUM_OF(last); i++)
        CU_ASSERT_TRUE(is_right(last[i], run_work(&actor, last[i], &err), &err));
    CU_ASSERT_EQUAL(adp_vault_snapshots(actor.vault, &snapshots, NULL, NULL, &err), ADP_OK);
    CU_ASSERT_EQUAL(snapshots.num, num_snapshots);
    for (size_t i = 1; i < snapshots.num; i++)
        CU_ASSERT_EQUAL(open_whole(&actor, snapshots.items[i].id, &err), ADP_OK);
    adp_snapshots_free(&snapshots);
    CU_ASSERT_EQUAL(num_in("archives", ""), (int)num_snapshots);
    CU_ASSERT_EQUAL(num_in("archives/..", ".tmp"), 0);
    actor_close(&actor);
}

static inline int is_seal(enum work work)
{
    return work == SEAL || work == SEAL_WITH_PARITY;
}

static inline int is_soak(void)
{
    const char *soak = getenv("ADP_SOAK");

    return soak != NULL && strcmp(soak, "1") == 0;
}

#endif
