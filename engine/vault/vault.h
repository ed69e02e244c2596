/* An open vault: its folders, its keybag, the identity that looks at it. */
#ifndef ADP_VAULT_H
#define ADP_VAULT_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "bytes.h"
#include "header.h"
#include "identity.h"
#include "keybag.h"
#include "record.h"
#include "sandbox.h"

#define ADP_NO_RECIPIENT SIZE_MAX

struct adp_vault {
    char *path;
    int dir, keybag_dir, snapshots_dir, archives_dir; /* descriptors, negative while closed */
    struct adp_identity *identity;                    /* the caller's; may be NULL */
    struct adp_keybag keybag;
    size_t self;       /* index of the identity among the recipients, or ADP_NO_RECIPIENT */
    int first_contact; /* the identity has no pin for it: see adp_vault_check_trusted */
    const struct adp_gcm_kernel *kernel;
    enum adp_sandbox_mode sandbox;
};

/* Room for the path of anything in a vault, for messages; longer paths are cut. */
#define ADP_VAULT_PATH_LEN 1024

/* adp_vault_path writes |vault|'s path, a slash, and the formatted rest. Returns |out|. */
const char *adp_vault_path(char out[ADP_VAULT_PATH_LEN], const struct adp_vault *vault,
                           const char *format, ...) __attribute__((format(printf, 3, 4)));

/* adp_vault_archive_path is adp_vault_path of the archive of |category| in snapshot |id|. */
const char *adp_vault_archive_path(char out[ADP_VAULT_PATH_LEN], const struct adp_vault *vault,
                                   const char *id, unsigned category);

/* adp_vault_folder_path writes the path of |folder| ("snapshots", ...), to be opened: never cut.
 * Returns 0 or -ENAMETOOLONG. */
int adp_vault_folder_path(char out[PATH_MAX], const struct adp_vault *vault, const char *folder);

/* -- vault.c */

/* adp_vault_now returns the time, in nanoseconds since the epoch. */
int64_t adp_vault_now(void);

/* adp_vault_prepare opens the folders of |dir| for |identity|, without looking at the keybag. */
enum adp_status adp_vault_prepare(struct adp_vault **out_vault, const char *dir,
                                  struct adp_identity *identity, struct adp_error *err);

/* adp_vault_lock_archives keeps others from changing archives that are there until |*out_fd| is
 * closed; seals lock the folders that they make. ADP_ERR_CONFLICT if somebody does. */
enum adp_status adp_vault_lock_archives(const struct adp_vault *vault, int *out_fd,
                                        struct adp_error *err);

/* -- history.c */

/* struct adp_generation is a keybag as it lies in the vault. */
struct adp_generation {
    struct adp_keybag keybag;
    uint8_t *data; /* the file */
    size_t len;
    char path[ADP_VAULT_PATH_LEN];
};

void adp_generation_free(struct adp_generation *generation);

/* adp_history_newest returns the highest number of a generation that either folder has. */
enum adp_status adp_history_newest(const struct adp_vault *vault, uint64_t *out_number,
                                   struct adp_error *err);

/* adp_history_read reads generation |number| out of keybag/, or beside the snapshots if it is
 * missing or damaged there; |whole|: only if none of its keys was destroyed. ADP_ERR_MISSING if it
 * is in neither place. The caller must call adp_generation_free. */
enum adp_status adp_history_read(const struct adp_vault *vault, uint64_t number, int whole,
                                 struct adp_generation *out, struct adp_error *err);

/* adp_history_lock keeps others from changing the keybag until |*out_fd| is closed; it makes the
 * folder keybag/ where that is gone. ADP_ERR_CONFLICT if somebody does. */
enum adp_status adp_history_lock(struct adp_vault *vault, int *out_fd, struct adp_error *err);

/* adp_history_publish writes a new generation, once: ADP_ERR_CONFLICT if it is there. */
enum adp_status adp_history_publish(const struct adp_vault *vault, const struct adp_builder *bytes,
                                    uint64_t number, struct adp_error *err);

/* adp_history_settle makes both copies of each generation whole, but for the keys that the newest
 * one has no more, which it destroys. What was interrupted is finished by the next call. */
enum adp_status adp_history_settle(const struct adp_vault *vault, struct adp_error *err);

/* -- chain.c */

/* adp_vault_load_keybag reads the newest keybag and makes it |vault->keybag|. It must be the one
 * that the identity has pinned, or follow from it: each generation names the hash of the one
 * before, and somebody who holds the account's key there has made it. A newer one is pinned. Where
 * there is no pin it is the first contact: nothing is pinned, and what was read before counts. */
enum adp_status adp_vault_load_keybag(struct adp_vault *vault, struct adp_error *err);

/* adp_vault_refresh is adp_vault_load_keybag where there is a newer one than was read, which must
 * follow from that. adp_vault_refresh_for does it where |header| has a slot of an epoch that the
 * keybag does not know: then a rotation and a rewrap have been here meanwhile. */
enum adp_status adp_vault_refresh(struct adp_vault *vault, struct adp_error *err);
enum adp_status adp_vault_refresh_for(struct adp_vault *vault, const struct adp_header *header,
                                      struct adp_error *err);

/* -- trust.c */

/* adp_vault_make_pin is what there is to remember of |keybag|; adp_vault_pin has the vault's
 * identity remember it, on the disk too; the keybag is there before it. */
struct adp_pin adp_vault_make_pin(const struct adp_keybag *keybag);
enum adp_status adp_vault_pin(const struct adp_vault *vault, const struct adp_keybag *keybag,
                              struct adp_error *err);

/* adp_vault_check_trusted is the guard of everything that uses the keybag's keys:
 * ADP_ERR_UNTRUSTED as long as the identity does not know the account. */
enum adp_status adp_vault_check_trusted(const struct adp_vault *vault, struct adp_error *err);

/* adp_vault_trust_account is adp_vault_trust by the account's SHA-256. */
enum adp_status adp_vault_trust_account(struct adp_vault *vault, const uint8_t hash[ADP_HASH_LEN],
                                        struct adp_error *err);

/* -- change.c */

struct adp_change_keys;

/* struct adp_change is the next generation while it is being made. */
struct adp_change {
    struct adp_vault *vault;
    struct adp_keybag next;
    struct adp_change_keys *keys; /* the account's, to sign with */
    int is_published;             /* it counts, even if what had to follow has failed */
};

/* adp_change_begin copies the present keybag, for an identity that holds the account's key.
 * adp_change_first is for the vault's first one, with a new account. The caller must call
 * adp_change_end, also after a failure. */
enum adp_status adp_change_begin(struct adp_change *out, struct adp_vault *vault,
                                 struct adp_error *err);
enum adp_status adp_change_first(struct adp_change *out, struct adp_vault *vault,
                                 struct adp_error *err);
void adp_change_end(struct adp_change *change);

/* adp_change_add appends |recipient|, active from now on. */
enum adp_status adp_change_add(struct adp_change *change, struct adp_recipient *recipient,
                               size_t *out_index, struct adp_error *err);

/* adp_change_wrap_account lets recipient |index| change who has access. */
enum adp_status adp_change_wrap_account(struct adp_change *change, size_t index,
                                        struct adp_error *err);

/* adp_change_grant wraps every key for recipient |index| that it may have and has not. Epochs that
 * the change itself makes are wrapped to all that were added before. */
enum adp_status adp_change_grant(struct adp_change *change, size_t index, struct adp_error *err);

/* adp_change_remove makes recipient |index| a removed one: its wraps go, what it knew is renewed.
 */
enum adp_status adp_change_remove(struct adp_change *change, size_t index, struct adp_error *err);

/* adp_change_new_account gives the vault a new account key, wrapped to whoever had the old one. */
enum adp_status adp_change_new_account(struct adp_change *change, struct adp_error *err);

/* adp_change_publish signs the generation, publishes and loads it, and settles the history.
 * ADP_ERR_CONFLICT if another writer was faster. The rest is the reason, for people.
 * adp_change_finish settles alone: for a change that was published before and interrupted. */
enum adp_status adp_change_publish(struct adp_change *change, struct adp_error *err,
                                   const char *format, ...) __attribute__((format(printf, 3, 4)));
enum adp_status adp_change_finish(struct adp_change *change, struct adp_error *err);

/* -- edit.c: a keybag in memory */

/* adp_keybag_copy makes a deep copy, to be changed and published. Freed with adp_keybag_free. */
enum adp_status adp_keybag_copy(struct adp_keybag *out, const struct adp_keybag *from,
                                struct adp_error *err);

/* adp_keybag_add_recipient appends |recipient| and returns its index through |out_index|. */
enum adp_status adp_keybag_add_recipient(struct adp_keybag *keybag,
                                         const struct adp_recipient *recipient, size_t *out_index,
                                         struct adp_error *err);

/* adp_keybag_find_kind finds the first active recipient of |kind|. */
int adp_keybag_find_kind(const struct adp_keybag *keybag, enum adp_recipient_kind kind,
                         size_t *out_index);

/* adp_keybag_add_wrap wraps |private_key|, that of |epoch|, for the recipient |index|. */
enum adp_status adp_keybag_add_wrap(struct adp_keybag *keybag, unsigned category,
                                    struct adp_epoch *epoch, size_t index,
                                    const uint8_t private_key[ADP_KEM_KEY_LEN],
                                    struct adp_error *err);

/* adp_keybag_find_wrap finds the wrap for recipient |index|; 0 if there is none. */
int adp_keybag_find_wrap(const struct adp_epoch *epoch, size_t index, size_t *out_at);

/* adp_keybag_drop_wraps takes all keys of |category| from recipient |index|; returns whether it had
 * any. adp_keybag_erase takes them from everybody. */
int adp_keybag_drop_wraps(struct adp_keybag *keybag, unsigned category, size_t index);
void adp_keybag_erase(struct adp_keybag *keybag, unsigned category);

/* adp_keybag_wrap_account wraps the account's |seed| for the recipient |index|. */
enum adp_status adp_keybag_wrap_account(struct adp_keybag *keybag, size_t index,
                                        const uint8_t seed[ADP_SIGN_SEED_LEN],
                                        struct adp_error *err);

/* adp_keybag_may_open returns whether |recipient| is to hold the key of |category|: devices,
 * recovery keys and contacts always, the operator as the protection says, sealers and removed ones
 * never. */
int adp_keybag_may_open(const struct adp_keybag *keybag, const struct adp_recipient *recipient,
                        unsigned category);

/* adp_keybag_rotate appends an epoch to |category| and wraps its new key to all that may open it.
 */
enum adp_status adp_keybag_rotate(struct adp_keybag *keybag, unsigned category,
                                  struct adp_error *err);

/* adp_keybag_new_account draws an account key and wraps it to whoever had the old one. */
enum adp_status adp_keybag_new_account(struct adp_keybag *keybag,
                                       uint8_t out_seed[ADP_SIGN_SEED_LEN], struct adp_error *err);

/* -- device.c */

/* adp_vault_read_request parses the |request| of somebody to admit; |name| overrides its name if
 * not NULL. */
enum adp_status adp_vault_read_request(const struct adp_vault *vault, const char *request,
                                       const char *name, struct adp_recipient *out,
                                       struct adp_error *err);

/* adp_keybag_check_new is ADP_ERR_EXISTS if |candidate|'s key or name is taken, by another than
 * recipient |replaced| (ADP_NO_RECIPIENT: nobody is replaced); ADP_ERR_ARGUMENT if its name is kept
 * for the recovery key. */
enum adp_status adp_keybag_check_new(const struct adp_keybag *keybag,
                                     const struct adp_recipient *candidate, size_t replaced,
                                     struct adp_error *err);

/* -- remove.c */

/* adp_vault_check_halves is ADP_ERR_REFUSED as long as a recovery contact depends on the operator.
 */
enum adp_status adp_vault_check_halves(const struct adp_vault *vault, struct adp_error *err);

/* -- keys.c */

/* adp_vault_epoch_key unwraps the private key of an epoch. ADP_ERR_NO_KEY says who could. */
enum adp_status adp_vault_epoch_key(const struct adp_vault *vault, unsigned category,
                                    uint32_t epoch, uint8_t out[ADP_KEM_KEY_LEN],
                                    struct adp_error *err);

/* adp_vault_slot_key unwraps an archive's key from slot |index|. ADP_ERR_NO_KEY if the identity
 * cannot open it, or if the slot is another archive's. |path| is for messages. */
enum adp_status adp_vault_slot_key(const struct adp_vault *vault, const struct adp_header *header,
                                   size_t index, const char *path, uint8_t out[ADP_FLOE_KEY_LEN],
                                   struct adp_error *err);

/* adp_vault_newest_epoch returns the epoch that archives of |category| are sealed to. */
const struct adp_epoch *adp_vault_newest_epoch(const struct adp_vault *vault, unsigned category);

/* adp_vault_seal_slot makes the only slot of |header|, whose other fields are set: |key| wrapped to
 * the newest epoch of its category. */
enum adp_status adp_vault_seal_slot(const struct adp_vault *vault, struct adp_header *header,
                                    const uint8_t key[ADP_FLOE_KEY_LEN], struct adp_error *err);

/* adp_vault_is_erased returns whether nobody has the key of |epoch| of |category| any more. */
int adp_vault_is_erased(const struct adp_vault *vault, unsigned category, uint32_t epoch);

/* -- snapshots.c */

/* adp_vault_load_record reads, parses and verifies the record of snapshot |id|. */
enum adp_status adp_vault_load_record(const struct adp_vault *vault, const char *id,
                                      struct adp_record *out, struct adp_error *err);

/* adp_vault_resolve turns "latest", an id or the beginning of one into a verified record. */
enum adp_status adp_vault_resolve(struct adp_vault *vault, const char *name, struct adp_record *out,
                                  struct adp_error *err);

/* struct adp_vault_names is a sorted list of the names in a folder of the vault. */
struct adp_vault_names {
    char **items;
    size_t num;
};

/* adp_vault_list_snapshots lists the ids of the snapshots, oldest first, and brings the keybag up
 * to date with them, for records may be of a newer one than was read. */
enum adp_status adp_vault_list_snapshots(struct adp_vault *vault, struct adp_vault_names *out,
                                         struct adp_error *err);

/* adp_vault_each_record calls |on_record| with the record of |snapshot|, or of each snapshot if
 * that is NULL, oldest first, until it fails. Records that are refused go to |on_refused|, with
 * their snapshot's id; of one that was named it is the result. */
typedef enum adp_status (*adp_record_fn)(void *user, const struct adp_record *record,
                                         struct adp_error *err);
typedef void (*adp_refused_fn)(void *user, const char *id, const struct adp_error *why);
enum adp_status adp_vault_each_record(struct adp_vault *vault, const char *snapshot,
                                      adp_record_fn on_record, adp_refused_fn on_refused,
                                      void *user, struct adp_error *err);

/* adp_vault_list_names lists the entries of |folder| ("snapshots", ...) whose names end in
 * |suffix|, without it, and do not begin with a dot. Freed with adp_vault_names_free. */
enum adp_status adp_vault_list_names(const struct adp_vault *vault, const char *folder,
                                     const char *suffix, struct adp_vault_names *out,
                                     struct adp_error *err);
void adp_vault_names_free(struct adp_vault_names *names);

/* adp_vault_clean removes what interrupted runs have left in archives/: folders without a record
 * that no running seal has locked. Best effort. */
void adp_vault_clean(const struct adp_vault *vault);

#endif
