/* What the parts of gcm_wide.h share: a step's size, sums of GHASH, rounds of AES. */
#ifndef ADP_GCM_WIDE_BASE_H
#define ADP_GCM_WIDE_BASE_H

#include "gcm_kernel.h"

#define NOINLINE __attribute__((noinline))

#define VECS        8 /* of a step */
#define VEC_LEN     (LANES * 16)
#define STEP_BLOCKS (VECS * LANES)
#define STEP_LEN    (VECS * VEC_LEN)

#define FOUR(f)  f(0) f(1) f(2) f(3)
#define EIGHT(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)

/* --- GHASH --- */

/* struct sums is a sum of Karatsuba's three partial products. */
struct sums {
    vec low, high, middle;
};

INLINE struct sums no_sums(void)
{
    return (struct sums){v_first(zero()), v_first(zero()), v_first(zero())};
}

/* accumulate adds |x| times |power|, whose halves add up to |half|, to |sums|. */
INLINE void accumulate(struct sums *sums, vec x, vec power, vec half)
{
    sums->low = v_add(sums->low, v_multiply_low(x, power));
    sums->high = v_add(sums->high, v_multiply_high(x, power));
    sums->middle = v_add(sums->middle, v_multiply_low(v_add(x, v_swap(x)), half));
}

/* reduce returns |sums| modulo GHASH's polynomial: twice, the lowest 64 bits are cancelled by a
 * multiple of it, whose other terms are x^127 + x^126 + x^121 in reversed bit order. */
INLINE vec reduce(const struct sums *sums)
{
    const vec poly = v_all(polynomial());
    vec middle = v_add3(sums->middle, sums->low, sums->high);
    vec low = v_add(sums->low, v_up(middle));
    vec high = v_add(sums->high, v_down(middle));

    low = v_add(v_swap(low), v_multiply_low(low, poly));
    return v_add3(high, v_swap(low), v_multiply_low(low, poly));
}

/* --- AES --- */

/* A round of the first and of the second half of a step's vectors |x|. */
#define ROUND(i)                                                                                   \
    x[i] = v_round(x[i], k);                                                                       \
    PIN(x[i]);
#define LEAD(r)                                                                                    \
    do {                                                                                           \
        vec k = round[r];                                                                          \
        ROUND(0) ROUND(1) ROUND(2) ROUND(3)                                                        \
    } while (0)
#define TRAIL(r)                                                                                   \
    do {                                                                                           \
        vec k = round[r];                                                                          \
        ROUND(4) ROUND(5) ROUND(6) ROUND(7)                                                        \
    } while (0)

/* rounds takes |x| from after round 2 to before the last one. */
INLINE void rounds(const vec round[NUM_ROUND_KEYS], vec x[VECS])
{
    for (int r = 3; r < 14; r++) {
        LEAD(r);
        TRAIL(r);
    }
}

#endif
