/* What the fuzz targets share. */
#ifndef ADP_FUZZ_H
#define ADP_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

/* LLVMFuzzerTestOneInput is libFuzzer's name for what is called with every input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* FUZZ_CHECK ends the program, as a sanitizer would, if a property does not hold. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* FUZZ_SEED is the first byte of the account's seed, the others being zero, by which the corpus is
 * signed: the replay checks signatures, which builds for fuzzers do not. */
#define FUZZ_SEED        5
#define FUZZ_AUTHOR_SEED 6

#endif
