#include "kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define ADP_KERNEL_VARIABLE "ADP_SEAL_KERNEL"

/* Lists the usable kernels, separated by commas. */
static void adp_kernel_list(char *out, size_t out_len)
{
    const char *name;
    size_t len = 0;
    int usable;

    out[0] = '\0';
    for (size_t i = 0; (name = adp_gcm_kernel_at(i, &usable)) != NULL && len < out_len; i++) {
        if (usable)
            len += (size_t)snprintf(out + len, out_len - len, "%s%s", len > 0 ? ", " : "", name);
    }
}

enum adp_status adp_kernel_choose(const struct adp_gcm_kernel **out_kernel, struct adp_error *err)
{
    const char *wanted = getenv(ADP_KERNEL_VARIABLE);
    enum adp_status status;
    char names[128];

    if (adp_gcm_kernel_select(out_kernel, NULL) == ADP_GCM_OK)
        return ADP_OK;
    adp_kernel_list(names, sizeof(names));
    status = adp_fail(err, ADP_ERR_ARGUMENT, NULL,
                      "the AES-256-GCM kernel \"%s\" does not exist, or cannot be used here",
                      wanted != NULL ? wanted : "");
    return adp_error_hint(err, status, "unset " ADP_KERNEL_VARIABLE ", or set it to one of: %s",
                          names);
}

enum adp_status adp_kernel_name(const char **out_name, struct adp_error *err)
{
    const struct adp_gcm_kernel *kernel;
    enum adp_status status = adp_kernel_choose(&kernel, err);

    *out_name = status == ADP_OK ? adp_gcm_kernel_name(kernel) : NULL;
    return status;
}
