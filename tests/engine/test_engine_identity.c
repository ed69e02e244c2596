/* Identities in memory and in their file. */
#include "identity.h"

#include <fcntl.h>
#include <unistd.h>

#include "engine_test.h"
#include "fs.h"

#define PASSPHRASE "correct horse"

static char dir[] = "/tmp/adp-identity-XXXXXX";

/* The smallest scrypt that the format allows: damage is tried some hundred times. */
#define LOG2_N 10

static struct adp_identity *make_identity(enum adp_kind kind, const char *passphrase)
{
    struct adp_identity *identity = adp_identity_new("made");

    CU_ASSERT_PTR_NOT_NULL_FATAL(identity);
    identity->kind = kind;
    strcpy(identity->name, "Jürgens Gerät");
    et_fill(identity->keys->sign_seed, ADP_SIGN_SEED_LEN, 1);
    if (kind == ADP_KIND_DEVICE)
        et_fill(identity->keys->kem_private, ADP_KEM_KEY_LEN, 2);
    adp_identity_derive(identity);
    if (passphrase != NULL) {
        identity->has_passphrase = 1;
        identity->log2_n = LOG2_N;
        identity->r = 1;
        identity->p = 1;
        CU_ASSERT_EQUAL(
            adp_scrypt(identity->keys->file_key, passphrase, identity->salt, LOG2_N, 1, 1, NULL),
            ADP_OK);
    }
    return identity;
}

static void pin(struct adp_identity *identity, uint8_t vault, uint64_t generation)
{
    struct adp_pin pin = {.vault_id = {vault}, .generation = generation};

    memset(pin.account_hash, vault, sizeof(pin.account_hash));
    CU_ASSERT_EQUAL(adp_identity_set_pin(identity, &pin, NULL), ADP_OK);
}

static void expect_identity(const struct adp_identity *a, const struct adp_identity *b)
{
    CU_ASSERT_EQUAL(adp_identity_kind(a), b->kind);
    CU_ASSERT_STRING_EQUAL(adp_identity_name(a), b->name);
    CU_ASSERT_EQUAL(a->has_passphrase, b->has_passphrase);
    CU_ASSERT(memcmp(a->keys, b->keys, sizeof(*a->keys)) == 0);
    CU_ASSERT(memcmp(a->kem_pub, b->kem_pub, ADP_KEM_KEY_LEN) == 0);
    CU_ASSERT(memcmp(a->sign_pub, b->sign_pub, ADP_SIGN_PUB_LEN) == 0);
    CU_ASSERT_EQUAL_FATAL(a->num_pins, b->num_pins);
    CU_ASSERT(a->num_pins == 0 || memcmp(a->pins, b->pins, a->num_pins * sizeof(*a->pins)) == 0);
}

/* -- Bytes ------------------------------------------------------------------------------------- */

static void check_round_trip(enum adp_kind kind, const char *passphrase)
{
    struct adp_identity *identity = make_identity(kind, passphrase), *decoded = NULL;
    struct adp_builder bytes = {0};
    struct adp_error err = {0};

    pin(identity, 9, 1);
    pin(identity, 3, UINT64_MAX);
    CU_ASSERT_EQUAL_FATAL(adp_identity_encode(&bytes, identity, NULL), ADP_OK);
    if (et_expect(adp_identity_decode(&decoded, bytes.data, bytes.len, passphrase, "i", &err),
                  ADP_OK, &err, "decode"))
        expect_identity(decoded, identity);
    adp_identity_free(decoded);
    adp_identity_free(identity);
    adp_builder_wipe(&bytes);
}

static void test_round_trips(void)
{
    check_round_trip(ADP_KIND_DEVICE, NULL);
    check_round_trip(ADP_KIND_SEALER, NULL);
    check_round_trip(ADP_KIND_DEVICE, PASSPHRASE);
    check_round_trip(ADP_KIND_SEALER, PASSPHRASE);
}

static const char *passphrase_now;

static int is_refused(const uint8_t *data, size_t len)
{
    struct adp_identity *identity = NULL;
    enum adp_status status;

    status = adp_identity_decode(&identity, data, len, passphrase_now, "i", NULL);
    adp_identity_free(identity);
    return status != ADP_OK;
}

/* Whether a change would raise scrypt's cost: such copies are refused after minutes, not at once.
 */
static int is_slow(const uint8_t *data, size_t len)
{
    return len > 19 && data[16] == 1 && (data[17] != LOG2_N || data[18] != 1 || data[19] != 1);
}

static int is_refused_soon(const uint8_t *data, size_t len)
{
    return is_slow(data, len) || is_refused(data, len);
}

static void check_every_byte(const char *passphrase)
{
    struct adp_identity *identity = make_identity(ADP_KIND_DEVICE, passphrase);
    struct adp_builder bytes = {0};

    passphrase_now = passphrase;
    pin(identity, 3, 7);
    CU_ASSERT_EQUAL_FATAL(adp_identity_encode(&bytes, identity, NULL), ADP_OK);
    CU_ASSERT_FALSE(is_refused(bytes.data, bytes.len));
    et_flip_each(bytes.data, bytes.len, is_refused_soon);
    adp_builder_wipe(&bytes);
    adp_identity_free(identity);
}

static void test_every_byte(void)
{
    check_every_byte(NULL);
    check_every_byte(PASSPHRASE);
}

static void expect_decode(const struct adp_builder *bytes, const char *passphrase,
                          enum adp_status expected, const char *what)
{
    struct adp_identity *identity = NULL;
    struct adp_error err = {0};

    et_expect(adp_identity_decode(&identity, bytes->data, bytes->len, passphrase, "i", &err),
              expected, &err, what);
    CU_ASSERT(expected == ADP_OK || identity == NULL);
    adp_identity_free(identity);
}

static void test_passphrases(void)
{
    struct adp_identity *identity = make_identity(ADP_KIND_DEVICE, PASSPHRASE);
    struct adp_builder bytes = {0};

    CU_ASSERT_EQUAL_FATAL(adp_identity_encode(&bytes, identity, NULL), ADP_OK);
    expect_decode(&bytes, PASSPHRASE, ADP_OK, "the right one");
    expect_decode(&bytes, NULL, ADP_ERR_PASSPHRASE, "none");
    expect_decode(&bytes, "", ADP_ERR_PASSPHRASE, "an empty one");
    expect_decode(&bytes, PASSPHRASE " ", ADP_ERR_PASSPHRASE, "one with a blank more");
    /* No key of the file is in the clear under a passphrase. */
    CU_ASSERT_PTR_NULL(memmem(bytes.data, bytes.len, identity->keys->sign_seed, 8));
    CU_ASSERT_PTR_NULL(memmem(bytes.data, bytes.len, identity->keys->kem_private, 8));
    CU_ASSERT_PTR_NULL(memmem(bytes.data, bytes.len, "Gerät", 6));
    adp_builder_wipe(&bytes);
    adp_identity_free(identity);
}

struct mutation {
    const char *what;
    size_t offset;
    const char *hex;
    enum adp_status expected;
};

/* The payload begins at 48: kind, name (length and 15 bytes), keys, number of pins, pins. */
static const struct mutation mutations[] = {
    {"nothing", 0, "", ADP_OK},
    {"another magic", 0, "00", ADP_ERR_FORMAT},
    {"version 3", 8, "03", ADP_ERR_UNSUPPORTED},
    {"another length", 12, "00", ADP_ERR_FORMAT},
    {"protection 2", 16, "02", ADP_ERR_FORMAT},
    {"N without a passphrase", 17, "0a", ADP_ERR_FORMAT},
    {"a salt without a passphrase", 20, "01", ADP_ERR_FORMAT},
    {"a nonce without a passphrase", 47, "01", ADP_ERR_FORMAT},
    {"log2 N of 9", 16, "01090101", ADP_ERR_FORMAT},
    {"log2 N of 21", 16, "01150101", ADP_ERR_FORMAT},
    {"r of 0", 16, "010a0001", ADP_ERR_FORMAT},
    {"r of 17", 16, "010a1101", ADP_ERR_FORMAT},
    {"p of 0", 16, "010a0100", ADP_ERR_FORMAT},
    {"p of 5", 16, "010a0105", ADP_ERR_FORMAT},
    {"kind 0", 48, "00", ADP_ERR_FORMAT},
    {"kind 3", 48, "03", ADP_ERR_FORMAT},
    {"a sealer with a KEM key", 48, "02", ADP_ERR_FORMAT},
    {"a name with a control character", 50, "0a", ADP_ERR_FORMAT},
    {"a pin more than there are bytes", 48 + 17 + 64, "0300", ADP_ERR_FORMAT},
    {"a pin less than there are bytes", 48 + 17 + 64, "0100", ADP_ERR_FORMAT},
    {"pins that descend", 48 + 17 + 66, "08", ADP_ERR_FORMAT},
};

static void test_mutations(void)
{
    for (size_t i = 0; i < NUM_OF(mutations); i++) {
        struct adp_identity *identity = make_identity(ADP_KIND_DEVICE, NULL);
        struct adp_builder bytes = {0};
        size_t end;

        pin(identity, 3, 7);
        pin(identity, 5, 7);
        CU_ASSERT_EQUAL_FATAL(adp_identity_encode(&bytes, identity, NULL), ADP_OK);
        et_hex(bytes.data + mutations[i].offset, mutations[i].hex);
        end = bytes.len - ADP_HASH_LEN;
        adp_sha256(bytes.data + end, bytes.data, end);
        expect_decode(&bytes, "x", mutations[i].expected, mutations[i].what);
        adp_builder_wipe(&bytes);
        adp_identity_free(identity);
    }
}

static void test_pins(void)
{
    struct adp_identity *identity = make_identity(ADP_KIND_DEVICE, NULL);
    uint8_t vault_id[ADP_ID_LEN] = {4};

    CU_ASSERT_PTR_NULL(adp_identity_pin(identity, vault_id));
    for (uint8_t i = 10; i > 0; i--)
        pin(identity, (uint8_t)(i * 37), i);
    pin(identity, 4, 100);
    pin(identity, 4, 101);
    CU_ASSERT_EQUAL(identity->num_pins, 11);
    CU_ASSERT_PTR_NOT_NULL_FATAL(adp_identity_pin(identity, vault_id));
    CU_ASSERT_EQUAL(adp_identity_pin(identity, vault_id)->generation, 101);
    for (size_t i = 1; i < identity->num_pins; i++)
        CU_ASSERT(memcmp(identity->pins[i - 1].vault_id, identity->pins[i].vault_id, ADP_ID_LEN) <
                  0);
    adp_identity_free(identity);
}

/* -- Files ------------------------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void test_file(void)
{
    struct adp_identity *created = NULL, *loaded = NULL;
    const char *path = path_of("new/folder/identity");
    struct adp_error err = {0};
    struct stat st;

    et_expect(adp_identity_create(&created, path, ADP_KIND_DEVICE, "laptop", NULL, &err), ADP_OK,
              &err, "create");
    CU_ASSERT_PTR_NOT_NULL_FATAL(created);
    CU_ASSERT(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    CU_ASSERT(stat(path_of("new"), &st) == 0 && (st.st_mode & 07777) == 0700);
    path = path_of("new/folder/identity");
    et_expect(adp_identity_load(&loaded, path, NULL, &err), ADP_OK, &err, "load");
    CU_ASSERT_PTR_NOT_NULL_FATAL(loaded);
    expect_identity(loaded, created);
    /* What is learned is kept, in the same file and mode, wherever the process has gone. */
    CU_ASSERT_EQUAL(chdir("/"), 0);
    pin(loaded, 8, 3);
    et_expect(adp_identity_store(loaded, &err), ADP_OK, &err, "store");
    adp_identity_free(created);
    et_expect(adp_identity_load(&created, path, NULL, &err), ADP_OK, &err, "load again");
    expect_identity(created, loaded);
    CU_ASSERT(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    adp_identity_free(created);
    adp_identity_free(loaded);
}

static void test_file_with_passphrase(void)
{
    struct adp_identity *created = NULL, *loaded = NULL;
    const char *path = path_of("sealed");
    struct adp_error err = {0};

    et_expect(adp_identity_create(&created, path, ADP_KIND_SEALER, "server", PASSPHRASE, &err),
              ADP_OK, &err, "create");
    et_expect(adp_identity_load(&loaded, path, "wrong", &err), ADP_ERR_PASSPHRASE, &err, "wrong");
    et_expect(adp_identity_load(&loaded, path, PASSPHRASE, &err), ADP_OK, &err, "right");
    CU_ASSERT_FATAL(created != NULL && loaded != NULL);
    expect_identity(loaded, created);
    pin(loaded, 8, 3);
    et_expect(adp_identity_store(loaded, &err), ADP_OK, &err, "store");
    adp_identity_free(created);
    et_expect(adp_identity_load(&created, path, PASSPHRASE, &err), ADP_OK, &err, "load again");
    expect_identity(created, loaded);
    adp_identity_free(created);
    adp_identity_free(loaded);
}

static void expect_load(const char *path, enum adp_status expected, const char *hint)
{
    struct adp_identity *identity = NULL;
    struct adp_error err = {0};

    et_expect(adp_identity_load(&identity, path, NULL, &err), expected, &err, path);
    CU_ASSERT_STRING_EQUAL(err.path, path);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.hint, hint));
    adp_identity_free(identity);
}

static void test_refused_files(void)
{
    struct adp_identity *identity = NULL;
    const char *path = path_of("open");
    struct adp_error err = {0};

    expect_load(path, ADP_ERR_NOT_FOUND, "--identity");
    CU_ASSERT_EQUAL_FATAL(adp_identity_create(&identity, path, ADP_KIND_DEVICE, "d", NULL, NULL),
                          ADP_OK);
    adp_identity_free(identity);
    et_expect(adp_identity_create(&identity, path, ADP_KIND_DEVICE, "d", NULL, &err),
              ADP_ERR_EXISTS, &err, "there is one");
    CU_ASSERT_EQUAL(chmod(path, 0640), 0);
    expect_load(path, ADP_ERR_ARGUMENT, "chmod 600");
    CU_ASSERT_EQUAL(chmod(path, 0604), 0);
    expect_load(path, ADP_ERR_ARGUMENT, "chmod 600");
    CU_ASSERT_EQUAL(chmod(path, 0600), 0);
    CU_ASSERT_EQUAL(truncate(path, 40), 0);
    expect_load(path, ADP_ERR_FORMAT, "");
    et_expect(adp_identity_create(&identity, path_of("x"), ADP_KIND_DEVICE, "", NULL, &err),
              ADP_ERR_ARGUMENT, &err, "no name");
    et_expect(adp_identity_create(&identity, path_of("x"), ADP_KIND_DEVICE, "d", "", &err),
              ADP_ERR_ARGUMENT, &err, "an empty passphrase");
    CU_ASSERT_NOT_EQUAL(access(path_of("x"), F_OK), 0);
}

static void expect_default(const char *expected)
{
    char *path = NULL;

    CU_ASSERT_EQUAL_FATAL(adp_identity_default_path(&path, NULL), ADP_OK);
    CU_ASSERT_STRING_EQUAL(path, expected);
    free(path);
}

static void test_default_path(void)
{
    char *path = NULL;

    setenv("HOME", "/home/u", 1);
    setenv("XDG_CONFIG_HOME", "/conf", 1);
    setenv("ADP_SEAL_IDENTITY", "mine", 1);
    expect_default("mine");
    unsetenv("ADP_SEAL_IDENTITY");
    expect_default("/conf/adp-seal/identity");
    setenv("XDG_CONFIG_HOME", "relative", 1);
    expect_default("/home/u/.config/adp-seal/identity");
    unsetenv("XDG_CONFIG_HOME");
    expect_default("/home/u/.config/adp-seal/identity");
    unsetenv("HOME");
    CU_ASSERT_EQUAL(adp_identity_default_path(&path, NULL), ADP_ERR_ARGUMENT);
}

/* Two processes that have loaded one file: what one has learnt the other does not undo. */
static void check_two_at_once(const char *name, const char *passphrase)
{
    struct adp_identity *first, *second, *third;
    struct adp_error err = {0};
    const char *path = path_of(name);

    et_expect(adp_identity_create(&first, path, ADP_KIND_DEVICE, "laptop", passphrase, &err),
              ADP_OK, &err, "create");
    pin(first, 1, 4);
    et_expect(adp_identity_store(first, &err), ADP_OK, &err, "store");
    et_expect(adp_identity_load(&second, path, passphrase, &err), ADP_OK, &err, "load");
    pin(first, 1, 5);
    et_expect(adp_identity_store(first, &err), ADP_OK, &err, "store");
    pin(second, 2, 1);
    et_expect(adp_identity_store(second, &err), ADP_OK, &err, "store");
    et_expect(adp_identity_load(&third, path, passphrase, &err), ADP_OK, &err, "load");
    CU_ASSERT_EQUAL_FATAL(third->num_pins, 2);
    CU_ASSERT_EQUAL(third->pins[0].generation, 5);
    adp_identity_free(third);
    adp_identity_free(second);
    adp_identity_free(first);
}

static void test_two_at_once(void)
{
    check_two_at_once("two", NULL);
    check_two_at_once("two-secret", PASSPHRASE);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"round trips", test_round_trips},
        {"every byte", test_every_byte},
        {"passphrases", test_passphrases},
        {"every rule", test_mutations},
        {"pins", test_pins},
        {"a file", test_file},
        {"a file under a passphrase", test_file_with_passphrase},
        {"files that are refused", test_refused_files},
        {"two at once", test_two_at_once},
        {"where it lies", test_default_path},
    };
    int result;

    if (mkdtemp(dir) == NULL)
        return 1;
    result = adp_test_main("engine/identity", cases, NUM_OF(cases));
    adp_fs_remove_tree(AT_FDCWD, dir);
    return result;
}
