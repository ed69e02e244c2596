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
        memcpy(forged.previous, vault->keybag.hash, ADP_HASH_LEN);
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

static void run(const struct chain_rig *rig, const char *what)
{
    char command[512];

    snprintf(command, sizeof(command), "cd %s && %s", rig->seal.dir, what);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

/* What a removed device seals into a copy of the vault from before, and puts into the vault. */
static enum adp_status seal_as_phone(struct chain_rig *rig, struct adp_vault *theirs)
{
    struct adp_report report;
    struct seal_rig phone = rig->seal;
    enum adp_status status;

    phone.vault = theirs;
    status = seal_rig_seal(&phone, (struct adp_options){0}, &report);
    run(rig, "cp -r theirs/archives/* vault/archives");
    run(rig, "cp theirs/snapshots/*.adpr vault/snapshots");
    return status;
}

/* Removes the phone, which keeps a copy of the vault, open as |*theirs|. There is a file to seal.
 */
static void rig_open_removed(struct chain_rig *rig, struct adp_vault **theirs)
{
    struct adp_error *err = &rig->seal.err;
    char path[128];

    rig_open(rig);
    seal_rig_write(&rig->seal, "a.bin", 1000, 1);
    run(rig, "cp -r vault theirs");
    snprintf(path, sizeof(path), "%s/theirs", rig->seal.dir);
    CU_ASSERT_EQUAL_FATAL(adp_vault_open(theirs, path, rig->phone, err), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_trust(*theirs, NULL, err), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_remove_device(rig->seal.vault, "phone", err), ADP_OK);
}

/* A vault that was opened before the removal seals nothing for who was removed. */
static void test_a_vault_that_is_open_for_long(void)
{
    struct adp_error *err;
    struct adp_report report;
    struct adp_vault *other, *ours;
    struct chain_rig rig;

    rig_open(&rig);
    err = &rig.seal.err;
    seal_rig_write(&rig.seal, "a.jpg", 1000, 1);
    ours = rig.seal.vault;
    CU_ASSERT_EQUAL_FATAL(adp_vault_open(&other, rig.seal.vault_path, rig.seal.identity, err),
                          ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_remove_device(other, "phone", err), ADP_OK);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig.seal, (struct adp_options){0}, &report), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_generation(ours), adp_vault_generation(other));
    CU_ASSERT_EQUAL(ours->keybag.categories[16].num_epochs, 2);
    adp_vault_free(other);
    rig_close(&rig);
}

struct eraser {
    struct chain_rig *rig;
    int is_done;
};

static int erase_once(void *user, const struct adp_progress *progress)
{
    struct eraser *eraser = user;
    struct seal_rig *rig = &eraser->rig->seal;
    struct adp_vault *other;

    if (eraser->is_done || strcmp(progress->stage, "seal") != 0)
        return 0;
    eraser->is_done = 1;
    CU_ASSERT_EQUAL_FATAL(adp_vault_open(&other, rig->vault_path, rig->identity, NULL), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_erase(other, adp_category_find("photos"), NULL), ADP_OK);
    adp_vault_free(other);
    return 0;
}

/* What is being sealed while its category is erased is not lost without a word. */
static void test_erased_while_it_is_sealed(void)
{
    struct adp_report report;
    struct chain_rig rig;
    struct eraser eraser = {.rig = &rig};
    struct adp_options common = {.on_progress = erase_once, .user = &eraser};

    rig_open(&rig);
    seal_rig_write(&rig.seal, "a.jpg", 1000, 1);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig.seal, common, &report), ADP_ERR_CONFLICT);
    CU_ASSERT(eraser.is_done);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig.seal, common, &report), ADP_OK);
    CU_ASSERT_EQUAL(seal_rig_restore(&rig.seal, (struct adp_options){0}, &report), ADP_OK);
    CU_ASSERT_TRUE(seal_rig_same(&rig.seal));
    rig_close(&rig);
}

static void test_a_record_of_a_later_generation(void)
{
    struct adp_snapshots snapshots;
    struct adp_vault *theirs;
    struct chain_rig rig;

    rig_open_removed(&rig, &theirs);
    theirs->keybag.generation = rig.seal.vault->keybag.generation;
    CU_ASSERT_EQUAL(seal_as_phone(&rig, theirs), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_snapshots(rig.seal.vault, &snapshots, NULL, NULL, &rig.seal.err),
                    ADP_ERR_PARTIAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(rig.seal.err.message, "after it was removed"));
    CU_ASSERT_EQUAL(snapshots.num, 0);
    adp_snapshots_free(&snapshots);
    adp_vault_free(theirs);
    rig_close(&rig);
}

/* Dated before the removal it cannot be told from an older one: it is listed, and is not the
 * latest.
 */
static void test_a_record_of_an_older_generation(void)
{
    struct adp_snapshots snapshots;
    struct adp_report report;
    struct adp_record latest;
    struct adp_vault *theirs;
    struct chain_rig rig;

    rig_open_removed(&rig, &theirs);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig.seal, (struct adp_options){0}, &report), ADP_OK);
    sleep(1); /* ids order by the second */
    CU_ASSERT_EQUAL(seal_as_phone(&rig, theirs), ADP_OK);
    CU_ASSERT_EQUAL(adp_vault_snapshots(rig.seal.vault, &snapshots, NULL, NULL, &rig.seal.err),
                    ADP_OK);
    CU_ASSERT_EQUAL_FATAL(snapshots.num, 2);
    CU_ASSERT_STRING_EQUAL(snapshots.items[1].author, "phone");
    CU_ASSERT_EQUAL(adp_vault_resolve(rig.seal.vault, "latest", &latest, &rig.seal.err), ADP_OK);
    CU_ASSERT_STRING_EQUAL(latest.id, report.snapshot);
    adp_snapshots_free(&snapshots);
    adp_vault_free(theirs);
    rig_close(&rig);
}

/* One that somebody has slipped in, of a kind that is no device: it is listed and can be removed.
 */
static void test_a_contact_that_was_slipped_in(void)
{
    struct adp_recipient contact = {
        .kind = ADP_RECIPIENT_CONTACT, .state = ADP_RECIPIENT_ACTIVE, .name = "x"};
    uint8_t private_key[ADP_KEM_KEY_LEN];
    struct adp_change change;
    struct adp_device device;
    struct chain_rig rig;
    size_t index, num_rotated = 0;

    rig_open(&rig);
    adp_kem_generate(private_key, contact.kem_pub);
    CU_ASSERT_EQUAL_FATAL(adp_change_begin(&change, rig.seal.vault, NULL), ADP_OK);
    CU_ASSERT_EQUAL(adp_change_add(&change, &contact, &index, NULL), ADP_OK);
    CU_ASSERT_EQUAL(adp_keybag_rotate(&change.next, 17, NULL), ADP_OK);
    CU_ASSERT_EQUAL(adp_change_publish(&change, NULL, "rotated: notes"), ADP_OK);
    adp_change_end(&change);
    adp_vault_device(rig.seal.vault, adp_vault_num_devices(rig.seal.vault) - 1, &device);
    CU_ASSERT_STRING_EQUAL(device.name, "x");
    CU_ASSERT_EQUAL(device.kind, ADP_KIND_RECOVERY_CONTACT);
    CU_ASSERT_EQUAL(adp_vault_remove_device(rig.seal.vault, "x", &rig.seal.err), ADP_OK);
    for (unsigned c = 0; c < ADP_NUM_CATEGORIES; c++) {
        const struct adp_keybag_category *category = &rig.seal.vault->keybag.categories[c];
        const struct adp_epoch *last = &category->epochs[category->num_epochs - 1];

        num_rotated += last->number > (c + 1 == 17 ? 2 : 1);
        for (size_t i = 0; i < last->num_wraps; i++)
            CU_ASSERT_NOT_EQUAL(last->wraps[i].recipient, index);
    }
    CU_ASSERT_EQUAL(num_rotated, 1); /* what it could open, no more */
    rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"forged generations", test_forgeries},
        {"a trusted device may", test_a_trusted_device_may},
        {"a vault that is open for long", test_a_vault_that_is_open_for_long},
        {"erased while it is sealed", test_erased_while_it_is_sealed},
        {"a record of a later generation", test_a_record_of_a_later_generation},
        {"a record of an older generation", test_a_record_of_an_older_generation},
        {"a contact that was slipped in", test_a_contact_that_was_slipped_in},
    };

    return adp_test_main("Chain of keybags", cases, sizeof(cases) / sizeof(cases[0]));
}
