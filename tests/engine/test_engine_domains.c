/* Domains and paths of devices: every category can be reached, the exceptions come first, and no
 * name does harm. */
#include "category.h"
#include "domains.h"
#include "engine_test.h"

static struct adp_rules rules;

static unsigned category_of(const char *name)
{
    const struct adp_rule *rule = adp_rules_match(&rules, name, 0);

    return rule != NULL ? rule->category : 0;
}

static void test_every_category(void)
{
    int seen[ADP_NUM_CATEGORIES + 1] = {0};

    for (size_t i = 0; i < adp_domain_num_groups; i++) {
        seen[adp_domain_groups[i].category] = 1;
        CU_ASSERT_FALSE(adp_domain_groups[i].is_derived);
    }
    for (unsigned i = 1; i <= ADP_NUM_CATEGORIES; i++) {
        if (!seen[i])
            fprintf(stderr, "nothing on a device is of category %s\n", adp_category_name(i));
        CU_ASSERT(seen[i]);
    }
}

static const struct {
    const char *name;
    unsigned category;
} names[] = {
    {"HomeDomain/Library/Safari/History.db", ADP_CATEGORY_SAFARI},
    {"HomeDomain/Library/Safari/Bookmarks.db-wal", ADP_CATEGORY_BOOKMARKS},
    {"AppDomain-com.apple.mobilesafari/Library/Safari/Bookmarks.plist", ADP_CATEGORY_BOOKMARKS},
    {"HomeDomain/Library/Passes/Cards/x.pkpass/pass.json", ADP_CATEGORY_WALLET},
    {"HomeDomain/Library/Passes/passes23.sqlite", ADP_CATEGORY_CARD_TRANSACTIONS},
    {"CameraRollDomain/Media/DCIM/100APPLE/IMG_0001.HEIC", ADP_CATEGORY_PHOTOS},
    {"MediaDomain/Library/SMS/Attachments/0/1/IMG_0001.HEIC", ADP_CATEGORY_MESSAGES},
    {"MediaDomain/Media/Recordings/a.m4a", ADP_CATEGORY_VOICE_MEMOS},
    {"AppDomainGroup-group.com.apple.notes/NoteStore.sqlite", ADP_CATEGORY_NOTES},
    {"AppDomainPlugin-com.apple.mobilenotes/x", ADP_CATEGORY_NOTES},
    {"AppDomain-com.example.app/Library/Preferences/com.example.plist", ADP_CATEGORY_BACKUP},
    /* What only looks alike is of the application that has it. */
    {"AppDomain-com.example.app/Library/SMS/sms.db", ADP_CATEGORY_BACKUP},
    {"AppDomain-com.example.app/Documents/HealthDomain/x", ADP_CATEGORY_BACKUP},
    {"HealthDomainX/x", ADP_CATEGORY_BACKUP},
    {"HomeDomain/Library/AddressBookX", ADP_CATEGORY_BACKUP},
};

static void test_names(void)
{
    for (size_t i = 0; i < NUM_OF(names); i++) {
        unsigned category = category_of(names[i].name);

        if (category != names[i].category)
            fprintf(stderr, "%s: %s\n", names[i].name, adp_category_name(category));
        CU_ASSERT_EQUAL(category, names[i].category);
    }
}

static void test_no_harm(void)
{
    static const char *const odd[] = {"A//", "A/..",  "A/../../etc/passwd", "/", "//",
                                      "A/ ", "*/**/?"};
    char *slashes = malloc(4097), *stars = malloc(4097);

    CU_ASSERT_FATAL(slashes != NULL && stars != NULL);
    for (size_t i = 0; i < NUM_OF(odd); i++)
        (void)category_of(odd[i]);
    for (size_t i = 0; i < 4096; i++) {
        slashes[i] = i % 2 == 0 ? 'a' : '/';
        stars[i] = "com.apple."[i % 10];
    }
    slashes[4096] = stars[4096] = '\0';
    CU_ASSERT_EQUAL(category_of(slashes), ADP_CATEGORY_BACKUP);
    CU_ASSERT_EQUAL(category_of(stars), ADP_CATEGORY_BACKUP);
    free(slashes);
    free(stars);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"every category", test_every_category},
        {"names", test_names},
        {"no harm", test_no_harm},
    };
    int result = 1;

    if (adp_rules_add_groups(&rules, adp_domain_groups, adp_domain_num_groups, "") == 0 &&
        adp_rules_index(&rules) == 0)
        result = adp_test_main("engine/domains", cases, NUM_OF(cases));
    adp_rules_free(&rules);
    return result;
}
