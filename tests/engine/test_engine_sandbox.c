/* The child in which frames are decoded: what it gives, how it ends, what the caller's process sees
 * of it. */
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include "assurance.h"
#include "confine.h"
#include "confine_test.h"
#include "index_test.h"

#define PLAIN_LEN   300000u
#define NUM_WORKERS 3u
#define NUM_STARTS  20

static const struct adp_trailer no_index = {.directory_stored_len = 1, .directory_plain_len = 1};

static struct adp_sandbox *start(enum adp_sandbox_mode mode)
{
    struct adp_sandbox *sandbox = NULL;
    struct adp_error err = {0};

    et_expect(adp_sandbox_new(&sandbox, mode, NUM_WORKERS, &no_index, &err), ADP_OK, &err, "start");
    return sandbox;
}

/* -- Frames. */

static enum adp_status decode(struct adp_sandbox *sandbox, unsigned worker, const uint8_t *stored,
                              struct adp_sandbox_frame frame, uint8_t *out)
{
    unsigned lane = adp_sandbox_enter(sandbox, worker);
    const uint8_t *plain = NULL;
    enum adp_status status;

    memcpy(adp_sandbox_room(sandbox, lane), stored, frame.stored_len);
    status = adp_sandbox_decode(sandbox, lane, &frame, &plain);
    if (status == ADP_OK)
        memcpy(out, plain, frame.plain_len);
    adp_sandbox_leave(sandbox, lane);
    return status;
}

/* Compresses what |seed| fills, and has it decoded. */
static int round_trip(struct adp_sandbox *sandbox, unsigned worker, unsigned seed)
{
    size_t cap = ZSTD_compressBound(PLAIN_LEN);
    uint8_t *plain = malloc(PLAIN_LEN), *out = calloc(1, PLAIN_LEN), *stored = malloc(cap);
    struct adp_sandbox_frame frame = {.plain_len = PLAIN_LEN};
    int ok;

    et_fill(plain, PLAIN_LEN, seed);
    frame.stored_len = (uint32_t)ZSTD_compress(stored, cap, plain, PLAIN_LEN, 3);
    ok =
        decode(sandbox, worker, stored, frame, out) == ADP_OK && memcmp(out, plain, PLAIN_LEN) == 0;
    free(plain);
    free(out);
    free(stored);
    return ok;
}

struct user {
    pthread_t thread;
    struct adp_sandbox *sandbox;
    unsigned worker;
    int ok;
};

static void *use(void *arg)
{
    struct user *user = arg;

    user->ok = 1;
    for (unsigned i = 0; i < 20; i++)
        user->ok &= round_trip(user->sandbox, user->worker, 1000 * user->worker + i);
    return NULL;
}

/* More workers than lanes, too. */
static void test_decodes(void)
{
    struct adp_sandbox *sandbox = start(ADP_SANDBOX_AUTO);
    struct user users[NUM_WORKERS + 3];

    CU_ASSERT_PTR_NOT_NULL_FATAL(sandbox);
    for (unsigned i = 0; i < NUM_OF(users); i++) {
        users[i] = (struct user){.sandbox = sandbox, .worker = i};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&users[i].thread, NULL, use, &users[i]), 0);
    }
    CU_ASSERT(round_trip(sandbox, ADP_SANDBOX_CALLER, 7));
    for (unsigned i = 0; i < NUM_OF(users); i++) {
        pthread_join(users[i].thread, NULL);
        CU_ASSERT(users[i].ok);
    }
    CU_ASSERT(adp_sandbox_free(sandbox) > 0);
}

/* What is begun is not asked for again; what comes between undoes it, and is right itself. */
static void test_begun(void)
{
    static const uint8_t stored[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x01, 0x09, 0, 0, 'x'};
    const struct adp_sandbox_frame frame = {
        .kind = ADP_SANDBOX_INDEX, .number = 5, .stored_len = sizeof(stored), .plain_len = 1};
    const struct adp_sandbox_frame next = {
        .kind = ADP_SANDBOX_INDEX, .number = 6, .stored_len = sizeof(stored), .plain_len = 1};
    struct adp_sandbox *sandbox = start(ADP_SANDBOX_AUTO);
    const uint8_t *plain = NULL;
    unsigned lane;

    CU_ASSERT_PTR_NOT_NULL_FATAL(sandbox);
    for (int is_between = 0; is_between < 2; is_between++) {
        lane = adp_sandbox_enter(sandbox, ADP_SANDBOX_CALLER);
        memcpy(adp_sandbox_room(sandbox, lane), stored, sizeof(stored));
        adp_sandbox_begin(sandbox, &frame);
        CU_ASSERT(adp_sandbox_has_begun(sandbox, lane, &frame));
        CU_ASSERT_FALSE(adp_sandbox_has_begun(sandbox, lane, &next));
        adp_sandbox_leave(sandbox, lane);
        if (is_between)
            CU_ASSERT(round_trip(sandbox, ADP_SANDBOX_CALLER, 3));
        CU_ASSERT_EQUAL(adp_sandbox_has_begun(sandbox, lane, &frame), !is_between);
        lane = adp_sandbox_enter(sandbox, ADP_SANDBOX_CALLER);
        if (is_between)
            memcpy(adp_sandbox_room(sandbox, lane), stored, sizeof(stored));
        CU_ASSERT_EQUAL(adp_sandbox_decode(sandbox, lane, &frame, &plain), ADP_OK);
        CU_ASSERT(plain != NULL && *plain == 'x');
        CU_ASSERT_FALSE(adp_sandbox_has_begun(sandbox, lane, &frame));
        adp_sandbox_leave(sandbox, lane);
    }
    adp_sandbox_free(sandbox);
}

/* Each bit of a frame flipped: some are still frames, and the child goes on. */
static void test_refuses(void)
{
    static const uint8_t one[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x01, 0x09, 0, 0, 'x'};
    const struct adp_sandbox_frame frame = {.stored_len = sizeof(one), .plain_len = 1};
    struct adp_sandbox *sandbox = start(ADP_SANDBOX_AUTO);
    unsigned long num = 0, num_refused = 0, ok = 0;
    uint8_t bytes[sizeof(one)], out[1];

    CU_ASSERT_PTR_NOT_NULL_FATAL(sandbox);
    for (size_t i = 0; i < 8 * sizeof(one); i++) {
        enum adp_status status;

        memcpy(bytes, one, sizeof(one));
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        status = decode(sandbox, (unsigned)i, bytes, frame, out);
        num++;
        num_refused += status == ADP_ERR_CONTENT;
        ok += status == ADP_OK || status == ADP_ERR_CONTENT;
    }
    CU_ASSERT_EQUAL(ok, num);
    CU_ASSERT(num_refused >= 8 * 4); /* the magic number */
    CU_ASSERT(round_trip(sandbox, 0, 1));
    adp_sandbox_free(sandbox);
    adp_assurance_add("sandbox", "frames with a bit flipped", num, ok);
}

/* -- Index: parsed as it is, and with each byte changed; the parser's word is not asked for. */

static uint8_t *compress(const uint8_t *data, size_t len, uint32_t *out_len)
{
    size_t cap = ZSTD_compressBound(len);
    uint8_t *out = malloc(cap);

    *out_len = (uint32_t)ZSTD_compress(out, cap, data, len, 1);
    return out;
}

static int send(struct adp_sandbox *sandbox, enum adp_sandbox_kind kind, const uint8_t *data,
                size_t len)
{
    struct adp_sandbox_frame frame = {.kind = kind, .plain_len = (uint32_t)len};
    uint8_t *stored = compress(data, len, &frame.stored_len), *out = malloc(len);
    int ok = decode(sandbox, ADP_SANDBOX_CALLER, stored, frame, out) == ADP_OK &&
             memcmp(out, data, len) == 0;

    free(stored);
    free(out);
    return ok;
}

static unsigned long send_changed(struct adp_sandbox *sandbox, enum adp_sandbox_kind kind,
                                  uint8_t *data, size_t len)
{
    unsigned long ok = 0;

    for (size_t i = 0; i < len; i++) {
        data[i] ^= 0xff;
        ok += (unsigned long)send(sandbox, kind, data, len);
        data[i] ^= 0xff;
    }
    return ok;
}

static void test_index(void)
{
    struct it_index index = {0};
    struct adp_builder directory = {0};
    struct adp_sandbox *sandbox = NULL;
    struct adp_error err = {0};
    unsigned long num, ok;

    adp_index_writer_init(&index.writer);
    it_add_plain(&index, ADP_ENTRY_DIRECTORY, "a");
    it_add_plain(&index, ADP_ENTRY_FILE, "a/b");
    it_finish(&index);
    CU_ASSERT_EQUAL(adp_index_writer_directory(&index.writer, &directory, &err), ADP_OK);
    index.trailer.directory_stored_len = (uint32_t)ZSTD_compressBound(directory.len);
    CU_ASSERT_EQUAL_FATAL(adp_sandbox_new(&sandbox, ADP_SANDBOX_AUTO, 0, &index.trailer, &err),
                          ADP_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sandbox);
    CU_ASSERT(send(sandbox, ADP_SANDBOX_INDEX, index.frames[0],
                   index.directory.frames[0].plain_len)); /* too early: nothing to parse it by */
    num = directory.len;
    ok = send_changed(sandbox, ADP_SANDBOX_DIRECTORY, directory.data, directory.len);
    CU_ASSERT(send(sandbox, ADP_SANDBOX_DIRECTORY, directory.data, directory.len));
    num += index.directory.frames[0].plain_len;
    ok += send_changed(sandbox, ADP_SANDBOX_INDEX, index.frames[0],
                       index.directory.frames[0].plain_len);
    CU_ASSERT_EQUAL(ok, num);
    CU_ASSERT(
        send(sandbox, ADP_SANDBOX_INDEX, index.frames[0], index.directory.frames[0].plain_len));
    adp_sandbox_free(sandbox);
    adp_builder_free(&directory);
    it_free(&index);
    adp_assurance_add("sandbox", "index with a byte changed", num, ok);
}

/* -- The child's end. */

static void check_end(struct adp_sandbox *sandbox, const char *word)
{
    struct adp_error err = {0};
    uint8_t out[1] = {0};

    for (unsigned worker = 0; worker < 2; worker++)
        CU_ASSERT_EQUAL(decode(sandbox, worker, out,
                               (struct adp_sandbox_frame){.stored_len = 1, .plain_len = 1}, out),
                        ADP_ERR_DECODER);
    CU_ASSERT_EQUAL(adp_sandbox_fail(sandbox, "an/archive", 12345, &err), ADP_ERR_DECODER);
    CU_ASSERT_STRING_EQUAL(err.path, "an/archive");
    CU_ASSERT(err.has_offset && err.offset == 12345);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.message, word));
    CU_ASSERT_EQUAL(adp_status_exit_code(err.status), 3);
}

static void test_killed(void)
{
    struct adp_sandbox *sandbox = start(ADP_SANDBOX_AUTO);
    pid_t pid = ct_child();

    CU_ASSERT_FATAL(pid > 0);
    kill(pid, SIGINT); /* nothing to the child: a terminal sends it to all */
    kill(pid, SIGTERM);
    CU_ASSERT(round_trip(sandbox, 0, 1));
    kill(pid, SIGKILL);
    check_end(sandbox, "signal 9");
    adp_sandbox_free(sandbox);
    CU_ASSERT_EQUAL(waitpid(pid, NULL, WNOHANG), -1); /* it was reaped */
}

/* One that neither ends nor answers. Two minutes, so in a soak only. */
static void test_stuck(void)
{
    struct adp_sandbox *sandbox;

    if (getenv("ADP_SOAK") == NULL)
        return;
    sandbox = start(ADP_SANDBOX_AUTO);
    CU_ASSERT(ct_signal_child(SIGSTOP));
    check_end(sandbox, "did not come to an end");
    adp_sandbox_free(sandbox);
}

/* -- The caller's process. */

static atomic_int num_children_ended;

static void count_child(int number)
{
    (void)number;
    atomic_fetch_add(&num_children_ended, 1);
}

static void test_signals(void)
{
    struct adp_sandbox *sandbox;
    sigset_t before, after;
    int status;
    pid_t own;

    memset(&before, 0, sizeof(before)); /* the library fills a part */
    memset(&after, 0, sizeof(after));
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    signal(SIGCHLD, count_child);
    sandbox = start(ADP_SANDBOX_AUTO);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    CU_ASSERT_EQUAL(memcmp(&before, &after, sizeof(before)), 0);
    own = fork();
    if (own == 0)
        _exit(7);
    CU_ASSERT(round_trip(sandbox, 0, 1));
    adp_sandbox_free(sandbox);
    CU_ASSERT_EQUAL(waitpid(own, &status, 0), own); /* the caller's child is left to the caller */
    CU_ASSERT_EQUAL(WEXITSTATUS(status), 7);
    CU_ASSERT(atomic_load(&num_children_ended) > 0);
    signal(SIGCHLD, SIG_IGN); /* the kernel reaps */
    sandbox = start(ADP_SANDBOX_AUTO);
    CU_ASSERT(round_trip(sandbox, 0, 1));
    CU_ASSERT(ct_signal_child(SIGKILL));
    check_end(sandbox, "has ended");
    adp_sandbox_free(sandbox);
    signal(SIGCHLD, SIG_DFL);
}

static atomic_int is_over;

static void *allocate(void *arg)
{
    unsigned n = 0;

    while (!atomic_load(&is_over)) {
        void *some = malloc(1 + 977 * n++ % 200000);

        free(some);
    }
    return arg;
}

/* A program with threads that hold the allocator's locks, most of the time. */
static void test_threads(void)
{
    pthread_t threads[3];

    for (size_t i = 0; i < NUM_OF(threads); i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, allocate, NULL), 0);
    for (unsigned i = 0; i < NUM_STARTS; i++) {
        struct adp_sandbox *sandbox = start(ADP_SANDBOX_AUTO);

        if (ADP_CONFINE_LOOSE) /* a sanitizer's allocator bears no fork */
            CU_ASSERT_PTR_NULL_FATAL(sandbox);
        CU_ASSERT(ADP_CONFINE_LOOSE || (sandbox != NULL && round_trip(sandbox, i, i)));
        adp_sandbox_free(sandbox);
    }
    atomic_store(&is_over, 1);
    for (size_t i = 0; i < NUM_OF(threads); i++)
        pthread_join(threads[i], NULL);
}

static void test_descriptors(void)
{
    int before = dup(0);

    adp_sandbox_free(start(ADP_SANDBOX_AUTO));
    CU_ASSERT_EQUAL(dup(0), before + 1);
    close(before);
    close(before + 1);
}

/* Not under ThreadSanitizer, which has a thread of its own. */
static int starts(void)
{
    struct adp_sandbox *sandbox = start(ADP_SANDBOX_AUTO);

    adp_sandbox_free(sandbox);
    return sandbox != NULL;
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"frames, by many threads", test_decodes},
        {"what is no frame", test_refuses},
        {"a frame that is begun", test_begun},
        {"index and directory, changed", test_index},
        {"the child is killed", test_killed},
        {"the child is stuck", test_stuck},
        {"signals and children of the caller", test_signals},
        {"a caller with threads", test_threads},
        {"descriptors", test_descriptors},
    };

    if (!ct_has_all() || (ADP_CONFINE_LOOSE && !starts()))
        return ADP_TEST_SKIPPED;
    return adp_test_main("engine/sandbox", cases, NUM_OF(cases));
}
