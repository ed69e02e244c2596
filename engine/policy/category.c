#include "category.h"

#include <string.h>

#include "adpseal.h"

static const struct {
    const char *name;
    enum adp_category_class class;
} categories[ADP_NUM_CATEGORIES + 1] = {
    [ADP_CATEGORY_PASSWORDS] = {"passwords", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_HEALTH] = {"health", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_HOME] = {"home", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_MESSAGES] = {"messages", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_PAYMENT] = {"payment", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_CARD_TRANSACTIONS] = {"card-transactions", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_MAPS] = {"maps", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_KEYBOARD] = {"keyboard", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_SAFARI] = {"safari", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_SCREEN_TIME] = {"screen-time", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_SIRI] = {"siri", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_WIFI] = {"wifi", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_BLUETOOTH_KEYS] = {"bluetooth-keys", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_MEMOJI] = {"memoji", ADP_CLASS_DEFAULT},
    [ADP_CATEGORY_BACKUP] = {"backup", ADP_CLASS_ADVANCED},
    [ADP_CATEGORY_DRIVE] = {"drive", ADP_CLASS_ADVANCED},
    [ADP_CATEGORY_PHOTOS] = {"photos", ADP_CLASS_ADVANCED},
    [ADP_CATEGORY_NOTES] = {"notes", ADP_CLASS_ADVANCED},
    [ADP_CATEGORY_REMINDERS] = {"reminders", ADP_CLASS_ADVANCED},
    [ADP_CATEGORY_BOOKMARKS] = {"bookmarks", ADP_CLASS_ADVANCED},
    [ADP_CATEGORY_SHORTCUTS] = {"shortcuts", ADP_CLASS_ADVANCED},
    [ADP_CATEGORY_VOICE_MEMOS] = {"voice-memos", ADP_CLASS_ADVANCED},
    [ADP_CATEGORY_WALLET] = {"wallet", ADP_CLASS_ADVANCED},
    [ADP_CATEGORY_MAIL] = {"mail", ADP_CLASS_NEVER},
    [ADP_CATEGORY_CONTACTS] = {"contacts", ADP_CLASS_NEVER},
    [ADP_CATEGORY_CALENDAR] = {"calendar", ADP_CLASS_NEVER},
};

const char *adp_category_name(unsigned category)
{
    return category <= ADP_NUM_CATEGORIES ? categories[category].name : NULL;
}

unsigned adp_category_find(const char *name)
{
    for (unsigned i = 1; i <= ADP_NUM_CATEGORIES; i++) {
        if (strcmp(categories[i].name, name) == 0)
            return i;
    }
    return 0;
}

enum adp_category_class adp_category_class_of(unsigned category)
{
    return categories[category].class;
}
