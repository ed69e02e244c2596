/* Recovery codes: what people mistype is found, and named, before any key is made of it. */
#include "engine_test.h"
#include "recovery.h"

static struct adp_recovery_secret secret;
static char code[ADP_RECOVERY_CODE_LEN];

static void draw(void)
{
    adp_recovery_draw(&secret);
    adp_recovery_to_text(code, &secret);
}

/* Where the character |i| of 28 stands in the text. */
static size_t place(size_t i)
{
    return i + i / 4;
}

static enum adp_status read_code(const char *text, struct adp_error *err)
{
    struct adp_recovery_secret out;

    return adp_recovery_from_text(&out, text, err);
}

static void test_round_trip(void)
{
    struct adp_recovery_secret again;
    struct adp_error err = {0};
    char lower[64] = " ";

    for (unsigned round = 0; round < 100; round++) {
        draw();
        CU_ASSERT_EQUAL(strlen(code), ADP_RECOVERY_CODE_LEN - 1);
        CU_ASSERT_EQUAL(strspn(code, "23456789ABCDEFGHJKLMNPQRSTUVWXYZ-"), strlen(code));
        et_expect(adp_recovery_from_text(&again, code, &err), ADP_OK, &err, code);
        CU_ASSERT(memcmp(&again, &secret, sizeof(secret)) == 0);
    }
    for (size_t i = 0, at = 1; code[i] != '\0'; i++)
        lower[at++] = (char)(code[i] == '-' ? ' ' : code[i] | (code[i] >= 'A' ? 0x20 : 0));
    et_expect(adp_recovery_from_text(&again, lower, &err), ADP_OK, &err, lower);
    CU_ASSERT(memcmp(&again, &secret, sizeof(secret)) == 0);
}

/* Computed from docs/FORMAT.md section 10 by the decoder in tests/decoder. */
static void test_known_answer(void)
{
    struct adp_recovery_secret zero = {{0}}, counted;
    struct adp_identity *identity;

    adp_recovery_to_text(code, &zero);
    CU_ASSERT_STRING_EQUAL(code, "2222-2222-2222-2222-2222-2222-2222");
    for (uint8_t i = 0; i < ADP_RECOVERY_NUM_DATA; i++)
        counted.symbols[i] = i;
    adp_recovery_to_text(code, &counted);
    CU_ASSERT(strncmp(code, "2345-6789-ABCD-EFGH-JKLM-NPQR-ST", 32) == 0);
    CU_ASSERT_EQUAL_FATAL(adp_recovery_identity(&identity, &counted, ADP_KIND_RECOVERY_KEY, NULL),
                          ADP_OK);
    CU_ASSERT(memcmp(identity->keys->kem_private, identity->keys->sign_seed, 32) != 0);
    adp_identity_free(identity);
}

static void expect_place(const char *text, size_t i)
{
    struct adp_error err = {0};
    char named[40];

    snprintf(named, sizeof(named), "group %zu, place %zu", i / 4 + 1, i % 4 + 1);
    if (read_code(text, &err) != ADP_ERR_PASSPHRASE || strstr(err.message, named) == NULL) {
        fprintf(stderr, "%s: expected %s: %s\n", text, named, err.message);
        CU_FAIL("a mistake that is not named");
    }
}

/* Every wrong character at every place. */
static void test_one_wrong(void)
{
    static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    char text[ADP_RECOVERY_CODE_LEN];

    draw();
    for (size_t i = 0; i < ADP_RECOVERY_NUM_CHARS; i++) {
        for (const char *c = alphabet; *c != '\0'; c++) {
            memcpy(text, code, sizeof(text));
            text[place(i)] = *c;
            if (strcmp(text, code) != 0)
                expect_place(text, i);
        }
    }
}

/* Every two exchanged. The places of neighbours are named, though not always one pair only fits. */
static void test_exchanged(void)
{
    struct adp_error err;

    draw();
    for (size_t i = 0; i < ADP_RECOVERY_NUM_CHARS; i++) {
        for (size_t j = i + 1; j < ADP_RECOVERY_NUM_CHARS; j++) {
            char text[ADP_RECOVERY_CODE_LEN];

            memcpy(text, code, sizeof(text));
            text[place(i)] = code[place(j)];
            text[place(j)] = code[place(i)];
            if (strcmp(text, code) == 0)
                continue;
            memset(&err, 0, sizeof(err));
            CU_ASSERT_EQUAL(read_code(text, &err), ADP_ERR_PASSPHRASE);
            CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "exchanged"));
        }
    }
}

static void test_no_code(void)
{
    static const char *const texts[] = {
        "",
        "2222",
        "2222-2222-2222-2222-2222-2222-222",
        "2222-2222-2222-2222-2222-2222-22222",
        "2222-2222-0222-2222-2222-2222-2222",
        "2222-2222-I222-2222-2222-2222-2222",
        "2222-2222-\303\24422-2222-2222-2222-2222",
        "2222.2222.2222.2222.2222.2222.2222",
    };

    for (size_t i = 0; i < NUM_OF(texts); i++) {
        struct adp_error err = {0};

        et_expect(read_code(texts[i], &err), ADP_ERR_PASSPHRASE, &err, texts[i]);
        CU_ASSERT(err.hint[0] != '\0');
    }
}

/* Nothing of a code stands in a message, which may end up in a log. */
static void test_messages_say_no_characters(void)
{
    struct adp_error err = {0};
    char text[ADP_RECOVERY_CODE_LEN];

    draw();
    memcpy(text, code, sizeof(text));
    text[0] = text[0] == 'Z' ? 'Y' : 'Z';
    CU_ASSERT_EQUAL(read_code(text, &err), ADP_ERR_PASSPHRASE);
    for (size_t i = 0; i + 4 < sizeof(code); i += 5) {
        char group[5] = {code[i], code[i + 1], code[i + 2], code[i + 3], '\0'};

        CU_ASSERT_PTR_NULL(strstr(err.message, group));
    }
}

/* One half and the other make the whole; a half says nothing of it, being as random. */
static void test_halves(void)
{
    struct adp_recovery_secret half, other, again;
    struct adp_identity *whole, *both;
    char half_code[ADP_RECOVERY_CODE_LEN], other_code[ADP_RECOVERY_CODE_LEN];
    uint8_t packed[ADP_SECRET_LEN];

    draw();
    adp_recovery_draw(&half);
    adp_recovery_combine(&other, &secret, &half);
    adp_recovery_pack(packed, &other);
    CU_ASSERT(adp_recovery_unpack(&again, packed));
    CU_ASSERT(memcmp(&again, &other, sizeof(other)) == 0);
    packed[ADP_SECRET_LEN - 1] = 1;
    CU_ASSERT_FALSE(adp_recovery_unpack(&again, packed));
    packed[ADP_SECRET_LEN - 1] = 0;
    packed[0] = 32;
    CU_ASSERT_FALSE(adp_recovery_unpack(&again, packed));

    adp_recovery_to_text(half_code, &half);
    adp_recovery_to_text(other_code, &other);
    CU_ASSERT_EQUAL_FATAL(adp_recovery_identity(&whole, &secret, ADP_KIND_RECOVERY_CONTACT, NULL),
                          ADP_OK);
    CU_ASSERT_EQUAL_FATAL(adp_identity_recover(&both, other_code, half_code, NULL), ADP_OK);
    CU_ASSERT(memcmp(whole->kem_pub, both->kem_pub, ADP_KEM_KEY_LEN) == 0);
    CU_ASSERT(memcmp(whole->sign_pub, both->sign_pub, ADP_SIGN_PUB_LEN) == 0);
    CU_ASSERT_EQUAL(adp_identity_kind(both), ADP_KIND_RECOVERY_CONTACT);
    adp_identity_free(whole);
    adp_identity_free(both);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"round trip", test_round_trip},
        {"known answers", test_known_answer},
        {"one wrong character", test_one_wrong},
        {"two exchanged", test_exchanged},
        {"no code at all", test_no_code},
        {"messages say no characters", test_messages_say_no_characters},
        {"halves", test_halves},
    };

    return adp_test_main("engine/recovery", cases, NUM_OF(cases));
}
