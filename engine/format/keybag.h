/* The keybag: docs/FORMAT.md section 4. This file knows its bytes; what a change of it means is
 * vault/'s. */
#ifndef ADP_KEYBAG_H
#define ADP_KEYBAG_H

#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "bytes.h"
#include "header.h"
#include "wrap.h"

#define ADP_KEYBAG_MAX            (16u << 20)
#define ADP_KEYBAG_MAX_RECIPIENTS 1024
#define ADP_RECIPIENT_NAME_MAX    64

enum adp_recipient_kind {
    ADP_RECIPIENT_DEVICE = 1,
    ADP_RECIPIENT_SEALER = 2,
    ADP_RECIPIENT_RECOVERY = 3,
    ADP_RECIPIENT_OPERATOR = 4,
    ADP_RECIPIENT_CONTACT = 5,
};

enum adp_recipient_state {
    ADP_RECIPIENT_ACTIVE = 1,
    ADP_RECIPIENT_REMOVED = 2,
};

/* struct adp_keybag_wrap is a wrap of which only the digest is signed: it can be destroyed, and the
 * generation that had it stays what it was. */
struct adp_keybag_wrap {
    struct adp_wrap sealed;
    uint8_t digest[ADP_HASH_LEN]; /* set by adp_keybag_parse */
    uint8_t is_destroyed;         /* |sealed| is zero then */
};

struct adp_recipient {
    uint8_t kind;
    uint8_t state;
    uint8_t level; /* the newest version of keybags that it reads, as it said last; 0: unknown */
    char name[ADP_RECIPIENT_NAME_MAX + 1];
    uint8_t kem_pub[ADP_KEM_KEY_LEN];
    uint8_t sign_pub[ADP_SIGN_PUB_LEN];
    int64_t added_ns, removed_ns;
    uint64_t removed_generation; /* the first in which it is removed; 0 while active */
    int has_account, has_half;
    struct adp_keybag_wrap account; /* the account's key, wrapped to the recipient */
    struct adp_keybag_wrap half;    /* of a contact: the half of its secret that the operator has */
};

struct adp_epoch_wrap {
    uint16_t recipient;
    struct adp_keybag_wrap wrap;
};

struct adp_epoch {
    uint32_t number;
    int64_t created_ns;
    uint8_t pub[ADP_KEM_KEY_LEN];
    struct adp_epoch_wrap *wraps;
    size_t num_wraps;
};

struct adp_keybag_category {
    struct adp_epoch *epochs;
    size_t num_epochs;
};

/* The version that is written. Version 1 has no author's signature, and its wraps are signed. */
#define ADP_KEYBAG_VERSION 2

struct adp_keybag {
    uint32_t version;
    size_t statement_len;       /* set by adp_keybag_parse: what is signed, with the signatures */
    uint8_t hash[ADP_HASH_LEN]; /* likewise: SHA-256 of that, by which a generation is known */
    uint8_t vault_id[ADP_ID_LEN];
    uint64_t generation;
    uint8_t previous[ADP_HASH_LEN];
    int64_t created_ns;
    uint8_t account_pub[ADP_SIGN_PUB_LEN];
    uint8_t protection;
    uint16_t author;
    char reason[256];
    struct adp_recipient *recipients;
    size_t num_recipients;
    struct adp_keybag_category categories[ADP_NUM_CATEGORIES]; /* by category number - 1 */
};

/* adp_keybag_free releases what a keybag holds. Safe on a zeroed struct. */
void adp_keybag_free(struct adp_keybag *keybag);

/* adp_keybag_build writes |keybag|, signed with its author's seed and the account's, into the
 * zeroed |out|. */
enum adp_status adp_keybag_build(struct adp_builder *out, const struct adp_keybag *keybag,
                                 const uint8_t author_seed[ADP_SIGN_SEED_LEN],
                                 const uint8_t account_seed[ADP_SIGN_SEED_LEN],
                                 struct adp_error *err);

/* adp_keybag_fail_full is ADP_ERR_REFUSED for a keybag that no more goes into: |what| is full. */
enum adp_status adp_keybag_fail_full(struct adp_error *err, const char *what);

/* adp_keybag_parse parses |data| and verifies the signatures by the author and the account key that
 * it names; whether these are the right ones is the caller's question. |path| is for messages. */
enum adp_status adp_keybag_parse(struct adp_keybag *out, const uint8_t *data, size_t len,
                                 const char *path, struct adp_error *err);

/* adp_keybag_build_wraps writes the part of the file that follows the statement, each wrap as it is
 * or destroyed. Together with a statement that was parsed it makes the file again. */
void adp_keybag_build_wraps(struct adp_builder *out, const struct adp_keybag *keybag);

/* adp_keybag_destroy_wrap leaves nothing of |wrap| but its digest. */
void adp_keybag_destroy_wrap(struct adp_keybag_wrap *wrap);

/* adp_keybag_is_whole returns whether none of its wraps is destroyed. */
int adp_keybag_is_whole(const struct adp_keybag *keybag);

/* adp_recipient_id computes a recipient's id. */
void adp_recipient_id(uint8_t out[ADP_ID_LEN], const struct adp_recipient *recipient);

/* adp_name_check returns 1 if |name| is a recipient's name in the sense of docs/FORMAT.md. */
int adp_name_check(const char *name, size_t len);

/* adp_epoch_info, adp_account_info and adp_half_info write the HPKE info of a wrap, and return its
 * length. */
size_t adp_epoch_info(uint8_t out[128], const uint8_t vault_id[ADP_ID_LEN], uint16_t category,
                      uint32_t epoch, const uint8_t pub[ADP_KEM_KEY_LEN]);
size_t adp_account_info(uint8_t out[128], const uint8_t vault_id[ADP_ID_LEN],
                        const uint8_t account_pub[ADP_SIGN_PUB_LEN]);
size_t adp_half_info(uint8_t out[128], const uint8_t vault_id[ADP_ID_LEN],
                     const uint8_t contact_pub[ADP_KEM_KEY_LEN]);

#endif
