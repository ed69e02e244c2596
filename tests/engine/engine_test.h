/* What the engine's tests share: expected statuses with the error that came instead, hex, files,
 * and damage of every byte. */
#ifndef ADP_ENGINE_TEST_H
#define ADP_ENGINE_TEST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adp_test.h"
#include "adpseal.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

/* et_expect records a failure if |status| is not |expected|, with what |err| says of it. */
static inline int et_expect(enum adp_status status, enum adp_status expected,
                            const struct adp_error *err, const char *what)
{
    if (status == expected)
        return 1;
    fprintf(stderr, "%s: expected \"%s\", got \"%s\" (%s)\n", what, adp_status_string(expected),
            adp_status_string(status), err != NULL ? err->message : "");
    CU_FAIL("another status than expected");
    return 0;
}

static inline int et_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 0x20) - 'a' + 10;
}

/* et_hex writes the bytes of the even number of hex digits |hex| and returns how many. */
static inline size_t et_hex(uint8_t *out, const char *hex)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(et_digit(hex[2 * i]) << 4 | et_digit(hex[2 * i + 1]));
    return len;
}

/* et_load_hex reads a file of one line of hex below the shared test data; freed with free(). NULL
 * if it is not there. */
static inline uint8_t *et_load_hex(const char *name, size_t *out_len)
{
    char path[4096];
    char *line = NULL;
    uint8_t *data = NULL;
    size_t cap = 0;
    FILE *file;

    if (!adp_test_shared_path(path, sizeof(path), name) || (file = fopen(path, "r")) == NULL)
        return NULL;
    if (getline(&line, &cap, file) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        data = malloc(strlen(line) / 2 + 1);
        *out_len = data != NULL ? et_hex(data, line) : 0;
    }
    free(line);
    fclose(file);
    return data;
}

/* et_fill writes bytes that tell their place: no two neighbouring runs are alike. */
static inline void et_fill(uint8_t *out, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(seed + 7 * i + i / 251);
}

/* et_flip_each calls |is_refused| with a copy of |data| in which one bit of one byte is flipped,
 * for every byte and three of its bits, and with every shorter length. Each must be refused. */
static inline void et_flip_each(const uint8_t *data, size_t len,
                                int (*is_refused)(const uint8_t *data, size_t len))
{
    static const uint8_t bits[] = {0x01, 0x10, 0x80};
    uint8_t *copy = malloc(len);

    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    for (size_t i = 0; i < len * NUM_OF(bits); i++) {
        memcpy(copy, data, len);
        copy[i / NUM_OF(bits)] ^= bits[i % NUM_OF(bits)];
        if (!is_refused(copy, len)) {
            fprintf(stderr, "byte %zu of %zu was changed and not refused\n", i / NUM_OF(bits), len);
            CU_FAIL("a changed byte is not refused");
        }
    }
    free(copy);
    for (size_t i = 0; i < len; i++) {
        copy = malloc(i > 0 ? i : 1); /* of its own size, so that a sanitizer sees a read past it */
        CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
        memcpy(copy, data, i);
        if (!is_refused(copy, i)) {
            fprintf(stderr, "%zu of %zu bytes were not refused\n", i, len);
            CU_FAIL("a shorter file is not refused");
        }
        free(copy);
    }
}

#endif
