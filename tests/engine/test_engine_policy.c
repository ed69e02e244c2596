#include "policy.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "adp_test.h"
#include "builtin.h"
#include "category.h"
#include "glob.h"

#define ORIGIN "test.yaml"

static struct adp_policy *load_builtin(void)
{
    struct adp_policy *policy = NULL;

    CU_ASSERT_EQUAL_FATAL(adp_policy_load(&policy, NULL, NULL), ADP_OK);
    return policy;
}

static enum adp_status parse(struct adp_policy **out_policy, const char *text,
                             struct adp_error *err)
{
    return adp_policy_parse(out_policy, (const uint8_t *)text, strlen(text), ORIGIN, err);
}

static struct adp_policy *must_parse(const char *text)
{
    struct adp_policy *policy = NULL;
    struct adp_error err = {0};

    if (parse(&policy, text, &err) != ADP_OK)
        fprintf(stderr, "%s\n", err.message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
    return policy;
}

static struct adp_verdict verdict_of(const struct adp_policy *policy, const char *path)
{
    char copy[512];
    size_t len = strlen(path);
    int is_dir = path[len - 1] == '/';
    struct adp_verdict verdict = {0};

    snprintf(copy, sizeof(copy), "%.*s", (int)(len - (size_t)is_dir), path);
    adp_policy_classify(policy, copy, is_dir, &verdict);
    return verdict;
}

static void expect(const struct adp_policy *policy, const char *path, const char *category)
{
    const char *name = adp_category_name(verdict_of(policy, path).category);

    if (strcmp(name, category) != 0)
        fprintf(stderr, "%s: %s, expected %s\n", path, name, category);
    CU_ASSERT_STRING_EQUAL(name, category);
}

static void test_categories(void)
{
    unsigned by_class[4] = {0};

    CU_ASSERT_PTR_NULL(adp_category_name(0));
    CU_ASSERT_PTR_NULL(adp_category_name(ADP_NUM_CATEGORIES + 1));
    CU_ASSERT_EQUAL(adp_category_find("Photos"), 0);
    CU_ASSERT_EQUAL(adp_category_find(""), 0);
    for (unsigned i = 1; i <= ADP_NUM_CATEGORIES; i++) {
        CU_ASSERT_EQUAL(adp_category_find(adp_category_name(i)), i);
        by_class[adp_category_class_of(i)]++;
    }
    CU_ASSERT_EQUAL(by_class[ADP_CLASS_DEFAULT], 14);
    CU_ASSERT_EQUAL(by_class[ADP_CLASS_ADVANCED], 9);
    CU_ASSERT_EQUAL(by_class[ADP_CLASS_NEVER], 3);
    /* The numbers are part of the format. */
    CU_ASSERT_STRING_EQUAL(adp_category_name(1), "passwords");
    CU_ASSERT_STRING_EQUAL(adp_category_name(15), "backup");
    CU_ASSERT_STRING_EQUAL(adp_category_name(17), "photos");
    CU_ASSERT_STRING_EQUAL(adp_category_name(26), "calendar");
}

static void test_builtin_patterns_are_valid(void)
{
    unsigned covered[ADP_NUM_CATEGORIES + 1] = {0};

    for (size_t i = 0; i < adp_builtin_num_groups; i++) {
        const struct adp_rule_group *group = &adp_builtin_groups[i];

        covered[group->category] = 1;
        for (const char *const *pattern = group->patterns; *pattern != NULL; pattern++) {
            if (adp_glob_check(*pattern) != NULL)
                fprintf(stderr, "%s: %s\n", *pattern, adp_glob_check(*pattern));
            CU_ASSERT_PTR_NULL(adp_glob_check(*pattern));
        }
    }
    for (unsigned i = 1; i <= ADP_NUM_CATEGORIES; i++) {
        if (i != ADP_CATEGORY_DRIVE && !covered[i])
            fprintf(stderr, "no rule leads to %s\n", adp_category_name(i));
        CU_ASSERT_TRUE(covered[i] || i == ADP_CATEGORY_DRIVE);
    }
}

static void test_builtin_rules(void)
{
    static const char *const expected[][2] = {
        {"Pictures/IMG_0001.HEIC", "photos"},
        {"card/DCIM/100CANON/IMG_0001.CR3", "photos"},
        {"card/DCIM/100CANON/readme.txt", "photos"},
        {"card/DCIM/", "photos"},
        {"card/DCIM", "drive"},
        {"Pictures/Family.photoslibrary/database/Photos.sqlite", "photos"},
        {"Takeout/IMG_1.jpg.json", "photos"},
        {"Photos from 2023/IMG_1.HEIC.supplemental-metadata(1).json", "photos"},
        {"Photos from 2023/PXL_20230101_101112131.jpg.supplemental-met.json", "photos"},
        {"Photos from 2023/cat.gif.json", "photos"},
        {"src/package.json", "drive"},
        {"Pictures/IMG_1.AAE", "photos"},
        {"Films/birthday.mov", "photos"},
        {"phone/Recordings/2024/talk.m4a", "voice-memos"},
        {"Music/album/track.m4a", "drive"},
        {"phone/call.amr", "voice-memos"},
        {"Mail/inbox.mbox", "mail"},
        {"user/Maildir/cur/1699.M1P2:2,S", "mail"},
        {"Library/Mail/V10/x/Attachments/1/photo.jpg", "mail"},
        {"contacts.VCF", "contacts"},
        {"calendar/home.ics", "calendar"},
        {"safe.kdbx", "passwords"},
        {"home/.password-store/web/site.gpg", "passwords"},
        {"letters/site.gpg", "drive"},
        {"x.opvault/default/profile.js", "passwords"},
        {"passes/boarding.pkpass", "wallet"},
        {"bank/2024.ofx", "card-transactions"},
        {"export/apple_health_export/export.xml", "health"},
        {"export/export.xml", "drive"},
        {"runs/2024-01-01.fit", "health"},
        {"tracks/alps.gpx", "maps"},
        {"firefox/abc.default/places.sqlite", "bookmarks"},
        {"Library/Safari/Bookmarks.plist", "bookmarks"},
        {"Library/Safari/History.db", "safari"},
        {"Library/Messages/Attachments/1/photo.jpg", "messages"},
        {"old/chat.db", "messages"},
        {"root/etc/NetworkManager/system-connections/home.nmconnection", "wifi"},
        {"root/var/lib/bluetooth/AA/BB/info", "bluetooth-keys"},
        {"x/MobileSync/Backup/ab/photo.jpg", "backup"},
        {"Library/HomeKit/core.sqlite", "home"},
        {"morning.shortcut", "shortcuts"},
        {"notes/all.enex", "notes"},
        {"todo.txt", "reminders"},
        {"ann/.mozilla/firefox/a.default/places.sqlite", "bookmarks"},
        {"ann/.mozilla/firefox/a.default/key4.db", "passwords"},
        {"ann/.mozilla/firefox/a.default/cookies.sqlite", "safari"},
        {"ann/.config/google-chrome/Default/Bookmarks", "bookmarks"},
        {"ann/.config/google-chrome/Default/Login Data", "passwords"},
        {"ann/.config/google-chrome/Default/History", "safari"},
        {"ann/.config/BraveSoftware/Brave-Browser/Default/Bookmarks", "bookmarks"},
        {"ann/.config/BraveSoftware/Brave-Browser/Default/History", "safari"},
        {"ann/.config/opera/Bookmarks", "bookmarks"},
        {"ann/.config/gtk-3.0/bookmarks", "drive"},
        {"ann/.config/mozilla/firefox/a.default/cookies.sqlite", "safari"},
        {"ann/.var/app/com.google.Chrome/config/google-chrome/Default/History", "safari"},
        {"ann/.var/app/com.google.Chrome/config/google-chrome/Default/Bookmarks", "bookmarks"},
        {"ann/.var/app/com.brave.Browser/config/BraveSoftware/Brave-Browser/Default/Bookmarks",
         "bookmarks"},
        {"ann/snap/chromium/common/chromium/Default/Bookmarks", "bookmarks"},
        {"ann/snap/chromium/common/chromium/Default/History", "safari"},
        {"ann/.var/app/org.signal.Signal/config/Signal/sql/db.sqlite", "messages"},
        {"ann/.local/share/kwalletd/kdewallet.kwl", "passwords"},
        {"ann/.netrc", "passwords"},
        {"ann/mbox", "mail"},
        {"root/var/mail/ann", "mail"},
        {"ann/.calcurse/apts", "calendar"},
        {"ann/.abook/addressbook", "contacts"},
        {"ann/.config/joplin-desktop/database.sqlite", "notes"},
        {"root/var/lib/iwd/home.psk", "wifi"},
        {"root/etc/wpa_supplicant/wpa_supplicant-wlan0.conf", "wifi"},
        {"ann/Pictures/2024/IMG_1.CR2.pp3", "photos"},
        {"ann/Bilder/2024/IMG_1.CR2.pp3", "photos"},
        {"ann/画像/2024/IMG_1.CR2.pp3", "photos"},
        {"ann/Pictures/invitation.ics", "calendar"},
        {"ann/Documents/letter.odt", "drive"},
        {"src/main.c", "drive"},
        {"jpg", "drive"},
        {"photo.jpg/notes.md", "photos"},
    };
    struct adp_policy *policy = load_builtin();

    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        expect(policy, expected[i][0], expected[i][1]);
    CU_ASSERT_TRUE(verdict_of(policy, "ann/.cache/thumbnails/large/1.png").is_derived);
    CU_ASSERT_FALSE(verdict_of(policy, "ann/Pictures/1.png").is_derived);
    adp_policy_free(policy);
}

static void test_verdict_names_the_rule(void)
{
    struct adp_policy *policy = must_parse("version: 1\n"
                                           "builtin: true\n"
                                           "rules:\n"
                                           "  - {match: \"/Work/\", category: drive}\n"
                                           "  - {match: \"*.scan.png\", category: notes}\n");
    struct adp_verdict verdict = verdict_of(policy, "Work/logo.jpg");

    CU_ASSERT_EQUAL(verdict.category, ADP_CATEGORY_DRIVE);
    CU_ASSERT_STRING_EQUAL(verdict.rule, "/Work/");
    CU_ASSERT_STRING_EQUAL(verdict.origin, ORIGIN);
    CU_ASSERT_EQUAL(verdict.line, 1);
    verdict = verdict_of(policy, "home/a.scan.png");
    CU_ASSERT_EQUAL(verdict.category, ADP_CATEGORY_NOTES);
    CU_ASSERT_EQUAL(verdict.line, 2);
    verdict = verdict_of(policy, "home/Work/a.png");
    CU_ASSERT_EQUAL(verdict.category, ADP_CATEGORY_PHOTOS);
    CU_ASSERT_STRING_EQUAL(verdict.rule, "*.png");
    CU_ASSERT_STRING_EQUAL(verdict.origin, "built-in");
    CU_ASSERT_NOT_EQUAL(verdict.line, 0);
    verdict = verdict_of(policy, "home/x");
    CU_ASSERT_EQUAL(verdict.category, ADP_CATEGORY_DRIVE);
    CU_ASSERT_STRING_EQUAL(verdict.rule, "(default)");
    CU_ASSERT_EQUAL(verdict.line, 0);
    adp_policy_free(policy);
}

/* Every kind of pattern, whichever way it is found, keeps its place in the order. */
static void test_first_rule_wins(void)
{
    struct adp_policy *policy = must_parse("version: 1\n"
                                           "builtin: false\n"
                                           "default: backup\n"
                                           "rules:\n"
                                           "  - {match: \"keep.jpg\", category: notes}\n"
                                           "  - {match: \"a?c*\", category: maps}\n"
                                           "  - {match: \"*.jpg\", category: photos}\n"
                                           "  - {match: \"/deep/**\", category: mail}\n"
                                           "  - {match: \"IMG_*.jpg\", category: calendar}\n"
                                           "  - {match: \"deep/keep.txt\", category: contacts}\n"
                                           "  - {match: \"*.txt\", category: drive}\n"
                                           "  - {match: \"*.txt\", category: wallet}\n");

    expect(policy, "deep/keep.jpg", "notes");
    expect(policy, "deep/x.jpg", "photos");
    expect(policy, "IMG_1.jpg", "photos");
    expect(policy, "abc.jpg", "maps");
    expect(policy, "x.jpg/abc", "maps");
    expect(policy, "x.jpg/keep.jpg", "notes");
    expect(policy, "deep/keep.txt", "mail");
    expect(policy, "x.txt", "drive");
    expect(policy, "deep/", "backup");
    expect(policy, "x.heic", "backup");
    CU_ASSERT_STRING_EQUAL(verdict_of(policy, "x.heic").origin, ORIGIN);
    adp_policy_free(policy);
}

static void test_refused(void)
{
    static const struct {
        const char *text;
        enum adp_status status;
        const char *says;
    } bad[] = {
        {"", ADP_ERR_ARGUMENT, "no policy"},
        {"- a\n", ADP_ERR_ARGUMENT, "MAPPING"},
        {"rules: []\n", ADP_ERR_ARGUMENT, "version"},
        {"version: 2\n", ADP_ERR_UNSUPPORTED, "version 2"},
        {"version: 1\nrule: []\n", ADP_ERR_ARGUMENT, "rule"},
        {"version: 1\nversion: 1\n", ADP_ERR_ARGUMENT, "version"},
        {"version: 1\nbuiltin: perhaps\n", ADP_ERR_ARGUMENT, "line 2"},
        {"version: 1\ndefault: nonsense\n", ADP_ERR_ARGUMENT, "default: no category"},
        {"version: 1\nrules: [{match: a, category: photo}]\n", ADP_ERR_ARGUMENT, "rule 1"},
        {"version: 1\nrules: [{match: a, category: photos}, {match: \"[a\", category: mail}]\n",
         ADP_ERR_ARGUMENT, "rule 2"},
        {"version: 1\nrules:\n  - match: a\n", ADP_ERR_ARGUMENT, "category"},
        {"version: 1\nrules: [{category: mail}]\n", ADP_ERR_ARGUMENT, "rule 1"},
        {"version: 1\nrules: [{match: a, label: a, category: mail}]\n", ADP_ERR_ARGUMENT, "rule 1"},
        {"version: 1\nrules: [{label: \"[a\", category: mail}]\n", ADP_ERR_ARGUMENT, "rule 1"},
        {"version: 1\nrules: [", ADP_ERR_ARGUMENT, "line"},
        {"version: &v 1\ndefault: *v\n", ADP_ERR_ARGUMENT, "alias"},
        {"version: 1\ndefault: \"\xff\"\n", ADP_ERR_ARGUMENT, "UTF-8"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct adp_policy *policy = NULL;
        struct adp_error err = {0};

        CU_ASSERT_EQUAL(parse(&policy, bad[i].text, &err), bad[i].status);
        CU_ASSERT_PTR_NULL(policy);
        CU_ASSERT_STRING_EQUAL(err.path, ORIGIN);
        if (strstr(err.message, bad[i].says) == NULL)
            fprintf(stderr, "%s: says \"%s\"\n", bad[i].text, err.message);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.message, bad[i].says));
    }
}

static void test_files(void)
{
    static const char text[] = "version: 1\ndefault: notes\n";
    char path[] = "/tmp/adp-policy-XXXXXX";
    int fd = mkstemp(path);
    struct adp_policy *policy = NULL;
    struct adp_error err = {0};

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
    CU_ASSERT_EQUAL_FATAL(adp_policy_load(&policy, path, &err), ADP_OK);
    expect(policy, "anything", "notes");
    expect(policy, "a.jpg", "photos");
    CU_ASSERT_STRING_EQUAL(verdict_of(policy, "anything").origin, path);
    adp_policy_free(policy);

    CU_ASSERT_EQUAL(ftruncate(fd, 2 << 20), 0);
    CU_ASSERT_EQUAL(adp_policy_load(&policy, path, &err), ADP_ERR_ARGUMENT);
    close(fd);
    unlink(path);
    CU_ASSERT_EQUAL(adp_policy_load(&policy, path, &err), ADP_ERR_IO);
    CU_ASSERT_STRING_EQUAL(err.path, path);
    adp_policy_free(NULL);
}

/* The walk classifies every path. Measured: 0.6 us a path at -O2; the bound leaves room for slow
 * machines and sanitizers, not for a matcher that tries every rule. */
static void test_fast(void)
{
    enum { NUM_PATHS = 100000 };
    struct adp_policy *policy = load_builtin();
    struct adp_verdict verdict;
    char path[128];
    clock_t start = clock();
    double seconds;

    for (int i = 0; i < NUM_PATHS; i++) {
        snprintf(path, sizeof(path), "home/person/Documents/project-%d/src/file-%d.c", i % 100, i);
        adp_policy_classify(policy, path, 0, &verdict);
    }
    seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    printf("%.2f us a path ... ", seconds * 1e6 / NUM_PATHS);
    CU_ASSERT_TRUE(seconds < 2.0);
    adp_policy_free(policy);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"categories", test_categories},
        {"built-in patterns are valid", test_builtin_patterns_are_valid},
        {"built-in rules", test_builtin_rules},
        {"a verdict names the rule", test_verdict_names_the_rule},
        {"the first rule wins", test_first_rule_wins},
        {"refused policies", test_refused},
        {"policy files", test_files},
        {"classifying is fast", test_fast},
    };

    return adp_test_main("policy", cases, sizeof(cases) / sizeof(cases[0]));
}
