/* A profile: one kind of folder that is known by its structure. It recognises such a folder when
 * the walk enters it, and then classifies everything below, by paths relative to it.
 *
 * Most are a table of rules. One whose rules depend on what the folder holds has functions instead,
 * with a state for each recognised folder.
 *
 * What a folder holds may be made by an enemy: a profile recognises and classifies, whatever it
 * finds, and never fails for it. */
#ifndef ADP_PROFILE_H
#define ADP_PROFILE_H

#include <stddef.h>
#include <sys/stat.h>

#include "adpseal.h"
#include "names.h"
#include "report.h"
#include "rules.h"
#include "sandbox.h"

/* struct adp_profile_folder is a folder that the walk has just opened. */
struct adp_profile_folder {
    const char *path; /* in the snapshot, for events; its last component is the folder's name */
    int dir;          /* descriptor of the folder; the walk closes it */
    const struct adp_names *names; /* of all that lies in it */
    enum adp_sandbox_mode sandbox; /* for what a profile opens in it */
    int *failed;                   /* if not NULL: set to the errno of a look that has failed */
};

/* adp_folder_name returns the folder's own name. */
const char *adp_folder_name(const struct adp_profile_folder *folder);

/* adp_folder_has_name returns whether something is called |name|: no system call. */
int adp_folder_has_name(const struct adp_profile_folder *folder, const char *name);

/* adp_folder_has returns whether |path| below the folder is of the |type| S_IFDIR or S_IFREG; its
 * first component is looked up by name first. No symbolic link is followed. Where it cannot be
 * told, that is noted in |folder->failed|. */
int adp_folder_has(const struct adp_profile_folder *folder, const char *path, mode_t type);

/* What a profile says of one path. */
struct adp_profile_verdict {
    unsigned category;
    int is_derived;
    const char *rule;  /* for people; lives for ever */
    unsigned line;     /* its number, from 1 */
    const char *label; /* what the source's own structure calls it: text of 1 to ADP_LABEL_MAX bytes
                          (adp_text_check); NULL: nothing. Lives until the next call with this
                          state. */
};

struct adp_profile {
    const char *name;  /* for --profile: "google-takeout" */
    unsigned category; /* of the folder itself */
    int (*recognise)(const struct adp_profile_folder *folder);

    /* Either rules, whose patterns are compared with paths below the folder ... */
    const struct adp_rule_group *groups;
    size_t num_groups;

    /* ... or these. |begin| makes the state for a folder that was recognised, or that the caller
     * says is one. What is wrong with the folder's content is told as a note and stays in the
     * state; an error (no memory or process, no sandbox that was asked for, ADP_ERR_CANCELLED) ends
     * the walk. |classify| returns whether
     * it decides on the path |below| the folder ("" never comes); what it leaves is decided by
     * names. |end| frees. */
    enum adp_status (*begin)(void **out_state, const struct adp_profile_folder *folder,
                             struct adp_tell *tell, struct adp_error *err);
    int (*classify)(void *state, const char *below, int is_dir, struct adp_profile_verdict *out);
    void (*end)(void *state);
};

/* The profiles that are known, in the order in which they are asked. */
extern const struct adp_profile *const adp_profiles_known[];
extern const size_t adp_profiles_num_known;

extern const struct adp_profile adp_profile_device_backup, adp_profile_photos_library,
    adp_profile_google_takeout, adp_profile_immich, adp_profile_photoprism,
    adp_profile_photoprism_storage, adp_profile_maildir;

#endif
