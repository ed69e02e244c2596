/* What the kernels' tests share: the walk over every kernel that runs here, one message with all
 * that belongs to it, and reproducible random numbers. */
#ifndef ADP_KERNEL_TEST_H
#define ADP_KERNEL_TEST_H

#include "adp_test.h"
#include "gcm_kernel.h"

#include <string.h>
#include <time.h>

/* kt_kernel is the kernel under test, set by kt_each_kernel. */
static const struct adp_gcm_kernel *kt_kernel;
static int kt_emulated; /* it is an emulated one */

/* kt_failed ends the program when enough was said: a broken kernel fails everywhere. */
static inline void kt_failed(void)
{
    static int num;

    if (++num < 50)
        return;
    printf("\n    and so on\n");
    exit(1);
}

/* KT_CHECK records a failure with the kernel's name and a detail for the reader. */
#define KT_CHECK(condition, ...)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("\n    %s: ", adp_gcm_kernel_name(kt_kernel));                                  \
            printf(__VA_ARGS__);                                                                   \
            CU_FAIL(#condition);                                                                   \
            kt_failed();                                                                           \
        }                                                                                          \
    } while (0)

#if defined(__x86_64__)
/* vaes256 and vaes512 on vectors of emulated_vec.h, for machines without theirs. */
extern const struct adp_gcm_kernel adp_gcm_vaes256_emulated;
extern const struct adp_gcm_kernel adp_gcm_vaes512_emulated;
#endif

/* kt_each_emulated is kt_each_kernel's part for kernels that no table lists. */
static inline void kt_each_emulated(void (*check)(void))
{
#if defined(__x86_64__)
    static struct adp_gcm_kernel kernels[2];

    kernels[0] = adp_gcm_vaes256_emulated;
    kernels[0].name = "vaes256 (emulated)";
    kernels[1] = adp_gcm_vaes512_emulated;
    kernels[1].name = "vaes512 (emulated)";
    for (size_t i = 0; i < 2; i++) {
        kt_kernel = &kernels[i];
        if (kt_kernel->usable())
            check();
    }
#else
    (void)check;
#endif
}

/* kt_each_kernel runs |check| with every kernel that this machine can run, whatever is the default,
 * and with the emulated ones. */
static inline void kt_each_kernel(void (*check)(void))
{
    const char *name;
    int usable;

    for (size_t i = 0; (name = adp_gcm_kernel_at(i, &usable)) != NULL; i++) {
        if (!usable)
            continue;
        CU_ASSERT_EQUAL_FATAL(adp_gcm_kernel_select(&kt_kernel, name), ADP_GCM_OK);
        CU_ASSERT_STRING_EQUAL_FATAL(adp_gcm_kernel_name(kt_kernel), name);
        check();
    }
    kt_emulated = 1;
    kt_each_emulated(check);
    kt_emulated = 0;
}

/* KT_EACH_KERNEL defines test_NAME, which is check_NAME on each kernel. */
#define KT_EACH_KERNEL(name)                                                                       \
    static void test_##name(void)                                                                  \
    {                                                                                              \
        kt_each_kernel(check_##name);                                                              \
    }

/* --- Random numbers: xorshift64*, seeded from ADP_TEST_SEED or the clock --- */

static uint64_t kt_random_state;

static inline void kt_seed(void)
{
    const char *given = getenv("ADP_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);

    printf("ADP_TEST_SEED=%llu\n", (unsigned long long)seed);
    kt_random_state = seed * 2 + 1;
}

static inline uint64_t kt_random(void)
{
    kt_random_state ^= kt_random_state >> 12;
    kt_random_state ^= kt_random_state << 25;
    kt_random_state ^= kt_random_state >> 27;
    return kt_random_state * UINT64_C(2685821657736338717);
}

/* kt_below returns a random number less than |limit|. */
static inline size_t kt_below(size_t limit)
{
    return (size_t)(kt_random() % limit);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define KT_SANITIZED 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define KT_SANITIZED 1
#    endif
#endif
#ifndef KT_SANITIZED
#    define KT_SANITIZED 0
#endif

/* kt_quick returns whether fewer tries must do: ADP_TEST_QUICK says so, as on a machine that is
 * emulated, or the kernel is emulated and sanitized as well. */
static inline int kt_quick(void)
{
    static int asked = -1;

    if (asked < 0)
        asked = getenv("ADP_TEST_QUICK") != NULL;
    return asked || (KT_SANITIZED && kt_emulated);
}

/* kt_stride returns what a loop over all of a range adds: 1, or in a quick run about |quick|. */
static inline size_t kt_stride(size_t quick)
{
    return kt_quick() ? 1 + kt_below(2 * quick) : 1;
}

static inline void kt_random_bytes(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(kt_random() >> 56);
}

/* --- Calls on one contiguous message --- */

/* struct kt_params is what a message has beside its bytes. */
struct kt_params {
    struct adp_gcm_key key;
    struct adp_gcm_scratch scratch;
    uint8_t nonce[ADP_GCM_NONCE_LEN];
    const uint8_t *aad;
    size_t aad_len;
};

static inline enum adp_gcm_result kt_seal(struct kt_params *p, uint8_t *out, uint8_t *out_tag,
                                          const uint8_t *in, size_t len)
{
    struct adp_gcm_piece piece = {in, len};

    return adp_gcm_seal(&p->key, &p->scratch, out, out_tag, p->nonce, &piece, 1, p->aad,
                        p->aad_len);
}

static inline enum adp_gcm_result kt_open(struct kt_params *p, uint8_t *out, const uint8_t *tag,
                                          const uint8_t *in, size_t len)
{
    struct adp_gcm_piece piece = {in, len};

    return adp_gcm_open(&p->key, &p->scratch, out, p->nonce, &piece, 1, tag, p->aad, p->aad_len);
}

static inline int kt_all(uint8_t value, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != value)
            return 0;
    }
    return 1;
}

/* kt_from_hex decodes |hex| to |out|, which has room for |max| bytes, and returns their number. */
static inline size_t kt_from_hex(uint8_t *out, size_t max, const char *hex)
{
    size_t len = 0;

    while (len < max && sscanf(hex + 2 * len, "%2hhx", &out[len]) == 1)
        len++;
    return len;
}

#endif
