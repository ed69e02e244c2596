#include "profiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "policy.h"

#define ORIGIN "profile"

struct adp_profiles {
    const struct adp_policy *policy;
    struct adp_tell *tell;
    const struct adp_profile *forced; /* what each source is */
    int is_off;

    /* The recognised folder that the walk is in. */
    const struct adp_profile *root; /* NULL: none */
    size_t root_len;                /* of its path */
    void *state;
    const struct adp_profile *indexed; /* whose rules these are */
    struct adp_rules rules;
};

static enum adp_status refuse_choice(const char *choice, struct adp_error *err)
{
    char names[sizeof(err->hint)] = "auto, none";
    size_t len = strlen(names);

    for (size_t i = 0; i < adp_profiles_num_known && len < sizeof(names); i++)
        len +=
            (size_t)snprintf(names + len, sizeof(names) - len, ", %s", adp_profiles_known[i]->name);
    adp_fail(err, ADP_ERR_ARGUMENT, NULL, "no profile is called \"%s\"", choice);
    return adp_error_hint(err, ADP_ERR_ARGUMENT, "there are: %s", names);
}

static enum adp_status set_choice(struct adp_profiles *profiles, const char *choice,
                                  struct adp_error *err)
{
    if (choice == NULL || strcmp(choice, "auto") == 0) {
        profiles->is_off = !adp_policy_has_builtin(profiles->policy);
        return ADP_OK;
    }
    profiles->is_off = strcmp(choice, "none") == 0;
    for (size_t i = 0; i < adp_profiles_num_known; i++) {
        if (strcmp(adp_profiles_known[i]->name, choice) == 0)
            profiles->forced = adp_profiles_known[i];
    }
    return profiles->is_off || profiles->forced != NULL ? ADP_OK : refuse_choice(choice, err);
}

enum adp_status adp_profiles_new(struct adp_profiles **out, const char *choice,
                                 const struct adp_policy *policy, struct adp_tell *tell,
                                 struct adp_error *err)
{
    struct adp_profiles *profiles = calloc(1, sizeof(*profiles));
    enum adp_status status;

    if (profiles == NULL)
        return adp_fail_memory(err);
    profiles->policy = policy;
    profiles->tell = tell;
    status = set_choice(profiles, choice, err);
    if (status == ADP_OK)
        *out = profiles;
    else
        free(profiles);
    return status;
}

static void end_root(struct adp_profiles *profiles)
{
    if (profiles->root != NULL && profiles->root->end != NULL)
        profiles->root->end(profiles->state);
    profiles->root = NULL;
    profiles->state = NULL;
}

void adp_profiles_free(struct adp_profiles *profiles)
{
    if (profiles == NULL)
        return;
    end_root(profiles);
    adp_rules_free(&profiles->rules);
    free(profiles);
}

static const struct adp_profile *recognise(const struct adp_profiles *profiles,
                                           const struct adp_profile_folder *folder)
{
    if (profiles->is_off || profiles->root != NULL)
        return NULL;
    if (profiles->forced != NULL)
        return strchr(folder->path, '/') == NULL ? profiles->forced : NULL;
    for (size_t i = 0; i < adp_profiles_num_known; i++) {
        if (adp_profiles_known[i]->recognise(folder))
            return adp_profiles_known[i];
    }
    return NULL;
}

static enum adp_status index_rules(struct adp_profiles *profiles, const struct adp_profile *profile,
                                   struct adp_error *err)
{
    if (profiles->indexed == profile)
        return ADP_OK;
    adp_rules_free(&profiles->rules);
    profiles->indexed = NULL;
    if (adp_rules_add_groups(&profiles->rules, profile->groups, profile->num_groups, ORIGIN) != 0 ||
        adp_rules_index(&profiles->rules) != 0)
        return adp_fail_memory(err);
    profiles->indexed = profile;
    return ADP_OK;
}

static void tell_unknown(const struct adp_profiles *profiles,
                         const struct adp_profile_folder *folder, int failed)
{
    char message[256];

    snprintf(message, sizeof(message),
             "whether it is a folder of a known structure could not be seen (%s): what lies in it "
             "counts by its names",
             strerror(failed));
    adp_tell_event(profiles->tell, ADP_EVENT_NOTE, ADP_OK, failed, folder->path, message);
}

enum adp_status adp_profiles_enter(struct adp_profiles *profiles,
                                   const struct adp_profile_folder *folder,
                                   const struct adp_profile **out_found, struct adp_error *err)
{
    struct adp_profile_folder looked_at = *folder;
    const struct adp_profile *found;
    enum adp_status status = ADP_OK;
    int failed = 0;

    *out_found = NULL;
    looked_at.failed = &failed;
    found = recognise(profiles, &looked_at);
    if (found == NULL) {
        if (failed != 0)
            tell_unknown(profiles, folder, failed);
        return ADP_OK;
    }
    if (found->begin != NULL)
        status = found->begin(&profiles->state, folder, profiles->tell, err);
    else
        status = index_rules(profiles, found, err);
    if (status != ADP_OK)
        return status;
    profiles->root = found;
    profiles->root_len = strlen(folder->path);
    *out_found = found;
    return ADP_OK;
}

void adp_profiles_leave(struct adp_profiles *profiles, size_t path_len)
{
    if (profiles->root != NULL && path_len == profiles->root_len)
        end_root(profiles);
}

int adp_profiles_inside(const struct adp_profiles *profiles)
{
    return profiles->root != NULL;
}

static int match_rules(const struct adp_profiles *profiles, const char *below, int is_dir,
                       struct adp_profile_verdict *out)
{
    const struct adp_rule *rule = adp_rules_match(&profiles->rules, below, is_dir);

    if (rule == NULL)
        return 0;
    *out = (struct adp_profile_verdict){
        .category = rule->category,
        .is_derived = rule->is_derived,
        .rule = adp_rules_pattern_in(profiles->root->groups, rule->line),
        .line = rule->line};
    return 1;
}

/* What the profile says of |path|. Returns whether it says anything. */
static int ask_profile(struct adp_profiles *profiles, const char *path, int is_dir,
                       struct adp_profile_verdict *out)
{
    const char *below = path + profiles->root_len;

    if (*below == '\0') {
        *out = (struct adp_profile_verdict){.category = profiles->root->category, .rule = "/"};
        return 1;
    }
    below++;
    return profiles->root->classify != NULL
               ? profiles->root->classify(profiles->state, below, is_dir, out)
               : match_rules(profiles, below, is_dir, out);
}

void adp_profiles_classify(struct adp_profiles *profiles, const char *path, int is_dir,
                           struct adp_verdict *out_verdict, const char **out_label)
{
    struct adp_profile_verdict said = {0};
    int is_known = profiles->root != NULL && ask_profile(profiles, path, is_dir, &said);
    int is_own = adp_policy_decide(profiles->policy, path, said.label, is_dir, out_verdict);

    *out_label = said.label;
    if (is_known && !is_own)
        *out_verdict = (struct adp_verdict){.category = said.category,
                                            .rule = said.rule,
                                            .origin = ORIGIN,
                                            .line = said.line,
                                            .profile = profiles->root->name,
                                            .is_derived = said.is_derived};
}
