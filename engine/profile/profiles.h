/* Which recognised folder a walk is in, and who decides on a path.
 *
 * The outermost one counts: within a recognised folder nothing else is recognised, so that what
 * somebody put into it cannot change what it is, and the walk need not look.
 *
 * The order on a path: the policy file's rules, since they are the owner's word; the profile; the
 * built-in rules. A policy file that leaves the built-in rules out has nothing recognised either,
 * unless a profile is named. */
#ifndef ADP_PROFILES_H
#define ADP_PROFILES_H

#include "profile.h"

struct adp_profiles;

/* adp_profiles_new begins a walk. |choice| is "auto" or NULL, "none", or the name of the profile
 * that each source's root is; ADP_ERR_ARGUMENT if there is no such one. |policy| and |tell| must
 * outlive it. The caller must call adp_profiles_free. */
enum adp_status adp_profiles_new(struct adp_profiles **out, const char *choice,
                                 const struct adp_policy *policy, struct adp_tell *tell,
                                 struct adp_error *err);
void adp_profiles_free(struct adp_profiles *profiles);

/* adp_profiles_enter looks at a folder that the walk has opened. |*out_found| is what it is, or
 * NULL. */
enum adp_status adp_profiles_enter(struct adp_profiles *profiles,
                                   const struct adp_profile_folder *folder,
                                   const struct adp_profile **out_found, struct adp_error *err);

/* adp_profiles_leave tells that the walk leaves the folder whose path has |path_len| bytes. */
void adp_profiles_leave(struct adp_profiles *profiles, size_t path_len);

/* adp_profiles_inside returns whether the walk is in a recognised folder. */
int adp_profiles_inside(const struct adp_profiles *profiles);

/* adp_profiles_classify decides on |path|. |*out_label| is NULL or lives until the next call; what
 * the verdict points to lives as long as the policy. */
void adp_profiles_classify(struct adp_profiles *profiles, const char *path, int is_dir,
                           struct adp_verdict *out_verdict, const char **out_label);

#endif
