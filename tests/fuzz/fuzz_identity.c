/* An identity without passphrase that parses is encoded again, and if it has the present version to
 * the same bytes, its checksum apart. */
#include "fuzz.h"
#include "identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct adp_identity *identity = NULL;
    struct adp_builder built = {0};

    if (adp_identity_decode(&identity, data, len, NULL, "fuzz", NULL) != ADP_OK)
        return 0;
    FUZZ_CHECK(adp_identity_encode(&built, identity, NULL) == ADP_OK);
    FUZZ_CHECK(identity->version != ADP_IDENTITY_VERSION ||
               (built.len == len && memcmp(built.data, data, len - ADP_HASH_LEN) == 0));
    adp_builder_wipe(&built);
    adp_identity_free(identity);
    return 0;
}
