/* NIST's CAVP answers for AES-256-GCM with nonces of 96 and tags of 128 bits, on every kernel. */
#include "vector_check.h"

#if defined(ADP_CAVP_GCM_DIR)

/* struct field is where one line of a .rsp file goes. */
struct field {
    const char *label;
    uint8_t *out;
    size_t max;
    size_t *out_len;
};

/* read_field decodes |line| to the field whose label it begins with, if any. */
static void read_field(const char *line, const struct field *fields, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        size_t label_len = strlen(fields[i].label);

        if (strncmp(line, fields[i].label, label_len) == 0)
            *fields[i].out_len = kt_from_hex(fields[i].out, fields[i].max, line + label_len);
    }
}

/* check_file checks every answer of |name| and returns their number. An answer ends with the line
 * that |last| begins, or with FAIL where the tag is wrong. */
static size_t check_file(const char *name, const char *last)
{
    static struct vector v;
    static size_t iv_len, tag_len, key_len, plaintext_len;
    const struct field fields[] = {
        {"Key = ", v.key, sizeof(v.key), &key_len},
        {"IV = ", v.nonce, sizeof(v.nonce), &iv_len},
        {"AAD = ", v.aad, sizeof(v.aad), &v.aad_len},
        {"CT = ", v.ciphertext, sizeof(v.ciphertext), &v.len},
        {"PT = ", v.plaintext, sizeof(v.plaintext), &plaintext_len},
        {"Tag = ", v.tag, sizeof(v.tag), &tag_len},
    };
    char path[4096], line[4096];
    int iv_bits = 0, tag_bits = 0;
    size_t num = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", ADP_CAVP_GCM_DIR, name);
    file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        int failing = strncmp(line, "FAIL", 4) == 0;

        sscanf(line, "[IVlen = %d]", &iv_bits);
        sscanf(line, "[Taglen = %d]", &tag_bits);
        sscanf(line, "Count = %d", &v.id);
        read_field(line, fields, sizeof(fields) / sizeof(fields[0]));
        if (iv_bits != 96 || tag_bits != 128 ||
            !(failing || strncmp(line, last, strlen(last)) == 0))
            continue;
        v.valid = !failing;
        vector_check(&v);
        num++;
    }
    fclose(file);
    return num;
}

static void check_seal(void)
{
    KT_CHECK(check_file("gcmEncryptExtIV256.rsp", "Tag = ") == 375, "vectors are missing");
}

static void check_open(void)
{
    KT_CHECK(check_file("gcmDecrypt256.rsp", "PT = ") == 375, "vectors are missing");
}

static void test_seal(void)
{
    kt_each_kernel(check_seal);
}

static void test_open(void)
{
    kt_each_kernel(check_open);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"gcmEncryptExtIV256", test_seal},
        {"gcmDecrypt256", test_open},
    };

    return adp_test_main("NIST CAVP", cases, sizeof(cases) / sizeof(cases[0]));
}

#else

int main(void)
{
    return ADP_TEST_SKIPPED;
}

#endif
