/* Which keybag follows from which: what a device that was removed, with all its keys and the old
 * account's, can and cannot have believed. */
#include "fs.h"
#include "seal_test.h"
#include "vault.h"

struct chain_rig {
    struct seal_rig seal; /* its identity is the device that stays */
    char phone_path[96];
    struct adp_identity *phone;
    size_t phone_index;
};

static void rig_open(struct chain_rig *rig)
{
    char *request;

    seal_rig_open(&rig->seal);
    snprintf(rig->phone_path, sizeof(rig->phone_path), "%s/phone", rig->seal.dir);
    CU_ASSERT_EQUAL_FATAL(adp_identity_create(&rig->phone, rig->phone_path, ADP_KIND_DEVICE,
                                              "phone", NULL, &rig->seal.err),
                          ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_identity_request(rig->phone, &request, &rig->seal.err), ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_vault_add_device(rig->seal.vault, request, NULL, &rig->seal.err),
                          ADP_OK);
    free(request);
    rig->phone_index = rig->seal.vault->keybag.num_recipients - 1;
}

static void rig_close(struct chain_rig *rig)
{
    adp_identity_free(rig->phone);
    seal_rig_close(&rig->seal);
}

/* How a forged generation differs from one that the phone could have made before its removal. */
struct forgery {
    const char *what;
    int author_is_phone; /* else it says that the other device made it */
    int phone_is_active;
    int names_previous;
    enum adp_status expected;
};

/* Publishes a generation after the present one, signed with the phone's key and an account key of
 * its own. */
static void forge(struct chain_rig *rig, const struct forgery *forgery)
{
    uint8_t seed[ADP_SIGN_SEED_LEN];
    struct adp_vault *vault = rig->seal.vault;
    struct adp_builder bytes = {0};
    struct adp_keybag forged;
    char name[32];

    CU_ASSERT_EQUAL_FATAL(adp_keybag_copy(&forged, &vault->keybag, NULL), ADP_OK);
    forged.generation++;
    if (forgery->names_previous)
        memcpy(forged.previous, vault->keybag_hash, ADP_HASH_LEN);
    forged.author = (uint16_t)(forgery->author_is_phone ? rig->phone_index : vault->self);
    if (forgery->phone_is_active) {
        forged.recipients[rig->phone_index].state = ADP_RECIPIENT_ACTIVE;
        forged.recipients[rig->phone_index].removed_ns = 0;
    }
    adp_sign_generate(seed, forged.account_pub);
    /* It builds what no reader takes, and says so: the bytes are there nevertheless. */
    (void)!adp_keybag_build(&bytes, &forged, rig->phone->keys->sign_seed, seed, NULL);
    snprintf(name, sizeof(name), "%016llx.adpk", (unsigned long long)forged.generation);
    CU_ASSERT_EQUAL(
        adp_fs_publish(vault->keybag_dir, name, 0600, bytes.data, bytes.len, ADP_FS_PUBLISH_NEW),
        0);
    adp_builder_free(&bytes);
    adp_keybag_free(&forged);
}

static void test_forgeries(void)
{
    static const struct forgery forgeries[] = {
        {"in its own name, active again", 1, 1, 1, ADP_ERR_SIGNATURE},
        {"in its own name, removed", 1, 0, 1, ADP_ERR_ACCOUNT},
        {"in the other's name", 0, 1, 1, ADP_ERR_SIGNATURE},
        {"from nowhere", 1, 1, 0, ADP_ERR_MISMATCH},
    };

    for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
        struct adp_vault *again;
        struct chain_rig rig;
        enum adp_status status;

        rig_open(&rig);
        CU_ASSERT_EQUAL(adp_vault_remove_device(rig.seal.vault, "phone", &rig.seal.err), ADP_OK);
        forge(&rig, &forgeries[i]);
        status = adp_vault_open(&again, rig.seal.vault_path, rig.seal.identity, &rig.seal.err);
        if (status == ADP_OK || adp_status_exit_code(status) != 3) {
            printf("\n    %s: %d %s ", forgeries[i].what, status, rig.seal.err.message);
            CU_FAIL("a forged keybag is believed");
        }
        rig_close(&rig);
    }
}

/* The same bytes from a device that is trusted are taken: the test above can fail. */
static void test_a_trusted_device_may(void)
{
    static const struct forgery forgery = {"active", 1, 1, 1, ADP_OK};
    struct adp_vault *again;
    struct chain_rig rig;

    rig_open(&rig);
    forge(&rig, &forgery);
    CU_ASSERT_EQUAL(adp_vault_open(&again, rig.seal.vault_path, rig.seal.identity, &rig.seal.err),
                    ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_generation(again), 3);
    adp_vault_free(again);
    rig_close(&rig);
}

/* A record that a removed device makes after its removal, with the keys of that time. */
static void test_a_record_after_the_removal(void)
{
    struct adp_snapshots snapshots;
    struct adp_vault *theirs;
    struct adp_report report;
    struct chain_rig rig;
    struct seal_rig phone;

    rig_open(&rig);
    seal_rig_write(&rig.seal, "a.bin", 1000, 1);
    CU_ASSERT_EQUAL_FATAL(adp_vault_open(&theirs, rig.seal.vault_path, rig.phone, &rig.seal.err),
                          ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_trust(theirs, NULL, &rig.seal.err), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_remove_device(rig.seal.vault, "phone", &rig.seal.err), ADP_OK);
    phone = rig.seal;
    phone.vault = theirs; /* opened before, so that it still believes */
    CU_ASSERT_EQUAL(seal_rig_seal(&phone, (struct adp_options){0}, &report), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_snapshots(rig.seal.vault, &snapshots, NULL, NULL, &rig.seal.err),
                    ADP_ERR_PARTIAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(rig.seal.err.message, "after it was removed"));
    CU_ASSERT_EQUAL(snapshots.num, 0);
    adp_snapshots_free(&snapshots);
    adp_vault_free(theirs);
    rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"forged generations", test_forgeries},
        {"a trusted device may", test_a_trusted_device_may},
        {"a record after its author's removal", test_a_record_after_the_removal},
    };

    return adp_test_main("Chain of keybags", cases, sizeof(cases) / sizeof(cases[0]));
}
