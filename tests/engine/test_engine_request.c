/* How an identity asks to be admitted: docs/FORMAT.md section 9. */
#include "engine_test.h"
#include "identity.h"

static int request_is_refused(const char *request)
{
    struct adp_recipient recipient;

    return adp_request_parse(&recipient, request, NULL) == ADP_ERR_ARGUMENT;
}

static void check_request(enum adp_kind kind)
{
    struct adp_identity *identity = adp_identity_new("made");
    struct adp_recipient recipient;
    char *request = NULL, padded[1024];
    size_t len;

    CU_ASSERT_PTR_NOT_NULL_FATAL(identity);
    identity->kind = kind;
    strcpy(identity->name, "Jürgens Gerät");
    adp_sign_generate(identity->keys->sign_seed, identity->sign_pub);
    if (kind == ADP_KIND_DEVICE)
        adp_kem_generate(identity->keys->kem_private, identity->kem_pub);
    CU_ASSERT_EQUAL_FATAL(adp_identity_request(identity, &request, NULL), ADP_OK);
    snprintf(padded, sizeof(padded), " \n%s\r\n", request);
    CU_ASSERT_EQUAL(adp_request_parse(&recipient, padded, NULL), ADP_OK);
    CU_ASSERT_EQUAL(recipient.kind, (uint8_t)kind);
    CU_ASSERT_STRING_EQUAL(recipient.name, identity->name);
    CU_ASSERT(memcmp(recipient.kem_pub, identity->kem_pub, ADP_KEM_KEY_LEN) == 0);
    CU_ASSERT(memcmp(recipient.sign_pub, identity->sign_pub, ADP_SIGN_PUB_LEN) == 0);
    len = strlen(request);
    for (size_t i = 0; i < len; i++) {
        char kept = request[i];

        request[i] = kept == '0' ? '1' : '0';
        CU_ASSERT(request_is_refused(request));
        request[i] = '\0';
        CU_ASSERT(request_is_refused(request));
        request[i] = kept;
    }
    snprintf(padded, sizeof(padded), "%s00", request);
    CU_ASSERT(request_is_refused(padded));
    free(request);
    adp_identity_free(identity);
}

static void test_requests(void)
{
    check_request(ADP_KIND_DEVICE);
    check_request(ADP_KIND_SEALER);
    CU_ASSERT(request_is_refused(""));
    CU_ASSERT(request_is_refused("adp-seal-request-1:"));
}

int main(void)
{
    static const struct adp_test_case cases[] = {{"requests", test_requests}};

    return adp_test_main("engine/request", cases, NUM_OF(cases));
}
