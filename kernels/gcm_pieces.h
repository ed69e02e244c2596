/* A cursor over the pieces of an input: long runs are used where they lie, and only a block that
 * crosses from one piece into the next is gathered into a bounce buffer. Internal to kernels/. */
#ifndef ADP_GCM_PIECES_H
#define ADP_GCM_PIECES_H

#include "gcm.h"

#include <string.h>

struct adp_gcm_cursor {
    const struct adp_gcm_piece *piece;
    size_t used; /* bytes of |piece| that were taken */
};

/* adp_gcm_cursor_run returns how many bytes lie in a row at the cursor, and where. At least one
 * byte of input must be left. */
static inline size_t adp_gcm_cursor_run(struct adp_gcm_cursor *cursor, const uint8_t **out_data)
{
    while (cursor->used == cursor->piece->len) {
        cursor->piece++;
        cursor->used = 0;
    }
    *out_data = cursor->piece->data + cursor->used;
    return cursor->piece->len - cursor->used;
}

/* adp_gcm_cursor_gather copies the next |len| bytes to |out|. So many must be left. */
static inline void adp_gcm_cursor_gather(struct adp_gcm_cursor *cursor, uint8_t *out, size_t len)
{
    while (len > 0) {
        const uint8_t *data;
        size_t n = adp_gcm_cursor_run(cursor, &data);

        if (n > len)
            n = len;
        memcpy(out, data, n);
        cursor->used += n;
        out += n;
        len -= n;
    }
}

/* adp_gcm_cursor_steps takes at least one and at most |len| / |step| steps of |step| bytes that lie
 * in a row, gathering a single one into |bounce| where a piece ends within it. |len| bytes, and no
 * less than |step|, must be left. Returns the number of steps and sets |*out_data|. */
static inline size_t adp_gcm_cursor_steps(struct adp_gcm_cursor *cursor, size_t len, size_t step,
                                          uint8_t *bounce, const uint8_t **out_data)
{
    size_t run = adp_gcm_cursor_run(cursor, out_data);

    if (run < step) {
        adp_gcm_cursor_gather(cursor, bounce, step);
        *out_data = bounce;
        return 1;
    }
    run = (run < len ? run : len) / step;
    cursor->used += run * step;
    return run;
}

#endif
