/* The whole contract between the front (gcm.c, gcm_select.c) and a back end, which is one file for
 * one instruction set. Internal to kernels/ and its tests.
 *
 * A back end may assume:
 * - its functions run only where usable() returned nonzero;
 * - |state| is ADP_GCM_KEY_STATE_LEN bytes, |scratch| ADP_GCM_SCRATCH_STATE_LEN, both aligned to
 * 64;
 * - |msg->len| is the sum of the pieces' lengths and, like |msg->aad_len|, is within GCM's limits,
 * so that the 32-bit block counter never wraps (data counters start at 2);
 * - a piece lies exactly where its own output goes, or does not touch |out|; |aad|, |nonce| and tag
 *   do not touch |out|. Nothing is aligned. Pieces may be empty, with |data| NULL; |out| and |aad|
 *   may be NULL where their length is zero.
 *
 * A back end must guarantee:
 * - it reads and writes no byte outside the arguments, not even within the same 16-byte block;
 * - it reads an input byte before the output byte at the same place is written, and not after;
 * - time and addresses depend on lengths and counters only, never on key, nonce, aad or data;
 * - it owns no memory: what it knows of a key is in |state|, which the front wipes, and |scratch|
 * is the one place for tables of a message, counter caches and bounce buffers. |scratch| holds
 *   garbage on entry, whatever was there before. */
#ifndef ADP_GCM_KERNEL_H
#define ADP_GCM_KERNEL_H

#include "gcm.h"

/* struct adp_gcm_message is what seal and open work on, lengths checked. */
struct adp_gcm_message {
    const uint8_t *nonce;
    const struct adp_gcm_piece *in;
    size_t num_in;
    size_t len;
    const uint8_t *aad;
    size_t aad_len;
};

struct adp_gcm_kernel {
    const char *name;

    /* usable returns whether this CPU and operating system have all that the kernel needs. */
    int (*usable)(void);

    /* key_init writes all of |key| that does not depend on a message to |out_state|. */
    void (*key_init)(uint8_t *out_state, const uint8_t key[ADP_GCM_KEY_LEN]);

    /* seal writes |msg->len| bytes to |out|, and the tag. */
    void (*seal)(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                 uint8_t out_tag[ADP_GCM_TAG_LEN], const struct adp_gcm_message *msg);

    /* open writes |msg->len| bytes to |out|, compares the tag in constant time and returns
     * ADP_GCM_OK or ADP_GCM_BAD_TAG. After the latter the front zeroes |out| and wipes |scratch|.
     */
    enum adp_gcm_result (*open)(const uint8_t *state, uint8_t *scratch, uint8_t *out,
                                const uint8_t tag[ADP_GCM_TAG_LEN],
                                const struct adp_gcm_message *msg);
};

extern const struct adp_gcm_kernel adp_gcm_portable;
#if defined(__x86_64__)
extern const struct adp_gcm_kernel adp_gcm_vaes512;
extern const struct adp_gcm_kernel adp_gcm_vaes256;
extern const struct adp_gcm_kernel adp_gcm_aesni;
#elif defined(__aarch64__)
extern const struct adp_gcm_kernel adp_gcm_armv8_eor3;
extern const struct adp_gcm_kernel adp_gcm_armv8;
#endif

#endif
