/* Mail in Maildir folders, whatever they are called: three folders make one. */
#include "category.h"
#include "profile.h"

static const struct adp_rule_group groups[] = {
    {ADP_CATEGORY_MAIL, ADP_KEPT("/**")},
};

static int is_maildir(const struct adp_profile_folder *folder)
{
    return adp_folder_has(folder, "cur", S_IFDIR) && adp_folder_has(folder, "new", S_IFDIR) &&
           adp_folder_has(folder, "tmp", S_IFDIR);
}

const struct adp_profile adp_profile_maildir = {
    .name = "maildir",
    .category = ADP_CATEGORY_MAIL,
    .recognise = is_maildir,
    .groups = groups,
    .num_groups = sizeof(groups) / sizeof(groups[0]),
};
