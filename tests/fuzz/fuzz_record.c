/* A snapshot record that parses is built again to the same bytes, its signature apart. */
#include "fuzz.h"
#include "record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[ADP_SIGN_SEED_LEN] = {FUZZ_SEED};
    struct adp_builder built = {0};
    struct adp_record record;

    if (adp_record_parse(&record, data, len, "fuzz", NULL) != ADP_OK)
        return 0;
    FUZZ_CHECK(adp_record_build(&built, &record, seed, NULL) == ADP_OK);
    FUZZ_CHECK(built.len == len && memcmp(built.data, data, len - ADP_SIGNATURE_LEN) == 0);
    adp_builder_free(&built);
    return 0;
}
