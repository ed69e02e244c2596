/* Google Takeout: a folder per product, which says what everything in it is, sidecars included.
 * Products that are not here are left to the names of their files. */
#include <string.h>

#include "category.h"
#include "glob.h"
#include "profile.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

static const struct adp_rule_group groups[] = {
    /* Within a product. */
    {ADP_CATEGORY_BOOKMARKS, ADP_KEPT("/Chrome/Bookmarks.html", "/Chrome/Reading List.html")},
    {ADP_CATEGORY_PASSWORDS,
     ADP_KEPT("/Chrome/*Passwords*", "/Chrome/Autofill.json", "/Chrome/Addresses and more.json")},
    {ADP_CATEGORY_KEYBOARD, ADP_KEPT("/Chrome/Dictionary.csv")},
    {ADP_CATEGORY_SIRI, ADP_KEPT("/My Activity/*Assistant/", "/My Activity/Voice and Audio/")},
    {ADP_CATEGORY_MAPS, ADP_KEPT("/My Activity/Maps/")},

    /* Products. */
    {ADP_CATEGORY_PHOTOS, /* in its languages; a star where a Mac takes letters apart */
     ADP_KEPT("/Google Photos/", "/Google Fot*/", "/Google Kuvat/", "/Google Фото/",
              "/Google Снимки/", "/Google Φωτο*/", "/Google フォト/", "/Google 相簿/",
              "/Google 相册/", "/Google 포토/", "/Fotky Google/", "/Zdj*cia Google/",
              "/صور Google/", "/תמונות Google/")},
    {ADP_CATEGORY_MAIL, ADP_KEPT("/Mail/")},
    {ADP_CATEGORY_CONTACTS, ADP_KEPT("/Contacts/", "/Google Contacts/")},
    {ADP_CATEGORY_CALENDAR, ADP_KEPT("/Calendar/")},
    {ADP_CATEGORY_NOTES, ADP_KEPT("/Keep/", "/Assistant Notes and Lists/")},
    {ADP_CATEGORY_DRIVE, ADP_KEPT("/Drive/")},
    {ADP_CATEGORY_BOOKMARKS, ADP_KEPT("/Bookmarks/", "/Saved/")},
    {ADP_CATEGORY_REMINDERS, ADP_KEPT("/Tasks/", "/Reminders/")},
    {ADP_CATEGORY_MAPS, ADP_KEPT("/Location History/", "/Location History (Timeline)/",
                                 "/Timeline/", "/Maps/", "/Maps (your places)/", "/My Maps/")},
    {ADP_CATEGORY_HEALTH, ADP_KEPT("/Fit/", "/Google Fit/", "/Fitbit/")},
    {ADP_CATEGORY_MESSAGES, ADP_KEPT("/Hangouts/", "/Google Chat/", "/Voice/")},
    {ADP_CATEGORY_PAYMENT, ADP_KEPT("/Google Pay/")},
    {ADP_CATEGORY_WALLET, ADP_KEPT("/Google Wallet/")},
    {ADP_CATEGORY_HOME, ADP_KEPT("/Home App/", "/Google Home/", "/Nest/")},
    {ADP_CATEGORY_VOICE_MEMOS, ADP_KEPT("/Recorder/")},
    {ADP_CATEGORY_SAFARI, ADP_KEPT("/Chrome/", "/My Activity/")}, /* where somebody surfed */
};

static int is_product(const char *name)
{
    for (size_t i = 0; i < NUM(groups); i++) {
        for (const char *const *pattern = groups[i].patterns; *pattern != NULL; pattern++) {
            if (adp_glob_match(*pattern, name, strlen(name), 1))
                return 1;
        }
    }
    return 0;
}

static int is_google_takeout(const struct adp_profile_folder *folder)
{
    if (strncmp(adp_folder_name(folder), "Takeout", strlen("Takeout")) != 0 &&
        !adp_folder_has(folder, "archive_browser.html", S_IFREG))
        return 0;
    for (size_t i = 0; i < folder->names->num; i++) {
        const char *name = folder->names->items[i];

        if (is_product(name) && adp_folder_has(folder, name, S_IFDIR))
            return 1;
    }
    return 0;
}

const struct adp_profile adp_profile_google_takeout = {
    .name = "google-takeout",
    .category = ADP_CATEGORY_DRIVE,
    .recognise = is_google_takeout,
    .groups = groups,
    .num_groups = NUM(groups),
};
