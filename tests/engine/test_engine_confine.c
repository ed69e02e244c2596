/* What a process can still do once it has given everything up: each attempt in a child of its own.
 */
#include "confine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "assurance.h"
#include "confine_test.h"
#include "engine_test.h"
#include "secret.h"

#define PAGE_LEN    ((size_t)4096)
#define MORE_MEMORY ((size_t)8 << 20)

/* What a child tells. The one mapping that it keeps. */
struct told {
    atomic_int is_done;
    int result, error;
    unsigned layers;
};

/* What lies in the parent's memory, in the way of attempts. */
struct outside {
    pid_t parent;
    int file, socket, pipe[2]; /* descriptors */
    uint8_t *shared;           /* a mapping of |file|, which somebody else may look at */
    uint8_t *secret;
    char dir[64], path[80];
};

static struct outside outside;

/* -- Attempts. 0 or more: it was possible. */

static int reads_passwords(void)
{
    return open("/etc/passwd", O_RDONLY);
}

static int makes_file(void)
{
    return open(outside.path, O_WRONLY | O_CREAT, 0600);
}

static int makes_folder(void)
{
    return mkdir(outside.path, 0700);
}

static int removes_file(void)
{
    return unlink(outside.path);
}

static int truncates_file(void)
{
    return truncate(outside.path, 0);
}

static int connects(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&address, sizeof(address));
}

static int writes_to_inherited_file(void)
{
    return (int)write(outside.file, "x", 1);
}

static int writes_to_output(void)
{
    return (int)write(STDOUT_FILENO, "x", 1);
}

static int sends_to_inherited_socket(void)
{
    return (int)send(outside.socket, "x", 1, 0);
}

static int reads_inherited_file(void)
{
    char byte;

    return (int)read(outside.file, &byte, 1);
}

static int duplicates_descriptor(void)
{
    return dup(outside.file);
}

static int maps_inherited_file(void)
{
    return mmap(NULL, 1, PROT_READ, MAP_PRIVATE, outside.file, 0) == MAP_FAILED ? -1 : 0;
}

static int executes(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}

static int forks(void)
{
    return fork();
}

static void *nothing(void *arg)
{
    return arg;
}

static int starts_thread(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, nothing, NULL) == 0 ? 0 : -1;
}

static int traces_parent(void)
{
    return (int)ptrace(PTRACE_ATTACH, outside.parent, NULL, NULL);
}

static int signals_parent(void)
{
    return kill(outside.parent, 0);
}

static int signals_itself(void)
{
    return raise(SIGCONT);
}

static int reads_parent_memory(void)
{
    uint8_t byte;
    struct iovec to = {&byte, 1}, from = {outside.secret, 1};

    return (int)process_vm_readv(outside.parent, &to, 1, &from, 1, 0);
}

static int maps_code(void)
{
    return mmap(NULL, PAGE_LEN, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                   MAP_FAILED
               ? -1
               : 0;
}

static int makes_memory_code(void)
{
    void *page = mmap(NULL, PAGE_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return mprotect(page, PAGE_LEN, PROT_READ | PROT_EXEC);
}

static int makes_memory_file(void)
{
    return memfd_create("x", 0);
}

static int sets_ring_up(void)
{
    struct io_uring_params params = {0};

    return (int)syscall(SYS_io_uring_setup, 4, &params);
}

static int unshares(void)
{
    return unshare(CLONE_NEWUSER);
}

static int raises_limit(void)
{
    return setrlimit(RLIMIT_NOFILE, &(struct rlimit){16, 16});
}

static int becomes_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int handles_signal(void)
{
    return signal(SIGUSR1, SIG_IGN) == SIG_ERR ? -1 : 0;
}

static int changes_shared_memory(void)
{
    *(volatile uint8_t *)outside.shared = 'x';
    return 0;
}

/* -- Those that are allowed. */

static int secret_is_there(void)
{
    return outside.secret[0] == 0 ? -1 : 0;
}

static int takes_much_memory(void)
{
    void *all = mmap(NULL, 4 * MORE_MEMORY, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return all == MAP_FAILED ? -1 : 0;
}

static int takes_memory(void)
{
    void *some = malloc(MORE_MEMORY / 4);

    if (some == NULL)
        return -1;
    memset(some, 1, MORE_MEMORY / 4);
    free(some);
    return 0;
}

enum ending {
    KILLED,   /* by the filter of calls */
    FAULTED,  /* by a page that is not there */
    REFUSED,  /* the call fails, or nothing is found */
    POSSIBLE, /* as it should be */
    ANYTHING, /* the filter alone forbids it, or it depends on the user */
};

struct attempt {
    const char *name;
    int (*run)(void);
    enum ending with_all;      /* layers */
    enum ending with_landlock; /* alone; REFUSED by it, by limits, or for want of a descriptor */
    int version; /* of Landlock, from which on that is so; 0: no question of Landlock */
    int loose;   /* not tried with a sanitizer, which keeps this to itself */
};

static const struct attempt attempts[] = {
    {"reads /etc/passwd", reads_passwords, KILLED, REFUSED, 0, 0},
    {"makes a file", makes_file, KILLED, REFUSED, 0, 0},
    {"makes a folder", makes_folder, KILLED, REFUSED, 1, 0},
    {"removes a file", removes_file, KILLED, REFUSED, 1, 0},
    {"truncates a file", truncates_file, KILLED, REFUSED, 3, 0},
    {"connects", connects, KILLED, REFUSED, 0, 0},
    {"writes to an inherited file", writes_to_inherited_file, KILLED, REFUSED, 0, 1},
    {"writes to standard output", writes_to_output, KILLED, REFUSED, 0, 1},
    {"sends to an inherited socket", sends_to_inherited_socket, KILLED, REFUSED, 0, 0},
    {"reads an inherited file", reads_inherited_file, KILLED, REFUSED, 0, 0},
    {"duplicates a descriptor", duplicates_descriptor, KILLED, REFUSED, 0, 0},
    {"maps an inherited file", maps_inherited_file, KILLED, REFUSED, 0, 0},
    {"executes a program", executes, KILLED, REFUSED, 1, 0},
    {"forks", forks, KILLED, ANYTHING, 0, 0},
    {"starts a thread", starts_thread, KILLED, ANYTHING, 0, 1},
    {"traces its parent", traces_parent, KILLED, REFUSED, 1, 0},
    {"signals its parent", signals_parent, KILLED, REFUSED, 6, 0},
    {"signals itself", signals_itself, KILLED, ANYTHING, 0, 0},
    {"reads its parent's memory", reads_parent_memory, KILLED, REFUSED, 1, 0},
    {"maps code", maps_code, KILLED, ANYTHING, 0, 0},
    {"makes memory code", makes_memory_code, KILLED, ANYTHING, 0, 0},
    {"makes a file in memory", makes_memory_file, KILLED, REFUSED, 0, 0},
    {"sets a ring up", sets_ring_up, KILLED, REFUSED, 0, 0},
    {"makes a namespace", unshares, KILLED, ANYTHING, 0, 0},
    {"raises a limit", raises_limit, KILLED, ANYTHING, 0, 0},
    {"becomes dumpable", becomes_dumpable, KILLED, ANYTHING, 0, 0},
    {"handles a signal", handles_signal, KILLED, ANYTHING, 0, 1},
    {"changes memory that others see", changes_shared_memory, FAULTED, FAULTED, 0, 1},
    {"finds a key", secret_is_there, REFUSED, REFUSED, 0, 0},
    {"takes all memory", takes_much_memory, REFUSED, REFUSED, 0, 1},
    {"takes the memory that it needs", takes_memory, POSSIBLE, POSSIBLE, 0, 0},
};

/* -- With a file to read and a pipe to write into. */

static int has_pipe;

static int reads_its_file(void)
{
    char content[8];

    return pread(STDIN_FILENO, content, sizeof(content), 0) == 5 ? 0 : -1;
}

static int writes_into_its_pipe(void)
{
    return write(STDOUT_FILENO, "x", 1) == 1 ? 0 : -1;
}

static int writes_to_its_file(void)
{
    return (int)write(STDIN_FILENO, "x", 1);
}

static int writes_into_its_file(void)
{
    return (int)pwrite(STDIN_FILENO, "x", 1, 0);
}

static int cuts_its_file(void)
{
    return ftruncate(STDIN_FILENO, 0);
}

static int maps_its_file(void)
{
    return mmap(NULL, 5, PROT_READ, MAP_SHARED, STDIN_FILENO, 0) == MAP_FAILED ? -1 : 0;
}

static int asks_who_owns_its_file(void)
{
    struct stat st;

    return fstat(STDIN_FILENO, &st);
}

static int reads_from_its_pipe(void)
{
    char byte;

    return (int)pread(STDOUT_FILENO, &byte, 1, 0);
}

static const struct attempt attempts_with_pipe[] = {
    {"reads its file", reads_its_file, POSSIBLE, POSSIBLE, 0, 0},
    {"writes into its pipe", writes_into_its_pipe, POSSIBLE, POSSIBLE, 0, 0},
    {"writes to its file", writes_to_its_file, KILLED, REFUSED, 0, 1},
    {"writes into its file", writes_into_its_file, KILLED, REFUSED, 0, 0},
    {"cuts its file", cuts_its_file, KILLED, REFUSED, 0, 0},
    {"maps its file", maps_its_file, KILLED, ANYTHING, 0, 0},
    {"asks who owns its file", asks_who_owns_its_file, KILLED, ANYTHING, 0, 0},
    {"reads from its pipe", reads_from_its_pipe, KILLED, REFUSED, 0, 0},
};

static void give_pipe(void)
{
    int in = open(outside.path, O_RDONLY);

    if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(outside.pipe[1], STDOUT_FILENO) < 0)
        _exit(2);
}

/* -- Running them. */

static _Noreturn void child(struct told *told, unsigned layers, int (*run)(void))
{
    struct adp_confine confine = {.layers = layers,
                                  .has_pipe = has_pipe,
                                  .shared = told,
                                  .shared_len = PAGE_LEN,
                                  .more_memory = MORE_MEMORY};

    if (has_pipe)
        give_pipe();
    if (adp_confine_begin(&confine) < 0)
        _exit(2);
    adp_confine_end(&confine);
    told->layers = confine.layers;
    told->result = run();
    told->error = errno;
    atomic_store(&told->is_done, 1);
    _exit(0);
}

static enum ending ending_of(const struct told *told, int status)
{
    if (atomic_load(&told->is_done))
        return told->result < 0 ? REFUSED : POSSIBLE;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return KILLED;
    return FAULTED;
}

static int try(const struct attempt *attempt, unsigned layers, enum ending expected)
{
    static const char *const words[] = {"killed", "faulted", "refused", "possible"};
    struct told *told =
        mmap(NULL, PAGE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0, ok;
    pid_t pid;

    CU_ASSERT_FATAL(told != MAP_FAILED);
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        child(told, layers, attempt->run);
    CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
    ok = ending_of(told, status) == expected && told->layers == layers;
    if (!ok)
        fprintf(stderr, "%s: %s, expected: %s (layers %u of %u, errno %d, status %x)\n",
                attempt->name, words[ending_of(told, status)], words[expected], told->layers,
                layers, told->error, (unsigned)status);
    munmap(told, PAGE_LEN);
    return ok;
}

static void set_outside_up(void)
{
    int pair[2];

    strcpy(outside.dir, "/tmp/adp-seal-test-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(outside.dir));
    snprintf(outside.path, sizeof(outside.path), "%s/there", outside.dir);
    outside.parent = getpid();
    outside.file = open(outside.path, O_RDWR | O_CREAT, 0600);
    CU_ASSERT_EQUAL_FATAL(write(outside.file, "whole", 5), 5);
    CU_ASSERT_EQUAL_FATAL(lseek(outside.file, 0, SEEK_SET), 0);
    outside.shared = mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, outside.file, 0);
    CU_ASSERT_FATAL(outside.shared != MAP_FAILED);
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    outside.socket = pair[0];
    CU_ASSERT_EQUAL_FATAL(pipe(outside.pipe), 0);
    outside.secret = adp_secret_new(32);
    CU_ASSERT_PTR_NOT_NULL_FATAL(outside.secret);
    memset(outside.secret, 0x5a, 32);
}

/* After all of them everything is as it was. */
static void check_outside(void)
{
    char content[8] = "";

    CU_ASSERT_EQUAL(pread(outside.file, content, sizeof(content), 0), 5);
    CU_ASSERT_EQUAL(memcmp(content, "whole", 5), 0);
    CU_ASSERT_EQUAL(outside.secret[0], 0x5a);
    adp_secret_free(outside.secret, 32);
    munmap(outside.shared, 5);
    close(outside.file);
    unlink(outside.path);
    rmdir(outside.dir);
}

/* Tries the |num| attempts; returns how many of them, and in |*out_ok| how many ended as they
 * should. */
static unsigned long try_each(const struct attempt *list, size_t num, unsigned layers,
                              unsigned long *out_ok)
{
    int is_all = layers == ADP_CONFINE_ALL;
    unsigned long tried = 0;

    for (const struct attempt *attempt = list; attempt < list + num; attempt++) {
        if (ADP_CONFINE_LOOSE && attempt->loose)
            continue;
        if (!is_all && (attempt->with_landlock == ANYTHING || attempt->version > ct_landlock()))
            continue;
        if (has_pipe && attempt->run == writes_to_output)
            continue;
        tried++;
        *out_ok += (unsigned long)try(attempt, layers,
                                      is_all ? attempt->with_all : attempt->with_landlock);
    }
    return tried;
}

static void try_all(unsigned layers, const char *kind)
{
    unsigned long ok = 0, num;

    set_outside_up();
    has_pipe = 0;
    num = try_each(attempts, NUM_OF(attempts), layers, &ok);
    has_pipe = 1;
    num += try_each(attempts, NUM_OF(attempts), layers, &ok);
    num += try_each(attempts_with_pipe, NUM_OF(attempts_with_pipe), layers, &ok);
    CU_ASSERT_EQUAL(ok, num);
    check_outside();
    adp_assurance_add("sandbox", kind, num, ok);
}

static void test_all_layers(void)
{
    try_all(ADP_CONFINE_ALL, "attempts from inside");
}

static void test_landlock_alone(void)
{
    try_all(ADP_CONFINE_LANDLOCK, "attempts without seccomp");
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"attempts, with everything put on", test_all_layers},
        {"attempts, without the filter of calls", test_landlock_alone},
    };

    if (!ct_has_all())
        return ADP_TEST_SKIPPED;
    return adp_test_main("engine/confine", cases, NUM_OF(cases));
}
