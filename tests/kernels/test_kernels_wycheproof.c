/* Every AES-256-GCM answer of Wycheproof with a nonce of 96 bits, on every kernel. */
#include "vector_check.h"

#include <jansson.h>

static const json_t *groups;

static size_t hex_field(uint8_t *out, size_t max, const json_t *test, const char *name)
{
    const char *hex = json_string_value(json_object_get(test, name));

    CU_ASSERT_PTR_NOT_NULL_FATAL(hex);
    CU_ASSERT_TRUE_FATAL(strlen(hex) <= 2 * max);
    return kt_from_hex(out, max, hex);
}

static int is(const json_t *group, const char *name, json_int_t value)
{
    return json_integer_value(json_object_get(group, name)) == value;
}

static void check_test(const json_t *test)
{
    struct vector v = {.id = (int)json_integer_value(json_object_get(test, "tcId"))};

    v.valid = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
    hex_field(v.key, sizeof(v.key), test, "key");
    hex_field(v.nonce, sizeof(v.nonce), test, "iv");
    hex_field(v.tag, sizeof(v.tag), test, "tag");
    hex_field(v.plaintext, sizeof(v.plaintext), test, "msg");
    v.aad_len = hex_field(v.aad, sizeof(v.aad), test, "aad");
    v.len = hex_field(v.ciphertext, sizeof(v.ciphertext), test, "ct");
    vector_check(&v);
}

static void check_groups(void)
{
    size_t num = 0;
    size_t i, j;
    json_t *group, *test;

    json_array_foreach(groups, i, group)
    {
        if (!is(group, "keySize", 256) || !is(group, "ivSize", 96) || !is(group, "tagSize", 128))
            continue;
        json_array_foreach(json_object_get(group, "tests"), j, test)
        {
            check_test(test);
            num++;
        }
    }
    KT_CHECK(num == 66, "%zu vectors where the set has 66", num);
}

static void test_vectors(void)
{
    kt_each_kernel(check_groups);
}

int main(void)
{
    static const struct adp_test_case cases[] = {{"every vector, every kernel", test_vectors}};
    char path[4096];
    json_t *root;
    int result;

    if (!adp_test_shared_path(path, sizeof(path), "vectors/wycheproof/aes_gcm_test.json"))
        return ADP_TEST_SKIPPED;
    root = json_load_file(path, 0, NULL);
    groups = json_object_get(root, "testGroups");
    result = groups != NULL ? adp_test_main("Wycheproof", cases, 1) : 1;
    json_decref(root);
    return result;
}
