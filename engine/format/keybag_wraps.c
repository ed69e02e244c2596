/* The wraps of a keybag, which stand behind what is signed. */
#include <string.h>

#include "keybag.h"
#include "keybag_bytes.h"
#include "secret.h"

/* Account wrap and half of one recipient after the other. */
static struct adp_keybag_wrap *next_of_recipients(const struct adp_keybag *keybag,
                                                  struct keybag_cursor *cursor)
{
    while (cursor->recipient < keybag->num_recipients) {
        struct adp_recipient *recipient = &keybag->recipients[cursor->recipient];

        if (!cursor->has_seen_account) {
            cursor->has_seen_account = 1;
            if (recipient->has_account)
                return &recipient->account;
        }
        cursor->has_seen_account = 0;
        cursor->recipient++;
        if (recipient->has_half)
            return &recipient->half;
    }
    return NULL;
}

struct adp_keybag_wrap *keybag_next_wrap(const struct adp_keybag *keybag,
                                         struct keybag_cursor *cursor)
{
    struct adp_keybag_wrap *found = next_of_recipients(keybag, cursor);

    for (; found == NULL && cursor->category < ADP_NUM_CATEGORIES; cursor->category++) {
        const struct adp_keybag_category *category = &keybag->categories[cursor->category];

        for (; cursor->epoch < category->num_epochs; cursor->epoch++) {
            const struct adp_epoch *epoch = &category->epochs[cursor->epoch];

            if (cursor->wrap < epoch->num_wraps)
                return &epoch->wraps[cursor->wrap++].wrap;
            cursor->wrap = 0;
        }
        cursor->epoch = 0;
    }
    return found;
}

void adp_keybag_build_wraps(struct adp_builder *out, const struct adp_keybag *keybag)
{
    struct keybag_cursor cursor = {0};
    const struct adp_keybag_wrap *wrap;

    while ((wrap = keybag_next_wrap(keybag, &cursor)) != NULL) {
        adp_build_u8(out, wrap->is_destroyed ? KEYBAG_WRAP_DESTROYED : KEYBAG_WRAP_PRESENT);
        if (wrap->is_destroyed)
            continue;
        adp_build_bytes(out, wrap->sealed.enc, sizeof(wrap->sealed.enc));
        adp_build_bytes(out, wrap->sealed.ct, sizeof(wrap->sealed.ct));
    }
}

void adp_keybag_destroy_wrap(struct adp_keybag_wrap *wrap)
{
    adp_wipe(&wrap->sealed, sizeof(wrap->sealed));
    wrap->is_destroyed = 1;
}

int adp_keybag_is_whole(const struct adp_keybag *keybag)
{
    struct keybag_cursor cursor = {0};
    const struct adp_keybag_wrap *wrap;

    while ((wrap = keybag_next_wrap(keybag, &cursor)) != NULL) {
        if (wrap->is_destroyed)
            return 0;
    }
    return 1;
}
