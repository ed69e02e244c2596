#include "proc_path.h"

#include <errno.h>
#include <stdio.h>

int adp_proc_path_init(struct adp_proc_path *out, int dirfd, const char *name)
{
    int len = snprintf(out->text, sizeof(out->text), "/proc/self/fd/%d%s%s", dirfd,
                       name != NULL ? "/" : "", name != NULL ? name : "");

    return len < (int)sizeof(out->text) ? 0 : -ENAMETOOLONG;
}
