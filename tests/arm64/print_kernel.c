/* Prints the kernel that this machine gets without any wish. */
#include "gcm.h"

#include <stdio.h>

int main(void)
{
    const struct adp_gcm_kernel *kernel;

    if (adp_gcm_kernel_select(&kernel, NULL) != ADP_GCM_OK)
        return 1;
    puts(adp_gcm_kernel_name(kernel));
    return 0;
}
