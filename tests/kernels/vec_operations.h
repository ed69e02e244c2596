/* The operations of a vec_*.h on memory, so that one header's can be compared with another's. */
#ifndef ADP_VEC_OPERATIONS_H
#define ADP_VEC_OPERATIONS_H

#include <stddef.h>
#include <stdint.h>

#define VEC_MAX 64 /* bytes of the longest vector */

/* struct vec_operation reads up to three vectors of random bytes and writes up to two. */
struct vec_operation {
    const char *name;
    void (*run)(uint8_t out[2 * VEC_MAX], const uint8_t *a, const uint8_t *b, const uint8_t *c);
};

struct vec_operations {
    size_t lanes;
    unsigned features; /* that the machine must have */
    const struct vec_operation *list;
    size_t num;
};

extern const struct vec_operations vec_ymm, vec_zmm, vec_emulated_2, vec_emulated_4;

#endif
