/* What every CUnit program of the project shares: a main that runs one table of tests, prints each
 * failure, and exits 1 if any failed, 77 if the data that the tests need is absent. */
#ifndef ADP_TEST_H
#define ADP_TEST_H

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ADP_TEST_SKIPPED 77

struct adp_test_case {
    const char *name;
    void (*run)(void);
};

/* adp_test_shared_path writes the path of |name| in the shared test data to |out| and returns
 * whether it exists. The environment variable ADP_SHARED overrides the build's guess. */
static inline int adp_test_shared_path(char *out, size_t out_len, const char *name)
{
    const char *root = getenv("ADP_SHARED");
    struct stat st;

    snprintf(out, out_len, "%s/%s", root != NULL ? root : ADP_TEST_SHARED, name);
    return stat(out, &st) == 0;
}

/* adp_test_main runs |num| cases as one suite. */
static inline int adp_test_main(const char *suite_name, const struct adp_test_case *cases,
                                size_t num)
{
    unsigned failures;
    CU_pSuite suite;

    if (CU_initialize_registry() != CUE_SUCCESS)
        return 1;
    suite = CU_add_suite(suite_name, NULL, NULL);
    for (size_t i = 0; suite != NULL && i < num; i++) {
        if (CU_add_test(suite, cases[i].name, cases[i].run) == NULL)
            suite = NULL;
    }
    if (suite == NULL)
        return 1;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
    CU_cleanup_registry();
    return failures == 0 ? 0 : 1;
}

#endif
