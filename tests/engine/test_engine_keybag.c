#include "keybag_test.h"

static struct kt_keybag kt;

static struct adp_builder build(void)
{
    struct adp_builder out = {0};
    struct adp_error err = {0};

    et_expect(adp_keybag_build(&out, &kt.keybag, kt.author_seed, kt.seed, &err), ADP_OK, &err,
              "build");
    return out;
}

/* -- Round trip -------------------------------------------------------------------------------- */

static void expect_wrap(const struct adp_keybag_wrap *a, const struct adp_keybag_wrap *b)
{
    CU_ASSERT(memcmp(&a->sealed, &b->sealed, sizeof(a->sealed)) == 0);
    CU_ASSERT_EQUAL(a->is_destroyed, b->is_destroyed);
}

static void expect_recipient(const struct adp_recipient *a, const struct adp_recipient *b)
{
    CU_ASSERT(a->kind == b->kind && a->state == b->state && a->level == b->level);
    CU_ASSERT_STRING_EQUAL(a->name, b->name);
    CU_ASSERT(memcmp(a->kem_pub, b->kem_pub, ADP_KEM_KEY_LEN) == 0);
    CU_ASSERT(memcmp(a->sign_pub, b->sign_pub, ADP_SIGN_PUB_LEN) == 0);
    CU_ASSERT(a->added_ns == b->added_ns && a->removed_ns == b->removed_ns);
    CU_ASSERT_EQUAL(a->has_account, b->has_account);
    CU_ASSERT_EQUAL(a->has_half, b->has_half);
    if (b->has_account)
        expect_wrap(&a->account, &b->account);
    if (b->has_half)
        expect_wrap(&a->half, &b->half);
}

static void expect_epoch(const struct adp_epoch *a, const struct adp_epoch *b)
{
    CU_ASSERT(a->number == b->number && a->created_ns == b->created_ns);
    CU_ASSERT(memcmp(a->pub, b->pub, ADP_KEM_KEY_LEN) == 0);
    CU_ASSERT_EQUAL_FATAL(a->num_wraps, b->num_wraps);
    for (size_t i = 0; i < a->num_wraps; i++) {
        CU_ASSERT_EQUAL(a->wraps[i].recipient, b->wraps[i].recipient);
        expect_wrap(&a->wraps[i].wrap, &b->wraps[i].wrap);
    }
}

static void expect_keybag(const struct adp_keybag *a, const struct adp_keybag *b)
{
    CU_ASSERT(memcmp(a->vault_id, b->vault_id, ADP_ID_LEN) == 0);
    CU_ASSERT(memcmp(a->previous, b->previous, ADP_HASH_LEN) == 0);
    CU_ASSERT(memcmp(a->account_pub, b->account_pub, ADP_SIGN_PUB_LEN) == 0);
    CU_ASSERT(a->generation == b->generation && a->created_ns == b->created_ns);
    CU_ASSERT(a->protection == b->protection && a->author == b->author);
    CU_ASSERT_STRING_EQUAL(a->reason, b->reason);
    CU_ASSERT_EQUAL_FATAL(a->num_recipients, b->num_recipients);
    for (size_t i = 0; i < a->num_recipients; i++)
        expect_recipient(&a->recipients[i], &b->recipients[i]);
    for (size_t i = 0; i < ADP_NUM_CATEGORIES; i++) {
        CU_ASSERT_EQUAL_FATAL(a->categories[i].num_epochs, b->categories[i].num_epochs);
        for (size_t j = 0; j < a->categories[i].num_epochs; j++)
            expect_epoch(&a->categories[i].epochs[j], &b->categories[i].epochs[j]);
    }
}

static void test_round_trip(void)
{
    struct adp_keybag parsed = {0};
    struct adp_error err = {0};
    struct adp_builder bytes;

    kt_init(&kt);
    bytes = build();
    if (et_expect(adp_keybag_parse(&parsed, bytes.data, bytes.len, "k", &err), ADP_OK, &err, "k"))
        expect_keybag(&parsed, &kt.keybag);
    adp_keybag_free(&parsed);
    adp_keybag_free(&parsed); /* a freed one is empty, and safe to free */
    adp_builder_free(&bytes);
}

/* -- Damage and forgery ------------------------------------------------------------------------ */

static int is_refused(const uint8_t *data, size_t len)
{
    struct adp_keybag keybag = {0};
    enum adp_status status = adp_keybag_parse(&keybag, data, len, "k", NULL);

    adp_keybag_free(&keybag);
    return status != ADP_OK;
}

static void test_every_byte(void)
{
    struct adp_builder bytes;

    kt_init(&kt);
    /* One category's worth of wraps is enough to flip through. */
    for (size_t i = 1; i < ADP_NUM_CATEGORIES; i++) {
        kt.epochs[i][0].num_wraps = 0;
        kt.epochs[i][1].num_wraps = 0;
    }
    bytes = build();
    CU_ASSERT_FALSE(is_refused(bytes.data, bytes.len));
    et_flip_each(bytes.data, bytes.len, is_refused);
    adp_builder_free(&bytes);
}

static void check_another_key(const uint8_t *author_seed, const uint8_t *account_seed)
{
    struct adp_builder out = {0};
    struct adp_keybag keybag;
    struct adp_error err = {0};

    CU_ASSERT_EQUAL(adp_keybag_build(&out, &kt.keybag, author_seed, account_seed, NULL),
                    ADP_ERR_INTERNAL);
    et_expect(adp_keybag_parse(&keybag, out.data, out.len, "k", &err), ADP_ERR_SIGNATURE, &err,
              "signed with another key");
    adp_builder_free(&out);
}

/* Whoever signs with another key than the account's own, or than the author's, is refused. */
static void test_another_key(void)
{
    static const uint8_t other[ADP_SIGN_SEED_LEN] = {7};

    kt_init(&kt);
    check_another_key(kt.author_seed, other);
    check_another_key(other, kt.seed);
}

/* -- Bytes that no builder writes -------------------------------------------------------------- */

static uint32_t read_u32(const uint8_t *data)
{
    return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

/* Signs |bytes| again after |hex| was written at |offset|, of the wraps if it is below zero. */
static void forge(struct adp_builder *bytes, long offset, const char *hex)
{
    size_t statement_len = read_u32(bytes->data + 12);
    size_t signed_len = statement_len - ADP_SIGNATURE_LEN;
    size_t authored_len = signed_len - ADP_SIGNATURE_LEN;

    et_hex(bytes->data + (offset < 0 ? (long)statement_len - offset - 1 : offset), hex);
    CU_ASSERT_EQUAL(adp_sign(bytes->data + authored_len, kt.author_seed, "adp-seal/1 keybag author",
                             bytes->data, authored_len, NULL),
                    ADP_OK);
    CU_ASSERT_EQUAL(adp_sign(bytes->data + signed_len, kt.seed, "adp-seal/1 keybag", bytes->data,
                             signed_len, NULL),
                    ADP_OK);
}

struct forgery {
    const char *what;
    long offset;
    const char *hex;
    enum adp_status expected;
};

#define RECIPIENTS_OFFSET (116 + 1 + 9) /* after the reason "add phone" */

#define WRAPS(offset) (-(offset)-1)

static const struct forgery forgeries[] = {
    {"nothing", 0, "", ADP_OK},
    {"another magic", 0, "00", ADP_ERR_FORMAT},
    {"version 3", 8, "03", ADP_ERR_UNSUPPORTED},
    {"another length", 12, "00", ADP_ERR_SIGNATURE},
    {"a length past the end", 15, "01", ADP_ERR_FORMAT},
    {"reserved", 113, "01", ADP_ERR_FORMAT},
    {"a reason past the end", 116, "ff", ADP_ERR_FORMAT},
    {"1025 recipients", RECIPIENTS_OFFSET, "0104", ADP_ERR_FORMAT},
    {"1024 recipients", RECIPIENTS_OFFSET, "0004", ADP_ERR_FORMAT},
    {"a wrap of another form", WRAPS(0), "02", ADP_ERR_FORMAT},
    {"a wrap that was not signed", WRAPS(1), "00", ADP_ERR_FORMAT},
    {"more account wraps", RECIPIENTS_OFFSET + 2 + 2 + 7 + 89, "02", ADP_ERR_FORMAT},
};

static void test_forgeries(void)
{
    for (size_t i = 0; i < NUM_OF(forgeries); i++) {
        struct adp_keybag parsed = {0};
        struct adp_error err = {0};
        struct adp_builder bytes;

        kt_init(&kt);
        bytes = build();
        forge(&bytes, forgeries[i].offset, forgeries[i].hex);
        et_expect(adp_keybag_parse(&parsed, bytes.data, bytes.len, "k", &err),
                  forgeries[i].expected, &err, forgeries[i].what);
        adp_keybag_free(&parsed);
        adp_builder_free(&bytes);
    }
}

/* -- Destroyed wraps --------------------------------------------------------------------------- */

/* The statement of |bytes|, and the wraps as |keybag| has them. */
static struct adp_builder rewrite(const struct adp_builder *bytes, const struct adp_keybag *keybag)
{
    struct adp_builder out = {0};

    adp_build_bytes(&out, bytes->data, keybag->statement_len);
    adp_keybag_build_wraps(&out, keybag);
    return out;
}

/* A generation stays what it was, signatures and hash, when its keys are gone. */
static void test_destroyed(void)
{
    struct adp_keybag parsed, again;
    struct adp_error err = {0};
    struct adp_builder bytes, stripped;
    struct adp_keybag_wrap *gone;

    kt_init(&kt);
    bytes = build();
    CU_ASSERT_EQUAL_FATAL(adp_keybag_parse(&parsed, bytes.data, bytes.len, "k", &err), ADP_OK);
    CU_ASSERT(adp_keybag_is_whole(&parsed));
    stripped = rewrite(&bytes, &parsed);
    CU_ASSERT(stripped.len == bytes.len && memcmp(stripped.data, bytes.data, bytes.len) == 0);
    adp_builder_free(&stripped);

    gone = &parsed.categories[16].epochs[1].wraps[1].wrap;
    adp_keybag_destroy_wrap(gone);
    adp_keybag_destroy_wrap(&parsed.recipients[KT_LAPTOP].account);
    adp_keybag_destroy_wrap(&parsed.recipients[KT_CONTACT].half);
    stripped = rewrite(&bytes, &parsed);
    CU_ASSERT_EQUAL(stripped.len, bytes.len - 3 * sizeof(struct adp_wrap));
    if (et_expect(adp_keybag_parse(&again, stripped.data, stripped.len, "k", &err), ADP_OK, &err,
                  "stripped")) {
        CU_ASSERT(memcmp(again.hash, parsed.hash, ADP_HASH_LEN) == 0);
        CU_ASSERT_FALSE(adp_keybag_is_whole(&again));
        CU_ASSERT(memcmp(again.categories[16].epochs[1].wraps[1].wrap.digest, gone->digest,
                         ADP_HASH_LEN) == 0);
        expect_keybag(&again, &parsed);
        adp_keybag_free(&again);
    }
    adp_builder_free(&stripped);
    adp_builder_free(&bytes);
    adp_keybag_free(&parsed);
}

/* -- Ids, names, infos ------------------------------------------------------------------------- */

static void test_names(void)
{
    char longest[ADP_RECIPIENT_NAME_MAX + 2];

    memset(longest, 'n', sizeof(longest));
    CU_ASSERT(adp_name_check("n", 1));
    CU_ASSERT(adp_name_check(longest, ADP_RECIPIENT_NAME_MAX));
    CU_ASSERT_FALSE(adp_name_check(longest, ADP_RECIPIENT_NAME_MAX + 1));
    CU_ASSERT_FALSE(adp_name_check("", 0));
    CU_ASSERT_FALSE(adp_name_check("a\tb", 3));
}

static void test_recipient_id(void)
{
    uint8_t a[ADP_ID_LEN], b[ADP_ID_LEN], hash[ADP_HASH_LEN], keys[64];

    kt_init(&kt);
    adp_recipient_id(a, &kt.recipients[KT_LAPTOP]);
    memcpy(keys, kt.recipients[KT_LAPTOP].kem_pub, 32);
    memcpy(keys + 32, kt.recipients[KT_LAPTOP].sign_pub, 32);
    adp_sha256(hash, keys, sizeof(keys));
    CU_ASSERT(memcmp(a, hash, sizeof(a)) == 0);
    strcpy(kt.recipients[KT_LAPTOP].name, "renamed");
    adp_recipient_id(b, &kt.recipients[KT_LAPTOP]);
    CU_ASSERT(memcmp(a, b, sizeof(a)) == 0); /* keys alone */
}

/* Every field of an info sets wraps apart. */
static void test_infos(void)
{
    uint8_t vault_id[ADP_ID_LEN] = {1}, pub[ADP_KEM_KEY_LEN] = {2}, a[128], b[128];
    size_t len = adp_epoch_info(a, vault_id, 17, 3, pub);

    CU_ASSERT_EQUAL(len, 21 + 16 + 2 + 4 + 32);
    CU_ASSERT(memcmp(a, "adp-seal/1 epoch key\0", 21) == 0);
    adp_epoch_info(b, vault_id, 18, 3, pub);
    CU_ASSERT(memcmp(a, b, len) != 0);
    adp_epoch_info(b, vault_id, 17, 4, pub);
    CU_ASSERT(memcmp(a, b, len) != 0);
    len = adp_account_info(a, vault_id, pub);
    CU_ASSERT_EQUAL(len, 23 + 16 + 32);
    CU_ASSERT(memcmp(a, "adp-seal/1 account key\0", 23) == 0);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"round trip", test_round_trip},
        {"every byte", test_every_byte},
        {"another key than the account's", test_another_key},
        {"forgeries", test_forgeries},
        {"destroyed wraps", test_destroyed},
        {"names", test_names},
        {"recipient ids", test_recipient_id},
        {"infos", test_infos},
    };

    return adp_test_main("engine/keybag", cases, NUM_OF(cases));
}
