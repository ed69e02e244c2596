/* What a plan says to whoever only wants to know. */
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "index.h"
#include "plan.h"
#include "vault.h"

/* As the archives would count: a directory is in each archive that has something below it. */
static void count_nodes(struct adp_seal_plan *out, const struct adp_plan *plan)
{
    for (uint32_t i = 0; i < plan->num_nodes; i++) {
        const struct adp_plan_node *node = &plan->nodes[i];

        if (adp_plan_has_content(node))
            adp_report_count(&out->categories[node->category], node->size,
                             (node->flags & ADP_PLAN_DERIVED) != 0);
    }
    for (unsigned c = 1; c <= ADP_NUM_CATEGORIES; c++)
        out->categories[c].entries = plan->entries[c];
    adp_report_total(out->categories);
}

static enum adp_status list_profiles(struct adp_seal_plan *out, const struct adp_plan *plan,
                                     struct adp_error *err)
{
    char *path = malloc(ADP_PATH_MAX + 1);
    const char *below;

    out->profiles = calloc(plan->num_roots + 1, sizeof(*out->profiles));
    for (size_t i = 0; path != NULL && out->profiles != NULL && i < plan->num_roots; i++) {
        const struct adp_plan_root *root = &plan->roots[i];

        (void)adp_plan_path(plan, root->node, path, ADP_PATH_MAX + 1, &below);
        out->profiles[i] = (struct adp_found_profile){.profile = root->profile->name,
                                                      .path = strdup(path),
                                                      .files = root->files,
                                                      .bytes = root->bytes};
        if (out->profiles[i].path == NULL)
            break;
        out->num_profiles++;
    }
    free(path);
    return out->num_profiles == plan->num_roots ? ADP_OK : adp_fail_memory(err);
}

/* What a seal would find unreadable because it could not even be looked at. */
static enum adp_status tell_unseen(const struct adp_plan *plan, struct adp_tell *tell,
                                   struct adp_error *err)
{
    char *path = malloc(ADP_PATH_MAX + 1);
    const char *below;

    if (path == NULL)
        return adp_fail_memory(err);
    for (uint32_t i = 0; i < plan->num_nodes; i++) {
        const struct adp_plan_node *node = &plan->nodes[i];

        if ((node->flags & ADP_PLAN_ERROR) == 0 || node->type == S_IFDIR >> 12)
            continue; /* of folders the walk has told */
        (void)adp_plan_path(plan, i, path, ADP_PATH_MAX + 1, &below);
        adp_tell_event(tell, ADP_EVENT_UNREADABLE, ADP_ERR_IO, (int)node->size, path,
                       "cannot be looked at");
    }
    free(path);
    return ADP_OK;
}

static enum adp_status summarize(struct adp_seal_plan *out, const struct adp_plan *plan,
                                 struct adp_error *err)
{
    struct adp_seal_plan summary = {.left_out_files = plan->skipped_files,
                                    .left_out_bytes = plan->skipped_bytes};
    enum adp_status status = list_profiles(&summary, plan, err);

    count_nodes(&summary, plan);
    if (status == ADP_OK)
        *out = summary;
    else
        adp_seal_plan_free(&summary);
    return status;
}

enum adp_status adp_seal_plan_make(struct adp_seal_plan *out, const struct adp_vault *vault,
                                   const struct adp_seal_options *options, struct adp_error *err)
{
    struct adp_plan plan = {0};
    struct adp_tell tell;
    struct stat vault_stat;
    enum adp_status status = adp_plan_check(options, err);
    int rc = vault != NULL ? adp_entry_stat(vault->dir, NULL, &vault_stat) : 0;

    if (status == ADP_OK && rc < 0)
        status = adp_fail_errno(err, -rc, vault->path, "cannot look at the vault");
    if (status != ADP_OK)
        return status;
    adp_tell_init(&tell, &options->common, "scan");
    status = adp_plan_make(&plan, options, vault != NULL ? &vault_stat : NULL, &tell, err);
    if (status == ADP_OK)
        status = tell_unseen(&plan, &tell, err);
    if (status == ADP_OK)
        status = summarize(out, &plan, err);
    adp_tell_end(&tell);
    adp_plan_free(&plan);
    if (status == ADP_OK && tell.counts[ADP_EVENT_UNREADABLE] > 0)
        status = adp_fail(err, ADP_ERR_PARTIAL, NULL,
                          "planned, but %llu folders or entries could not be looked at",
                          (unsigned long long)tell.counts[ADP_EVENT_UNREADABLE]);
    return status;
}

void adp_seal_plan_free(struct adp_seal_plan *plan)
{
    for (size_t i = 0; i < plan->num_profiles; i++)
        free(plan->profiles[i].path);
    free(plan->profiles);
    *plan = (struct adp_seal_plan){0};
}
