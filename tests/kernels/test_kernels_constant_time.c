/* No branch and no address depends on key, nonce, additional data, plaintext or tag, but for the
 * result of comparing tags. Under valgrind these are marked as undefined, and memcheck reports
 * every branch and address that is computed from what is undefined (the idea is Langley's
 * ctgrind).
 *
 * The program runs itself under valgrind: once per leaky kernel, each of which has to be reported,
 * then with all real ones. valgrind knows no VAES and no AVX-512: vaes256 and vaes512 run on
 * emulated vectors, of which the native ones differ in instructions that take no branches. */
#include "kernel_test.h"

#if defined(ADP_VALGRIND)

#    include <errno.h>
#    include <fcntl.h>
#    include <sys/wait.h>
#    include <unistd.h>
#    include <valgrind/memcheck.h>

#    define MAX_LEN 20000
#    define MAX_AAD 600

enum exit_code { NOT_FOUND = 127, REPORTED = 99 };

/* --- What is secret --- */

static void make_secret(void *data, size_t len)
{
    VALGRIND_MAKE_MEM_UNDEFINED(data, len);
}

static void make_public(void *data, size_t len)
{
    VALGRIND_MAKE_MEM_DEFINED(data, len);
}

/* is_secret returns whether every bit of |data| is. */
static int is_secret(uint8_t *data, size_t len)
{
    static uint8_t bits[MAX_LEN];

    return len == 0 || (VALGRIND_GET_VBITS(data, bits, len) == 1 && kt_all(0xff, bits, len));
}

/* A comparison of tags takes constant time, and its result is public. Kernels return it as a whole.
 */
static const struct adp_gcm_kernel *inner;

static enum adp_gcm_result open_to_public(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                                          const uint8_t *given, const struct adp_gcm_message *msg)
{
    enum adp_gcm_result result = inner->open(state, scratch, out, given, msg);

    make_public(&result, sizeof(result));
    return result;
}

/* BoringSSL goes on according to it: every call of CRYPTO_memcmp comes here. The name is valgrind's
 * for any library, that function. */
int I_WRAP_SONAME_FNNAME_ZZ(Za, CRYPTOZumemcmp)(const void *a, const void *b, size_t len);

int I_WRAP_SONAME_FNNAME_ZZ(Za, CRYPTOZumemcmp)(const void *a, const void *b, size_t len)
{
    OrigFn original;
    int result;

    VALGRIND_GET_ORIG_FN(original);
    CALL_FN_W_WWW(result, original, a, b, len);
    make_public(&result, sizeof(result));
    return result;
}

/* --- Messages --- */

/* Around steps of 128, 256 and 512 bytes, and windows of 256 counters of which the first has 254
 * and each is 4 KiB; past the first pairs of steps behind them. */
static const size_t lengths[] = {
    0,    1,    15,   16,   17,   127,  128,  129,  143,  255,  256,  257,   300,
    511,  512,  513,  640,  1023, 1024, 1025, 1537, 2047, 2048, 3001, 4063,  4064,
    4065, 4095, 4096, 4097, 4608, 5120, 6143, 8191, 8192, 8193, 9217, 16400, MAX_LEN,
};

static struct adp_gcm_kernel watched; /* |inner| with open_to_public */
static struct kt_params params;
static uint8_t key[ADP_GCM_KEY_LEN], aad[MAX_AAD], tag[ADP_GCM_TAG_LEN];
static uint8_t plaintext[MAX_LEN], copy[MAX_LEN], work[MAX_LEN];

/* next_message draws all that a message consists of; none of it is known to valgrind afterwards. */
static void next_message(size_t len)
{
    kt_random_bytes(key, sizeof(key));
    kt_random_bytes(params.nonce, sizeof(params.nonce));
    kt_random_bytes(aad, sizeof(aad));
    kt_random_bytes(plaintext, len);
    memcpy(copy, plaintext, len);
    make_secret(key, sizeof(key));
    make_secret(params.nonce, sizeof(params.nonce));
    make_secret(aad, sizeof(aad));
    make_secret(plaintext, len);
    make_secret(&params.scratch, sizeof(params.scratch));
    params.aad = aad;
    params.aad_len = kt_below(4) > 0 ? kt_below(MAX_AAD + 1) : 0;
    adp_gcm_key_init(&params.key, &watched, key);
}

/* check_sealed checks that valgrind has not lost sight of what went into the message: its silence
 * would say nothing then. The tag has the key in it, whatever the lengths are. */
static void check_sealed(size_t len)
{
    KT_CHECK(is_secret(tag, sizeof(tag)) && is_secret(work, len), "length %zu is lost sight of",
             len);
}

static void check_opened(enum adp_gcm_result result, size_t len)
{
    KT_CHECK(result == ADP_GCM_OK, "length %zu", len);
    make_public(work, len);
    KT_CHECK(memcmp(work, copy, len) == 0, "length %zu", len);
}

static void check_whole(size_t len)
{
    kt_seal(&params, work, tag, plaintext, len);
    check_sealed(len);
    check_opened(kt_open(&params, work, tag, work, len), len);
}

static void check_scattered(size_t len)
{
    size_t first = kt_below(len + 1);
    size_t second = first + kt_below(len - first + 1);
    struct adp_gcm_piece pieces[] = {
        {plaintext, first}, {work + first, second - first}, {plaintext + second, len - second}};

    memcpy(work + first, plaintext + first, second - first);
    adp_gcm_seal(&params.key, &params.scratch, work, tag, params.nonce, pieces, 3, params.aad,
                 params.aad_len);
    check_sealed(len);
    memcpy(plaintext, work, len);
    check_opened(adp_gcm_open(&params.key, &params.scratch, work, params.nonce, pieces, 3, tag,
                              params.aad, params.aad_len),
                 len);
}

static void check_refused(size_t len)
{
    kt_seal(&params, work, tag, plaintext, len);
    tag[kt_below(sizeof(tag))] ^= 1;
    KT_CHECK(kt_open(&params, work, tag, work, len) == ADP_GCM_BAD_TAG, "length %zu", len);
}

static void check_silence(void)
{
    static void (*const checks[])(size_t) = {check_whole, check_scattered, check_refused};

    inner = kt_kernel;
    watched = *inner;
    watched.open = open_to_public;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (size_t j = 0; j < 3; j++) {
            unsigned before = VALGRIND_COUNT_ERRORS;

            next_message(lengths[i]);
            checks[j](lengths[i]);
            KT_CHECK(VALGRIND_COUNT_ERRORS == before, "valgrind reports a leak at length %zu",
                     lengths[i]);
        }
    }
    printf("\n    %s", adp_gcm_kernel_name(kt_kernel));
}

static void test_kernels(void)
{
    kt_each_kernel(check_silence);
}

/* --- Leaky kernels: the portable one, with one leak each --- */

static volatile uint8_t sink, table[256];

static void key_init_looks_up(uint8_t *out_state, const uint8_t bytes[ADP_GCM_KEY_LEN])
{
    sink = table[bytes[7]];
    adp_gcm_portable.key_init(out_state, bytes);
}

static void seal_branches(const uint8_t *state, uint8_t *scratch, uint8_t *out, uint8_t *out_tag,
                          const struct adp_gcm_message *msg)
{
    if (msg->len > 0 && msg->in[0].len > 0 && msg->in[0].data[0] > 9)
        sink = 1;
    adp_gcm_portable.seal(state, scratch, out, out_tag, msg);
}

static enum adp_gcm_result open_compares(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                                         const uint8_t *given, const struct adp_gcm_message *msg)
{
    size_t i = 0;

    while (i < ADP_GCM_TAG_LEN && table[i] == given[i])
        i++;
    return adp_gcm_portable.open(state, scratch, out, given, msg);
}

enum { NUM_LEAKY = 3 };
static struct adp_gcm_kernel leaky[NUM_LEAKY];

static void make_leaky(void)
{
    for (size_t i = 0; i < NUM_LEAKY; i++)
        leaky[i] = adp_gcm_portable;
    leaky[0].name = "key_init_looks_up";
    leaky[0].key_init = key_init_looks_up;
    leaky[1].name = "seal_branches";
    leaky[1].seal = seal_branches;
    leaky[2].name = "open_compares";
    leaky[2].open = open_compares;
}

static void test_leaky(void)
{
    check_silence();
}

/* --- Under valgrind --- */

/* run_in_valgrind runs this program with |mode| and returns its exit code, which is REPORTED if
 * valgrind reported anything. */
static int run_in_valgrind(const char *mode, int quiet)
{
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    int status;
    pid_t child;

    if (len < 0)
        return 1;
    self[len] = '\0';
    fflush(stdout);
    child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        if (quiet && (dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0))
            _exit(1);
        execlp("valgrind", "valgrind", "--quiet", "--error-exitcode=99", "--error-limit=no",
               "--leak-check=no", "--undef-value-errors=yes", self, mode, (char *)NULL);
        _exit(errno == ENOENT ? NOT_FOUND : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return 1;
    return WEXITSTATUS(status);
}

/* supervise is the program outside valgrind. */
static int supervise(void)
{
    int result;

    for (size_t i = 0; i < NUM_LEAKY; i++) {
        result = run_in_valgrind(leaky[i].name, 1);
        if (result == NOT_FOUND) {
            printf("there is no valgrind here\n");
            return ADP_TEST_SKIPPED;
        }
        if (result != REPORTED) {
            printf("valgrind does not see the leak of %s: exit code %d\n", leaky[i].name, result);
            return 1;
        }
    }
    return run_in_valgrind("kernels", 0);
}

int main(int argc, char **argv)
{
    static const struct adp_test_case kernels[] = {{"no leak in any kernel", test_kernels}};
    static const struct adp_test_case leak[] = {{"a leak", test_leaky}};

    make_leaky();
    if (!RUNNING_ON_VALGRIND)
        return supervise();
    kt_seed();
    for (size_t i = 0; i < NUM_LEAKY && argc > 1; i++) {
        if (strcmp(argv[1], leaky[i].name) != 0)
            continue;
        kt_kernel = &leaky[i];
        return adp_test_main("A leaky kernel", leak, 1);
    }
    return adp_test_main("Constant time", kernels, 1);
}

#else

int main(void)
{
    printf("built without valgrind's headers\n");
    return ADP_TEST_SKIPPED;
}

#endif
