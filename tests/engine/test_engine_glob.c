#include "glob.h"

#include <string.h>
#include <time.h>

#include "adp_test.h"

struct match_case {
    const char *pattern;
    const char *path; /* a directory if it ends in a slash */
    int matches;
};

static int matches(const char *pattern, const char *path)
{
    size_t len = strlen(path);
    int is_dir = path[len - 1] == '/';

    CU_ASSERT_PTR_NULL(adp_glob_check(pattern));
    return adp_glob_match(pattern, path, len - (size_t)is_dir, is_dir);
}

static void check_cases(const struct match_case *cases, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        if (matches(cases[i].pattern, cases[i].path) == cases[i].matches)
            continue;
        fprintf(stderr, "\"%s\" and \"%s\": expected %d\n", cases[i].pattern, cases[i].path,
                cases[i].matches);
        CU_FAIL("a pattern does not match as it should");
    }
}

#define CHECK_CASES(...)                                                                           \
    do {                                                                                           \
        static const struct match_case cases[] = {__VA_ARGS__};                                    \
        check_cases(cases, sizeof(cases) / sizeof(cases[0]));                                      \
    } while (0)

static void test_wildcards(void)
{
    CHECK_CASES({"*.jpg", "a.jpg", 1}, {"*.jpg", ".jpg", 1}, {"*.jpg", "a.jpg.txt", 0},
                {"*.jpg", "jpg", 0}, {"a*b*c", "a-b-b-c", 1}, {"a*b*c", "a-b-b-", 0},
                {"*a*a*", "ba", 0}, {"**", "x", 1}, {"***", "x", 1},
                {"IMG_????.*", "IMG_0001.x", 1}, {"IMG_????.*", "IMG_001.x", 0}, {"?", "\xff", 1},
                {"caf\xe9", "caf\xe9", 1});
}

static void test_case_is_ignored(void)
{
    CHECK_CASES({"*.jpg", "IMG_1.JPG", 1}, {"DCIM/", "dcim/", 1}, {"[a-c]", "B", 1},
                {"[A-C]", "b", 1}, {"[!a-c]", "B", 0}, {"\\A", "a", 1},
                /* Bytes beyond ASCII have no case here: E with acute, capital and small. */
                {"\xc3\x89", "\xc3\xa9", 0}, {"@", "`", 0}, {"[[]", "{", 0});
}

static void test_sets(void)
{
    CHECK_CASES({"[abc]", "b", 1}, {"[abc]", "d", 0}, {"[a-c]x", "bx", 1}, {"[!a-c]", "d", 1},
                {"[^a-c]", "d", 1}, {"[^a-c]", "a", 0}, {"[]]", "]", 1}, {"[!]]", "]", 0},
                {"[]-]", "-", 1}, {"[a-]", "-", 1}, {"[\\]]", "]", 1}, {"[\\a-\\c]", "b", 1},
                {"[*]", "*", 1}, {"[*]", "a", 0}, {"[\x80-\xff]", "\xc3", 1},
                {"a[.]jpg", "a.jpg", 1});
}

static void test_escapes(void)
{
    CHECK_CASES({"\\*", "*", 1}, {"\\*", "a", 0}, {"\\?", "a", 0}, {"\\[a]", "[a]", 1},
                {"\\\\[a]", "\\a", 1}, {"\\!x", "!x", 1});
}

static void test_components(void)
{
    CHECK_CASES({"*.jpg", "a/b/c.jpg", 1}, {"a*c", "a/c", 0}, {"/a", "a", 1}, {"/a", "b/a", 0},
                {"a/b", "a/b", 1}, {"a/b", "x/a/b", 0}, {"a/*", "a/b", 1}, {"a/*", "a/b/c", 0},
                {"/*/x", "a/x", 1}, {"/*/x", "x", 0}, {"a/?/b", "a///b", 0});
}

static void test_double_star(void)
{
    CHECK_CASES({"**/a", "a", 1}, {"**/a", "x/y/a", 1}, {"**/a/b", "x/a/b", 1},
                {"**/a/b", "a/x/b", 0}, {"a/**/b", "a/b", 1}, {"a/**/b", "a/x/y/b", 1},
                {"a/**/b", "a", 0}, {"a/**", "a/b/c", 1}, {"a/**", "a/", 0},
                {"a/**/b/**/c", "a/b/b/c", 1}, {"a/**/b/**/c", "a/c/b", 0},
                {"**/r/**/*.m4a", "v/r/2024/x.m4a", 1}, {"**/r/**/*.m4a", "v/r.m4a", 0},
                {"a/x**y/b", "a/xzzy/b", 1}, {"a/x**y/b", "a/x/y/b", 0});
}

static void test_directories(void)
{
    CHECK_CASES({"DCIM/", "card/DCIM/", 1}, {"DCIM/", "card/DCIM", 0}, {"/a/b/", "a/b/", 1},
                {"/a/b/", "a/b", 0}, {"a", "a/", 1});
}

static void test_refused(void)
{
    static const char *const bad[] = {"/",  "//", "a//b", "!a",  "a/../b", "./a",  "..",
                                      "[a", "[]", "[!]",  "[\\", "a\\",    "a\\/b"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (adp_glob_check(bad[i]) == NULL)
            fprintf(stderr, "\"%s\" is taken\n", bad[i]);
        CU_ASSERT_PTR_NOT_NULL(adp_glob_check(bad[i]));
    }
    CU_ASSERT_PTR_NOT_NULL(adp_glob_check(""));
}

/* A matcher that tries every way to spread the stars would not come back from these. */
static void test_no_pattern_is_slow(void)
{
    char name[256], path[4096];
    clock_t start = clock();

    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    CU_ASSERT_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", name));
    for (size_t i = 0; i < sizeof(path) - 1; i++)
        path[i] = i % 2 != 0 ? '/' : 'a';
    path[sizeof(path) - 2] = 'a';
    path[sizeof(path) - 1] = '\0';
    CU_ASSERT_FALSE(matches("**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b", path));
    CU_ASSERT_TRUE(clock() - start < CLOCKS_PER_SEC);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"wildcards", test_wildcards},
        {"case is ignored", test_case_is_ignored},
        {"sets", test_sets},
        {"escapes", test_escapes},
        {"components", test_components},
        {"double star", test_double_star},
        {"directories", test_directories},
        {"refused patterns", test_refused},
        {"no pattern is slow", test_no_pattern_is_slow},
    };

    return adp_test_main("glob", cases, sizeof(cases) / sizeof(cases[0]));
}
