/* Each rule of docs/FORMAT.md section 4, broken once in a keybag that is signed. */
#include "keybag_test.h"

static struct kt_keybag kt;

static void make_sealer_author(struct adp_keybag *keybag)
{
    keybag->author = KT_SERVER;
}

static void make_removed_author(struct adp_keybag *keybag)
{
    keybag->author = KT_OLD_PHONE;
}

struct rule {
    const char *why; /* what the error says */
    void (*break_it)(struct adp_keybag *keybag);
};

static void generation_zero(struct adp_keybag *keybag)
{
    keybag->generation = 0;
}

static void first_with_previous(struct adp_keybag *keybag)
{
    keybag->generation = 1;
}

static void protection_zero(struct adp_keybag *keybag)
{
    keybag->protection = 0;
}

static void protection_three(struct adp_keybag *keybag)
{
    keybag->protection = 3;
}

static void author_missing(struct adp_keybag *keybag)
{
    keybag->author = KT_NUM_RECIPIENTS;
}

static void no_recipients(struct adp_keybag *keybag)
{
    keybag->num_recipients = 0;
}

static void reason_with_escape(struct adp_keybag *keybag)
{
    strcpy(keybag->reason, "\x1b[2J");
}

static void name_empty(struct adp_keybag *keybag)
{
    keybag->recipients[KT_PHONE].name[0] = '\0';
}

static void name_not_utf8(struct adp_keybag *keybag)
{
    strcpy(keybag->recipients[KT_PHONE].name, "\xff");
}

static void name_twice(struct adp_keybag *keybag)
{
    strcpy(keybag->recipients[KT_PHONE].name, "laptop");
}

static void kind_zero(struct adp_keybag *keybag)
{
    keybag->recipients[KT_OPERATOR].kind = 0;
}

static void kind_six(struct adp_keybag *keybag)
{
    keybag->recipients[KT_OPERATOR].kind = 6;
}

static void state_three(struct adp_keybag *keybag)
{
    keybag->recipients[KT_OPERATOR].state = 3;
}

static void sealer_with_kem(struct adp_keybag *keybag)
{
    keybag->recipients[KT_SERVER].kem_pub[31] = 1;
}

static void operator_with_account(struct adp_keybag *keybag)
{
    keybag->recipients[KT_OPERATOR].has_account = 1;
}

static void active_but_removed(struct adp_keybag *keybag)
{
    keybag->recipients[KT_LAPTOP].removed_ns = 1;
}

static void sealer_with_account(struct adp_keybag *keybag)
{
    keybag->recipients[KT_SERVER].has_account = 1;
}

static void removed_with_account(struct adp_keybag *keybag)
{
    keybag->recipients[KT_OLD_PHONE].has_account = 1;
}

static void device_with_half(struct adp_keybag *keybag)
{
    keybag->recipients[KT_LAPTOP].has_half = 1;
}

static void removed_with_half(struct adp_keybag *keybag)
{
    struct adp_recipient *contact = &keybag->recipients[KT_CONTACT];

    contact->state = ADP_RECIPIENT_REMOVED;
    contact->removed_ns = 2000;
    contact->has_account = 0;
}

static void no_epoch(struct adp_keybag *keybag)
{
    keybag->categories[3].num_epochs = 0;
}

static void epoch_from_two(struct adp_keybag *keybag)
{
    keybag->categories[3].epochs[0].number = 2;
}

static void epoch_left_out(struct adp_keybag *keybag)
{
    keybag->categories[16].epochs[1].number = 3;
}

static void wrap_for_nobody(struct adp_keybag *keybag)
{
    keybag->categories[3].epochs[0].wraps[3].recipient = KT_NUM_RECIPIENTS;
}

static void wrap_twice(struct adp_keybag *keybag)
{
    keybag->categories[3].epochs[0].wraps[1].recipient = KT_LAPTOP;
}

static void wrap_for_sealer(struct adp_keybag *keybag)
{
    keybag->categories[3].epochs[0].wraps[1].recipient = KT_SERVER;
}

static const struct rule rules[] = {
    {"the generation is zero", generation_zero},
    {"first generation has one before", first_with_previous},
    {"protection is unknown", protection_zero},
    {"protection is unknown", protection_three},
    {"author is no recipient", author_missing},
    {"number of recipients", no_recipients},
    {"not valid text", reason_with_escape},
    {"not valid text", name_empty},
    {"not valid text", name_not_utf8},
    {"share a name", name_twice},
    {"kind is unknown", kind_zero},
    {"kind is unknown", kind_six},
    {"state is unknown", state_three},
    {"sealer has a KEM key", sealer_with_kem},
    {"has the account key that must not", operator_with_account},
    {"another recipient than an active contact", device_with_half},
    {"another recipient than an active contact", removed_with_half},
    {"active recipient has a time of removal", active_but_removed},
    {"has the account key that must not", sealer_with_account},
    {"has the account key that must not", removed_with_account},
    {"each with an epoch", no_epoch},
    {"steps of 1", epoch_from_two},
    {"steps of 1", epoch_left_out},
    {"do not ascend", wrap_for_nobody},
    {"do not ascend", wrap_twice},
    {"wrapped to a sealer", wrap_for_sealer},
    {"nobody who may change", make_sealer_author},
    {"nobody who may change", make_removed_author},
};

/* Even a signed keybag is held to the rules: the parser refuses it, and the builder lets it go
 * nowhere. */
static void test_rules(void)
{
    for (size_t i = 0; i < NUM_OF(rules); i++) {
        struct adp_builder out = {0};
        struct adp_keybag parsed;
        struct adp_error err = {0};

        kt_init(&kt);
        rules[i].break_it(&kt.keybag);
        et_expect(adp_keybag_build(&out, &kt.keybag, kt.author_seed, kt.seed, &err),
                  ADP_ERR_INTERNAL, &err, rules[i].why);
        et_expect(adp_keybag_parse(&parsed, out.data, out.len, "k", &err), ADP_ERR_FORMAT, &err,
                  rules[i].why);
        if (strstr(err.message, rules[i].why) == NULL) {
            fprintf(stderr, "expected \"%s\": %s\n", rules[i].why, err.message);
            CU_FAIL("refused for another reason");
        }
        adp_builder_free(&out);
    }
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"every rule", test_rules},
    };

    return adp_test_main("engine/keybag rules", cases, NUM_OF(cases));
}
