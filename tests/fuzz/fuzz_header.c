/* An archive header that parses is built again to the same bytes, its checksum apart. */
#include "fuzz.h"
#include "header.h"

#define NUM_SLOTS_OFFSET 138

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t built[ADP_HEADER_MAX];
    struct adp_header header;

    if (adp_header_parse(&header, data, len, "fuzz", NULL) != ADP_OK)
        return 0;
    FUZZ_CHECK(header.header_len <= len);
    /* Slots of unknown types are passed over, and not built again. */
    if (header.num_slots != (size_t)(data[NUM_SLOTS_OFFSET] | data[NUM_SLOTS_OFFSET + 1] << 8))
        return 0;
    FUZZ_CHECK(adp_header_build(built, &header, NULL) == ADP_OK);
    FUZZ_CHECK(memcmp(built, data, header.header_len - ADP_HASH_LEN) == 0);
    return 0;
}
