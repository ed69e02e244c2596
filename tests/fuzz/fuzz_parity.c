/* The start of a parity file that parses is built again to the same bytes, and keeps its bounds:
 * all that it places lies within the file, in order.
 *
 * An input is the size in the record and the start; its checksum is made here. */
#include "fuzz.h"
#include "parity.h"

static void check_places(const struct adp_parity *parity)
{
    uint32_t bands = adp_parity_num_bands(parity);
    uint64_t size = adp_parity_file_size(parity);

    FUZZ_CHECK(bands > 0 && (uint64_t)bands * parity->band == parity->num_groups);
    FUZZ_CHECK(adp_parity_header_offset(parity, 0) + parity->header_len <=
               adp_parity_digests_offset(parity, 0, 0));
    FUZZ_CHECK(adp_parity_digests_offset(parity, 0, bands - 1) <
               adp_parity_shard_offset(parity, 0, 0));
    FUZZ_CHECK(adp_parity_shard_offset(parity, parity->num_parity - 1u, parity->num_groups - 1) +
                   parity->shard_len <=
               adp_parity_digests_offset(parity, 1, 0));
    FUZZ_CHECK(adp_parity_header_offset(parity, 1) < adp_parity_start_offset(parity, 1));
    FUZZ_CHECK(adp_parity_start_offset(parity, 1) + ADP_PARITY_BLOCK == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t vault_id[ADP_ID_LEN];
    uint8_t start[ADP_PARITY_BLOCK], built[ADP_PARITY_BLOCK];
    struct adp_record_archive record = {.category = 17};
    struct adp_parity parity;
    struct adp_reader reader;

    adp_reader_init(&reader, data, len);
    if (!adp_read_u64(&reader, &record.size) || len - reader.pos > sizeof(start) - ADP_HASH_LEN)
        return 0;
    memset(start, 0, sizeof(start));
    memcpy(start, data + reader.pos, len - reader.pos);
    adp_parity_close(start);
    if (!adp_parity_parse(&parity, start, vault_id, &record))
        return 0;
    adp_parity_build(built, &parity);
    FUZZ_CHECK(memcmp(built, start, sizeof(start)) == 0);
    FUZZ_CHECK(parity.num_rows + parity.num_parity <= 255);
    FUZZ_CHECK((uint64_t)parity.band * parity.shard_len <= ADP_PARITY_RUN_MAX);
    check_places(&parity);
    return 0;
}
