/* A temporary folder for a test, and children with fewer rights than the test has. */
#ifndef ADP_TEST_SCRATCH_H
#define ADP_TEST_SCRATCH_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adp_test.h"
#include "fs.h"

/* struct scratch is a fresh folder in the working directory: the build tree has the attributes and
 * direct transfers that a temporary file system may lack. */
struct scratch {
    char path[64];
    int fd;
};

static inline struct scratch scratch_make(void)
{
    struct scratch scratch = {.path = "adp-test-XXXXXX", .fd = -1};

    if (mkdtemp(scratch.path) == NULL || chmod(scratch.path, 0755) < 0)
        abort();
    scratch.fd = open(scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (scratch.fd < 0)
        abort();
    return scratch;
}

static inline void scratch_remove(struct scratch *scratch)
{
    close(scratch->fd);
    CU_ASSERT_EQUAL(adp_fs_remove_tree(AT_FDCWD, scratch->path), 0);
}

/* scratch_file makes a file with |text|. */
static inline void scratch_file(const struct scratch *scratch, const char *name, const char *text)
{
    int fd = openat(scratch->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    close(fd);
}

/* scratch_count returns the number of entries of the folder. */
static inline int scratch_count(const struct scratch *scratch)
{
    DIR *dir = opendir(scratch->path);
    int count = -2; /* without "." and ".." */

    if (dir == NULL)
        abort();
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* scratch_child runs |check| in a child and returns its result, 0 to 255; with |drop|, as a user
 * without privileges. */
static inline int scratch_child(int (*check)(const struct scratch *), const struct scratch *scratch,
                                int drop)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        if (drop && geteuid() == 0 &&
            (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
            _exit(255);
        _exit(check(scratch));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* scratch_forbid makes the system call |number| fail with |error| from here on, in this process. */
static inline int scratch_forbid(unsigned number, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

#endif
