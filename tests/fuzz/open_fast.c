/* In place of io/pool.c and base/secret.c, for a fuzzer: starting threads and mapping pages would
 * take most of the time of an input. What is submitted to a pool is done at once, so that the same
 * input takes the same way twice; secrets are ordinary memory, whose ends a sanitizer sees. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "secret.h"

#define SECRET_ALIGN 64u

struct adp_pool {
    unsigned num_threads;
};

int adp_pool_new(struct adp_pool **out_pool, unsigned num_threads)
{
    *out_pool = malloc(sizeof(**out_pool));
    if (*out_pool == NULL)
        return -ENOMEM;
    (*out_pool)->num_threads = num_threads;
    return 0;
}

void adp_pool_free(struct adp_pool *pool)
{
    free(pool);
}

void adp_pool_submit(struct adp_pool *pool, struct adp_task *task)
{
    task->run(task, pool->num_threads - 1);
}

void *adp_secret_new(size_t len)
{
    size_t rounded = (len + SECRET_ALIGN - 1) / SECRET_ALIGN * SECRET_ALIGN;
    void *secret = aligned_alloc(SECRET_ALIGN, rounded);

    if (secret != NULL)
        memset(secret, 0, rounded);
    return secret;
}

void adp_secret_free(void *secret, size_t len)
{
    (void)len;
    free(secret);
}

void adp_wipe(void *data, size_t len)
{
    if (len > 0)
        explicit_bzero(data, len);
}
