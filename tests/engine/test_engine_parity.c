#include "parity.h"

#include "code.h"
#include "engine_test.h"

static const uint64_t sizes[] = {4097,       4096 + 1024,  4096 + 1025,      10000,
                                 300000,     4198399,      4198400,          20000001,
                                 (1u << 30), 123456789012, UINT64_C(1) << 44};

static struct adp_parity choose(uint64_t size, unsigned percent)
{
    struct adp_parity parity = {.size = size, .header_len = 4096};

    et_fill(parity.vault_id, ADP_ID_LEN, 1);
    et_fill(parity.archive_id, ADP_ID_LEN, 2);
    CU_ASSERT_FATAL(adp_parity_choose(&parity, percent));
    return parity;
}

static struct adp_record_archive record_of(const struct adp_parity *parity)
{
    struct adp_record_archive record = {.size = parity->size};

    memcpy(record.archive_id, parity->archive_id, ADP_ID_LEN);
    return record;
}

static int parse(const struct adp_parity *parity, const uint8_t *block)
{
    struct adp_record_archive record = record_of(parity);
    struct adp_parity parsed = {0};
    uint8_t again[ADP_PARITY_BLOCK];

    if (!adp_parity_parse(&parsed, block, parity->vault_id, &record))
        return 0;
    adp_parity_build(again, &parsed);
    return memcmp(again, block, sizeof(again)) == 0;
}

/* A burst of the share that was asked for hits so many shards of each group at most. */
static void check_burst(const struct adp_parity *parity, unsigned percent)
{
    uint64_t body = parity->size - parity->header_len, shards = adp_parity_num_shards(parity);
    uint64_t burst = body / 100 * percent + body % 100 * percent / 100;
    uint64_t hit = burst < 2 ? 1 : (burst - 2) / parity->shard_len + 2;

    if (hit > shards)
        hit = shards;
    CU_ASSERT(hit <= (uint64_t)parity->num_parity * parity->num_groups);
    CU_ASSERT(parity->num_rows + parity->num_parity <= 255);
}

static void test_layouts(void)
{
    for (size_t i = 0; i < NUM_OF(sizes); i++) {
        for (unsigned percent = 1; percent <= 100; percent++) {
            struct adp_parity parity = choose(sizes[i], percent);
            uint8_t block[ADP_PARITY_BLOCK];

            check_burst(&parity, percent);
            adp_parity_build(block, &parity);
            CU_ASSERT(parse(&parity, block));
        }
    }
}

/* Of what is large the file has little more than was asked for: digests, and whole bands. */
static void test_overhead(void)
{
    for (unsigned percent = 1; percent <= 100; percent++) {
        struct adp_parity parity = choose(UINT64_C(1) << 40, percent);
        double share = (double)adp_parity_file_size(&parity) / (double)parity.size * 100;

        CU_ASSERT(share > percent && share < percent * 1.06 + 0.5);
    }
}

static void test_what_has_no_layout(void)
{
    struct adp_parity parity = {.size = 4096, .header_len = 4096};

    CU_ASSERT_FALSE(adp_parity_choose(&parity, 5));
    parity.size = UINT64_MAX;
    CU_ASSERT_FALSE(adp_parity_choose(&parity, 5));
    parity.size = 10000;
    CU_ASSERT_FALSE(adp_parity_choose(&parity, 0));
    CU_ASSERT_FALSE(adp_parity_choose(&parity, 101));
}

static void test_every_byte(void)
{
    struct adp_parity parity = choose(20000001, 5);
    uint8_t block[ADP_PARITY_BLOCK];

    adp_parity_build(block, &parity);
    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] ^= 1;
        CU_ASSERT_FALSE(parse(&parity, block));
        block[i] ^= 1;
    }
}

static void check_rule(struct adp_parity parity)
{
    uint8_t block[ADP_PARITY_BLOCK];

    adp_parity_build(block, &parity);
    CU_ASSERT_FALSE(parse(&parity, block));
}

/* A checksum that fits is nobody's promise. */
static void test_every_rule(void)
{
    const struct adp_parity good = choose(20000001, 5);
    struct adp_parity bad;

#define CHECK(change)                                                                              \
    do {                                                                                           \
        bad = good;                                                                                \
        change;                                                                                    \
        check_rule(bad);                                                                           \
    } while (0)
    CHECK(bad.header_len = 0);
    CHECK(bad.header_len = 4097);
    CHECK(bad.header_len = 1u << 20);
    CHECK(bad.shard_len = 0);
    CHECK(bad.shard_len = 512);
    CHECK(bad.shard_len = 16383);
    CHECK(bad.shard_len = 1u << 17);
    CHECK(bad.num_groups = 0);
    CHECK(bad.num_groups = UINT32_MAX);
    CHECK(bad.band = 0);
    CHECK(bad.band = good.num_groups + 1);
    CHECK(bad.num_rows = 0);
    CHECK(bad.num_rows++);
    CHECK(bad.num_parity = 0);
    CHECK(bad.num_parity = 255);
#undef CHECK
}

/* -- The code. */

#define LEN 333

static void fill_rows(uint8_t rows[255][LEN], unsigned num)
{
    for (unsigned i = 0; i < num; i++)
        et_fill(rows[i], LEN, i + 1);
}

/* Any of |num_parity| rows lost, and found again. */
static void check_code(unsigned num_rows, unsigned num_parity)
{
    static uint8_t data[255][LEN], parity[255][LEN], missing[255][LEN], found[255][LEN];
    uint8_t *sums[255], *given[255], *out[255], lost[255], which[255];
    struct adp_code *code = adp_code_new(num_rows, num_parity);
    unsigned num = num_parity < num_rows ? num_parity : num_rows;

    CU_ASSERT_FATAL(code != NULL);
    fill_rows(data, num_rows);
    memset(parity, 0, sizeof(parity));
    memset(missing, 0, sizeof(missing));
    for (unsigned r = 0; r < num_parity; r++)
        sums[r] = parity[r];
    for (unsigned j = 0; j < num_rows; j++)
        adp_code_add(code, j, data[j], LEN, sums);
    for (unsigned i = 0; i < num; i++) {
        lost[i] = (uint8_t)(num_rows - 1 - i);
        which[i] = (uint8_t)(num_parity - 1 - i);
    }
    for (unsigned r = 0; r < num_parity; r++)
        sums[r] = missing[r];
    for (unsigned j = 0; j < num_rows - num; j++)
        adp_code_add(code, j, data[j], LEN, sums);
    for (unsigned i = 0; i < num; i++) {
        for (size_t b = 0; b < LEN; b++)
            missing[which[i]][b] ^= parity[which[i]][b];
        given[i] = missing[which[i]];
        out[i] = found[i];
    }
    CU_ASSERT(adp_code_solve(code, num, lost, which, LEN, given, out));
    for (unsigned i = 0; i < num; i++)
        CU_ASSERT(memcmp(found[i], data[lost[i]], LEN) == 0);
    adp_code_free(code);
}

static void test_code(void)
{
    static const unsigned shapes[][2] = {{1, 1},   {2, 1},   {80, 4},   {251, 4},
                                         {200, 2}, {3, 100}, {128, 127}};

    for (size_t i = 0; i < NUM_OF(shapes); i++)
        check_code(shapes[i][0], shapes[i][1]);
}

/* By hand, as the format says: with one row, K = 1, parity r is the row times 1 / (1 + r). */
static void test_known_answer(void)
{
    uint8_t parity[3] = {0}, *sums[3] = {&parity[0], &parity[1], &parity[2]};
    const uint8_t data = 0x53;
    struct adp_code *code = adp_code_new(1, 3);

    CU_ASSERT_FATAL(code != NULL);
    adp_code_add(code, 0, &data, 1, sums);
    CU_ASSERT_EQUAL(parity[0], 0x53); /* 1 / 1 */
    CU_ASSERT_EQUAL(parity[1], 0xa7); /* 1 / 2 = 0x8e */
    CU_ASSERT_EQUAL(parity[2], 0x31); /* 1 / 3 = 0xf4 */
    adp_code_free(code);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"layouts", test_layouts},           {"overhead", test_overhead},
        {"none", test_what_has_no_layout},   {"every byte", test_every_byte},
        {"every rule", test_every_rule},     {"the code", test_code},
        {"known answer", test_known_answer},
    };

    return adp_test_main("engine/parity", cases, NUM_OF(cases));
}
