#include "open_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fs.h"
#include "fuzz.h"

/* Longer files are looked at no further than this. */
#define CONTENT_MAX ((size_t)8 << 20)

/* struct told is a path that open named, with what it said. */
struct told {
    char *path;
    enum adp_event_kind kind;
    struct told *next;
};

static struct stat canary, outside; /* as they were made */

/* -- Canaries. */

void check_init(struct check *check)
{
    const char *tmp = getenv("TMPDIR");
    int fd;

    /* In memory where there is such a place: every restore ends with a sync. */
    snprintf(check->base, sizeof(check->base), "%.32s/adp-seal-fuzz-XXXXXX",
             access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm"
             : tmp != NULL                        ? tmp
                                                  : "/tmp");
    FUZZ_CHECK(mkdtemp(check->base) != NULL);
    check->dir = open(check->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_CHECK(check->dir >= 0 && mkdirat(check->dir, "outside", 0755) == 0);
    fd = openat(check->dir, "canary", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    FUZZ_CHECK(fd >= 0 && write(fd, "canary", 6) == 6 && fstat(fd, &canary) == 0);
    close(fd);
    check->outside = openat(check->dir, "outside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_CHECK(check->outside >= 0 && fstat(check->outside, &outside) == 0);
}

static int is_untouched(const struct stat *now, const struct stat *then)
{
    return now->st_mode == then->st_mode && now->st_nlink == then->st_nlink &&
           now->st_uid == then->st_uid && now->st_size == then->st_size &&
           now->st_mtim.tv_sec == then->st_mtim.tv_sec &&
           now->st_mtim.tv_nsec == then->st_mtim.tv_nsec &&
           now->st_ctim.tv_sec == then->st_ctim.tv_sec &&
           now->st_ctim.tv_nsec == then->st_ctim.tv_nsec;
}

/* Their times of change tell of writes, links, modes and attributes alike. */
void check_canaries(const struct check *check)
{
    struct stat st;
    unsigned num = 0;
    DIR *dir;

    FUZZ_CHECK(fstatat(check->dir, "canary", &st, AT_SYMLINK_NOFOLLOW) == 0);
    FUZZ_CHECK(is_untouched(&st, &canary));
    FUZZ_CHECK(fstatat(check->dir, "outside", &st, AT_SYMLINK_NOFOLLOW) == 0);
    FUZZ_CHECK(is_untouched(&st, &outside));
    dir = fdopendir(openat(check->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    FUZZ_CHECK(dir != NULL);
    while (readdir(dir) != NULL)
        num++;
    closedir(dir);
    FUZZ_CHECK(num <= 7); /* "." and "..", both canaries, the target, vault and identity */
}

/* -- Events. */

void check_event(void *user, const struct adp_event *event)
{
    struct check *check = user;
    struct told *told = malloc(sizeof(*told));

    FUZZ_CHECK(told != NULL);
    *told = (struct told){strdup(event->path != NULL ? event->path : ""), event->kind, check->told};
    FUZZ_CHECK(told->path != NULL);
    check->told = told;
}

static void forget(struct check *check)
{
    while (check->told != NULL) {
        struct told *told = check->told;

        check->told = told->next;
        free(told->path);
        free(told);
    }
}

static int was_told(const struct check *check, const char *path, enum adp_event_kind kind)
{
    for (const struct told *told = check->told; told != NULL; told = told->next) {
        if (told->kind == kind && strcmp(told->path, path) == 0)
            return 1;
    }
    return 0;
}

int check_was_refused(const struct check *check)
{
    for (const struct told *told = check->told; told != NULL; told = told->next) {
        if (told->kind == ADP_EVENT_REFUSED)
            return 1;
    }
    return 0;
}

void check_begin(struct check *check, int is_again)
{
    int rc = is_again ? 0 : adp_fs_remove_tree(check->dir, "target");

    FUZZ_CHECK(rc == 0 || rc == -ENOENT);
    forget(check);
}

/* -- The tree. */

static mode_t type_of(uint8_t type)
{
    switch (type) {
    case ADP_ENTRY_DIRECTORY:
        return S_IFDIR;
    case ADP_ENTRY_SYMLINK:
        return S_IFLNK;
    case ADP_ENTRY_FIFO:
        return S_IFIFO;
    default:
        return S_IFREG;
    }
}

static const struct plan_entry *find(const struct plan_archive *archive, const char *path,
                                     size_t len, size_t *out_number)
{
    for (size_t i = 0; i < archive->num_entries; i++) {
        const struct plan_entry *entry = &archive->entries[i];

        if (entry->path_len == len && memcmp(entry->path, path, len) == 0 &&
            entry->item->type != ADP_INDEX_CONTINUATION) {
            *out_number = i;
            return entry;
        }
    }
    return NULL;
}

static int has_content(int parent, const char *name, const struct plan_archive *archive,
                       size_t number)
{
    size_t len, got;
    uint8_t *expected = plan_content(archive, number, CONTENT_MAX, &len);
    uint8_t *content = malloc(len + 1);
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), is_alike;

    FUZZ_CHECK(expected != NULL && content != NULL && fd >= 0);
    got = (size_t)adp_fs_read_all(fd, content, len, 0);
    is_alike = got == len && memcmp(content, expected, len) == 0;
    close(fd);
    free(content);
    free(expected);
    return is_alike;
}

static int has_target(int parent, const char *name, const struct plan_entry *entry)
{
    char target[4200];
    ssize_t len = readlinkat(parent, name, target, sizeof(target));

    return len == (ssize_t)entry->target_len && memcmp(target, entry->target, (size_t)len) == 0;
}

static int has_metadata(const struct stat *st, const struct plan_entry *entry)
{
    int is_own = geteuid() != 0 || (st->st_uid == entry->uid && st->st_gid == entry->gid);

    if (entry->item->type == ADP_ENTRY_SYMLINK)
        return is_own && st->st_mtim.tv_nsec == (long)entry->mtime_ns;
    return is_own && (st->st_mode & 07777) == entry->mode && st->st_mtim.tv_sec == 1670414400 &&
           st->st_mtim.tv_nsec == (long)entry->mtime_ns;
}

/* Whether what lies there is this entry of the archive. */
static int is_entry(const struct check *check, int parent, const char *name, const struct stat *st,
                    const struct plan_archive *archive, size_t number)
{
    const struct plan_entry *entry = &archive->entries[number];
    size_t file = number;

    if ((st->st_mode & S_IFMT) != type_of(entry->item->type))
        return 0;
    if (entry->item->type == ADP_ENTRY_HARDLINK) {
        if (find(archive, entry->target, entry->target_len, &file) == NULL)
            return 0;
    } else if (!was_told(check, entry->path, ADP_EVENT_METADATA) && !has_metadata(st, entry)) {
        return 0;
    }
    if (entry->item->type == ADP_ENTRY_SYMLINK)
        return has_target(parent, name, entry);
    return !S_ISREG(st->st_mode) || ((uint64_t)st->st_size == archive->entries[file].size &&
                                     has_content(parent, name, archive, file));
}

/* Two archives may have the same path, of which one only can be there. */
static void check_entry(const struct check *check, int target, const struct plan *plan,
                        const struct plan_entry *entry)
{
    const char *name = NULL;
    int parent, is_any = 0;
    struct stat st;
    size_t number;

    if (entry->item->type == ADP_INDEX_CONTINUATION || entry->item->type == ADP_ENTRY_SKIPPED ||
        was_told(check, entry->path, ADP_EVENT_NOT_RESTORED))
        return;
    parent = adp_fs_parent_beneath(target, entry->path, &name);
    FUZZ_CHECK(parent >= 0);
    FUZZ_CHECK(fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
    for (size_t i = 0; i < PLAN_NUM_ARCHIVES; i++) {
        if (find(&plan->archives[i], entry->path, entry->path_len, &number) != NULL)
            is_any |= is_entry(check, parent, name, &st, &plan->archives[i], number);
    }
    FUZZ_CHECK(is_any);
    close(parent);
}

/* Every name below |fd| is one of the plan's. |path| is that of the folder, with a slash. */
static void check_names(int fd, const struct plan *plan, const char *path)
{
    DIR *dir = fdopendir(fd);
    struct dirent *item;

    FUZZ_CHECK(dir != NULL);
    while ((item = readdir(dir)) != NULL) {
        size_t number;
        char *below;

        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
            continue;
        FUZZ_CHECK(asprintf(&below, "%s%s/", path, item->d_name) > 0);
        FUZZ_CHECK(find(&plan->archives[0], below, strlen(below) - 1, &number) != NULL ||
                   find(&plan->archives[1], below, strlen(below) - 1, &number) != NULL);
        if (item->d_type == DT_DIR)
            check_names(openat(fd, item->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                        plan, below);
        free(below);
    }
    closedir(dir);
}

void check_tree(struct check *check, const struct plan *plan)
{
    int target = openat(check->dir, "target", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    FUZZ_CHECK(target >= 0);
    for (size_t i = 0; i < PLAN_NUM_ARCHIVES; i++) {
        for (size_t k = 0; k < plan->archives[i].num_entries; k++)
            check_entry(check, target, plan, &plan->archives[i].entries[k]);
    }
    check_names(target, plan, "");
}
