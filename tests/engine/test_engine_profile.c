#include "profile.h"

#include <limits.h>

#include "../io/scratch.h"
#include "engine_test.h"
#include "glob.h"
#include "policy.h"
#include "profiles.h"

/* A walk that is in one folder, which lies at |scratch|. */
struct rig {
    struct scratch scratch;
    struct adp_policy *policy;
    struct adp_profiles *profiles;
    struct adp_tell tell;
    struct adp_options options;
};

static void rig_make(struct rig *rig, const char *choice, const char *policy)
{
    memset(rig, 0, sizeof(*rig));
    rig->scratch = scratch_make();
    adp_tell_init(&rig->tell, &rig->options, "scan");
    if (policy != NULL)
        et_expect(adp_policy_parse(&rig->policy, (const uint8_t *)policy, strlen(policy),
                                   "own.yaml", NULL),
                  ADP_OK, NULL, "policy");
    else
        et_expect(adp_policy_load(&rig->policy, NULL, NULL), ADP_OK, NULL, "policy");
    et_expect(adp_profiles_new(&rig->profiles, choice, rig->policy, &rig->tell, NULL), ADP_OK, NULL,
              "profiles");
}

static void rig_free(struct rig *rig)
{
    adp_profiles_free(rig->profiles);
    adp_policy_free(rig->policy);
    scratch_remove(&rig->scratch);
}

static void make_dirs(const struct rig *rig, const char *const *names)
{
    for (; *names != NULL; names++)
        CU_ASSERT_EQUAL_FATAL(mkdirat(rig->scratch.fd, *names, 0755), 0);
}

static const char *const immich_dirs[] = {"encoded-video", "thumbs", "upload", NULL};

/* read_names reads the rig's folder; the caller frees the names and closes the descriptor. */
static int read_names(const struct rig *rig, struct adp_names *out)
{
    int fd = open(rig->scratch.path, O_RDONLY | O_DIRECTORY);

    CU_ASSERT_EQUAL_FATAL(adp_names_read(out, fd), 0);
    return fd;
}

/* enter enters it as |path| of a snapshot; returns the name of what it is, or "". */
static const char *enter(struct rig *rig, const char *path)
{
    struct adp_names names;
    int fd = read_names(rig, &names);
    struct adp_profile_folder folder = {.path = path, .dir = fd, .names = &names};
    const struct adp_profile *found = NULL;

    et_expect(adp_profiles_enter(rig->profiles, &folder, &found, NULL), ADP_OK, NULL, path);
    adp_names_free(&names);
    close(fd);
    return found != NULL ? found->name : "";
}

static struct adp_verdict ask(struct rig *rig, const char *path, int is_dir)
{
    struct adp_verdict verdict = {0};
    const char *label = "";

    adp_profiles_classify(rig->profiles, path, is_dir, &verdict, &label);
    CU_ASSERT_PTR_NULL(label);
    return verdict;
}

static void check_verdict(const struct adp_verdict *verdict, const char *path, const char *category,
                          const char *profile, int is_derived)
{
    if (strcmp(adp_category_name(verdict->category), category) != 0)
        fprintf(stderr, "%s: %s, expected %s\n", path, adp_category_name(verdict->category),
                category);
    CU_ASSERT_STRING_EQUAL(adp_category_name(verdict->category), category);
    CU_ASSERT_STRING_EQUAL(verdict->profile != NULL ? verdict->profile : "", profile);
    CU_ASSERT_EQUAL(verdict->is_derived, is_derived);
}

static void expect(struct rig *rig, const char *path, const char *category, const char *profile,
                   int is_derived)
{
    struct adp_verdict verdict = ask(rig, path, 0);

    check_verdict(&verdict, path, category, profile, is_derived);
}

static void check_groups(const struct adp_profile *profile)
{
    for (size_t i = 0; i < profile->num_groups; i++) {
        CU_ASSERT_PTR_NOT_NULL(adp_category_name(profile->groups[i].category));
        for (const char *const *p = profile->groups[i].patterns; *p != NULL; p++)
            CU_ASSERT_PTR_NULL(adp_glob_check(*p));
    }
}

static void test_tables(void)
{
    for (size_t i = 0; i < adp_profiles_num_known; i++) {
        const struct adp_profile *profile = adp_profiles_known[i];

        CU_ASSERT_STRING_EQUAL(adp_profile_name(i), profile->name);
        CU_ASSERT_PTR_NOT_NULL(adp_category_name(profile->category));
        CU_ASSERT_TRUE((profile->begin != NULL) == (profile->groups == NULL));
        CU_ASSERT_TRUE((profile->begin != NULL) == (profile->classify != NULL));
        check_groups(profile);
    }
    CU_ASSERT_PTR_NULL(adp_profile_name(adp_profiles_num_known));
}

static void test_folder(void)
{
    struct rig rig;
    struct adp_names names;
    struct adp_profile_folder folder = {.path = "a/b", .names = &names};

    rig_make(&rig, NULL, NULL);
    make_dirs(&rig, (const char *const[]){"dir", "dir/sub", NULL});
    scratch_file(&rig.scratch, "file", "");
    scratch_file(&rig.scratch, "dir/file", "");
    CU_ASSERT_EQUAL(symlinkat("dir", rig.scratch.fd, "link"), 0);
    CU_ASSERT_EQUAL(mkfifoat(rig.scratch.fd, "fifo", 0600), 0);
    folder.dir = read_names(&rig, &names);
    CU_ASSERT_STRING_EQUAL(adp_folder_name(&folder), "b");
    CU_ASSERT_TRUE(adp_folder_has_name(&folder, "link"));
    CU_ASSERT_FALSE(adp_folder_has_name(&folder, "lin"));
    CU_ASSERT_TRUE(adp_folder_has(&folder, "dir", S_IFDIR));
    CU_ASSERT_TRUE(adp_folder_has(&folder, "dir/sub", S_IFDIR));
    CU_ASSERT_TRUE(adp_folder_has(&folder, "dir/file", S_IFREG));
    CU_ASSERT_FALSE(adp_folder_has(&folder, "dir", S_IFREG));
    CU_ASSERT_FALSE(adp_folder_has(&folder, "file", S_IFDIR));
    CU_ASSERT_FALSE(adp_folder_has(&folder, "dir/gone", S_IFREG));
    CU_ASSERT_FALSE(adp_folder_has(&folder, "link", S_IFDIR));
    CU_ASSERT_FALSE(adp_folder_has(&folder, "link/file", S_IFREG));
    CU_ASSERT_FALSE(adp_folder_has(&folder, "fifo", S_IFREG)); /* and it does not hang */
    CU_ASSERT_FALSE(adp_folder_has(&folder, "..", S_IFDIR));
    adp_names_free(&names);
    close(folder.dir);
    rig_free(&rig);
}

static void test_inside_and_outside(void)
{
    struct rig rig;

    rig_make(&rig, "auto", NULL);
    make_dirs(&rig, immich_dirs);
    expect(&rig, "s/im/thumbs/a.txt", "drive", "", 0);
    CU_ASSERT_STRING_EQUAL(enter(&rig, "s/im"), "immich");
    CU_ASSERT_STRING_EQUAL(enter(&rig, "s/im/library"), ""); /* the outermost decides */
    expect(&rig, "s/im", "photos", "immich", 0);
    expect(&rig, "s/im/thumbs/a.txt", "photos", "immich", 1);
    expect(&rig, "s/im/thumbs/.immich", "photos", "immich", 0);
    expect(&rig, "s/im/letter.txt", "drive", "", 0);
    expect(&rig, "s/im/thumb.ics", "calendar", "", 0);
    adp_profiles_leave(rig.profiles, strlen("s/im/library"));
    CU_ASSERT_TRUE(adp_profiles_inside(rig.profiles));
    adp_profiles_leave(rig.profiles, strlen("s/im"));
    CU_ASSERT_FALSE(adp_profiles_inside(rig.profiles));
    expect(&rig, "s/im/thumbs/a.txt", "drive", "", 0);
    rig_free(&rig);
}

static void test_the_owner_decides(void)
{
    struct rig rig;

    rig_make(&rig, NULL,
             "version: 1\n"
             "default: notes\n"
             "rules:\n"
             "  - {match: '*.bin', category: wallet}\n"
             "  - {match: '*.tmp', category: drive, derived: true}\n"
             "  - {match: '*.jpg', category: photos, derived: false}\n");
    make_dirs(&rig, immich_dirs);
    CU_ASSERT_STRING_EQUAL(enter(&rig, "im"), "immich");
    expect(&rig, "im/thumbs/a.bin", "wallet", "", 0);
    expect(&rig, "im/upload/a.tmp", "drive", "", 1);
    expect(&rig, "im/thumbs/a.jpg", "photos", "", 0);
    expect(&rig, "im/thumbs/a.webp", "photos", "immich", 1);
    expect(&rig, "im/letter", "notes", "", 0);
    rig_free(&rig);
    rig_make(&rig, NULL, "version: 1\nbuiltin: false\n");
    make_dirs(&rig, immich_dirs);
    CU_ASSERT_STRING_EQUAL(enter(&rig, "im"), "");
    rig_free(&rig);
}

static void test_choice(void)
{
    struct adp_error err = {0};
    struct adp_profiles *profiles = NULL;
    struct rig rig;

    rig_make(&rig, "none", NULL);
    make_dirs(&rig, immich_dirs);
    CU_ASSERT_STRING_EQUAL(enter(&rig, "im"), "");
    et_expect(adp_profiles_new(&profiles, "Immich", rig.policy, &rig.tell, &err), ADP_ERR_ARGUMENT,
              &err, "a name in other letters");
    CU_ASSERT_PTR_NULL(profiles);
    for (size_t i = 0; i < adp_profiles_num_known; i++)
        CU_ASSERT_PTR_NOT_NULL(strstr(err.hint, adp_profiles_known[i]->name));
    et_expect(adp_profiles_new(&profiles, "", rig.policy, &rig.tell, NULL), ADP_ERR_ARGUMENT, NULL,
              "no name");
    rig_free(&rig);
    rig_make(&rig, "google-takeout", "version: 1\nbuiltin: false\n");
    make_dirs(&rig, immich_dirs);
    CU_ASSERT_STRING_EQUAL(enter(&rig, "deep/er"), ""); /* the source, and nothing below it */
    CU_ASSERT_STRING_EQUAL(enter(&rig, "source"), "google-takeout");
    expect(&rig, "source/Keep/a", "notes", "google-takeout", 0);
    rig_free(&rig);
}

/* What a verdict points to outlives the walk. */
static void test_strings_stay(void)
{
    struct adp_verdict verdict;
    struct rig rig;

    rig_make(&rig, NULL, NULL);
    make_dirs(&rig, immich_dirs);
    enter(&rig, "im");
    verdict = ask(&rig, "im/encoded-video", 1);
    adp_profiles_free(rig.profiles);
    rig.profiles = NULL;
    CU_ASSERT_STRING_EQUAL(verdict.rule, "/encoded-video/");
    CU_ASSERT_EQUAL(verdict.line, 3);
    CU_ASSERT_STRING_EQUAL(verdict.origin, "profile");
    CU_ASSERT_STRING_EQUAL(verdict.profile, "immich");
    rig_free(&rig);
}

/* explain asks about |above| and |path|, put together. */
static void explain(const struct rig *rig, const char *above, const char *path,
                    const char *category, const char *profile, int is_derived)
{
    struct adp_verdict verdict = {0};
    char full[PATH_MAX];

    snprintf(full, sizeof(full), "%s%s", above, path);
    et_expect(adp_explain(rig->policy, full, NULL, &verdict, NULL), ADP_OK, NULL, full);
    check_verdict(&verdict, full, category, profile, is_derived);
}

static void test_explain(void)
{
    struct rig rig;
    const char *folder;

    rig_make(&rig, NULL, NULL);
    folder = rig.scratch.path;
    make_dirs(&rig, immich_dirs);
    scratch_file(&rig.scratch, "thumbs/a", "");
    explain(&rig, folder, "/thumbs/a", "photos", "immich", 1);
    explain(&rig, folder, "/thumbs/", "photos", "immich", 1);
    explain(&rig, folder, "/thumbs/a/b/c.ics", "photos", "immich", 1);
    explain(&rig, folder, "", "photos", "immich", 0);
    explain(&rig, folder, "///", "photos", "immich", 0);
    explain(&rig, folder, "/../thumbs/a.ics", "calendar", "", 0);
    explain(&rig, "", "", "drive", "", 0);
    explain(&rig, "", "/", "drive", "", 0);
    explain(&rig, "", ".", "drive", "", 0);
    explain(&rig, "", "./..", "drive", "", 0);
    explain(&rig, "", ".../x.ics", "calendar", "", 0);
    explain(&rig, "", "./../no/such/x.ics", "calendar", "", 0);
    rig_free(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"tables", test_tables},
        {"folder", test_folder},
        {"inside and outside", test_inside_and_outside},
        {"the owner decides", test_the_owner_decides},
        {"choice", test_choice},
        {"strings stay", test_strings_stay},
        {"explain", test_explain},
    };

    return adp_test_main("profile", cases, sizeof(cases) / sizeof(cases[0]));
}
