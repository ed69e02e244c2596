/* Which kernel runs: by default, by name, by the environment, and when a self-test fails. Broken
 * kernels are the portable one with one fault each; the self-test must see every one of them. */
#include "adp_test.h"
#include "cpu.h"
#include "gcm_select.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* expected_default returns the name that a choice without any wish must give. */
static const char *expected_default(void)
{
    const char *name;
    int usable;

    for (size_t i = 0; (name = adp_gcm_kernel_at(i, &usable)) != NULL; i++) {
        if (usable && (strcmp(name, "vaes512") != 0 || adp_cpu_has(ADP_CPU_ZMM_FULL_CLOCK)))
            break;
    }
    return name;
}

/* chosen returns what is chosen by |name| and, unless it is NULL, ADP_SEAL_KERNEL=|environment|. */
static const char *chosen(const char *name, const char *environment)
{
    const struct adp_gcm_kernel *kernel = &adp_gcm_portable;
    enum adp_gcm_result result;

    if (environment != NULL)
        setenv("ADP_SEAL_KERNEL", environment, 1);
    else
        unsetenv("ADP_SEAL_KERNEL");
    result = adp_gcm_kernel_select(&kernel, name);
    CU_ASSERT_EQUAL(result == ADP_GCM_OK, kernel != NULL);
    return kernel != NULL ? adp_gcm_kernel_name(kernel) : "none";
}

static void test_default(void)
{
    CU_ASSERT_STRING_EQUAL(chosen(NULL, NULL), expected_default());
    CU_ASSERT_STRING_EQUAL(chosen(NULL, ""), expected_default());
}

static void test_override(void)
{
    const char *name;
    int usable;

    for (size_t i = 0; (name = adp_gcm_kernel_at(i, &usable)) != NULL; i++) {
        CU_ASSERT_STRING_EQUAL(chosen(NULL, name), usable ? name : "none");
        CU_ASSERT_STRING_EQUAL(chosen(name, NULL), usable ? name : "none");
        CU_ASSERT_STRING_EQUAL(chosen(name, "no-such-kernel"), usable ? name : "none");
    }
    CU_ASSERT_STRING_EQUAL(chosen(NULL, "portable"), "portable");
    CU_ASSERT_STRING_EQUAL(chosen("portable", "no-such-kernel"), "portable");
}

static void test_unknown(void)
{
    CU_ASSERT_STRING_EQUAL(chosen(NULL, "no-such-kernel"), "none");
    CU_ASSERT_STRING_EQUAL(chosen("no-such-kernel", NULL), "none");
    CU_ASSERT_STRING_EQUAL(chosen("PORTABLE", "portable"), "none");
}

/* The key remembers the kernel that it was made for. */
static void test_key_keeps_kernel(void)
{
    static const uint8_t bytes[ADP_GCM_KEY_LEN];
    struct adp_gcm_key key;
    const struct adp_gcm_kernel *kernel;

    CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kernel, "portable"), ADP_GCM_OK);
    adp_gcm_key_init(&key, kernel, bytes);
    CU_ASSERT_STRING_EQUAL(adp_gcm_kernel_name(key.kernel), "portable");
    adp_gcm_key_cleanup(&key);
}

/* --- Broken kernels --- */

static void seal_wrong_tag(const uint8_t *state, uint8_t *scratch, uint8_t *out, uint8_t *out_tag,
                           const struct adp_gcm_message *msg)
{
    adp_gcm_portable.seal(state, scratch, out, out_tag, msg);
    out_tag[15] ^= 1;
}

static void seal_wrong_when_long(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                                 uint8_t *out_tag, const struct adp_gcm_message *msg)
{
    adp_gcm_portable.seal(state, scratch, out, out_tag, msg);
    if (msg->len > 4096 + 2048)
        out[4096 + 1024] ^= 1;
}

static void seal_first_piece_only(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                                  uint8_t *out_tag, const struct adp_gcm_message *msg)
{
    struct adp_gcm_piece whole = {msg->in[0].data, msg->len};
    struct adp_gcm_message wrong = *msg;

    wrong.in = &whole;
    wrong.num_in = 1;
    adp_gcm_portable.seal(state, scratch, out, out_tag, &wrong);
}

static void seal_without_aad(const uint8_t *state, uint8_t *scratch, uint8_t *out, uint8_t *out_tag,
                             const struct adp_gcm_message *msg)
{
    struct adp_gcm_message wrong = *msg;

    wrong.aad_len = 0;
    adp_gcm_portable.seal(state, scratch, out, out_tag, &wrong);
}

static enum adp_gcm_result open_any_tag(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                                        const uint8_t *tag, const struct adp_gcm_message *msg)
{
    (void)adp_gcm_portable.open(state, scratch, out, tag, msg);
    return ADP_GCM_OK;
}

static enum adp_gcm_result open_no_tag(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                                       const uint8_t *tag, const struct adp_gcm_message *msg)
{
    (void)adp_gcm_portable.open(state, scratch, out, tag, msg);
    return ADP_GCM_BAD_TAG;
}

static enum adp_gcm_result open_wrong_byte(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                                           const uint8_t *tag, const struct adp_gcm_message *msg)
{
    enum adp_gcm_result result = adp_gcm_portable.open(state, scratch, out, tag, msg);

    if (msg->len > 16)
        out[16] ^= 1;
    return result;
}

static int num_keys;

static void key_init_counted(uint8_t *out_state, const uint8_t *key)
{
    num_keys++;
    adp_gcm_portable.key_init(out_state, key);
}

static int never(void)
{
    return 0;
}

/* The faulty kernels are the portable one, each with one function replaced. */
enum { NUM_FAULTY = 7 };
static struct adp_gcm_kernel faulty[NUM_FAULTY];

static void make_faulty(void)
{
    for (size_t i = 0; i < NUM_FAULTY; i++) {
        faulty[i] = adp_gcm_portable;
        faulty[i].name = "faulty";
    }
    faulty[0].seal = seal_wrong_tag;
    faulty[1].seal = seal_wrong_when_long;
    faulty[2].seal = seal_first_piece_only;
    faulty[3].seal = seal_without_aad;
    faulty[4].open = open_any_tag;
    faulty[5].open = open_no_tag;
    faulty[6].open = open_wrong_byte;
}

static void test_selftest_sees_faults(void)
{
    make_faulty();
    CU_ASSERT_TRUE(adp_gcm_selftest(&adp_gcm_portable, &adp_gcm_portable));
    for (size_t i = 0; i < NUM_FAULTY; i++) {
        if (adp_gcm_selftest(&faulty[i], &adp_gcm_portable))
            printf("\n    fault %zu", i);
        CU_ASSERT_FALSE(adp_gcm_selftest(&faulty[i], &adp_gcm_portable));
    }
}

static void test_faulty_is_passed_over(void)
{
    struct adp_gcm_kernel unusable = {.name = "unusable", .usable = never};
    struct adp_gcm_candidate candidates[] = {
        {.kernel = &unusable}, {.kernel = &faulty[1]}, {.kernel = &adp_gcm_portable}};
    struct adp_gcm_table table = {PTHREAD_MUTEX_INITIALIZER, candidates, 3};
    const struct adp_gcm_kernel *kernel;

    make_faulty();
    CU_ASSERT_EQUAL(adp_gcm_table_select(&kernel, &table, NULL), ADP_GCM_OK);
    CU_ASSERT_PTR_EQUAL(kernel, &adp_gcm_portable);
    CU_ASSERT_EQUAL(adp_gcm_table_select(&kernel, &table, "faulty"), ADP_GCM_NO_KERNEL);
    CU_ASSERT_PTR_NULL(kernel);
    CU_ASSERT_EQUAL(adp_gcm_table_select(&kernel, &table, "unusable"), ADP_GCM_NO_KERNEL);
    CU_ASSERT_PTR_NULL(kernel);
}

static void test_selftest_runs_once(void)
{
    struct adp_gcm_kernel counted = adp_gcm_portable;
    struct adp_gcm_candidate candidates[] = {{.kernel = &counted}, {.kernel = &adp_gcm_portable}};
    struct adp_gcm_table table = {PTHREAD_MUTEX_INITIALIZER, candidates, 2};
    const struct adp_gcm_kernel *kernel;
    int after_first;

    counted.name = "counted";
    counted.key_init = key_init_counted;
    num_keys = 0;
    CU_ASSERT_EQUAL(adp_gcm_table_select(&kernel, &table, "portable"), ADP_GCM_OK);
    CU_ASSERT_EQUAL(num_keys, 0); /* not asked for, not tested */
    CU_ASSERT_EQUAL(adp_gcm_table_select(&kernel, &table, NULL), ADP_GCM_OK);
    CU_ASSERT_PTR_EQUAL(kernel, &counted);
    after_first = num_keys;
    CU_ASSERT_TRUE(after_first > 0);
    CU_ASSERT_EQUAL(adp_gcm_table_select(&kernel, &table, "counted"), ADP_GCM_OK);
    CU_ASSERT_EQUAL(num_keys, after_first);
}

/* Where even the last kernel is wrong, the process ends rather than seal anything. */
static void test_wrong_portable_aborts(void)
{
    struct adp_gcm_candidate candidates[] = {{.kernel = &faulty[0]}};
    struct adp_gcm_table table = {PTHREAD_MUTEX_INITIALIZER, candidates, 1};
    const struct adp_gcm_kernel *kernel;
    int status;
    pid_t child;

    make_faulty();
    child = fork();
    if (child == 0) {
        const struct rlimit no_core = {0, 0};

        setrlimit(RLIMIT_CORE, &no_core);
        _exit(adp_gcm_table_select(&kernel, &table, NULL) == ADP_GCM_OK);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"the fastest that runs here is the default", test_default},
        {"name and environment choose", test_override},
        {"unknown names are errors", test_unknown},
        {"a key keeps its kernel", test_key_keeps_kernel},
        {"the self-test sees every fault", test_selftest_sees_faults},
        {"a faulty kernel is passed over", test_faulty_is_passed_over},
        {"the self-test runs once, when needed", test_selftest_runs_once},
        {"a faulty portable kernel aborts", test_wrong_portable_aborts},
    };

    return adp_test_main("Kernel selection", cases, sizeof(cases) / sizeof(cases[0]));
}
