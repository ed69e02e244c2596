/* Paths of an index: docs/FORMAT.md section 7.1. */
#include "engine_test.h"
#include "index.h"

static int compare(const char *a, const char *b)
{
    return adp_path_compare(a, strlen(a), b, strlen(b));
}

/* A directory's content follows it before anything else: any two of these stand in order. */
static void test_path_order(void)
{
    static const char *const ordered[] = {
        "a",  "a/b", "a/b/\x01", "a/b/c", "a/b-", "a/b.",     "a-b",
        "a.", "a0",  "ab",       "b",     "\xff", "\xff\xff",
    };

    for (size_t i = 0; i < NUM_OF(ordered); i++) {
        for (size_t j = 0; j < NUM_OF(ordered); j++) {
            int order = compare(ordered[i], ordered[j]);

            CU_ASSERT_EQUAL((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

static void test_path_check(void)
{
    static const char *const good[] = {"a",       "a/b", "...",      "a/...",
                                       ".hidden", " ",   "\xff\xfe", "a\nb"};
    static const char *const bad[] = {"",   "/",   "/a",   "a/",   "a//b", ".",
                                      "..", "a/.", "a/..", "../a", "./a",  "a/../b"};
    static char longest[ADP_PATH_MAX + 1];

    for (size_t i = 0; i < NUM_OF(good); i++)
        CU_ASSERT(adp_path_check(good[i], strlen(good[i])));
    for (size_t i = 0; i < NUM_OF(bad); i++) {
        if (adp_path_check(bad[i], strlen(bad[i])))
            fprintf(stderr, "accepted: \"%s\"\n", bad[i]);
        CU_ASSERT_FALSE(adp_path_check(bad[i], strlen(bad[i])));
    }
    CU_ASSERT_FALSE(adp_path_check("a\0b", 3));
    memset(longest, 'x', sizeof(longest));
    CU_ASSERT(adp_path_check(longest, 255));
    CU_ASSERT_FALSE(adp_path_check(longest, 256)); /* one component */
    for (size_t i = 200; i < sizeof(longest); i += 200)
        longest[i] = '/';
    CU_ASSERT(adp_path_check(longest, ADP_PATH_MAX));
    CU_ASSERT_FALSE(adp_path_check(longest, ADP_PATH_MAX + 1));
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"the order of paths", test_path_order},
        {"which paths are paths", test_path_check},
    };

    return adp_test_main("engine/path", cases, NUM_OF(cases));
}
