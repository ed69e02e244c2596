/* FLOE: every published answer, on every kernel. */
#include "floe_test.h"

struct floe_vector {
    const char *name;
    uint32_t seg_len;
    unsigned rotation;
};

static const struct floe_vector vectors[] = {
    {"cpp_GCM256_IV256_4K", 4096, 20},
    {"cpp_GCM256_IV256_64", 64, 20},
    {"cpp_rotation", 40, 2},
    {"go_GCM256_IV256_4K", 4096, 20},
    {"go_GCM256_IV256_64", 64, 20},
    {"go_rotation", 40, 2},
    {"java_GCM256_IV256_4K", 4096, 20},
    {"java_GCM256_IV256_64", 64, 20},
    {"java_lastSegAligned", 40, 20},
    {"java_lastSegEmpty", 40, 20},
    {"java_rotation", 40, 2},
    {"pub_java_GCM256_IV256_4K", 4096, 20},
    {"pub_java_GCM256_IV256_64", 64, 20},
    {"pub_java_rotation", 40, 2},
    {"rust_GCM256_IV256_4K", 4096, 20},
    {"rust_GCM256_IV256_64", 64, 20},
    {"rust_rotation", 40, 2},
};

static void check_vector(const struct floe_vector *vector)
{
    struct message message = {.params = {vector->seg_len, vector->rotation}};
    struct adp_error err = {0};
    char path[256];
    uint8_t *file, *out;
    size_t len = 0;

    snprintf(path, sizeof(path), "vectors/floe/%s_ct.txt", vector->name);
    file = et_load_hex(path, &len);
    snprintf(path, sizeof(path), "vectors/floe/%s_pt.txt", vector->name);
    message.plain = et_load_hex(path, &message.plain_len);
    CU_ASSERT_FATAL(file != NULL && message.plain != NULL && len > ADP_FLOE_HEADER_LEN);
    memcpy(message.header, file, ADP_FLOE_HEADER_LEN);
    message.body = file + ADP_FLOE_HEADER_LEN;
    message.body_len = len - ADP_FLOE_HEADER_LEN;
    out = malloc(message.body_len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    if (et_expect(open_body(&message, out, &err), ADP_OK, &err, vector->name))
        CU_ASSERT(memcmp(out, message.plain, message.plain_len) == 0);
    CU_ASSERT_EQUAL(adp_floe_header_enc_seg_len(message.header), vector->seg_len);
    free(out);
    free(file);
    free(message.plain);
}

static void check_vectors(void)
{
    for (size_t i = 0; i < NUM_OF(vectors); i++)
        check_vector(&vectors[i]);
}

static void test_vectors(void)
{
    each_kernel(check_vectors);
}

int main(void)
{
    static const struct adp_test_case cases[] = {{"published answers", test_vectors}};
    char path[4096];

    if (!adp_test_shared_path(path, sizeof(path), "vectors/floe"))
        return ADP_TEST_SKIPPED;
    return adp_test_main("engine/floe_vectors", cases, NUM_OF(cases));
}
