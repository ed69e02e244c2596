#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crash_at.h"

#define PAGE 4096u

static int open_new(const char *file, const char *suffix, const char *more)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s.%s%s", file, suffix, more);
    return NEXT(open)(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static int is_zero(const uint64_t *page)
{
    uint64_t any = 0;

    for (size_t i = 0; i < PAGE / sizeof(any); i++)
        any |= page[i];
    return any == 0;
}

static void dump_range(int out, uintptr_t start, uintptr_t end)
{
    while (start < end) {
        uint64_t head[2];
        uintptr_t at = start;

        while (at < end && !is_zero((const uint64_t *)at))
            at += PAGE;
        head[0] = start;
        head[1] = at - start;
        if (at > start) {
            (void)!NEXT(write)(out, head, sizeof(head));
            (void)!NEXT(write)(out, (const void *)start, at - start);
        }
        start = at > start ? at : at + PAGE;
    }
}

void crash_dump(const char *file, const char *suffix)
{
    static char line[2 * PATH_MAX];
    int out = open_new(file, suffix, ""), maps = open_new(file, suffix, ".maps");
    FILE *smaps = fopen("/proc/self/smaps", "re");
    unsigned long start, end;
    char access[5];

    while (smaps != NULL && fgets(line, sizeof(line), smaps) != NULL) {
        (void)!NEXT(write)(maps, line, strlen(line));
        if (sscanf(line, "%lx-%lx %4s", &start, &end, access) == 3 && strncmp(access, "rw", 2) == 0)
            dump_range(out, start, end);
    }
    if (smaps != NULL)
        fclose(smaps);
    close(out);
    close(maps);
}
