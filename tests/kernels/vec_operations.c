/* Compiled once for each vec_*.h: VEC_HEADER is the header, VEC_OPERATIONS the table's name. */
#include "vec_operations.h"

#include VEC_HEADER

/* OPERATION is one that gives a vector. */
#define OPERATION(name, value)                                                                     \
    static void run_##name(uint8_t *out, const uint8_t *a, const uint8_t *b, const uint8_t *c)     \
    {                                                                                              \
        (void)a, (void)b, (void)c;                                                                 \
        v_store(out, value);                                                                       \
    }
OPERATION(load, v_load(a + 1))
OPERATION(all, v_all(load(a)))
OPERATION(first, v_first(load(a)))
OPERATION(block, v_first(v_block(v_load(a))))
OPERATION(sum, v_first(v_sum(v_load(a))))
OPERATION(add, v_add(v_load(a), v_load(b)))
OPERATION(add3, v_add3(v_load(a), v_load(b), v_load(c)))
OPERATION(reverse, v_reverse(v_load(a)))
OPERATION(swap, v_swap(v_load(a)))
#if HASH_VECS == 2
OPERATION(lows, v_lows(v_load(a), v_load(b)))
OPERATION(highs, v_highs(v_load(a), v_load(b)))
#endif
OPERATION(multiply_low, v_multiply_low(v_load(a), v_load(b)))
OPERATION(multiply_high, v_multiply_high(v_load(a), v_load(b)))
OPERATION(up, v_up(v_load(a)))
OPERATION(down, v_down(v_load(a)))
OPERATION(round, v_round(v_load(a), v_load(b)))

static void run_last_round(uint8_t *out, const uint8_t *a, const uint8_t *b, const uint8_t *c)
{
    vec round[NUM_ROUND_KEYS];

    for (int i = 0; i < NUM_ROUND_KEYS; i++)
        round[i] = v_load(i < 14 ? a : b);
    v_store(out, v_last_round(v_load(a), round, v_load(c)));
}

static void run_straddle(uint8_t *out, const uint8_t *a, const uint8_t *b, const uint8_t *c)
{
    vec out_6 = v_load(c), out_7 = v_load(c);

    v_straddle(&out_6, &out_7, v_load(a), v_load(b));
    v_store(out, out_6);
    v_store(out + VEC_MAX, out_7);
}

#define LISTED(name)                                                                               \
    {                                                                                              \
        "v_" #name, run_##name                                                                     \
    }
static const struct vec_operation list[] = {
    LISTED(load), LISTED(all),          LISTED(first),         LISTED(block),
    LISTED(sum),  LISTED(add),          LISTED(add3),          LISTED(reverse),
    LISTED(swap), LISTED(multiply_low), LISTED(multiply_high), LISTED(up),
    LISTED(down), LISTED(round),        LISTED(last_round),    LISTED(straddle),
#if HASH_VECS == 2
    LISTED(lows), LISTED(highs),
#endif
};

const struct vec_operations VEC_OPERATIONS = {
    .lanes = LANES,
    .features = VEC_FEATURES,
    .list = list,
    .num = sizeof(list) / sizeof(list[0]),
};
