/* New keys for categories; and none any more for what was sealed under the old ones. */
#include <stdio.h>

#include "error.h"
#include "vault.h"

/* "rotated: photos, notes, drive", cut where there is no room. */
static void describe(char *out, size_t out_len, const unsigned *categories, size_t num)
{
    size_t used;

    if (num == ADP_NUM_CATEGORIES) {
        snprintf(out, out_len, "all categories rotated");
        return;
    }
    used = (size_t)snprintf(out, out_len, "rotated:");
    for (size_t i = 0; i < num && used < out_len; i++)
        used += (size_t)snprintf(out + used, out_len - used, "%s %s", i > 0 ? "," : "",
                                 adp_category_name(categories[i]));
}

static enum adp_status check_category(unsigned category, struct adp_error *err)
{
    if (category >= 1 && category <= ADP_NUM_CATEGORIES)
        return ADP_OK;
    return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "there is no category %u", category);
}

static enum adp_status rotate(struct adp_vault *vault, const unsigned *categories, size_t num,
                              struct adp_error *err)
{
    struct adp_change change;
    char reason[256];
    enum adp_status status = adp_change_begin(&change, vault, err);

    for (size_t i = 0; status == ADP_OK && i < num; i++)
        status = adp_keybag_rotate(&change.next, categories[i], err);
    describe(reason, sizeof(reason), categories, num);
    if (status == ADP_OK)
        status = adp_change_publish(&change, err, "%s", reason);
    adp_change_end(&change);
    return status;
}

enum adp_status adp_vault_rotate(struct adp_vault *vault, const unsigned *categories, size_t num,
                                 struct adp_error *err)
{
    unsigned all[ADP_NUM_CATEGORIES];
    enum adp_status status = ADP_OK;

    for (unsigned i = 0; i < ADP_NUM_CATEGORIES; i++)
        all[i] = i + 1;
    for (size_t i = 0; status == ADP_OK && i < num; i++)
        status = check_category(categories[i], err);
    if (status != ADP_OK)
        return status;
    return num > 0 ? rotate(vault, categories, num, err)
                   : rotate(vault, all, ADP_NUM_CATEGORIES, err);
}

enum adp_status adp_vault_erase(struct adp_vault *vault, unsigned category, struct adp_error *err)
{
    struct adp_change change;
    enum adp_status status = check_category(category, err);

    if (status != ADP_OK)
        return status;
    status = adp_change_begin(&change, vault, err);
    if (status == ADP_OK) {
        adp_keybag_erase(&change.next, category);
        status = adp_keybag_rotate(&change.next, category, err);
    }
    if (status == ADP_OK)
        status = adp_change_publish(&change, err, "erased: %s", adp_category_name(category));
    adp_change_end(&change);
    return status;
}
