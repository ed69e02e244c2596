#include "secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Whole pages for |len| bytes, or 0 if that overflows. */
static size_t adp_secret_mapped_len(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (len == 0 || len > SIZE_MAX - page)
        return 0;
    return (len + page - 1) / page * page;
}

void *adp_secret_new(size_t len)
{
    size_t mapped = adp_secret_mapped_len(len);
    void *secret;

    if (mapped == 0)
        return NULL;
    secret = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (secret == MAP_FAILED)
        return NULL;
    /* Best effort: none of these changes what the memory can be used for. */
    (void)mlock(secret, mapped);
    (void)madvise(secret, mapped, MADV_DONTDUMP);
    (void)madvise(secret, mapped, MADV_WIPEONFORK);
    return secret;
}

void adp_secret_free(void *secret, size_t len)
{
    size_t mapped = adp_secret_mapped_len(len);

    if (secret == NULL)
        return;
    adp_wipe(secret, len);
    munmap(secret, mapped); /* unlocks as well */
}

void adp_wipe(void *data, size_t len)
{
    if (len > 0)
        explicit_bzero(data, len);
}

void adp_harden_process(void)
{
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
