/* The identity file and the request: docs/FORMAT.md sections 8 and 9. The public functions on
 * struct adp_identity are declared in adpseal.h. */
#ifndef ADP_IDENTITY_H
#define ADP_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "keybag.h"

/* scrypt as new identities have it: 64 MiB, some 0.2 s. */
#define ADP_IDENTITY_LOG2_N   16
#define ADP_IDENTITY_R        8
#define ADP_IDENTITY_P        1
#define ADP_IDENTITY_VERSION  2          /* the one that is written */
#define ADP_IDENTITY_MAX      (1u << 20) /* bytes of the file */
#define ADP_IDENTITY_MAX_PINS 4096

/* struct adp_pin is what an identity remembers of a vault. */
struct adp_pin {
    uint8_t vault_id[ADP_ID_LEN];
    uint8_t account_hash[ADP_HASH_LEN];
    uint64_t generation;
    int has_hash;                      /* not in an identity of version 1 */
    uint8_t keybag_hash[ADP_HASH_LEN]; /* of the file of that generation, else zero */
};

/* struct adp_identity_keys is the secret part, in memory of its own (base/secret.h). */
struct adp_identity_keys {
    uint8_t kem_private[ADP_KEM_KEY_LEN];
    uint8_t sign_seed[ADP_SIGN_SEED_LEN];
    uint8_t file_key[32]; /* from the passphrase, to write the file again; zero without one */
    uint8_t are_here;     /* 1, but in a forked process, where all of this is zero */
};

struct adp_identity {
    uint32_t version; /* of the file that it came from; it is written in the newest */
    enum adp_kind kind;
    char name[ADP_RECIPIENT_NAME_MAX + 1];
    char *path; /* NULL: it is in memory only */
    int has_passphrase;
    uint8_t log2_n, r, p;
    uint8_t salt[16];
    struct adp_identity_keys *keys;
    uint8_t kem_pub[ADP_KEM_KEY_LEN];
    uint8_t sign_pub[ADP_SIGN_PUB_LEN];
    struct adp_pin *pins;
    size_t num_pins;
};

/* adp_identity_new returns an identity without name and keys, NULL when out of memory. |path| is
 * copied; NULL: it has no file. The caller must call adp_identity_free. */
struct adp_identity *adp_identity_new(const char *path);

/* adp_identity_check_keys fails with ADP_ERR_NO_KEY where the keys are gone: in a process that was
 * forked after they were loaded (base/secret.h). Whoever uses them asks first. NULL is allowed. */
enum adp_status adp_identity_check_keys(const struct adp_identity *identity, struct adp_error *err);

/* adp_identity_derive computes the public keys from the private ones. */
void adp_identity_derive(struct adp_identity *identity);

/* adp_identity_encode and adp_identity_decode convert to and from the file's bytes. decode takes
 * |passphrase| NULL for none; |path| is for messages and is copied. */
enum adp_status adp_identity_encode(struct adp_builder *out, const struct adp_identity *identity,
                                    struct adp_error *err);
enum adp_status adp_identity_decode(struct adp_identity **out, const uint8_t *data, size_t len,
                                    const char *passphrase, const char *path,
                                    struct adp_error *err);

/* adp_identity_decode_again decodes what the file of |identity| has meanwhile become. */
enum adp_status adp_identity_decode_again(struct adp_identity **out,
                                          const struct adp_identity *identity, const uint8_t *data,
                                          size_t len);

/* adp_identity_has_kind returns whether identities of |kind| are kept in files. */
int adp_identity_has_kind(unsigned kind);

/* adp_identity_store writes the identity back to its file, if it has one, atomically. What others
 * have learnt meanwhile is kept: of two pins of one vault the one of the higher generation. */
enum adp_status adp_identity_store(struct adp_identity *identity, struct adp_error *err);

/* adp_identity_pin returns what is known of |vault_id|, or NULL; adp_identity_set_pin remembers. */
const struct adp_pin *adp_identity_pin(const struct adp_identity *identity,
                                       const uint8_t vault_id[ADP_ID_LEN]);
enum adp_status adp_identity_set_pin(struct adp_identity *identity, const struct adp_pin *pin,
                                     struct adp_error *err);

/* adp_request_parse parses the text of a request into a recipient (kind, name, public keys) and
 * checks its signature. ADP_ERR_ARGUMENT if it is none. */
enum adp_status adp_request_parse(struct adp_recipient *out, const char *request,
                                  struct adp_error *err);

#endif
