/* Vectors of one block, for vec_xmm.h and vec_neon.h: what is the same on every machine. Include it
 * after the header of its blocks. */
#ifndef ADP_VEC_ONE_H
#define ADP_VEC_ONE_H

#define LANES 1

typedef block vec;

INLINE vec v_load(const uint8_t *p)
{
    return load(p);
}

INLINE void v_store(uint8_t *p, vec x)
{
    store(p, x);
}

INLINE vec v_all(block x)
{
    return x;
}

INLINE vec v_first(block x)
{
    return x;
}

INLINE block v_block(vec x)
{
    return x;
}

INLINE block v_sum(vec x)
{
    return x;
}

INLINE vec v_add(vec a, vec b)
{
    return add(a, b);
}

/* v_straddle sets what is added in a window's last step, whose last two blocks are the next
 * window's. */
INLINE void v_straddle(vec *out_6, vec *out_7, vec this_window, vec next_window)
{
    (void)this_window;
    *out_6 = *out_7 = next_window;
}

#endif
