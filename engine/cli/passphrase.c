#include "passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "memory.h"
#include "out.h"
#include "text.h"

static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

#define NUM_WATCHED (sizeof(watched) / sizeof(watched[0]))

static volatile sig_atomic_t caught;

static void note_signal(int signal)
{
    caught = signal;
}

/* A signal that is watched ends the reading, others do not. */
static ssize_t read_one(int fd, char *out)
{
    ssize_t num;

    do
        num = read(fd, out, 1);
    while (num < 0 && errno == EINTR && caught == 0);
    return num;
}

/* take_line reads up to the end of a line from |fd|. Returns 0, -errno, -E2BIG for a line that is
 * too long, -EINVAL for one with a zero byte, -ENODATA for an empty one. It reads byte by byte: the
 * line is short, and what stands behind it is another's. */
static int take_line(int fd, struct passphrase *out)
{
    size_t len = 0;
    char c = '\0';
    ssize_t num;

    while ((num = read_one(fd, &c)) == 1 && c != '\n') {
        if (c == '\0')
            return -EINVAL;
        if (len == PASSPHRASE_MAX)
            return -E2BIG;
        out->text[len++] = c;
    }
    if (num < 0)
        return -errno;
    if (len > 0 && out->text[len - 1] == '\r')
        len--;
    out->text[len] = '\0';
    return len > 0 ? 0 : -ENODATA;
}

static const char *noun(enum passphrase_purpose purpose)
{
    return purpose == PASSPHRASE_RECOVERY ? "recovery code" : "passphrase";
}

static enum adp_status refuse_line(int result, const char *from, enum passphrase_purpose purpose,
                                   struct adp_error *err)
{
    switch (result) {
    case -E2BIG:
        return out_fail(err, ADP_ERR_ARGUMENT, from, NULL, "the %s is longer than %d bytes",
                        noun(purpose), PASSPHRASE_MAX);
    case -EINVAL:
        return out_fail(err, ADP_ERR_ARGUMENT, from, NULL, "the %s has a zero byte", noun(purpose));
    case -ENODATA:
        return out_fail(err, ADP_ERR_ARGUMENT, from, NULL, "the %s is empty", noun(purpose));
    default:
        return out_fail(err, ADP_ERR_IO, from, NULL, "cannot read the %s: %s", noun(purpose),
                        strerror(-result));
    }
}

static enum adp_status from_file(struct passphrase *out, const char *file,
                                 enum passphrase_purpose purpose, struct adp_error *err)
{
    int fd = TEMP_FAILURE_RETRY(open(file, O_RDONLY | O_CLOEXEC));
    int result;

    if (fd < 0)
        return refuse_line(-errno, file, purpose, err);
    result = take_line(fd, out);
    close(fd);
    return result == 0 ? ADP_OK : refuse_line(result, file, purpose, err);
}

/* prompt asks once, without echo. A signal meanwhile interrupts the reading, and is raised again
 * only when the terminal echoes as before. */
static int prompt(int tty, const char *question, struct passphrase *out)
{
    struct sigaction action = {.sa_handler = note_signal}, before[NUM_WATCHED];
    struct termios shown, hidden;
    int result;

    if (tcgetattr(tty, &shown) != 0)
        return -errno;
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    hidden.c_cc[VSUSP] = _POSIX_VDISABLE;
    caught = 0;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < NUM_WATCHED; i++)
        sigaction(watched[i], &action, &before[i]);
    tcsetattr(tty, TCSAFLUSH, &hidden);
    dprintf(tty, "%s", question);
    result = take_line(tty, out);
    dprintf(tty, "\n");
    tcsetattr(tty, TCSAFLUSH, &shown);
    for (size_t i = 0; i < NUM_WATCHED; i++)
        sigaction(watched[i], &before[i], NULL);
    if (caught != 0)
        raise(caught);
    return result;
}

static enum adp_status ask_again(int tty, const struct passphrase *first, struct adp_error *err)
{
    struct passphrase *second = passphrase_new();
    int result = prompt(tty, "The same again: ", second);
    int is_same = result == 0 && strcmp(first->text, second->text) == 0;

    passphrase_free(second);
    if (is_same)
        return ADP_OK;
    return out_fail(err, ADP_ERR_PASSPHRASE, NULL, "run the command again",
                    "the two passphrases differ");
}

static enum adp_status from_terminal(struct passphrase *out, const char *what,
                                     enum passphrase_purpose purpose, struct adp_error *err)
{
    static const char *const words[] = {
        [PASSPHRASE_UNLOCK] = "Passphrase for",
        [PASSPHRASE_UNLOCK_AGAIN] = "That is not it. Passphrase for",
        [PASSPHRASE_NEW] = "New passphrase for",
        [PASSPHRASE_RECOVERY] = "Recovery code for",
    };
    char *name = text_escape(what);
    char question[1200];
    enum adp_status status = ADP_OK;
    int tty, result;

    snprintf(question, sizeof(question), "%s %.1024s: ", words[purpose], name);
    free(name);
    tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (tty < 0)
        return out_fail(err, ADP_ERR_PASSPHRASE, what,
                        purpose == PASSPHRASE_RECOVERY ? "name a file with --code-file"
                                                       : "name a file with --passphrase-file",
                        "there is no terminal to ask for the %s on", noun(purpose));
    result = prompt(tty, question, out);
    if (result != 0)
        status = refuse_line(result, NULL, purpose, err);
    else if (purpose == PASSPHRASE_NEW)
        status = ask_again(tty, out, err);
    close(tty);
    return status;
}

enum adp_status passphrase_get(struct passphrase *out, const char *file, const char *what,
                               enum passphrase_purpose purpose, struct adp_error *err)
{
    return file != NULL ? from_file(out, file, purpose, err)
                        : from_terminal(out, what, purpose, err);
}

/* A page of its own: what is locked or left out of core dumps is so by pages. */
struct passphrase *passphrase_new(void)
{
    struct passphrase *out =
        mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (out == MAP_FAILED)
        must_fail();
    (void)mlock(out, sizeof(*out));
    (void)madvise(out, sizeof(*out), MADV_DONTDUMP);
    return out;
}

void passphrase_free(struct passphrase *passphrase)
{
    explicit_bzero(passphrase, sizeof(*passphrase));
    munmap(passphrase, sizeof(*passphrase));
}
