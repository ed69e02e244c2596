/* The walk over the sources: each entry classified and put into the plan. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "index.h"
#include "plan.h"
#include "profiles.h"
#include "walk.h"

struct walking {
    struct adp_plan *plan;
    const struct adp_seal_options *options;
    struct adp_profiles *profiles;
    const struct stat *vault_stat;
    enum adp_sandbox_mode sandbox;
    struct adp_tell *tell;
    struct adp_error *err;
    enum adp_status status;      /* of what ended the walk, with |err| filled */
    uint32_t parent;             /* of the next entry */
    char path[ADP_PATH_MAX + 1]; /* of the directory being walked, with what is added to it */
    size_t path_len;
};

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
    return walking->vault_stat != NULL && S_ISDIR(st->st_mode) &&
           st->st_dev == walking->vault_stat->st_dev && st->st_ino == walking->vault_stat->st_ino;
}

/* The verdict on the entry whose path stands in |walking|, into |node|. */
static const char *classify(struct walking *walking, struct adp_plan_node *node)
{
    const unsigned everything = walking->options->category;
    struct adp_verdict verdict = {.category = everything};
    const char *label = NULL;

    if (everything == 0 || adp_profiles_inside(walking->profiles))
        adp_profiles_classify(walking->profiles, walking->path, node->type == S_IFDIR >> 12,
                              &verdict, &label);
    node->category = (uint8_t)(everything != 0 ? everything : verdict.category);
    node->flags &= (uint8_t)~ADP_PLAN_DERIVED;
    node->flags |= verdict.is_derived ? ADP_PLAN_DERIVED : 0;
    return label;
}

/* Returns whether the entry is a derived one that is not wanted, after counting it. */
static int leave_out(struct walking *walking, const struct adp_plan_node *node)
{
    struct adp_plan *plan = walking->plan;
    int is_file = node->type == S_IFREG >> 12;

    if (adp_profiles_inside(walking->profiles) && is_file) {
        plan->roots[plan->num_roots - 1].files++;
        plan->roots[plan->num_roots - 1].bytes += node->size;
    }
    if (!plan->skip_derived || (node->flags & ADP_PLAN_DERIVED) == 0 || node->type == S_IFDIR >> 12)
        return 0;
    plan->skipped_files += (unsigned)is_file;
    plan->skipped_bytes += is_file ? node->size : 0;
    return 1;
}

static int add(struct walking *walking, const struct adp_walk_entry *entry)
{
    struct adp_plan_node node = {.parent = walking->parent,
                                 .first_name = ADP_PLAN_NONE,
                                 .type = (uint8_t)((entry->st->st_mode & S_IFMT) >> 12)};
    const char *label = classify(walking, &node);
    int rc;

    node.size = S_ISREG(entry->st->st_mode) ? (uint64_t)entry->st->st_size : 0;
    if (leave_out(walking, &node))
        return 0;
    if (entry->event == ADP_WALK_ERROR) {
        node.flags |= ADP_PLAN_ERROR;
        node.size = (uint64_t)entry->error;
    }
    rc = adp_plan_add(walking->plan, &node, entry->name, entry->name_len, label);
    if (rc == 0 && S_ISREG(entry->st->st_mode) && entry->st->st_nlink > 1)
        rc = adp_plan_add_link(walking->plan, entry->st, walking->plan->num_nodes - 1);
    return rc;
}

static int enter(struct walking *walking, const struct adp_walk_entry *entry)
{
    size_t before;
    int rc = push_name(walking, entry->name, entry->name_len, &before);

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
    rc = add(walking, entry);
    if (rc == 0 && S_ISDIR(entry->st->st_mode))
        walking->parent = walking->plan->num_nodes - 1; /* and the path stays, until it is left */
    else
        pop_name(walking, before);
    return rc;
}

/* The folder's names are known: it may be one that a profile knows. */
static int look_into(struct walking *walking, const struct adp_walk_entry *entry)
{
    const struct adp_profile_folder folder = {.path = walking->path,
                                              .dir = entry->dir,
                                              .names = entry->names,
                                              .sandbox = walking->sandbox};
    struct adp_plan_root root = {.node = walking->parent};
    int rc;

    walking->status = adp_profiles_enter(walking->profiles, &folder, &root.profile, walking->err);
    if (walking->status != ADP_OK)
        return -ECANCELED;
    if (root.profile == NULL)
        return ADP_WALK_CONTINUE;
    rc = adp_plan_add_root(walking->plan, &root);
    if (rc == 0)
        (void)classify(walking, &walking->plan->nodes[walking->parent]);
    return rc;
}

static void leave(struct walking *walking)
{
    const struct adp_plan_node *dir = &walking->plan->nodes[walking->parent];

    adp_profiles_leave(walking->profiles, walking->path_len);
    walking->parent = dir->parent;
    pop_name(walking,
             walking->path_len > dir->name_len ? walking->path_len - dir->name_len - 1 : 0);
}

static int on_walk(void *user, const struct adp_walk_entry *entry)
{
    struct walking *walking = user;

    if (!adp_tell_progress(walking->tell))
        return -ECANCELED;
    if (entry->event == ADP_WALK_LISTED)
        return look_into(walking, entry);
    walking->tell->progress.done_entries++;
    if (entry->event == ADP_WALK_ENTRY)
        return enter(walking, entry);
    if (entry->event == ADP_WALK_ERROR && !S_ISDIR(entry->st->st_mode))
        return enter(walking, entry);
    if (entry->event == ADP_WALK_ERROR) { /* its ENTRY was seen; its LEAVE follows */
        walking->plan->nodes[walking->parent].flags |= ADP_PLAN_ERROR;
        adp_tell_event(walking->tell, ADP_EVENT_UNREADABLE, ADP_ERR_IO, entry->error, walking->path,
                       "cannot list this folder: what it holds is not sealed");
        return ADP_WALK_CONTINUE;
    }
    leave(walking);
    return ADP_WALK_CONTINUE;
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
    if (walking->status != ADP_OK)
        return walking->status;
    if (rc == -ECANCELED)
        return adp_tell_cancelled(walking->err);
    return adp_fail_errno(walking->err, -rc, source->path, "cannot walk this source");
}

static enum adp_status walk_sources(struct walking *walking)
{
    const struct adp_plan *plan = walking->plan;
    enum adp_status status = ADP_OK;

    for (size_t i = 0; status == ADP_OK && i < plan->num_sources; i++)
        status = walk_source(walking, &plan->sources[i]);
    return status;
}

enum adp_status adp_plan_check(const struct adp_seal_options *options, struct adp_error *err)
{
    if (options->category > ADP_NUM_CATEGORIES)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "there is no category %u", options->category);
    if (options->compression_level < 0 || options->compression_level > 19)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "the compression level is 1 to 19");
    if (options->parity_percent > 100)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "parity is 1 to 100 percent");
    return ADP_OK;
}

enum adp_status adp_plan_make(struct adp_plan *out, const struct adp_seal_options *options,
                              const struct stat *vault_stat, struct adp_tell *tell,
                              struct adp_error *err)
{
    struct adp_policy *builtin = NULL;
    struct walking *walking = calloc(1, sizeof(*walking));
    enum adp_status status;

    memset(out, 0, sizeof(*out));
    if (walking == NULL)
        return adp_fail_memory(err);
    out->skip_derived = options->skip_derived;
    *walking = (struct walking){
        .plan = out, .options = options, .vault_stat = vault_stat, .tell = tell, .err = err};
    status = adp_sandbox_mode_of(&walking->sandbox, options->sandbox, err);
    if (status == ADP_OK)
        status = adp_plan_sources(out, options, err);
    if (status == ADP_OK && options->policy == NULL)
        status = adp_policy_load(&builtin, NULL, err);
    if (status == ADP_OK)
        status = adp_profiles_new(&walking->profiles, options->profile,
                                  builtin != NULL ? builtin : options->policy, tell, err);
    if (status == ADP_OK)
        status = walk_sources(walking);
    if (status == ADP_OK)
        adp_plan_finish(out);
    adp_profiles_free(walking->profiles);
    adp_policy_free(builtin);
    free(walking);
    return status;
}
