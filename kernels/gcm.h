/* AES-256-GCM (NIST SP 800-38D), one whole message a call, on the best kernel of the machine.
 *
 * A message is sealed or opened in one call: nonce of 12 bytes, tag of 16, additional data, and an
 * input that may lie in several pieces. What depends on the key alone (round keys, powers of H,
 * counter tables) is made once by adp_gcm_key_init; what depends on the message lives in a scratch
 * that a thread keeps and uses again. A kernel is one instruction set's back end; the choice is
 * made per key, once, and is copied into the key.
 *
 * Nonces: a pair of key and nonce must never seal two messages. FLOE draws them at random and
 * rotates keys (engine/crypto/floe.h); nothing here enforces it.
 *
 * Threads: a key may be used by any number of threads at once after init; a scratch by one at a
 * time. No function allocates memory or keeps a pointer to its arguments. */
#ifndef ADP_GCM_H
#define ADP_GCM_H

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#define ADP_GCM_KEY_LEN   32
#define ADP_GCM_NONCE_LEN 12
#define ADP_GCM_TAG_LEN   16

/* SP 800-38D section 5.2.1.1: at most 2^39 - 256 bits of plaintext per nonce. */
#define ADP_GCM_MAX_LEN ((UINT64_C(1) << 36) - 32)

/* Room for the tables of the largest kernel, vaes512: 15 round keys, 16 powers of H for its loop
 * and 68 for a message's end, each with its Karatsuba half, and 4 KiB of counter cache; in the
 * scratch another 4 KiB of it, and a step's input. */
#define ADP_GCM_KEY_STATE_LEN     9600
#define ADP_GCM_SCRATCH_STATE_LEN 8192

struct adp_gcm_kernel;

/* struct adp_gcm_key is one expanded key. It holds key material: put it in memory that is locked
 * and kept out of dumps. All zero is a valid state to clean up. */
struct adp_gcm_key {
    const struct adp_gcm_kernel *kernel;
    alignas(64) uint8_t state[ADP_GCM_KEY_STATE_LEN];
};

/* struct adp_gcm_scratch holds tables of one message in flight; key material as well. It needs no
 * initialisation. */
struct adp_gcm_scratch {
    alignas(64) uint8_t state[ADP_GCM_SCRATCH_STATE_LEN];
};

/* struct adp_gcm_piece is one piece of a scattered input. |data| may be NULL if |len| is zero. */
struct adp_gcm_piece {
    const uint8_t *data;
    size_t len;
};

enum adp_gcm_result {
    ADP_GCM_OK = 0,
    ADP_GCM_BAD_TAG = 1,   /* the message is not what was sealed under this key, nonce and aad */
    ADP_GCM_TOO_LONG = 2,  /* more than ADP_GCM_MAX_LEN bytes, or of aad more than 2^61 - 1 */
    ADP_GCM_NO_KERNEL = 3, /* no kernel of that name here, or it failed its self-test */
};

/* adp_gcm_kernel_select finds the kernel called |name|, or the fastest that this machine has if
 * |name| is NULL. NULL asks the environment variable ADP_SEAL_KERNEL first. A kernel that fails its
 * known-answer self-test is passed over when |name| is NULL and the variable is not set, and is an
 * error where it was asked for by name. If the portable kernel fails its self-test the process is
 * aborted: nothing here can be trusted then.
 *
 * Intel's Ice, Tiger and Rocket Lake lower their clock for 512-bit vectors, which slows down all
 * that runs beside: there vaes512 is chosen by name only.
 *
 * Returns ADP_GCM_OK and sets |*out_kernel|, which lives as long as the process; or
 * ADP_GCM_NO_KERNEL, leaving |*out_kernel| NULL. Self-tests run once per kernel and process. */
enum adp_gcm_result adp_gcm_kernel_select(const struct adp_gcm_kernel **out_kernel,
                                          const char *name);

/* adp_gcm_kernel_name returns the kernel's name, e.g. "aesni". */
const char *adp_gcm_kernel_name(const struct adp_gcm_kernel *kernel);

/* adp_gcm_kernel_at walks all kernels that were compiled in, in the order in which they are
 * tried: returns the name of number |index| and sets |*out_usable| to whether this machine has what
 * it needs; NULL past the last. For listings and tests. */
const char *adp_gcm_kernel_at(size_t index, int *out_usable);

/* adp_gcm_key_init expands the |key| for |kernel|. The caller must call adp_gcm_key_cleanup. */
void adp_gcm_key_init(struct adp_gcm_key *out_key, const struct adp_gcm_kernel *kernel,
                      const uint8_t key[ADP_GCM_KEY_LEN]);

/* adp_gcm_key_cleanup wipes |key|. */
void adp_gcm_key_cleanup(struct adp_gcm_key *key);

/* adp_gcm_scratch_cleanup wipes |scratch|. */
void adp_gcm_scratch_cleanup(struct adp_gcm_scratch *scratch);

/* adp_gcm_seal encrypts the |num_in| pieces of |in|, in order, as one message to |out|, which has
 * room for their total length, and writes its tag.
 *
 * Each piece either does not overlap |out| at all, or lies exactly where its own ciphertext goes
 * (in place); both kinds may be mixed in one message. |aad| must not overlap |out|.
 *
 * Returns ADP_GCM_OK, or ADP_GCM_TOO_LONG before anything is written. */
enum adp_gcm_result adp_gcm_seal(const struct adp_gcm_key *key, struct adp_gcm_scratch *scratch,
                                 uint8_t *out, uint8_t out_tag[ADP_GCM_TAG_LEN],
                                 const uint8_t nonce[ADP_GCM_NONCE_LEN],
                                 const struct adp_gcm_piece *in, size_t num_in, const uint8_t *aad,
                                 size_t aad_len);

/* adp_gcm_open is the reverse of adp_gcm_seal, with the same rules for pieces and overlap. Tags are
 * compared in constant time. On ADP_GCM_BAD_TAG all of |out| is zeroed, also in place: plaintext of
 * an unauthenticated message is never left behind. */
enum adp_gcm_result adp_gcm_open(const struct adp_gcm_key *key, struct adp_gcm_scratch *scratch,
                                 uint8_t *out, const uint8_t nonce[ADP_GCM_NONCE_LEN],
                                 const struct adp_gcm_piece *in, size_t num_in,
                                 const uint8_t tag[ADP_GCM_TAG_LEN], const uint8_t *aad,
                                 size_t aad_len);

#endif
