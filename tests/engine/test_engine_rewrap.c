/* What rewrap leaves alone: categories whose keys nobody holds, and everything when it is stopped.
 */
#include "seal_test.h"
#include "vault.h"

/* A file of two categories, sealed; then every category rotated. */
static void rig_open(struct seal_rig *rig)
{
    struct adp_report report;

    seal_rig_open(rig);
    seal_rig_write(rig, "a.jpg", 5000, 1);
    seal_rig_write(rig, "b.bin", 5000, 2);
    CU_ASSERT_EQUAL_FATAL(seal_rig_seal(rig, (struct adp_options){0}, &report), ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_vault_rotate(rig->vault, NULL, 0, &rig->err), ADP_OK);
}

/* Publishes a keybag in which nobody has the key of |epoch| of |category|. */
static void erase(struct seal_rig *rig, unsigned category, uint32_t epoch)
{
    struct adp_change change;

    CU_ASSERT_EQUAL_FATAL(adp_change_begin(&change, rig->vault, &rig->err), ADP_OK);
    change.next.categories[category - 1].epochs[epoch - 1].num_wraps = 0;
    CU_ASSERT_EQUAL(adp_change_publish(&change, &rig->err, "erased"), ADP_OK);
    adp_change_end(&change);
}

struct heard {
    unsigned num_notes, num_refused, num_progress;
    unsigned stop_at; /* which call of progress cancels; 0: none */
};

static void hear(void *user, const struct adp_event *event)
{
    struct heard *heard = user;

    heard->num_notes += event->kind == ADP_EVENT_NOTE;
    heard->num_refused += event->kind == ADP_EVENT_REFUSED;
}

static int hear_progress(void *user, const struct adp_progress *progress)
{
    struct heard *heard = user;

    CU_ASSERT_STRING_EQUAL(progress->stage, "rewrap");
    return ++heard->num_progress == heard->stop_at;
}

static enum adp_status rewrap(struct seal_rig *rig, struct heard *heard,
                              struct adp_rewrap_report *report)
{
    struct adp_rewrap_options options = {
        .common = {.on_event = hear, .on_progress = hear_progress, .user = heard}};

    return adp_rewrap(rig->vault, &options, report, &rig->err);
}

static void check_same(struct seal_rig *rig)
{
    struct adp_report report;

    CU_ASSERT_EQUAL(seal_rig_restore(rig, (struct adp_options){0}, &report), ADP_OK);
    CU_ASSERT_TRUE(seal_rig_same(rig));
}

static void test_erased_archives(void)
{
    struct adp_rewrap_report report;
    struct heard heard = {0};
    struct seal_rig rig;

    rig_open(&rig);
    erase(&rig, adp_category_find("photos"), 1);
    CU_ASSERT_EQUAL(rewrap(&rig, &heard, &report), ADP_OK);
    CU_ASSERT_TRUE(report.num_archives == 2 && report.num_rewritten == 1 &&
                   report.num_erased == 1 && report.num_failed == 0);
    CU_ASSERT_TRUE(heard.num_notes == 1 && heard.num_refused == 0);
    seal_rig_close(&rig);
}

/* Nothing is wrapped to a key that nobody has: that would lose the archive. */
static void test_newest_epoch_erased(void)
{
    struct adp_rewrap_report report;
    struct heard heard = {0};
    struct seal_rig rig;

    rig_open(&rig);
    erase(&rig, adp_category_find("photos"), 2);
    CU_ASSERT_EQUAL(rewrap(&rig, &heard, &report), ADP_OK);
    CU_ASSERT_TRUE(report.num_rewritten == 1 && report.num_erased == 1);
    check_same(&rig);
    seal_rig_close(&rig);
}

static void test_cancelled(void)
{
    struct adp_rewrap_report report = {0};
    struct heard heard = {.stop_at = 2};
    struct seal_rig rig;

    rig_open(&rig);
    CU_ASSERT_EQUAL(rewrap(&rig, &heard, &report), ADP_ERR_CANCELLED);
    heard.stop_at = 0;
    CU_ASSERT_EQUAL(rewrap(&rig, &heard, &report), ADP_OK);
    CU_ASSERT_EQUAL(report.num_rewritten, 2);
    CU_ASSERT_EQUAL(report.num_mended, 0);
    check_same(&rig);
    seal_rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"archives whose keys were erased", test_erased_archives},
        {"a category whose newest key was erased", test_newest_epoch_erased},
        {"stopped", test_cancelled},
    };

    return adp_test_main("rewrap", cases, sizeof(cases) / sizeof(cases[0]));
}
