/* A policy that parses decides on every path, and twice alike. */
#include "fuzz.h"
#include "policy.h"

static const char *const paths[] = {"a", "Photos/IMG_0001.HEIC", "mail/x.mbox", "a/b/c/d.e",
                                    "\xff"};

static void check_verdict(const struct adp_policy *policy, const char *path, int is_dir)
{
    struct adp_verdict first = {0}, second = {0};

    adp_policy_classify(policy, path, is_dir, &first);
    adp_policy_classify(policy, path, is_dir, &second);
    FUZZ_CHECK(first.category >= 1 && first.category <= ADP_NUM_CATEGORIES);
    FUZZ_CHECK(first.rule != NULL && first.origin != NULL);
    FUZZ_CHECK(first.category == second.category && first.line == second.line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct adp_policy *policy = NULL;

    if (adp_policy_parse(&policy, data, len, "fuzz", NULL) != ADP_OK)
        return 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        check_verdict(policy, paths[i], 0);
        check_verdict(policy, paths[i], 1);
    }
    adp_policy_free(policy);
    return 0;
}
