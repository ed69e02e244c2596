/* First contact through the public header: what a vault that nobody has confirmed may be used for,
 * and what confirms it. */
#include "seal_test.h"

#define NOBODYS                                                                                    \
    "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000" /* no account */

/* The rig's vault, seen by a device that is admitted and has not met it. */
struct trust_rig {
    struct seal_rig seal;
    char path[128];
    struct adp_identity *identity;
    struct adp_vault *vault;
    char account[ADP_FINGERPRINT_LEN];
};

static void rig_meet(struct trust_rig *rig)
{
    adp_vault_free(rig->vault);
    CU_ASSERT_EQUAL_FATAL(
        adp_vault_open(&rig->vault, rig->seal.vault_path, rig->identity, &rig->seal.err), ADP_OK);
}

static void rig_open(struct trust_rig *rig)
{
    struct adp_error *err = &rig->seal.err;
    struct adp_report report;
    char *request;

    seal_rig_open(&rig->seal);
    seal_rig_write(&rig->seal, "a.jpg", 1000, 1);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig->seal, (struct adp_options){0}, &report), ADP_OK);
    snprintf(rig->path, sizeof(rig->path), "%s/phone", rig->seal.dir);
    CU_ASSERT_EQUAL_FATAL(
        adp_identity_create(&rig->identity, rig->path, ADP_KIND_DEVICE, "phone", NULL, err),
        ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_identity_request(rig->identity, &request, err), ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_vault_add_device(rig->seal.vault, request, NULL, err), ADP_OK);
    free(request);
    adp_vault_fingerprint(rig->seal.vault, rig->account);
    rig->vault = NULL;
    rig_meet(rig);
}

static void rig_close(struct trust_rig *rig)
{
    adp_vault_free(rig->vault);
    adp_identity_free(rig->identity);
    seal_rig_close(&rig->seal);
}

/* rig_reload forgets all that is not in the identity's file. */
static void rig_reload(struct trust_rig *rig)
{
    adp_vault_free(rig->vault);
    rig->vault = NULL;
    adp_identity_free(rig->identity);
    CU_ASSERT_EQUAL_FATAL(adp_identity_load(&rig->identity, rig->path, NULL, &rig->seal.err),
                          ADP_OK);
    rig_meet(rig);
}

static int ignore_entry(void *user, const struct adp_entry *entry)
{
    (void)user;
    (void)entry;
    return 0;
}

/* Everything that uses keys ends with |expected|. */
static void check_uses(struct trust_rig *rig, enum adp_status expected)
{
    const char *sources[] = {rig->seal.source};
    struct adp_seal_options seal = {.sources = sources, .num_sources = 1};
    struct adp_selection latest = {.snapshot = "latest"};
    struct adp_open_options restore = {.selection = latest, .target = rig->seal.target};
    struct adp_verify_options verify = {.selection = {0}};
    struct adp_error *err = &rig->seal.err;
    struct adp_report report;
    int null = open("/dev/null", O_WRONLY);

    CU_ASSERT_EQUAL(adp_list(rig->vault, &latest, ignore_entry, NULL, NULL, err), expected);
    CU_ASSERT_EQUAL(adp_cat(rig->vault, "latest", "source/a.jpg", null, err), expected);
    CU_ASSERT_EQUAL(adp_open(rig->vault, &restore, &report, err), expected);
    CU_ASSERT_EQUAL(adp_verify(rig->vault, &verify, &report, err), expected);
    verify.selection = latest;
    CU_ASSERT_EQUAL(adp_verify(rig->vault, &verify, &report, err), expected);
    CU_ASSERT_EQUAL(adp_seal(rig->vault, &seal, &report, err), expected);
    close(null);
}

static void check_unknown(struct trust_rig *rig)
{
    CU_ASSERT_TRUE(adp_vault_first_contact(rig->vault));
    check_uses(rig, ADP_ERR_UNTRUSTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(rig->seal.err.hint, rig->account));
    CU_ASSERT_EQUAL(adp_vault_add_device(rig->vault, "", NULL, &rig->seal.err), ADP_ERR_UNTRUSTED);
    CU_ASSERT_EQUAL(access(rig->seal.target, F_OK), -1);
}

static void check_known(struct trust_rig *rig)
{
    CU_ASSERT_FALSE(adp_vault_first_contact(rig->vault));
    check_uses(rig, ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_add_device(rig->vault, "", NULL, &rig->seal.err), ADP_ERR_ARGUMENT);
}

static void test_looking_is_free_and_pins_nothing(void)
{
    struct adp_snapshots snapshots;
    char account[ADP_FINGERPRINT_LEN];
    struct trust_rig rig;

    rig_open(&rig);
    for (int i = 0; i < 2; i++) {
        adp_vault_fingerprint(rig.vault, account);
        CU_ASSERT_STRING_EQUAL(account, rig.account);
        CU_ASSERT_EQUAL(adp_vault_num_devices(rig.vault), 2);
        CU_ASSERT_EQUAL(adp_vault_snapshots(rig.vault, &snapshots, NULL, NULL, &rig.seal.err),
                        ADP_OK);
        CU_ASSERT_EQUAL(snapshots.num, 1);
        adp_snapshots_free(&snapshots);
        check_unknown(&rig);
        rig_reload(&rig);
    }
    rig_close(&rig);
}

static void test_the_right_account_is_remembered(void)
{
    struct trust_rig rig;

    rig_open(&rig);
    CU_ASSERT_EQUAL(adp_vault_trust(rig.vault, rig.account, &rig.seal.err), ADP_OK);
    check_known(&rig);
    rig_reload(&rig);
    CU_ASSERT_FALSE(adp_vault_first_contact(rig.vault));
    rig_close(&rig);
}

static void test_a_person_has_said_yes(void)
{
    struct trust_rig rig;

    rig_open(&rig);
    CU_ASSERT_EQUAL(adp_vault_trust(rig.vault, NULL, &rig.seal.err), ADP_OK);
    rig_reload(&rig);
    check_known(&rig);
    rig_close(&rig);
}

static void test_other_fingerprints(void)
{
    static const char *const malformed[] = {"", " ", "574da51c", NOBODYS "0", NOBODYS "x"};
    struct trust_rig rig;
    struct adp_error *err = &rig.seal.err;

    rig_open(&rig);
    CU_ASSERT_EQUAL(adp_vault_trust(rig.vault, NOBODYS, err), ADP_ERR_ACCOUNT);
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        CU_ASSERT_EQUAL(adp_vault_trust(rig.vault, malformed[i], err), ADP_ERR_ARGUMENT);
    check_unknown(&rig);
    CU_ASSERT_EQUAL(adp_vault_trust(rig.seal.vault, NOBODYS, err), ADP_ERR_ACCOUNT);
    CU_ASSERT_EQUAL(adp_vault_trust(rig.seal.vault, rig.account, err), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_trust(rig.seal.vault, NULL, err), ADP_OK);
    rig_close(&rig);
}

static void test_without_an_identity(void)
{
    struct adp_vault *vault;
    struct trust_rig rig;
    struct adp_error *err = &rig.seal.err;

    rig_open(&rig);
    CU_ASSERT_EQUAL_FATAL(adp_vault_open(&vault, rig.seal.vault_path, NULL, err), ADP_OK);
    CU_ASSERT_FALSE(adp_vault_first_contact(vault));
    CU_ASSERT_EQUAL(adp_vault_trust(vault, NOBODYS, err), ADP_ERR_ACCOUNT);
    CU_ASSERT_EQUAL(adp_vault_trust(vault, rig.account, err), ADP_OK);
    adp_vault_free(vault);
    rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"looking is free and pins nothing", test_looking_is_free_and_pins_nothing},
        {"the right account is remembered", test_the_right_account_is_remembered},
        {"a person has said yes", test_a_person_has_said_yes},
        {"other fingerprints", test_other_fingerprints},
        {"without an identity", test_without_an_identity},
    };

    return adp_test_main("trust", cases, sizeof(cases) / sizeof(cases[0]));
}
