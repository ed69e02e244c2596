/* A keybag that parses is built again to the same bytes, its signatures apart. */
#include "fuzz.h"
#include "keybag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[ADP_SIGN_SEED_LEN] = {FUZZ_SEED};
    static const uint8_t author_seed[ADP_SIGN_SEED_LEN] = {FUZZ_AUTHOR_SEED};
    struct adp_builder built = {0};
    struct adp_keybag keybag = {0};

    if (adp_keybag_parse(&keybag, data, len, "fuzz", NULL) != ADP_OK)
        return 0;
    FUZZ_CHECK(adp_keybag_build(&built, &keybag, author_seed, seed, NULL) == ADP_OK);
    if (keybag.version == ADP_KEYBAG_VERSION) {
        size_t signed_len = keybag.statement_len - 2 * ADP_SIGNATURE_LEN;

        FUZZ_CHECK(built.len == len && memcmp(built.data, data, signed_len) == 0);
        FUZZ_CHECK(memcmp(built.data + keybag.statement_len, data + keybag.statement_len,
                          len - keybag.statement_len) == 0);
    }
    adp_builder_free(&built);
    adp_keybag_free(&keybag);
    return 0;
}
