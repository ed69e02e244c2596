#include "code.h"

#include <isa-l/erasure_code.h>
#include <stdlib.h>

#define TABLE_LEN 32 /* bytes of isa-l's table per coefficient */

struct adp_code {
    unsigned num_rows, num_parity;
    uint8_t *tables;
};

static uint8_t coefficient(const struct adp_code *code, unsigned parity, unsigned row)
{
    return gf_inv((uint8_t)((code->num_rows + parity) ^ row));
}

struct adp_code *adp_code_new(unsigned num_rows, unsigned num_parity)
{
    struct adp_code *code = calloc(1, sizeof(*code));
    uint8_t *matrix = malloc((size_t)num_rows * num_parity);

    if (code != NULL)
        code->tables = malloc((size_t)num_rows * num_parity * TABLE_LEN);
    if (code == NULL || matrix == NULL || code->tables == NULL) {
        free(matrix);
        adp_code_free(code);
        return NULL;
    }
    code->num_rows = num_rows;
    code->num_parity = num_parity;
    for (unsigned r = 0; r < num_parity; r++) {
        for (unsigned j = 0; j < num_rows; j++)
            matrix[(size_t)r * num_rows + j] = coefficient(code, r, j);
    }
    ec_init_tables((int)num_rows, (int)num_parity, matrix, code->tables);
    free(matrix);
    return code;
}

void adp_code_free(struct adp_code *code)
{
    if (code == NULL)
        return;
    free(code->tables);
    free(code);
}

void adp_code_add(struct adp_code *code, unsigned row, const uint8_t *data, size_t len,
                  uint8_t **parity)
{
    /* isa-l does not write to it. */
    ec_encode_data_update((int)len, (int)code->num_rows, (int)code->num_parity, (int)row,
                          code->tables, (uint8_t *)(uintptr_t)data, parity);
}

/* Any square part of the matrix can be inverted: it is Cauchy's. */
int adp_code_solve(const struct adp_code *code, unsigned num, const uint8_t *rows,
                   const uint8_t *which, size_t len, uint8_t **missing, uint8_t **out)
{
    uint8_t *matrix = malloc((size_t)2 * num * num), *inverse = NULL, *tables = NULL;
    int is_done = 0;

    if (matrix != NULL) {
        inverse = matrix + (size_t)num * num;
        tables = malloc((size_t)num * num * TABLE_LEN);
    }
    for (unsigned a = 0; tables != NULL && a < num; a++) {
        for (unsigned b = 0; b < num; b++)
            matrix[(size_t)a * num + b] = coefficient(code, which[a], rows[b]);
    }
    if (tables != NULL && gf_invert_matrix(matrix, inverse, (int)num) == 0) {
        ec_init_tables((int)num, (int)num, inverse, tables);
        ec_encode_data((int)len, (int)num, (int)num, tables, missing, out);
        is_done = 1;
    }
    free(tables);
    free(matrix);
    return is_done;
}
