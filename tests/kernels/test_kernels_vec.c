/* What vec_ymm.h and vec_zmm.h say, against the emulated vectors that stand for them in the other
 * tests: every operation on random bytes. One header a run; without its instructions it is skipped.
 */
#include "adp_test.h"
#include "cpu.h"
#include "kernel_test.h"
#include "vec_operations.h"

#define NUM_TRIES 200

static const struct vec_operations *header, *emulated;

static void test_operations(void)
{
    uint8_t in[3][VEC_MAX + 1];

    CU_ASSERT_EQUAL_FATAL(header->lanes, emulated->lanes);
    CU_ASSERT_EQUAL_FATAL(header->num, emulated->num);
    for (size_t i = 0; i < header->num * NUM_TRIES; i++) {
        uint8_t out[2 * VEC_MAX] = {0}, expected[2 * VEC_MAX] = {0};
        const struct vec_operation *operation = &header->list[i / NUM_TRIES];

        kt_random_bytes(in[0], sizeof(in));
        operation->run(out, in[0], in[1], in[2]);
        emulated->list[i / NUM_TRIES].run(expected, in[0], in[1], in[2]);
        if (memcmp(out, expected, sizeof(out)) != 0) {
            printf("\n    %s differs ", operation->name);
            CU_FAIL("not as emulated");
        }
    }
}

int main(int argc, char **argv)
{
    static const struct adp_test_case cases[] = {{"every operation as emulated", test_operations}};
    int wide = argc > 1 && strcmp(argv[1], "zmm") == 0;

    header = wide ? &vec_zmm : &vec_ymm;
    emulated = wide ? &vec_emulated_4 : &vec_emulated_2;
    if (!adp_cpu_has(header->features | emulated->features)) {
        printf("this machine has not the instructions of vec_%s.h\n", wide ? "zmm" : "ymm");
        return ADP_TEST_SKIPPED;
    }
    kt_seed();
    return adp_test_main("Vectors", cases, sizeof(cases) / sizeof(cases[0]));
}
