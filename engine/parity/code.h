/* The code over one group: docs/FORMAT.md section 6.3. Parity is summed up row by row, so that a
 * row is used while it is in the cache and no group is ever held as a whole. */
#ifndef ADP_CODE_H
#define ADP_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"

/* Rows of parity that a code may have: more are never healed at once. */
#define ADP_CODE_MAX 255

struct adp_code;

/* adp_code_new makes the code of |num_rows| and |num_parity|, together at most 255. NULL without
 * memory. Freed with adp_code_free. */
struct adp_code *adp_code_new(unsigned num_rows, unsigned num_parity);
void adp_code_free(struct adp_code *code);

/* adp_code_add adds |len| bytes of row |row| to all |parity| rows. */
void adp_code_add(struct adp_code *code, unsigned row, const uint8_t *data, size_t len,
                  uint8_t **parity);

/* adp_code_solve computes |num| rows |rows| of |len| bytes from |num| parity rows |which|, of each
 * of which |missing| is what all other rows do not account for. Returns 0 without memory. */
int adp_code_solve(const struct adp_code *code, unsigned num, const uint8_t *rows,
                   const uint8_t *which, size_t len, uint8_t **missing, uint8_t **out);

#endif
