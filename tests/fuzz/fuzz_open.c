/* End to end: whatever somebody with valid keys has sealed, list, verify and open end with a status
 * that fits, and nothing is written outside of the target. What verifies is listed and restored as
 * it was described, and what was changed after it was sealed does not verify.
 *
 * open_plan.h says what an input is, and open_mutator.c makes more of them. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fs.h"
#include "fuzz.h"
#include "fuzzing.h"
#include "open_check.h"
#include "open_plan.h"
#include "open_seal.h"

static struct {
    struct check check;
    char vault_path[96], target[96];
    struct adp_identity *identity;
    struct adp_vault *vault;
    int output; /* of cat */
} rig;

static void rig_remove(void)
{
    adp_vault_free(rig.vault);
    adp_identity_free(rig.identity);
    (void)adp_fs_remove_tree(AT_FDCWD, rig.check.base);
}

/* Once in a process. */
static void rig_make(void)
{
    char identity[96];

    if (rig.vault != NULL)
        return;
    /* Whole huge pages would be cleared for buffers of which little is used. */
    (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    check_init(&rig.check);
    snprintf(rig.vault_path, sizeof(rig.vault_path), "%s/vault", rig.check.base);
    snprintf(rig.target, sizeof(rig.target), "%s/target", rig.check.base);
    snprintf(identity, sizeof(identity), "%s/identity", rig.check.base);
    FUZZ_CHECK(adp_identity_create(&rig.identity, identity, ADP_KIND_DEVICE, "fuzz", NULL, NULL) ==
               ADP_OK);
    FUZZ_CHECK(adp_vault_create(&rig.vault, rig.vault_path, rig.identity, "fuzz", NULL) == ADP_OK);
    /* What runs in a child is not seen by the fuzzer, and survived by it. */
    FUZZ_CHECK(adp_vault_set_sandbox(rig.vault, "off", NULL) == ADP_OK);
    seal_folder(rig.vault_path);
    rig.output = memfd_create("output", MFD_CLOEXEC);
    FUZZ_CHECK(rig.output >= 0);
    atexit(rig_remove);
}

/* Whatever is wrong is said to be so, and is no fault of the library's. */
static void check_status(enum adp_status status)
{
    FUZZ_CHECK(status != ADP_ERR_INTERNAL && status != ADP_ERR_ARGUMENT &&
               status != ADP_ERR_CANCELLED && status != ADP_ERR_CONFLICT);
}

/* -- List. */

struct listing {
    const struct plan *plan;
    size_t archive, entry;
};

static int list_entry(void *user, const struct adp_entry *entry)
{
    struct listing *listing = user;
    const struct plan_entry *expected;

    for (;;) {
        const struct plan_archive *archive = &listing->plan->archives[listing->archive];

        if (listing->entry == archive->num_entries) {
            listing->entry = 0;
            FUZZ_CHECK(++listing->archive < PLAN_NUM_ARCHIVES);
            continue;
        }
        expected = &archive->entries[listing->entry++];
        if (expected->item->type != ADP_INDEX_CONTINUATION)
            break;
    }
    FUZZ_CHECK(entry->category == seal_categories[listing->archive]);
    FUZZ_CHECK(entry->type == (enum adp_entry_type)expected->item->type);
    FUZZ_CHECK(strcmp(entry->path, expected->path) == 0 && entry->mode == expected->mode);
    FUZZ_CHECK(entry->type != ADP_ENTRY_FILE || entry->size == expected->size);
    return 0;
}

static int ignore_entry(void *user, const struct adp_entry *entry)
{
    (void)user;
    FUZZ_CHECK(strlen(entry->path) > 0 && entry->path[0] != '/');
    return 0;
}

static void run_list(const struct plan *plan, int is_good, int is_exact)
{
    const struct adp_selection selection = {.snapshot = SEAL_ID};
    struct listing listing = {.plan = plan};
    enum adp_status status =
        adp_list(rig.vault, &selection, is_good && is_exact ? list_entry : ignore_entry, NULL,
                 &listing, NULL);

    check_status(status);
    FUZZ_CHECK(!is_good || status == ADP_OK);
}

/* -- Verify, open, cat. */

static struct adp_options common_of(const struct plan *plan)
{
    return (struct adp_options){.num_threads = 1,
                                .memory = (size_t)16 << 20,
                                .io = plan->options & PLAN_URING ? "auto" : "threads",
                                .on_event = check_event,
                                .user = &rig.check};
}

static enum adp_status run_verify(const struct plan *plan)
{
    const struct adp_verify_options options = {.common = common_of(plan),
                                               .selection = {.snapshot = SEAL_ID}};
    struct adp_report report;
    enum adp_status status = adp_verify(rig.vault, &options, &report, NULL);

    check_status(status);
    return status;
}

static enum adp_status run_open(const struct plan *plan, int overwrite)
{
    const char *path = NULL;
    struct adp_open_options options = {.common = common_of(plan),
                                       .selection = {.snapshot = SEAL_ID, .paths = &path},
                                       .target = rig.target,
                                       .overwrite = overwrite,
                                       .keep_going = (plan->options & PLAN_KEEP_GOING) != 0};
    struct adp_report report;
    enum adp_status status;

    for (size_t i = 0; i < PLAN_NUM_ARCHIVES && (plan->options & PLAN_SELECT) != 0; i++) {
        if (plan->archives[i].num_entries > 0)
            path = plan->archives[i].entries[plan->archives[i].num_entries / 2].path;
    }
    options.selection.num_paths = path != NULL;
    status = adp_open(rig.vault, &options, &report, NULL);
    check_canaries(&rig.check);
    if (path == NULL) /* which may be none that can be asked for */
        check_status(status);
    return status;
}

static void run_cat(const struct plan *plan, int is_good)
{
    const struct plan_archive *archive = &plan->archives[plan->archives[0].num_entries == 0];
    enum adp_status status;
    uint8_t *expected, *got;
    size_t at = 0, len;

    while (at < archive->num_entries && archive->entries[at].item->type != ADP_ENTRY_FILE)
        at++;
    if (at == archive->num_entries || archive->entries[at].size > PLAN_CONTENT_MAX)
        return;
    FUZZ_CHECK(ftruncate(rig.output, 0) == 0 && lseek(rig.output, 0, SEEK_SET) == 0);
    status = adp_cat(rig.vault, SEAL_ID, archive->entries[at].path, rig.output, NULL);
    FUZZ_CHECK(status != ADP_ERR_INTERNAL);
    if (!is_good)
        return;
    FUZZ_CHECK(status == ADP_OK);
    expected = plan_content(archive, at, PLAN_CONTENT_MAX, &len);
    got = malloc(len + 1);
    FUZZ_CHECK(expected != NULL && got != NULL);
    FUZZ_CHECK(adp_fs_read_all(rig.output, got, len + 1, 0) == (int64_t)len);
    FUZZ_CHECK(memcmp(got, expected, len) == 0);
    free(got);
    free(expected);
}

static void run_plan(const struct plan *plan)
{
    struct sealed sealed;
    enum adp_status verified, opened;
    int is_exact = plan_is_exact(plan);
    int is_whole = (plan->options & (PLAN_SELECT | PLAN_KEEP_GOING)) == 0;

    if (!seal_plan(&sealed, plan, rig.vault, rig.vault_path))
        return;
    verified = run_verify(plan);
    FUZZ_CHECK(!sealed.is_wrong || verified != ADP_OK);
    FUZZ_CHECK(!sealed.is_changed || ADP_SKIP_AUTHENTICATION || verified != ADP_OK);
    run_list(plan, verified == ADP_OK, is_exact);
    for (int round = 0; round < (plan->options & PLAN_TWICE ? 2 : 1); round++) {
        check_begin(&rig.check, round > 0);
        opened = run_open(plan, round);
        if (verified == ADP_OK && (plan->options & PLAN_SELECT) == 0) {
            FUZZ_CHECK(opened == ADP_OK || opened == ADP_ERR_PARTIAL);
            if (is_exact)
                check_tree(&rig.check, plan);
        }
        /* Where no slot is of a known key, the archive is left out and told. */
        if (is_whole && sealed.is_wrong)
            FUZZ_CHECK(opened != ADP_OK &&
                       (opened != ADP_ERR_PARTIAL || check_was_refused(&rig.check)));
    }
    if ((plan->options & PLAN_CAT) != 0)
        run_cat(plan, verified == ADP_OK && is_exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct plan *plan;

    rig_make();
    plan = plan_make(data, len, rig.check.base);
    if (plan != NULL)
        run_plan(plan);
    plan_free(plan);
    return 0;
}
