/* The walk keeps one level per open directory of the path that it is on: the directory's names and
 * how many of them were visited. Levels need memory; descriptors only the deepest of them have. A
 * level that lost its descriptor gets it back through ".." of the level below, or else from the
 * root by name, and only if it is still the same directory. */
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "names.h"
#include "warm.h"

/* How many of the deepest levels keep a descriptor, beside the root. Few trees are deeper, and it
 * leaves most of the usual limit of 1024 to the caller. */
#define MAX_OPEN 64

/* Entries that are looked at ahead of the walk, in steps; directories with fewer than one step's
 * are not worth it. */
#define WARM_STEP 64u
/* The walk looks at so many alone: if they are in the cache already, so are the rest. Looking at
 * one takes about 1 us then, and more than 10 if not. */
#define WARM_TRIAL    16u
#define WARM_TRIAL_NS (10000 * WARM_TRIAL)
#define WARM_AHEAD    (8 * WARM_STEP)

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

struct level {
    const char *name; /* in the parent's |names| */
    int fd;           /* -1 where it was given up */
    struct stat st;
    struct adp_names names;
    size_t num_visited;
    size_t num_warmed;
    int64_t stat_ns; /* what it took to look at the first ones */
};

struct walk {
    adp_walk_fn fn;
    void *user;
    struct level *levels;
    size_t num, cap;
    struct adp_warm *warm; /* since the first large directory */
};

static int emit(struct walk *walk, enum adp_walk_event event, const char *name, size_t depth,
                const struct stat *st, int error)
{
    struct adp_walk_entry entry = {
        .event = event,
        .name = name,
        .name_len = strlen(name),
        .depth = (unsigned)depth,
        .st = st,
        .error = error,
        .dir = -1,
    };

    if (event == ADP_WALK_LISTED) {
        entry.dir = walk->levels[depth].fd;
        entry.names = &walk->levels[depth].names;
    }
    return walk->fn(walk->user, &entry);
}

static int open_dir(int dirfd, const char *path, int flags, struct stat *out_st)
{
    int fd = TEMP_FAILURE_RETRY(openat(dirfd, path, DIR_FLAGS | flags));

    if (fd < 0)
        return -errno;
    if (fstat(fd, out_st) < 0) {
        int rc = -errno;

        close(fd);
        return rc;
    }
    return fd;
}

/* open_same opens |path| if it is the directory that |level| was. */
static int open_same(int dirfd, const char *path, const struct level *level)
{
    struct stat st;
    int fd = open_dir(dirfd, path, O_NOFOLLOW, &st);

    if (fd >= 0 && (st.st_dev != level->st.st_dev || st.st_ino != level->st.st_ino)) {
        close(fd);
        return -ESTALE;
    }
    return fd;
}

/* open_from_root opens level |num| by name from the root, whose descriptor is always open. */
static int open_from_root(const struct walk *walk, size_t num)
{
    int fd = walk->levels[0].fd;

    for (size_t i = 1; i <= num && fd >= 0; i++) {
        int next = open_same(fd, walk->levels[i].name, &walk->levels[i]);

        if (i > 1)
            close(fd);
        fd = next;
    }
    return fd;
}

/* regain opens the last level again if it has no descriptor; |below| is that of its child. */
static int regain(struct walk *walk, int below)
{
    struct level *top = &walk->levels[walk->num - 1];

    if (top->fd >= 0)
        return 0;
    top->fd = open_same(below, "..", top);
    if (top->fd < 0)
        top->fd = open_from_root(walk, walk->num - 1);
    return top->fd < 0 ? top->fd : 0;
}

static void give_up_descriptor(struct walk *walk)
{
    struct level *level;

    if (walk->num <= MAX_OPEN + 1)
        return;
    level = &walk->levels[walk->num - 1 - MAX_OPEN];
    adp_warm_wait(walk->warm);
    if (level->fd >= 0)
        close(level->fd);
    level->fd = -1;
}

static int grow(struct walk *walk)
{
    size_t cap = walk->cap * 2 + 16;
    struct level *levels;

    if (walk->num < walk->cap)
        return 0;
    levels = realloc(walk->levels, cap * sizeof(*levels));
    if (levels == NULL)
        return -ENOMEM;
    walk->levels = levels;
    walk->cap = cap;
    return 0;
}

/* push opens the directory |path| and makes it the last level. Returns 0 or -errno; with an error
 * the level exists if the directory could be opened and has the names that could be read. */
static int push(struct walk *walk, int dirfd, const char *path, const char *name, int flags)
{
    struct level *level;
    int fd, rc = grow(walk);

    if (rc < 0)
        return rc;
    level = &walk->levels[walk->num];
    fd = open_dir(dirfd, path, flags, &level->st);
    if (fd < 0)
        return fd;
    level->name = name;
    level->fd = fd;
    level->num_visited = level->num_warmed = 0;
    level->stat_ns = 0;
    rc = adp_names_read(&level->names, fd);
    walk->num++;
    give_up_descriptor(walk);
    return rc;
}

static void pop(struct walk *walk)
{
    struct level *top = &walk->levels[--walk->num];

    if (top->num_warmed > 0)
        adp_warm_wait(walk->warm);
    if (top->fd >= 0)
        close(top->fd);
    adp_names_free(&top->names);
}

/* enter goes into a directory whose ENTRY was given out. */
static int enter(struct walk *walk, int dirfd, const char *path, const char *name, int flags,
                 const struct stat *st)
{
    size_t depth = walk->num;
    int rc = push(walk, dirfd, path, name, flags);

    if (rc == 0)
        return emit(walk, ADP_WALK_LISTED, name, depth, st, 0);
    rc = emit(walk, ADP_WALK_ERROR, name, depth, st, -rc);
    if (rc >= 0 && walk->num == depth)
        rc = emit(walk, ADP_WALK_LEAVE, name, depth, st, 0);
    return rc;
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* look stats an entry, and keeps account of how long a directory's first ones took. */
static int look(struct walk *walk, int dirfd, const char *path, int follow, struct stat *out)
{
    struct level *level = walk->num > 0 ? &walk->levels[walk->num - 1] : NULL;
    int is_trial = level != NULL && level->num_visited <= WARM_TRIAL;
    int64_t start = is_trial ? now_ns() : 0;
    int rc = fstatat(dirfd, path, out, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0;

    if (is_trial)
        level->stat_ns += now_ns() - start;
    return rc;
}

/* visit gives out the entry |path| in |dirfd|, shown as |name|, and goes into a directory. */
static int visit(struct walk *walk, int dirfd, const char *path, const char *name, int follow)
{
    struct stat st;
    int rc, error = look(walk, dirfd, path, follow, &st);

    if (error != 0) {
        memset(&st, 0, sizeof(st));
        return emit(walk, ADP_WALK_ERROR, name, walk->num, &st, error);
    }
    rc = emit(walk, ADP_WALK_ENTRY, name, walk->num, &st, 0);
    if (rc < 0 || rc == ADP_WALK_SKIP || !S_ISDIR(st.st_mode))
        return rc;
    return enter(walk, dirfd, path, name, follow ? 0 : O_NOFOLLOW, &st);
}

/* leave ends the last level and goes back to the one above. If that one is not where it was any
 * more, its remaining names cannot be visited. */
static int leave(struct walk *walk)
{
    struct level *top = &walk->levels[walk->num - 1];
    int below, rc = emit(walk, ADP_WALK_LEAVE, top->name, walk->num - 1, &top->st, 0);

    if (rc < 0)
        return rc;
    below = top->fd;
    top->fd = -1;
    pop(walk);
    if (walk->num > 0) {
        rc = regain(walk, below);
        top = &walk->levels[walk->num - 1];
        if (rc < 0 && top->num_visited < top->names.num) {
            top->num_visited = top->names.num;
            rc = emit(walk, ADP_WALK_ERROR, top->name, walk->num - 1, &top->st, -rc);
        } else {
            rc = 0;
        }
    }
    if (below >= 0)
        close(below);
    return rc;
}

/* Keeps the threads ahead of the walk in a large directory. */
static void look_ahead(struct walk *walk, struct level *level)
{
    size_t end = level->num_visited + WARM_AHEAD;

    if (level->names.num < WARM_STEP || level->num_visited < WARM_TRIAL ||
        level->stat_ns < WARM_TRIAL_NS || level->fd < 0)
        return;
    if (level->num_warmed < level->num_visited)
        level->num_warmed = level->num_visited;
    if (end > level->names.num)
        end = level->names.num;
    if (walk->warm == NULL)
        walk->warm = adp_warm_new();
    while (walk->warm != NULL && level->num_warmed < end &&
           level->num_warmed < level->num_visited + WARM_AHEAD - WARM_STEP) {
        size_t num = end - level->num_warmed < WARM_STEP ? end - level->num_warmed : WARM_STEP;

        adp_warm_names(walk->warm, level->fd, level->names.items + level->num_warmed, num);
        level->num_warmed += num;
    }
}

static int walk_levels(struct walk *walk)
{
    int rc = 0;

    while (walk->num > 0 && rc >= 0) {
        struct level *top = &walk->levels[walk->num - 1];

        if (top->num_visited < top->names.num) {
            const char *name;

            look_ahead(walk, top);
            name = top->names.items[top->num_visited++];
            rc = visit(walk, top->fd, name, name, 0);
        } else {
            rc = leave(walk);
        }
    }
    return rc;
}

int adp_walk(const char *root, const char *root_name, int follow_root, adp_walk_fn fn, void *user)
{
    struct walk walk = {.fn = fn, .user = user};
    int rc = visit(&walk, AT_FDCWD, root, root_name, follow_root);

    if (rc >= 0)
        rc = walk_levels(&walk);
    while (walk.num > 0)
        pop(&walk);
    adp_warm_free(walk.warm);
    free(walk.levels);
    return rc < 0 ? rc : 0;
}
