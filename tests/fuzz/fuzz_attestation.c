/* An attestation whose start and part are taken is built again to the same bytes, and says of an
 * archive of the size given no more segments than such a one can have.
 *
 * An input is the start, the beginning of a part, and the archive's size in the record. */
#include "attestation.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t vault_id[ADP_ID_LEN];
    static const char id[] = "20221207T120000Z-0123abcd";
    uint8_t start[ADP_ATTESTATION_START_LEN], built[ADP_ATTESTED_START_LEN];
    struct adp_record_archive record = {.category = 17};
    struct adp_attested attested;
    struct adp_reader reader;
    const uint8_t *part;
    uint64_t num;

    adp_reader_init(&reader, data, len);
    if (!adp_read_bytes(&reader, start, sizeof(start)) ||
        !adp_read_view(&reader, &part, sizeof(built)) || !adp_read_u64(&reader, &record.size))
        return 0;
    if (adp_attestation_check_start(start, vault_id, id) == ADP_OK) {
        uint8_t again[ADP_ATTESTATION_START_LEN];

        adp_attestation_start(again, vault_id, id);
        FUZZ_CHECK(memcmp(again, start, sizeof(start)) == 0);
    }
    if (!adp_attested_parse(&attested, part, &record))
        return 0;
    adp_attested_build(built, &attested);
    FUZZ_CHECK(memcmp(built, part, sizeof(built)) == 0);
    num = adp_attested_num_segments(&attested, record.size);
    FUZZ_CHECK(num > 0 && attested.enc_seg_len >= ADP_HEADER_BLOCK);
    FUZZ_CHECK((num - 1) <= (record.size - attested.header_len) / attested.enc_seg_len);
    return 0;
}
