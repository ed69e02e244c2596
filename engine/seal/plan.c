#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "index.h"
#include "walk.h"

/* The state of the walk over one source. */
struct walking {
    struct adp_plan *plan;
    const struct adp_seal_options *options;
    const struct adp_policy *policy;
    const struct stat *vault_stat;
    struct adp_tell *tell;
    struct adp_error *err;
    uint32_t parent;             /* of the next entry */
    char path[ADP_PATH_MAX + 1]; /* of the directory being walked, with what is added to it */
    size_t path_len;
    struct plan_links *links;
};

/* Files with several names, to be grouped once all are known. */
struct plan_link {
    dev_t dev;
    ino_t ino;
    uint32_t node;
    uint8_t category;
};

struct plan_links {
    struct plan_link *items;
    size_t num, cap;
};

static int grow(void **items, size_t *cap, size_t need, size_t item_size)
{
    size_t wanted = *cap > 0 ? *cap : 256;
    void *grown;

    if (need <= *cap)
        return 1;
    while (wanted < need)
        wanted *= 2;
    grown = realloc(*items, wanted * item_size);
    if (grown == NULL)
        return 0;
    *items = grown;
    *cap = wanted;
    return 1;
}

static int add_name(struct adp_plan *plan, const char *name, size_t len, uint32_t *out)
{
    void *names = plan->names;

    if (plan->names_len + len > UINT32_MAX ||
        !grow(&names, &plan->names_cap, plan->names_len + len, 1))
        return -ENOMEM;
    plan->names = names;
    memcpy(plan->names + plan->names_len, name, len);
    *out = (uint32_t)plan->names_len;
    plan->names_len += len;
    return 0;
}

static int add_node(struct adp_plan *plan, const struct adp_plan_node *node, const char *name,
                    size_t name_len)
{
    void *nodes = plan->nodes;
    size_t cap = plan->cap_nodes;
    int rc;

    if (plan->num_nodes >= ADP_PLAN_NONE - 1 ||
        !grow(&nodes, &cap, (size_t)plan->num_nodes + 1, sizeof(*node)))
        return -ENOMEM;
    plan->nodes = nodes;
    plan->cap_nodes = cap > UINT32_MAX ? UINT32_MAX : (uint32_t)cap;
    plan->nodes[plan->num_nodes] = *node;
    rc = add_name(plan, name, name_len, &plan->nodes[plan->num_nodes].name);
    if (rc < 0)
        return rc;
    plan->nodes[plan->num_nodes].name_len = (uint8_t)name_len;
    plan->num_nodes++;
    return 0;
}

static int note_link(struct walking *walking, const struct stat *st, uint32_t node)
{
    struct plan_links *links = walking->links;
    void *items = links->items;

    if (!grow(&items, &links->cap, links->num + 1, sizeof(*links->items)))
        return -ENOMEM;
    links->items = items;
    links->items[links->num++] =
        (struct plan_link){.dev = st->st_dev,
                           .ino = st->st_ino,
                           .node = node,
                           .category = walking->plan->nodes[node].category};
    return 0;
}

/* Puts |name| at the end of the path; returns the length before, to be set back. */
static int push_name(struct walking *walking, const char *name, size_t len, size_t *out_before)
{
    size_t slash = walking->path_len > 0;

    *out_before = walking->path_len;
    if (walking->path_len + slash + len > ADP_PATH_MAX)
        return -ENAMETOOLONG;
    if (slash)
        walking->path[walking->path_len] = '/';
    memcpy(walking->path + walking->path_len + slash, name, len);
    walking->path_len += slash + len;
    walking->path[walking->path_len] = '\0';
    return 0;
}

static void pop_name(struct walking *walking, size_t before)
{
    walking->path_len = before;
    walking->path[before] = '\0';
}

static int is_vault(const struct walking *walking, const struct stat *st)
{
    return S_ISDIR(st->st_mode) && st->st_dev == walking->vault_stat->st_dev &&
           st->st_ino == walking->vault_stat->st_ino;
}

static unsigned classify(const struct walking *walking, int is_dir)
{
    struct adp_verdict verdict;

    if (walking->options->category != 0)
        return walking->options->category;
    adp_policy_classify(walking->policy, walking->path, is_dir, &verdict);
    return verdict.category;
}

static int enter(struct walking *walking, const struct adp_walk_entry *entry)
{
    struct adp_plan_node node = {.parent = walking->parent, .first_name = ADP_PLAN_NONE};
    int is_dir = S_ISDIR(entry->st->st_mode), rc;
    size_t before;

    rc = push_name(walking, entry->name, entry->name_len, &before);
    if (rc < 0) {
        adp_tell_event(walking->tell, ADP_EVENT_UNREADABLE, ADP_ERR_IO, -rc, walking->path,
                       "something below it has a path of more than 65,535 bytes");
        return ADP_WALK_SKIP;
    }
    if (is_vault(walking, entry->st)) {
        adp_tell_event(walking->tell, ADP_EVENT_NOTE, ADP_OK, 0, walking->path,
                       "is the vault itself, and is left out");
        pop_name(walking, before);
        return ADP_WALK_SKIP;
    }
    node.type = (uint8_t)((entry->st->st_mode & S_IFMT) >> 12);
    node.category = (uint8_t)classify(walking, is_dir);
    node.size = S_ISREG(entry->st->st_mode) ? (uint64_t)entry->st->st_size : 0;
    if (entry->event == ADP_WALK_ERROR) {
        node.flags = ADP_PLAN_ERROR;
        node.size = (uint64_t)entry->error;
    }
    rc = add_node(walking->plan, &node, entry->name, entry->name_len);
    if (rc == 0 && S_ISREG(entry->st->st_mode) && entry->st->st_nlink > 1)
        rc = note_link(walking, entry->st, walking->plan->num_nodes - 1);
    if (rc == 0 && is_dir)
        walking->parent = walking->plan->num_nodes - 1; /* and the path stays, until it is left */
    else
        pop_name(walking, before);
    return rc;
}

static int on_walk(void *user, const struct adp_walk_entry *entry)
{
    struct walking *walking = user;
    struct adp_plan_node *dir;

    if (!adp_tell_progress(walking->tell))
        return -ECANCELED;
    walking->tell->progress.done_entries++;
    if (entry->event == ADP_WALK_ENTRY)
        return enter(walking, entry);
    if (entry->event == ADP_WALK_ERROR && !S_ISDIR(entry->st->st_mode))
        return enter(walking, entry);
    dir = &walking->plan->nodes[walking->parent];
    if (entry->event == ADP_WALK_ERROR) { /* its ENTRY was seen; its LEAVE follows */
        dir->flags |= ADP_PLAN_ERROR;
        adp_tell_event(walking->tell, ADP_EVENT_UNREADABLE, ADP_ERR_IO, entry->error, walking->path,
                       "cannot list this folder: what it holds is not sealed");
        return ADP_WALK_CONTINUE;
    }
    walking->parent = dir->parent;
    pop_name(walking,
             walking->path_len > dir->name_len ? walking->path_len - dir->name_len - 1 : 0);
    return ADP_WALK_CONTINUE;
}

static int compare_links(const void *a, const void *b)
{
    const struct plan_link *x = a, *y = b;

    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    if (x->ino != y->ino)
        return x->ino < y->ino ? -1 : 1;
    if (x->category != y->category)
        return x->category < y->category ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

/* Names of one file within one category: the first holds the content, the others point to it. */
static void group_links(struct adp_plan *plan, struct plan_links *links)
{
    if (links->num > 1)
        qsort(links->items, links->num, sizeof(*links->items), compare_links);
    for (size_t i = 1, first = 0; i < links->num; i++) {
        const struct plan_link *a = &links->items[first], *b = &links->items[i];

        if (a->dev != b->dev || a->ino != b->ino || a->category != b->category) {
            first = i;
            continue;
        }
        plan->nodes[b->node].first_name = a->node;
        plan->nodes[b->node].flags |= ADP_PLAN_LINK;
    }
}

static int is_dir_node(const struct adp_plan_node *node)
{
    return node->type == S_IFDIR >> 12;
}

/* Children come after their parents, so one pass from the end carries every set upwards. */
static void gather_categories(struct adp_plan *plan)
{
    for (uint32_t i = plan->num_nodes; i-- > 0;) {
        struct adp_plan_node *node = &plan->nodes[i];
        uint64_t set = UINT64_C(1) << node->category;

        if (is_dir_node(node)) {
            if (node->size == 0)
                node->size = set;
            set = node->size;
        }
        if (node->parent != ADP_PLAN_NONE)
            plan->nodes[node->parent].size |= set;
    }
}

static void add_totals(struct adp_plan *plan)
{
    for (uint32_t i = 0; i < plan->num_nodes; i++) {
        const struct adp_plan_node *node = &plan->nodes[i];
        int has_content = node->type == S_IFREG >> 12 && node->flags == 0;

        for (unsigned c = 1; c <= ADP_NUM_CATEGORIES; c++) {
            if (!adp_plan_has(plan, i, c))
                continue;
            plan->entries[c]++;
            plan->entries[0]++;
            plan->bytes[c] += has_content ? node->size : 0;
            plan->bytes[0] += has_content ? node->size : 0;
        }
    }
}

static enum adp_status walk_source(struct walking *walking, const struct adp_plan_source *source)
{
    int rc;

    walking->parent = ADP_PLAN_NONE;
    walking->path_len = 0;
    walking->path[0] = '\0';
    rc = adp_walk(source->path, source->name, 1, on_walk, walking);
    if (rc == 0)
        return ADP_OK;
    if (rc == -ECANCELED)
        return adp_tell_cancelled(walking->err);
    return adp_fail_errno(walking->err, -rc, source->path, "cannot walk this source");
}

enum adp_status adp_plan_make(struct adp_plan *out, const struct adp_seal_options *options,
                              const struct stat *vault_stat, struct adp_tell *tell,
                              struct adp_error *err)
{
    struct plan_links links = {0};
    struct adp_policy *builtin = NULL;
    struct walking *walking = calloc(1, sizeof(*walking));
    enum adp_status status;

    memset(out, 0, sizeof(*out));
    if (walking == NULL)
        return adp_fail_memory(err);
    status = adp_plan_sources(out, options, err);
    if (status == ADP_OK && options->policy == NULL)
        status = adp_policy_load(&builtin, NULL, err);
    *walking = (struct walking){.plan = out,
                                .options = options,
                                .policy = options->policy != NULL ? options->policy : builtin,
                                .vault_stat = vault_stat,
                                .tell = tell,
                                .err = err,
                                .links = &links};
    for (size_t i = 0; status == ADP_OK && i < out->num_sources; i++)
        status = walk_source(walking, &out->sources[i]);
    if (status == ADP_OK) {
        group_links(out, &links);
        gather_categories(out);
        add_totals(out);
    }
    adp_policy_free(builtin);
    free(links.items);
    free(walking);
    return status;
}

void adp_plan_free(struct adp_plan *plan)
{
    adp_plan_sources_free(plan);
    free(plan->nodes);
    free(plan->names);
    memset(plan, 0, sizeof(*plan));
}

int adp_plan_has(const struct adp_plan *plan, uint32_t index, unsigned category)
{
    const struct adp_plan_node *node = &plan->nodes[index];

    return is_dir_node(node) ? (int)(node->size >> category & 1) : node->category == category;
}

const struct adp_plan_source *adp_plan_source_of(const struct adp_plan *plan, uint32_t index)
{
    const struct adp_plan_node *node;

    while (plan->nodes[index].parent != ADP_PLAN_NONE)
        index = plan->nodes[index].parent;
    node = &plan->nodes[index];
    for (size_t i = 0; i < plan->num_sources; i++) {
        const char *name = plan->sources[i].name;

        if (strlen(name) == node->name_len &&
            memcmp(name, plan->names + node->name, node->name_len) == 0)
            return &plan->sources[i];
    }
    return NULL;
}

long adp_plan_path(const struct adp_plan *plan, uint32_t index, char *out, size_t out_len,
                   const char **out_below)
{
    size_t len = 0, root_len = 0, end;

    for (uint32_t i = index; i != ADP_PLAN_NONE; i = plan->nodes[i].parent) {
        len += (size_t)plan->nodes[i].name_len + (i != index);
        root_len = plan->nodes[i].name_len;
    }
    if (len >= out_len)
        return -1;
    out[len] = '\0';
    end = len;
    for (uint32_t i = index; i != ADP_PLAN_NONE; i = plan->nodes[i].parent) {
        const struct adp_plan_node *node = &plan->nodes[i];

        end -= node->name_len;
        memcpy(out + end, plan->names + node->name, node->name_len);
        if (end > 0)
            out[--end] = '/';
    }
    *out_below = root_len < len ? out + root_len + 1 : out + len;
    return (long)len;
}
