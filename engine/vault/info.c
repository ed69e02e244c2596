/* What the newest keybag says of the vault. */
#include "vault.h"

void adp_vault_describe(const struct adp_vault *vault, struct adp_vault_info *out_info)
{
    const struct adp_keybag *keybag = &vault->keybag;

    *out_info = (struct adp_vault_info){.generation = keybag->generation,
                                        .changed_ns = keybag->created_ns,
                                        .changed_by = keybag->recipients[keybag->author].name,
                                        .reason = keybag->reason,
                                        .protection = (enum adp_protection)keybag->protection};
}

static int has_operator(const struct adp_keybag *keybag, const struct adp_epoch *epoch)
{
    for (size_t i = 0; i < epoch->num_wraps; i++) {
        if (keybag->recipients[epoch->wraps[i].recipient].kind == ADP_RECIPIENT_OPERATOR)
            return 1;
    }
    return 0;
}

void adp_vault_category(const struct adp_vault *vault, unsigned category,
                        struct adp_category_info *out_info)
{
    const struct adp_keybag_category *slot = &vault->keybag.categories[category - 1];

    *out_info = (struct adp_category_info){.epoch = (uint32_t)slot->num_epochs, .is_end_to_end = 1};
    for (size_t i = 0; i < slot->num_epochs; i++) {
        out_info->num_erased += slot->epochs[i].num_wraps == 0;
        if (has_operator(&vault->keybag, &slot->epochs[i]))
            out_info->is_end_to_end = 0;
    }
}
