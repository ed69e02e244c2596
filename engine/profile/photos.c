/* Folders that programs for photos keep. What each of them makes again by itself is derived; what
 * holds a person's work, edits and databases included, never is. */
#include <string.h>
#include <strings.h>

#include "category.h"
#include "profile.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

/* -- Apple Photos. Edited photos are in resources/renders beside the descriptions of the edits,
 * which exist nowhere else: not derived. */

static const struct adp_rule_group photos_library_groups[] = {
    {ADP_CATEGORY_PHOTOS,
     ADP_DERIVED("/resources/derivatives/", "/resources/caches/", "/private/*/caches/")},
    {ADP_CATEGORY_PHOTOS, ADP_KEPT("/**")},
};

static int has_suffix(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);

    return len > suffix_len && strcasecmp(name + len - suffix_len, suffix) == 0;
}

/* By its name, or by its structure where a copy has lost it. */
static int is_photos_library(const struct adp_profile_folder *folder)
{
    if (has_suffix(adp_folder_name(folder), ".photoslibrary"))
        return adp_folder_has(folder, "database", S_IFDIR);
    return adp_folder_has_name(folder, "originals") &&
           adp_folder_has(folder, "database/Photos.sqlite", S_IFREG) &&
           adp_folder_has(folder, "originals", S_IFDIR);
}

const struct adp_profile adp_profile_photos_library = {
    .name = "photos-library",
    .category = ADP_CATEGORY_PHOTOS,
    .recognise = is_photos_library,
    .groups = photos_library_groups,
    .num_groups = NUM(photos_library_groups),
};

/* -- Immich: its UPLOAD_LOCATION. It does not start without its marks in every folder. */

static const struct adp_rule_group immich_groups[] = {
    {ADP_CATEGORY_PHOTOS, ADP_KEPT("/*/.immich")},
    {ADP_CATEGORY_PHOTOS, ADP_DERIVED("/thumbs/", "/encoded-video/")},
    {ADP_CATEGORY_PHOTOS, ADP_KEPT("/upload/", "/library/", "/profile/", "/backups/")},
};

static int is_immich(const struct adp_profile_folder *folder)
{
    return adp_folder_has(folder, "encoded-video", S_IFDIR) &&
           adp_folder_has(folder, "thumbs", S_IFDIR) &&
           (adp_folder_has(folder, "upload", S_IFDIR) ||
            adp_folder_has(folder, "library", S_IFDIR));
}

const struct adp_profile adp_profile_immich = {
    .name = "immich",
    .category = ADP_CATEGORY_PHOTOS,
    .recognise = is_immich,
    .groups = immich_groups,
    .num_groups = NUM(immich_groups),
};

/* -- PhotoPrism: the folder with originals and storage in it, or the storage alone, since the
 * originals may lie anywhere. The sidecar folder holds what a person wrote about photos. */

static const struct adp_rule_group photoprism_groups[] = {
    {ADP_CATEGORY_PHOTOS, ADP_DERIVED("/storage/cache/")},
    {ADP_CATEGORY_PHOTOS, ADP_KEPT("/originals/", "/import/", "/storage/")},
};

static int is_photoprism(const struct adp_profile_folder *folder)
{
    return adp_folder_has_name(folder, "originals") &&
           adp_folder_has(folder, "storage/cache", S_IFDIR) &&
           adp_folder_has(folder, "storage/sidecar", S_IFDIR) &&
           adp_folder_has(folder, "originals", S_IFDIR);
}

const struct adp_profile adp_profile_photoprism = {
    .name = "photoprism",
    .category = ADP_CATEGORY_PHOTOS,
    .recognise = is_photoprism,
    .groups = photoprism_groups,
    .num_groups = NUM(photoprism_groups),
};

static const struct adp_rule_group photoprism_storage_groups[] = {
    {ADP_CATEGORY_PHOTOS, ADP_DERIVED("/cache/")},
    {ADP_CATEGORY_PHOTOS, ADP_KEPT("/**")},
};

static int is_photoprism_storage(const struct adp_profile_folder *folder)
{
    return adp_folder_has(folder, "sidecar", S_IFDIR) &&
           adp_folder_has(folder, "cache/thumbnails", S_IFDIR) &&
           (adp_folder_has(folder, "config", S_IFDIR) ||
            adp_folder_has(folder, "backup", S_IFDIR) || adp_folder_has(folder, "albums", S_IFDIR));
}

const struct adp_profile adp_profile_photoprism_storage = {
    .name = "photoprism-storage",
    .category = ADP_CATEGORY_PHOTOS,
    .recognise = is_photoprism_storage,
    .groups = photoprism_storage_groups,
    .num_groups = NUM(photoprism_storage_groups),
};
