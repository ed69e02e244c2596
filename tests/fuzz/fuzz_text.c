/* What people type or paste: a recovery code that is taken is written as the same code, and a
 * request that is taken says who asks. */
#include "fuzz.h"
#include "identity.h"
#include "recovery.h"

static void check_code(const char *text)
{
    struct adp_recovery_secret secret, again;
    char code[ADP_RECOVERY_CODE_LEN];
    uint8_t packed[ADP_SECRET_LEN];
    struct adp_error err = {0};

    if (adp_recovery_from_text(&secret, text, &err) != ADP_OK) {
        FUZZ_CHECK(err.status == ADP_ERR_PASSPHRASE && err.message[0] != '\0');
        return;
    }
    adp_recovery_to_text(code, &secret);
    FUZZ_CHECK(adp_recovery_from_text(&again, code, NULL) == ADP_OK);
    FUZZ_CHECK(memcmp(&again, &secret, sizeof(secret)) == 0);
    adp_recovery_pack(packed, &secret);
    FUZZ_CHECK(adp_recovery_unpack(&again, packed) && memcmp(&again, &secret, sizeof(secret)) == 0);
}

static void check_request(const char *text)
{
    struct adp_recipient recipient = {0};
    enum adp_kind kind;
    int is_taken = adp_request_parse(&recipient, text, NULL) == ADP_OK;

    FUZZ_CHECK((adp_request_kind(text, &kind, NULL) == ADP_OK) == is_taken);
    if (is_taken)
        FUZZ_CHECK((unsigned)kind == (unsigned)recipient.kind &&
                   adp_name_check(recipient.name, strlen(recipient.name)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = malloc(len + 1);

    FUZZ_CHECK(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    check_code(text);
    check_request(text);
    free(text);
    return 0;
}
