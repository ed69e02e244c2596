#include "domains.h"

#include "category.h"

/* A domain is a part of the device: a folder of the system, or with a name after a dash the folder
 * of one application (AppDomain), of applications that share it (AppDomainGroup), of a part of one
 * (AppDomainPlugin), of a service (SysContainerDomain, SysSharedContainerDomain). Where something
 * is kept changed with the versions of iOS; the places of all of them are here. Patterns end in
 * something fixed, by which rules.h finds them among a million files.
 *
 * Nothing is derived: a device takes back a backup that is whole. */

const struct adp_rule_group adp_domain_groups[] = {
    /* Within what other rules cover. */
    {ADP_CATEGORY_BOOKMARKS,
     ADP_KEPT("/*/Library/Safari/Bookmarks.db", "/*/Library/Safari/Bookmarks.db-wal",
              "/*/Library/Safari/Bookmarks.db-shm", "/*/Library/Safari/Bookmarks.plist",
              "/HomeDomain/Library/WebClips/")},
    {ADP_CATEGORY_CARD_TRANSACTIONS,
     ADP_KEPT("/HomeDomain/Library/Passes/passes*.sqlite",
              "/HomeDomain/Library/Passes/passes*.sqlite-wal",
              "/HomeDomain/Library/Passes/passes*.sqlite-shm", "/HomeDomain/Library/FinanceKit/",
              "/AppDomainGroup-group.com.apple.finance/")},
    {ADP_CATEGORY_PAYMENT, ADP_KEPT("/HomeDomain/Library/PassKit/", "/HomeDomain/Library/ApplePay/",
                                    "/HomeDomain/Library/Preferences/com.apple.passd.plist")},
    {ADP_CATEGORY_WIFI,
     ADP_KEPT("/SystemPreferencesDomain/com.apple.wifi*.plist",
              "/SystemPreferencesDomain/SystemConfiguration/com.apple.wifi*.plist",
              "/HomeDomain/Library/Preferences/com.apple.wifi*.plist",
              "/SysSharedContainerDomain-systemgroup.com.apple.wifi/")},
    {ADP_CATEGORY_BLUETOOTH_KEYS,
     ADP_KEPT("/SysSharedContainerDomain-systemgroup.com.apple.bluetooth/",
              "/SystemPreferencesDomain/Library/Preferences/com.apple.MobileBluetooth*.plist",
              "/HomeDomain/Library/Preferences/com.apple.MobileBluetooth*.plist",
              "/RootDomain/Library/Preferences/com.apple.MobileBluetooth*.plist")},
    {ADP_CATEGORY_SCREEN_TIME,
     ADP_KEPT("/HomeDomain/Library/Application Support/com.apple.remotemanagementd/",
              "/HomeDomain/Library/Application Support/com.apple.ScreenTimeAgent/",
              "/HomeDomain/Library/Preferences/com.apple.ScreenTime*.plist",
              "/AppDomain*-*com.apple.ScreenTimeAgent/", "/Sys*Domain-*com.apple.ScreenTimeAgent/",
              "/Sys*Domain-*com.apple.screentime/")},
    {ADP_CATEGORY_SIRI, ADP_KEPT("/HomeDomain/Library/Assistant/",
                                 "/HomeDomain/Library/Preferences/com.apple.assistant*.plist",
                                 "/HomeDomain/Library/Preferences/com.apple.siri*.plist",
                                 "/AppDomain*-*com.apple.siri/")},
    {ADP_CATEGORY_MEMOJI,
     ADP_KEPT("/HomeDomain/Library/Avatar/",
              "/AppDomainPlugin-com.apple.Animoji.StickersApp.MessagesExtension/",
              "/AppDomain-com.apple.Animoji.StickersApp/")},

    /* Domains that are one thing. */
    {ADP_CATEGORY_PASSWORDS, ADP_KEPT("/KeychainDomain/", "/AppDomain-com.apple.Passwords/")},
    {ADP_CATEGORY_HEALTH,
     ADP_KEPT("/HealthDomain/", "/HomeDomain/Library/Health/", "/AppDomain*-*com.apple.Health/",
              "/AppDomain-com.apple.Fitness/")},
    {ADP_CATEGORY_HOME,
     ADP_KEPT("/HomeKitDomain/", "/HomeDomain/Library/HomeKit/", "/AppDomain*-*com.apple.Home/")},
    {ADP_CATEGORY_KEYBOARD, ADP_KEPT("/KeyboardDomain/", "/HomeDomain/Library/Keyboard/",
                                     "/HomeDomain/Library/KeyboardServices/")},
    {ADP_CATEGORY_VOICE_MEMOS,
     ADP_KEPT("/MediaDomain/Media/Recordings/", "/AppDomain*-*com.apple.VoiceMemos/",
              "/AppDomainGroup-group.com.apple.VoiceMemos.shared/")},
    {ADP_CATEGORY_PHOTOS,
     ADP_KEPT("/CameraRollDomain/", "/MediaDomain/Media/DCIM/", "/MediaDomain/Media/PhotoData/",
              "/AppDomain*-*com.apple.mobileslideshow/", "/AppDomain-com.apple.camera/")},

    /* Places within a domain, and applications. */
    {ADP_CATEGORY_MESSAGES,
     ADP_KEPT(
         "/HomeDomain/Library/SMS/", "/HomeDomain/Library/Messages/", "/MediaDomain/Library/SMS/",
         "/AppDomain*-*com.apple.MobileSMS/", "/AppDomain-net.whatsapp.WhatsApp/",
         "/AppDomainGroup-group.net.whatsapp.WhatsApp.shared/", "/AppDomain-ph.telegra.Telegraph/",
         "/AppDomainGroup-group.ph.telegra.Telegraph/", "/AppDomain-org.whispersystems.signal/",
         "/AppDomainGroup-group.org.whispersystems.signal.group/")},
    {ADP_CATEGORY_CONTACTS,
     ADP_KEPT("/HomeDomain/Library/AddressBook/", "/AppDomain*-*com.apple.MobileAddressBook/",
              "/AppDomainGroup-group.com.apple.contacts/")},
    {ADP_CATEGORY_CALENDAR,
     ADP_KEPT("/HomeDomain/Library/Calendar/", "/AppDomain*-*com.apple.mobilecal/",
              "/AppDomainGroup-group.com.apple.calendar/")},
    {ADP_CATEGORY_MAIL,
     ADP_KEPT("/HomeDomain/Library/Mail/", "/HomeDomain/Library/DataAccess/",
              "/AppDomain*-*com.apple.mobilemail/", "/AppDomainGroup-group.com.apple.mail/")},
    {ADP_CATEGORY_NOTES,
     ADP_KEPT("/HomeDomain/Library/Notes/", "/AppDomainGroup-group.com.apple.notes/",
              "/AppDomain*-*com.apple.mobilenotes/")},
    {ADP_CATEGORY_REMINDERS,
     ADP_KEPT("/HomeDomain/Library/Reminders/", "/AppDomain*-*com.apple.reminders/")},
    {ADP_CATEGORY_SAFARI,
     ADP_KEPT("/HomeDomain/Library/Safari/", "/HomeDomain/Library/Cookies/",
              "/HomeDomain/Library/WebKit/", "/AppDomain*-*com.apple.mobilesafari/",
              "/AppDomain*-*com.apple.Safari/")},
    {ADP_CATEGORY_SHORTCUTS,
     ADP_KEPT("/HomeDomain/Library/Shortcuts/", "/AppDomain*-*com.apple.shortcuts/",
              "/AppDomain-is.workflow.my.app/", "/AppDomainGroup-group.is.workflow.my.app/",
              "/AppDomainGroup-group.is.workflow.shortcuts/")},
    {ADP_CATEGORY_MAPS, ADP_KEPT("/HomeDomain/Library/Maps/", "/AppDomain*-*com.apple.Maps/",
                                 "/RootDomain/Library/Caches/locationd/",
                                 "/HomeDomain/Library/Caches/com.apple.routined/")},
    {ADP_CATEGORY_WALLET,
     ADP_KEPT("/HomeDomain/Library/Passes/", "/AppDomain*-*com.apple.Passbook/")},
    {ADP_CATEGORY_DRIVE, ADP_KEPT("/AppDomainGroup-group.com.apple.FileProvider.LocalStorage/",
                                  "/HomeDomain/Library/Mobile Documents/",
                                  "/HomeDomain/Library/Application Support/CloudDocs/",
                                  "/AppDomain-com.apple.DocumentsApp/")},

    /* The rest, and what the manifest does not tell. */
    {ADP_CATEGORY_BACKUP, ADP_KEPT("/**")},
};

const size_t adp_domain_num_groups = sizeof(adp_domain_groups) / sizeof(adp_domain_groups[0]);
