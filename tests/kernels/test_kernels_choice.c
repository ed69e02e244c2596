/* Which kernel each kind of machine gets. The linker takes this file's adp_cpu_has, not the
 * library's, so that any machine can be feigned. What is chosen on one may not run here: stand-ins
 * that keep a kernel's name and needs have the portable kernel's functions. */
#include "adp_test.h"
#include "cpu.h"
#include "gcm_select.h"

#include <string.h>

static unsigned machine; /* the features of the one that is feigned */

int adp_cpu_has(unsigned features)
{
    return (machine & features) == features;
}

#define MAX_KERNELS 16

static struct adp_gcm_kernel stand_ins[MAX_KERNELS];
static struct adp_gcm_candidate candidates[MAX_KERNELS];
static struct adp_gcm_table table = {.lock = PTHREAD_MUTEX_INITIALIZER, .candidates = candidates};

/* make_table copies the real table, but for what its kernels do. */
static void make_table(void)
{
    table.num = adp_gcm_table.num;
    CU_ASSERT_TRUE_FATAL(table.num <= MAX_KERNELS);
    for (size_t i = 0; i < table.num; i++) {
        candidates[i] = adp_gcm_table.candidates[i];
        stand_ins[i] = adp_gcm_portable;
        stand_ins[i].name = candidates[i].kernel->name;
        stand_ins[i].usable = candidates[i].kernel->usable;
        candidates[i].kernel = &stand_ins[i];
    }
}

/* chosen returns what |name|, or nobody, gets on a machine with |features|. */
static const char *chosen(const char *name, unsigned features)
{
    const struct adp_gcm_kernel *kernel;

    machine = features;
    if (adp_gcm_table_select(&kernel, &table, name) == ADP_GCM_OK)
        return adp_gcm_kernel_name(kernel);
    CU_ASSERT_PTR_NULL(kernel);
    return "none";
}

static void test_nothing(void)
{
    make_table();
    CU_ASSERT_STRING_EQUAL(chosen(NULL, 0), "portable");
    for (size_t i = 0; i + 1 < table.num; i++)
        CU_ASSERT_STRING_EQUAL(chosen(stand_ins[i].name, 0), "none");
}

#if defined(__x86_64__)

#    define EVERYTHING                                                                             \
        (ADP_CPU_AESNI | ADP_CPU_PCLMULQDQ | ADP_CPU_AVX | ADP_CPU_AVX2 | ADP_CPU_BMI2 |           \
         ADP_CPU_VAES | ADP_CPU_VPCLMULQDQ | ADP_CPU_AVX512 | ADP_CPU_ZMM_FULL_CLOCK)
/* What goes with a register file that the operating system does not save. */
#    define NEEDS_ZMM (ADP_CPU_AVX512 | ADP_CPU_ZMM_FULL_CLOCK)
#    define NEEDS_YMM (NEEDS_ZMM | ADP_CPU_AVX | ADP_CPU_AVX2 | ADP_CPU_VAES | ADP_CPU_VPCLMULQDQ)

/* Machines by what they lack, their default, and the first of the kernels that they can run. */
static const struct {
    unsigned lacks;
    const char *by_default, *first;
} machines[] = {
    {0, "vaes512", "vaes512"},
    {ADP_CPU_ZMM_FULL_CLOCK, "vaes256", "vaes512"},
    {ADP_CPU_BMI2, "vaes256", "vaes256"},
    {NEEDS_ZMM, "vaes256", "vaes256"},
    {NEEDS_ZMM | ADP_CPU_VAES, "aesni", "aesni"},
    {ADP_CPU_VAES, "aesni", "aesni"},
    {ADP_CPU_VPCLMULQDQ, "aesni", "aesni"},
    {ADP_CPU_AVX2, "aesni", "aesni"},
    {NEEDS_YMM, "portable", "portable"},
    {ADP_CPU_AESNI, "portable", "portable"},
    {ADP_CPU_PCLMULQDQ, "portable", "portable"},
    {EVERYTHING, "portable", "portable"},
};
static const char *const names[] = {"vaes512", "vaes256", "aesni", "portable"};

static void test_machines(void)
{
    make_table();
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        const char *name = chosen(NULL, EVERYTHING & ~machines[i].lacks);

        if (strcmp(name, machines[i].by_default) != 0)
            printf("\n    machine %zu: %s", i, name);
        CU_ASSERT_STRING_EQUAL(name, machines[i].by_default);
    }
}

/* A name gets that kernel or none, whatever the machine would choose by itself. */
static void test_names(void)
{
    make_table();
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        int runs = 0;

        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            const char *name = chosen(names[j], EVERYTHING & ~machines[i].lacks);

            runs |= strcmp(names[j], machines[i].first) == 0;
            if (strcmp(name, runs ? names[j] : "none") != 0)
                printf("\n    machine %zu, %s: %s", i, names[j], name);
            CU_ASSERT_STRING_EQUAL(name, runs ? names[j] : "none");
        }
    }
}

#endif

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"a machine with nothing gets the portable kernel", test_nothing},
#if defined(__x86_64__)
        {"machines by what they lack", test_machines},
        {"a name gets that kernel or none", test_names},
#endif
    };

    return adp_test_main("Kernel choice", cases, sizeof(cases) / sizeof(cases[0]));
}
