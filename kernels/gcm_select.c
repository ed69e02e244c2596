#include "gcm_select.h"

#include "cpu.h"

#include <stdlib.h>
#include <string.h>

static struct adp_gcm_candidate candidates[] = {
#if defined(__x86_64__)
    {.kernel = &adp_gcm_vaes512, .default_needs = ADP_CPU_ZMM_FULL_CLOCK},
    {.kernel = &adp_gcm_vaes256},
    {.kernel = &adp_gcm_aesni},
#elif defined(__aarch64__)
    {.kernel = &adp_gcm_armv8_eor3},
    {.kernel = &adp_gcm_armv8},
#endif
    {.kernel = &adp_gcm_portable},
};

struct adp_gcm_table adp_gcm_table = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .candidates = candidates,
    .num = sizeof(candidates) / sizeof(candidates[0]),
};

/* trusted returns whether candidate |index| can be used; the self-test runs the first time. */
static int trusted(struct adp_gcm_table *t, size_t index)
{
    struct adp_gcm_candidate *candidate = &t->candidates[index];
    const struct adp_gcm_kernel *portable = t->candidates[t->num - 1].kernel;

    if (!candidate->kernel->usable())
        return 0;
    if (candidate->verdict == ADP_GCM_UNTESTED)
        candidate->verdict =
            adp_gcm_selftest(candidate->kernel, portable) ? ADP_GCM_PASSED : ADP_GCM_FAILED;
    return candidate->verdict == ADP_GCM_PASSED;
}

/* wanted returns whether |candidate| is what |name| asks for, NULL for any that is worth it. */
static int wanted(const struct adp_gcm_candidate *candidate, const char *name)
{
    if (name == NULL)
        return adp_cpu_has(candidate->default_needs);
    return strcmp(candidate->kernel->name, name) == 0;
}

enum adp_gcm_result adp_gcm_table_select(const struct adp_gcm_kernel **out_kernel,
                                         struct adp_gcm_table *t, const char *name)
{
    *out_kernel = NULL;
    pthread_mutex_lock(&t->lock);
    if (!trusted(t, t->num - 1))
        abort(); /* the measure of all others is wrong */
    for (size_t i = 0; i < t->num && *out_kernel == NULL; i++) {
        if (wanted(&t->candidates[i], name) && trusted(t, i))
            *out_kernel = t->candidates[i].kernel;
    }
    pthread_mutex_unlock(&t->lock);
    return *out_kernel != NULL ? ADP_GCM_OK : ADP_GCM_NO_KERNEL;
}

enum adp_gcm_result adp_gcm_kernel_select(const struct adp_gcm_kernel **out_kernel,
                                          const char *name)
{
    if (name == NULL)
        name = getenv("ADP_SEAL_KERNEL");
    if (name != NULL && name[0] == '\0')
        name = NULL; /* set to nothing is the shell's way to say not set */
    return adp_gcm_table_select(out_kernel, &adp_gcm_table, name);
}

const char *adp_gcm_kernel_name(const struct adp_gcm_kernel *kernel)
{
    return kernel->name;
}

const char *adp_gcm_kernel_at(size_t index, int *out_usable)
{
    if (index >= adp_gcm_table.num)
        return NULL;
    *out_usable = candidates[index].kernel->usable();
    return candidates[index].kernel->name;
}
