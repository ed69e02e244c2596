#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Files with several names, to be grouped once all are known. */
struct adp_plan_link {
    dev_t dev;
    ino_t ino;
    uint32_t node;
    uint8_t category;
    uint8_t is_derived;
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

int adp_plan_add(struct adp_plan *plan, const struct adp_plan_node *node, const char *name,
                 size_t name_len, const char *label)
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
    if (label != NULL) { /* stands behind the name, with its zero */
        uint32_t unused;

        rc = add_name(plan, label, strlen(label) + 1, &unused);
        if (rc < 0)
            return rc;
        plan->nodes[plan->num_nodes].flags |= ADP_PLAN_LABEL;
    }
    plan->num_nodes++;
    return 0;
}

const char *adp_plan_label(const struct adp_plan *plan, uint32_t index)
{
    const struct adp_plan_node *node = &plan->nodes[index];

    return (node->flags & ADP_PLAN_LABEL) != 0 ? plan->names + node->name + node->name_len : NULL;
}

int adp_plan_add_link(struct adp_plan *plan, const struct stat *st, uint32_t node)
{
    void *links = plan->links;

    if (!grow(&links, &plan->cap_links, plan->num_links + 1, sizeof(*plan->links)))
        return -ENOMEM;
    plan->links = links;
    plan->links[plan->num_links++] =
        (struct adp_plan_link){.dev = st->st_dev,
                               .ino = st->st_ino,
                               .node = node,
                               .category = plan->nodes[node].category,
                               .is_derived = (plan->nodes[node].flags & ADP_PLAN_DERIVED) != 0};
    return 0;
}

static int compare_links(const void *a, const void *b)
{
    const struct adp_plan_link *x = a, *y = b;

    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    if (x->ino != y->ino)
        return x->ino < y->ino ? -1 : 1;
    if (x->category != y->category)
        return x->category < y->category ? -1 : 1;
    if (x->is_derived != y->is_derived)
        return x->is_derived < y->is_derived ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

/* Names of one file within one category and class: the first holds the content, the others point to
 * it. What is derived may be left out one day, so nothing else points to it. */
static void group_links(struct adp_plan *plan)
{
    struct adp_plan_link *links = plan->links;

    if (plan->num_links > 1)
        qsort(links, plan->num_links, sizeof(*links), compare_links);
    for (size_t i = 1, first = 0; i < plan->num_links; i++) {
        const struct adp_plan_link *a = &links[first], *b = &links[i];

        if (a->dev != b->dev || a->ino != b->ino || a->category != b->category ||
            a->is_derived != b->is_derived) {
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

/* Children come after their parents, so one pass from the end carries every set upwards. A
 * directory is derived if all that lies in it is. One that would be empty for what was left out is,
 * too. */
static void gather_categories(struct adp_plan *plan)
{
    for (uint32_t i = plan->num_nodes; i-- > 0;) {
        struct adp_plan_node *node = &plan->nodes[i];
        int is_derived = (node->flags & ADP_PLAN_DERIVED) != 0;
        uint64_t set = UINT64_C(1) << node->category;

        if (is_dir_node(node)) {
            if (node->size == 0 &&
                !(is_derived && plan->skip_derived && node->parent != ADP_PLAN_NONE))
                node->size = set;
            set = node->size;
        }
        if (node->parent == ADP_PLAN_NONE)
            continue;
        plan->nodes[node->parent].size |= set;
        if (!is_derived)
            plan->nodes[node->parent].flags &= (uint8_t)~ADP_PLAN_DERIVED;
    }
}

static void add_totals(struct adp_plan *plan)
{
    for (uint32_t i = 0; i < plan->num_nodes; i++) {
        const struct adp_plan_node *node = &plan->nodes[i];
        int has_content = adp_plan_has_content(node);

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

void adp_plan_finish(struct adp_plan *plan)
{
    group_links(plan);
    gather_categories(plan);
    add_totals(plan);
    free(plan->links);
    plan->links = NULL;
    plan->num_links = plan->cap_links = 0;
}

void adp_plan_free(struct adp_plan *plan)
{
    adp_plan_sources_free(plan);
    free(plan->nodes);
    free(plan->names);
    free(plan->links);
    free(plan->roots);
    memset(plan, 0, sizeof(*plan));
}

int adp_plan_has_content(const struct adp_plan_node *node)
{
    return node->type == S_IFREG >> 12 && (node->flags & ADP_PLAN_NO_CONTENT) == 0;
}

int adp_plan_add_root(struct adp_plan *plan, const struct adp_plan_root *root)
{
    void *roots = plan->roots;

    if (!grow(&roots, &plan->cap_roots, plan->num_roots + 1, sizeof(*plan->roots)))
        return -ENOMEM;
    plan->roots = roots;
    plan->roots[plan->num_roots++] = *root;
    return 0;
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
