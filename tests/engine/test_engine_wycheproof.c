/* Project Wycheproof's answers for what is taken from BoringSSL: Ed25519, X25519, HKDF-SHA-384. */
#include <jansson.h>
#include <openssl/curve25519.h>
#include <openssl/digest.h>
#include <openssl/hkdf.h>

#include "engine_test.h"

#define MAX_LEN 32768

struct buffer {
    uint8_t data[MAX_LEN];
    size_t len;
};

static struct buffer a, b, c, d; /* too large for a stack */

static void get(struct buffer *out, const json_t *object, const char *key)
{
    const char *hex = json_string_value(json_object_get(object, key));

    out->len = 0;
    CU_ASSERT_FATAL(hex != NULL && strlen(hex) <= 2 * MAX_LEN);
    out->len = et_hex(out->data, hex);
}

static int result_is(const json_t *test, const char *result)
{
    return strcmp(json_string_value(json_object_get(test, "result")), result) == 0;
}

/* Calls |check| with every test of a file and the group that it is in. */
static void each_test(const char *name, void (*check)(const json_t *group, const json_t *test))
{
    char path[4096], file[256];
    json_t *root, *group, *test;
    size_t i, j, num = 0;

    snprintf(file, sizeof(file), "vectors/wycheproof/%s", name);
    CU_ASSERT_FATAL(adp_test_shared_path(path, sizeof(path), file));
    root = json_load_file(path, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    json_array_foreach(json_object_get(root, "testGroups"), i, group)
    {
        json_array_foreach(json_object_get(group, "tests"), j, test)
        {
            check(group, test);
            num++;
        }
    }
    CU_ASSERT_EQUAL(num, (size_t)json_integer_value(json_object_get(root, "numberOfTests")));
    json_decref(root);
}

static void expect_result(const json_t *test, int ok)
{
    if (ok != result_is(test, "valid")) {
        fprintf(stderr, "tcId %d: %s\n", (int)json_integer_value(json_object_get(test, "tcId")),
                json_string_value(json_object_get(test, "comment")));
        CU_FAIL("another answer than Wycheproof's");
    }
}

static void check_ed25519(const json_t *group, const json_t *test)
{
    get(&a, json_object_get(group, "publicKey"), "pk");
    get(&b, test, "msg");
    get(&c, test, "sig");
    expect_result(test,
                  a.len == 32 && c.len == 64 && ED25519_verify(b.data, b.len, c.data, a.data));
}

/* "acceptable" are keys of low order and points off the curve: BoringSSL refuses exactly those
 * whose shared secret is zero. */
static void check_x25519(const json_t *group, const json_t *test)
{
    static const uint8_t zero[32];
    uint8_t shared[32];
    int ok;

    (void)group;
    get(&a, test, "public");
    get(&b, test, "private");
    get(&c, test, "shared");
    CU_ASSERT_FATAL(a.len == 32 && b.len == 32 && c.len == 32);
    ok = X25519(shared, b.data, a.data);
    if (result_is(test, "acceptable")) {
        CU_ASSERT_EQUAL(ok, memcmp(c.data, zero, 32) != 0);
        CU_ASSERT(!ok || memcmp(shared, c.data, 32) == 0);
    } else {
        expect_result(test, ok && memcmp(shared, c.data, 32) == 0);
    }
}

static void check_hkdf(const json_t *group, const json_t *test)
{
    size_t size = (size_t)json_integer_value(json_object_get(test, "size"));
    static uint8_t out[MAX_LEN];

    (void)group;
    get(&a, test, "ikm");
    get(&b, test, "salt");
    get(&c, test, "info");
    get(&d, test, "okm");
    CU_ASSERT_FATAL(size <= MAX_LEN);
    expect_result(test,
                  HKDF(out, size, EVP_sha384(), a.data, a.len, b.data, b.len, c.data, c.len) &&
                      d.len == size && memcmp(out, d.data, size) == 0);
}

static void test_ed25519(void)
{
    each_test("ed25519_test.json", check_ed25519);
}

static void test_x25519(void)
{
    each_test("x25519_test.json", check_x25519);
}

static void test_hkdf(void)
{
    each_test("hkdf_sha384_test.json", check_hkdf);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"Ed25519", test_ed25519},
        {"X25519", test_x25519},
        {"HKDF-SHA-384", test_hkdf},
    };
    char path[4096];

    if (!adp_test_shared_path(path, sizeof(path), "vectors/wycheproof"))
        return ADP_TEST_SKIPPED;
    return adp_test_main("engine/wycheproof", cases, NUM_OF(cases));
}
