/* Vectors of LANES blocks, 2 or 4, as arrays of blocks on AES-NI, PCLMULQDQ and AVX. Included by
 * the compiler before anything else, it takes the place of vec_ymm.h or vec_zmm.h, so that vaes256
 * and vaes512 run on machines that have neither VAES nor AVX-512, and under valgrind.
 *
 * What those two headers say themselves, v_straddle among it, is not covered by such a kernel:
 * test_kernels_vec.c compares it with what is said here, where the machine has the instructions. */
#ifndef ADP_VEC_H
#define ADP_VEC_H

#include "cpu.h"
#include "gcm_x86.h"

/* Nothing here is about speed: instructions go where the compiler puts them, and functions stay
 * functions, which spares minutes of compiling. */
#undef INLINE
#define INLINE static inline
#define PIN(x) ((void)(x))

#define HASH_VECS    (LANES / 2) /* as with the vectors whose place these take */
#define VEC_FEATURES (ADP_CPU_AESNI | ADP_CPU_PCLMULQDQ | ADP_CPU_AVX)

typedef struct {
    block lane[LANES];
} vec;

/* EACH_LANE is the vector of |value| for each lane |i|. */
#define EACH_LANE(value)                                                                           \
    __extension__({                                                                                \
        vec lanes;                                                                                 \
        for (int i = 0; i < LANES; i++)                                                            \
            lanes.lane[i] = (value);                                                               \
        lanes;                                                                                     \
    })

INLINE vec v_load(const uint8_t *p)
{
    return EACH_LANE(load(p + 16 * i));
}

INLINE void v_store(uint8_t *p, vec x)
{
    for (int i = 0; i < LANES; i++)
        store(p + 16 * i, x.lane[i]);
}

INLINE vec v_all(block x)
{
    return EACH_LANE(x);
}

INLINE vec v_first(block x)
{
    return EACH_LANE(i == 0 ? x : zero());
}

INLINE block v_block(vec x)
{
    return x.lane[0];
}

INLINE block v_sum(vec x)
{
    block sum = x.lane[0];

    for (int i = 1; i < LANES; i++)
        sum = add(sum, x.lane[i]);
    return sum;
}

INLINE vec v_add(vec a, vec b)
{
    return EACH_LANE(add(a.lane[i], b.lane[i]));
}

INLINE vec v_add3(vec a, vec b, vec c)
{
    return v_add(a, v_add(b, c));
}

INLINE vec v_reverse(vec x)
{
    return EACH_LANE(byte_reverse(x.lane[i]));
}

INLINE vec v_swap(vec x)
{
    return EACH_LANE(_mm_shuffle_epi32(x.lane[i], 0x4e));
}

INLINE vec v_lows(vec a, vec b)
{
    return EACH_LANE(_mm_unpacklo_epi64(a.lane[i], b.lane[i]));
}

INLINE vec v_highs(vec a, vec b)
{
    return EACH_LANE(_mm_unpackhi_epi64(a.lane[i], b.lane[i]));
}

INLINE vec v_multiply_low(vec a, vec b)
{
    return EACH_LANE(_mm_clmulepi64_si128(a.lane[i], b.lane[i], 0x00));
}

INLINE vec v_multiply_high(vec a, vec b)
{
    return EACH_LANE(_mm_clmulepi64_si128(a.lane[i], b.lane[i], 0x11));
}

INLINE vec v_up(vec x)
{
    return EACH_LANE(_mm_slli_si128(x.lane[i], 8));
}

INLINE vec v_down(vec x)
{
    return EACH_LANE(_mm_srli_si128(x.lane[i], 8));
}

INLINE vec v_round(vec x, vec key)
{
    return EACH_LANE(aes_round(x.lane[i], key.lane[i]));
}

INLINE vec v_last_round(vec x, const vec round[NUM_ROUND_KEYS], vec in)
{
    return EACH_LANE(_mm_aesenclast_si128(x.lane[i], add(round[14].lane[i], in.lane[i])));
}

/* The last two blocks of a window's last step are the next window's. */
INLINE void v_straddle(vec *out_6, vec *out_7, vec this_window, vec next_window)
{
    *out_6 = this_window;
    *out_7 = EACH_LANE(i < LANES - 2 ? this_window.lane[i] : next_window.lane[i]);
}

#endif
