/* One fact out of a property list, and property lists that an enemy wrote. */
#include "engine_test.h"
#include "plist.h"

#define KEY "IsEncrypted"

/* {"Lockdown": {"IsEncrypted": no}, "IsEncrypted": yes, "Version": "10.0"}, and the reverse */
#define BINARY(yes, no)                                                                            \
    "62706c6973743030d30102030405075b4973456e63727970746564584c6f636b646f776e5756657273696f6e" yes \
    "d10106" no "5431302e30080f1b242c2d3031000000000000010100000000000000080000000000000000000000" \
    "0000000036"
#define BINARY_TRUE  "09"
#define BINARY_FALSE "08"

static const struct {
    const char *what, *hex;
    enum adp_plist_answer answer;
} binaries[] = {
    {"true", BINARY(BINARY_TRUE, BINARY_FALSE), ADP_PLIST_TRUE},
    {"false", BINARY(BINARY_FALSE, BINARY_TRUE), ADP_PLIST_FALSE},
    {"no such key",
     "62706c6973743030d101025756657273696f6e5431302e30080b13000000000000010100000000000000030000000"
     "0"
     "000000000000000000000018",
     ADP_PLIST_FALSE},
    {"a number",
     "62706c6973743030d101025b4973456e637279707465641001080b170000000000000101000000000000000300000"
     "0"
     "00000000000000000000000019",
     ADP_PLIST_MALFORMED},
    {"an array",
     "62706c6973743030a10109080a000000000000010100000000000000020000000000000000000000000000000b",
     ADP_PLIST_MALFORMED},
    {"a dictionary of itself",
     "62706c6973743030d100000800000000000001010000000000000001000000000000000000000000000000"
     "0b",
     ADP_PLIST_FALSE},
    {"2^64 - 1 objects",
     "62706c6973743030d0080000000000000101ffffffffffffffff000000000000000000000000000000"
     "09",
     ADP_PLIST_MALFORMED},
    {"a root that is not there",
     "62706c6973743030d008000000000000010100000000000000010000000000000001000000000000000"
     "9",
     ADP_PLIST_MALFORMED},
    {"a table past the end",
     "62706c6973743030d00800000000000001010000000000000001000000000000000000000000ffffffff",
     ADP_PLIST_MALFORMED},
    {"a dictionary of 2^63 keys",
     "62706c6973743030df13800000000000000008000000000000010100000000000000010000000000000000"
     "0000000000000012",
     ADP_PLIST_MALFORMED},
    {"nothing but a magic", "62706c6973743030", ADP_PLIST_MALFORMED},
};

#define XML(inside)                                                                                \
    "<?xml version=\"1.0\"?>\n<!DOCTYPE plist PUBLIC \"-//X\" \"http://x/\">\n" inside
#define DICT(inside) XML("<plist version=\"1.0\"><dict>" inside "</dict></plist>\n")

static const struct {
    const char *xml;
    enum adp_plist_answer answer;
} texts[] = {
    {DICT("<key>IsEncrypted</key><true/>"), ADP_PLIST_TRUE},
    {DICT("<key>IsEncrypted</key>\n\t<false/>"), ADP_PLIST_FALSE},
    {DICT("<key>a</key><string>b</string><key>IsEncrypted</key><true />"), ADP_PLIST_TRUE},
    {DICT("<key>a</key><dict><key>IsEncrypted</key><true/></dict>"), ADP_PLIST_FALSE},
    {DICT("<key>a</key><array><dict><key>b</key><true/></dict></array>"
          "<key>IsEncrypted</key><true/>"),
     ADP_PLIST_TRUE},
    {DICT("<!-- <key>IsEncrypted</key><true/> -->"), ADP_PLIST_FALSE},
    {DICT("<key>a</key><string><![CDATA[<key>IsEncrypted</key><true/>]]></string>"),
     ADP_PLIST_FALSE},
    {DICT("<key>IsEncrypted2</key><true/>"), ADP_PLIST_FALSE},
    {DICT("<key>IsEncrypted</key><string>true</string>"), ADP_PLIST_MALFORMED},
    {DICT("<key>IsEncrypted</key>"), ADP_PLIST_MALFORMED},
    {DICT(""), ADP_PLIST_FALSE},
    {XML("<plist><dict/></plist>"), ADP_PLIST_FALSE},
    {XML("<plist><array><true/></array></plist>"), ADP_PLIST_MALFORMED},
    {XML("<html><dict><key>IsEncrypted</key><true/></dict></html>"), ADP_PLIST_MALFORMED},
    {"<plist><dict><key>IsEncrypted</key><true", ADP_PLIST_MALFORMED},
    {"<plist><dict><key>IsEncrypted", ADP_PLIST_MALFORMED},
    {"<", ADP_PLIST_MALFORMED},
    {"<!", ADP_PLIST_MALFORMED},
    {"text", ADP_PLIST_MALFORMED},
    {"", ADP_PLIST_MALFORMED},
};

static void expect(const uint8_t *data, size_t len, enum adp_plist_answer answer, const char *what)
{
    enum adp_plist_answer got = adp_plist_bool(data, len, KEY);

    if (got != answer) {
        fprintf(stderr, "%s: %d instead of %d\n", what, got, answer);
        CU_FAIL("another answer than expected");
    }
}

static void test_binary(void)
{
    for (size_t i = 0; i < NUM_OF(binaries); i++) {
        uint8_t *data = malloc(strlen(binaries[i].hex) / 2);

        CU_ASSERT_PTR_NOT_NULL_FATAL(data);
        expect(data, et_hex(data, binaries[i].hex), binaries[i].answer, binaries[i].what);
        free(data);
    }
}

static void test_xml(void)
{
    for (size_t i = 0; i < NUM_OF(texts); i++) {
        size_t len = strlen(texts[i].xml);
        uint8_t *data = malloc(len + 1);

        CU_ASSERT_PTR_NOT_NULL_FATAL(data);
        memcpy(data, texts[i].xml, len);
        expect(data, len, texts[i].answer, texts[i].xml);
        free(data);
    }
}

/* A sanitizer sees a read past the end of what is changed or cut. */
static int any_answer(const uint8_t *data, size_t len)
{
    enum adp_plist_answer answer = adp_plist_bool(data, len, KEY);

    return answer >= ADP_PLIST_MALFORMED && answer <= ADP_PLIST_TRUE;
}

static void test_damage(void)
{
    uint8_t data[256];
    size_t len = et_hex(data, binaries[0].hex);
    const char *xml = texts[2].xml;

    et_flip_each(data, len, any_answer);
    et_flip_each((const uint8_t *)xml, strlen(xml), any_answer);
}

/* A million elements in each other, and a dictionary that would unfold to 2^60 parts. */
static void test_depth(void)
{
    static const char head[] = "<plist><dict><key>a</key>", array[] = "<array>";
    size_t len = strlen(head), num = 1000000;
    uint8_t bomb[300] = "bplist00", *xml = malloc(len + num * strlen(array));
    size_t at = 8;

    CU_ASSERT_PTR_NOT_NULL_FATAL(xml);
    memcpy(xml, head, len);
    for (size_t i = 0; i < num; i++, len += strlen(array))
        memcpy(xml + len, array, strlen(array));
    expect(xml, len, ADP_PLIST_MALFORMED, "elements in each other");
    free(xml);
    for (uint8_t i = 0; i < 60; i++) { /* arrays of twice the next one */
        bomb[at++] = i == 0 ? 0xd1 : 0xa2;
        bomb[at++] = (uint8_t)(i + 1);
        bomb[at++] = (uint8_t)(i + 1);
    }
    bomb[at++] = 0xa0;
    for (uint8_t i = 0; i <= 60; i++)
        bomb[at + i] = (uint8_t)(8 + 3 * i);
    at += 61;
    bomb[at + 6] = bomb[at + 7] = 1; /* lengths of offsets and references */
    bomb[at + 15] = 61;
    bomb[at + 31] = (uint8_t)(at - 61);
    expect(bomb, at + 32, ADP_PLIST_FALSE, "arrays of each other");
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"binary", test_binary},
        {"XML", test_xml},
        {"damage", test_damage},
        {"depth", test_depth},
    };

    return adp_test_main("engine/plist", cases, NUM_OF(cases));
}
