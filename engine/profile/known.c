#include "profile.h"

/* Those that ask for more come first. */
const struct adp_profile *const adp_profiles_known[] = {
    &adp_profile_device_backup, &adp_profile_photos_library, &adp_profile_google_takeout,
    &adp_profile_immich,        &adp_profile_photoprism,     &adp_profile_photoprism_storage,
    &adp_profile_maildir,
};

const size_t adp_profiles_num_known = sizeof(adp_profiles_known) / sizeof(adp_profiles_known[0]);
