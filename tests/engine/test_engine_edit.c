/* Keybags at their limits, and what is said of ones that others have written. */
#include "keybag_test.h"
#include "vault.h"

static void check_full(enum adp_status status, const struct adp_error *err)
{
    CU_ASSERT(status == ADP_ERR_REFUSED);
    CU_ASSERT(strstr(err->message, "nothing was changed") != NULL);
    CU_ASSERT(strstr(err->hint, "a new one") != NULL);
}

static void test_recipients(void)
{
    struct adp_recipient recipient = {.kind = ADP_RECIPIENT_SEALER, .state = ADP_RECIPIENT_ACTIVE};
    struct adp_keybag keybag = {0};
    struct adp_error err = {0};
    size_t index = 0;

    for (size_t i = 0; i < ADP_KEYBAG_MAX_RECIPIENTS; i++)
        CU_ASSERT(adp_keybag_add_recipient(&keybag, &recipient, &index, &err) == ADP_OK);
    CU_ASSERT(index == ADP_KEYBAG_MAX_RECIPIENTS - 1);
    check_full(adp_keybag_add_recipient(&keybag, &recipient, &index, &err), &err);
    CU_ASSERT(keybag.num_recipients == ADP_KEYBAG_MAX_RECIPIENTS);
    adp_keybag_free(&keybag);
}

static void test_epochs(void)
{
    struct adp_keybag_category *category;
    struct adp_keybag keybag = {0};
    struct adp_error err = {0};

    CU_ASSERT(adp_keybag_rotate(&keybag, 17, &err) == ADP_OK);
    category = &keybag.categories[16];
    category->num_epochs = UINT16_MAX; /* of which no other is looked at */
    check_full(adp_keybag_rotate(&keybag, 17, &err), &err);
    category->num_epochs = 1;
    adp_keybag_free(&keybag);
}

/* An operator that has lost the newest key alone still opens what was sealed before. */
static void test_end_to_end(void)
{
    static struct kt_keybag kt;
    struct adp_category_info info;
    struct adp_vault vault = {0};
    struct adp_epoch *epochs = kt.epochs[16];

    kt_init(&kt);
    vault.keybag = kt.keybag;
    for (size_t e = 2; e-- > 0;) {
        adp_vault_category(&vault, 17, &info);
        CU_ASSERT_EQUAL(info.is_end_to_end, 0);
        epochs[e].num_wraps = 1; /* the laptop's */
    }
    adp_vault_category(&vault, 17, &info);
    CU_ASSERT_EQUAL(info.is_end_to_end, 1);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"more recipients than a keybag holds", test_recipients},
        {"more epochs than a category has", test_epochs},
        {"end-to-end is said of all keys", test_end_to_end},
    };

    return adp_test_main("edit", cases, sizeof(cases) / sizeof(cases[0]));
}
