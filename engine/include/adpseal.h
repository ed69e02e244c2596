/* libadpseal: seal backup snapshots into encrypted archives, one per category of data.
 *
 * A vault is a directory. A snapshot is one sealed state of some sources; it consists of one
 * archive per category that occurs, each under keys of its own. Whoever seals needs public keys
 * only; whoever opens needs the identity of a trusted device. docs/FORMAT.md describes the bytes,
 * docs/API.md the conventions that hold for every function here: errors, ownership, threads.
 *
 * In short:
 *   - Functions return enum adp_status; details go to the struct adp_error that the last parameter
 *     points to (NULL is allowed).
 *   - Outputs are written on success only, unless a comment says otherwise.
 *   - An object is used by one thread at a time; different objects by different threads at once.
 *   - Strings are zero-terminated; paths are bytes, not text. */
#ifndef ADPSEAL_H
#define ADPSEAL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#    define ADP_EXPORT     __attribute__((visibility("default")))
#    define ADP_MUST_CHECK __attribute__((warn_unused_result))
#else
#    define ADP_EXPORT
#    define ADP_MUST_CHECK
#endif

/* -- Errors ------------------------------------------------------------------------------------ */

enum adp_status {
    ADP_OK = 0,

    /* The caller or the machine. */
    ADP_ERR_ARGUMENT = 1,    /* a parameter, a policy file or a request is not valid */
    ADP_ERR_MEMORY = 2,      /* an allocation failed */
    ADP_ERR_IO = 3,          /* the operating system refused; sys_errno says why */
    ADP_ERR_EXISTS = 4,      /* it is there already and is not overwritten */
    ADP_ERR_NOT_FOUND = 5,   /* no such vault, snapshot, path, category or device */
    ADP_ERR_CONFLICT = 6,    /* another writer was faster; run it again */
    ADP_ERR_CANCELLED = 7,   /* the progress callback said stop */
    ADP_ERR_UNSUPPORTED = 8, /* a version or feature that this build does not know */
    ADP_ERR_INTERNAL = 9,    /* a bug in this library, or a library below it failed */
    ADP_ERR_REFUSED = 10,    /* something else has to be done first; the hint says what */

    /* Integrity: the bytes are not what was written. */
    ADP_ERR_FORMAT = 20,        /* a structure breaks a rule of docs/FORMAT.md */
    ADP_ERR_CHECKSUM = 21,      /* an archive header's or identity's checksum does not fit */
    ADP_ERR_SIGNATURE = 22,     /* a signature does not verify, or an unknown author */
    ADP_ERR_ROLLBACK = 23,      /* an older keybag than this identity has seen */
    ADP_ERR_ACCOUNT = 24,       /* another account's keybag than this identity knows */
    ADP_ERR_MISMATCH = 25,      /* archive and record do not belong together */
    ADP_ERR_HEADER_TAG = 26,    /* FLOE: wrong key or wrong aad for this header */
    ADP_ERR_SEGMENT_TAG = 27,   /* FLOE: a segment was changed */
    ADP_ERR_SEGMENT_ORDER = 28, /* FLOE: a segment stands at another's place */
    ADP_ERR_TRUNCATED = 29,     /* FLOE: the end is missing */
    ADP_ERR_TRAILING = 30,      /* FLOE: bytes after the final segment */
    ADP_ERR_CONTENT = 31, /* authentic bytes that do not decompress or digest as the index says */
    ADP_ERR_MISSING = 32, /* a file that a signed record names is gone */
    ADP_ERR_DAMAGED = 33, /* bytes that are not those that were sealed, or cannot be read */
    ADP_ERR_DECODER = 34, /* content has broken the sandbox that it was decoded in */

    /* Keys. */
    ADP_ERR_NO_KEY = 40,     /* this identity holds no key for it, or nobody does any more */
    ADP_ERR_PASSPHRASE = 41, /* the identity needs a passphrase, or the one given is wrong */
    ADP_ERR_UNTRUSTED = 42,  /* this identity does not know the vault's account: adp_vault_trust */

    /* Finished, but not with everything; events named each. */
    ADP_ERR_PARTIAL = 50,
};

/* struct adp_error says what went wrong, for people. All zero is a valid "no error". */
struct adp_error {
    enum adp_status status;
    int sys_errno; /* errno value, or 0 */
    int has_offset;
    uint64_t offset;   /* in bytes from the beginning of |path|, if has_offset */
    char path[1024];   /* the file concerned, cut if longer; may be empty */
    char message[512]; /* what happened, one sentence without a full stop */
    char hint[512];    /* what the person can do; may be empty */
};

/* adp_status_string returns a short English text for |status|; it lives for ever. */
ADP_EXPORT const char *adp_status_string(enum adp_status status);

/* adp_status_exit_code maps |status| to the command's exit codes: 0 done, 1 failed, 2 usage,
 * 3 integrity, 4 no key, 5 partial. */
ADP_EXPORT int adp_status_exit_code(enum adp_status status);

/* adp_version_string returns "MAJOR.MINOR.PATCH". */
ADP_EXPORT const char *adp_version_string(void);

/* adp_kernel_name returns the name of the AES-256-GCM kernel that would be used now, or NULL with
 * ADP_ERR_ARGUMENT if the environment asks for one that is not there. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_kernel_name(const char **out_name,
                                                          struct adp_error *err);

/* -- Categories and policy ------------------------------------------------------------------- */

/* Categories have numbers from 1 to ADP_NUM_CATEGORIES (docs/FORMAT.md section 3). */
#define ADP_NUM_CATEGORIES 26

enum adp_category_class {
    ADP_CLASS_DEFAULT = 1,  /* end-to-end encrypted always */
    ADP_CLASS_ADVANCED = 2, /* end-to-end encrypted under advanced protection */
    ADP_CLASS_NEVER = 3,    /* never end-to-end where the vault has an operator */
};

/* adp_category_name returns the name of |category|, e.g. "photos"; NULL if there is none. */
ADP_EXPORT const char *adp_category_name(unsigned category);

/* adp_category_find returns the number of the category called |name|, or 0. */
ADP_EXPORT unsigned adp_category_find(const char *name);

/* adp_category_class_of returns the class of |category| (1 to ADP_NUM_CATEGORIES). */
ADP_EXPORT enum adp_category_class adp_category_class_of(unsigned category);

/* struct adp_policy decides which category a path belongs to. Immutable once loaded: any number of
 * threads may use it. */
struct adp_policy;

/* adp_policy_load reads the policy file |path| (YAML, docs/CATEGORIES.md) in front of the built-in
 * rules; the built-in rules alone if |path| is NULL. ADP_ERR_ARGUMENT names the rule that is wrong.
 * The caller must call adp_policy_free. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_policy_load(struct adp_policy **out_policy,
                                                          const char *path, struct adp_error *err);
ADP_EXPORT void adp_policy_free(struct adp_policy *policy);

/* struct adp_verdict is what decides on one path. Its strings live as long as the policy. */
struct adp_verdict {
    unsigned category;
    const char *rule;    /* the pattern that decided, e.g. "*.heic"; "(default)" if none did */
    const char *origin;  /* "built-in", "profile", or the policy file's path */
    unsigned line;       /* number of the rule in its origin, from 1; 0 for the default */
    const char *profile; /* the profile that the rule is of, e.g. "google-takeout"; else NULL */
    int is_derived;      /* can be made again from the rest: thumbnails, transcoded films */
};

/* adp_policy_classify decides on |path|, as it stands in a snapshot (relative, no leading slash).
 * |is_dir| tells whether it is a directory. It looks at paths alone, never at content,
 * nor at the labels that a profile knows. */
ADP_EXPORT void adp_policy_classify(const struct adp_policy *policy, const char *path, int is_dir,
                                    struct adp_verdict *out_verdict);

/* A profile is the knowledge of one kind of folder by its structure, whatever it is called: what
 * lies in it follows the profile, after the policy file's rules and before the built-in ones.
 * docs/CATEGORIES.md lists them. adp_profile_name returns the name of profile |index|, from 0, e.g.
 * "google-takeout"; NULL behind the last. */
ADP_EXPORT const char *adp_profile_name(size_t index);

/* adp_explain decides on |path| as adp_seal would if its source were the first component of |path|
 * after any slashes, "." and "..". As far as the path exists, profiles of the folders on it are
 * recognised, without following symbolic links below the first component; beyond that, names alone
 * decide. A slash at its end says that it is a directory. |profile| is as in adp_seal_options. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_explain(const struct adp_policy *policy,
                                                      const char *path, const char *profile,
                                                      struct adp_verdict *out_verdict,
                                                      struct adp_error *err);

/* -- Identities ------------------------------------------------------------------------------ */

/* struct adp_identity is the private keys of a device, sealer or operator, or what a recovery code
 * stands for, with what it knows of the vaults that it has met. The keys do not pass into a forked
 * process: what needs them is ADP_ERR_NO_KEY there, until it loads the identity and opens the vault
 * itself. */
struct adp_identity;

enum adp_kind {
    ADP_KIND_DEVICE = 1,           /* opens and seals */
    ADP_KIND_SEALER = 2,           /* signs snapshots, can decrypt nothing */
    ADP_KIND_RECOVERY_KEY = 3,     /* opens, and may change who has access; adp_identity_recover */
    ADP_KIND_OPERATOR = 4,         /* opens what is not end-to-end encrypted */
    ADP_KIND_RECOVERY_CONTACT = 5, /* like a recovery key, of two halves */
};

/* adp_kind_name returns what people call |kind|, e.g. "recovery key"; NULL if there is none. */
ADP_EXPORT const char *adp_kind_name(enum adp_kind kind);

/* adp_identity_default_path returns where the identity lies if nothing else is said: the
 * environment variable ADP_SEAL_IDENTITY, else adp-seal/identity below XDG_CONFIG_HOME or
 * ~/.config. The caller frees it with free(). */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_identity_default_path(char **out_path,
                                                                    struct adp_error *err);

/* adp_identity_create draws new keys and writes them to |path| (mode 0600, parent directories
 * 0700), under |passphrase| unless it is NULL. ADP_ERR_EXISTS if there is a file. |name| is UTF-8,
 * 1 to 64 bytes. The caller must call adp_identity_free. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status
adp_identity_create(struct adp_identity **out_identity, const char *path, enum adp_kind kind,
                    const char *name, const char *passphrase, struct adp_error *err);

/* adp_identity_load reads |path|. ADP_ERR_PASSPHRASE if it is under a passphrase and |passphrase|
 * is NULL or wrong; ADP_ERR_NOT_FOUND if there is no file. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_identity_load(struct adp_identity **out_identity,
                                                            const char *path,
                                                            const char *passphrase,
                                                            struct adp_error *err);

/* adp_identity_free wipes and frees. NULL is allowed. */
ADP_EXPORT void adp_identity_free(struct adp_identity *identity);

ADP_EXPORT enum adp_kind adp_identity_kind(const struct adp_identity *identity);
ADP_EXPORT const char *adp_identity_name(const struct adp_identity *identity);

/* A recovery code is 28 characters in seven groups, for people to write down. Two of them check the
 * others. ADP_RECOVERY_CODE_LEN bytes hold one, with its zero. */
#define ADP_RECOVERY_CODE_LEN 35

/* adp_identity_recover makes the identity of a recovery key from its |code|, or that of a recovery
 * contact from the contact's code and the other |half|. It is in memory only, and may open vaults
 * as any other; it knows none yet. Upper or lower case, with or without hyphens and spaces.
 * ADP_ERR_PASSPHRASE for a text that is no code says what is wrong, at which place if it can be
 * told. The caller wipes the codes, and must call adp_identity_free. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_identity_recover(struct adp_identity **out_identity,
                                                               const char *code, const char *half,
                                                               struct adp_error *err);

/* adp_identity_request returns the text by which this identity asks to be admitted to a vault
 * (public keys and a signature, nothing secret). The caller frees it with free(). */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_identity_request(const struct adp_identity *identity,
                                                               char **out_request,
                                                               struct adp_error *err);

/* adp_request_kind tells who makes the request: a device, a sealer or an operator.
 * ADP_ERR_ARGUMENT if it is none, or was changed. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status
adp_request_kind(const char *request, enum adp_kind *out_kind, struct adp_error *err);

/* -- Vaults ---------------------------------------------------------------------------------- */

/* struct adp_vault is an open vault. It refers to the identity it was opened with, which must
 * outlive it. */
struct adp_vault;

/* adp_vault_create makes the vault |dir| (which must not exist, or be empty), an account, and
 * |identity| as its first trusted device, under the device name |device|. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status
adp_vault_create(struct adp_vault **out_vault, const char *dir, struct adp_identity *identity,
                 const char *device, struct adp_error *err);

/* adp_vault_open opens |dir| and checks its keybag against what |identity| knows; the identity's
 * file is brought up to date where it learns a newer generation. With |identity| NULL only what
 * needs no key works, and the keybag is only checked in itself. A vault that |identity| does not
 * know opens as well, and is to be looked at; what uses keys is refused until adp_vault_trust. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_vault_open(struct adp_vault **out_vault,
                                                         const char *dir,
                                                         struct adp_identity *identity,
                                                         struct adp_error *err);
ADP_EXPORT void adp_vault_free(struct adp_vault *vault);

/* adp_vault_set_sandbox says how adp_open, adp_verify, adp_list and adp_cat decode what is in the
 * vault: in a process of its own for each archive, without descriptors, files, network or keys, by
 * Landlock and seccomp. |how| is "auto" (or NULL, and without this call): with what of it the
 * kernel has, or in this process where that is nothing; "on": all of it, or ADP_ERR_UNSUPPORTED
 * when it comes to reading; "off": in this process. Anything else is ADP_ERR_ARGUMENT.
 *
 * The process is forked (handlers of pthread_atfork run) by the thread that calls, which may be one
 * of many, and is gone when the call returns. It allocates: a program that brings an allocator of
 * its own needs one that works in a fork while other threads are in it, as glibc's does, or "off".
 * It takes no signal but SIGKILL. Its end sends SIGCHLD to this process as any child's does; a wait
 * for any child may meet it, and does no harm. Content that breaks it is ADP_ERR_DECODER, with the
 * archive and the offset. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status
adp_vault_set_sandbox(struct adp_vault *vault, const char *how, struct adp_error *err);

/* adp_vault_fingerprint writes the account's fingerprint, for people to compare: 64 hex digits in
 * groups of 8, zero-terminated. It says whose vault this is. */
#define ADP_FINGERPRINT_LEN 72
ADP_EXPORT void adp_vault_fingerprint(const struct adp_vault *vault, char out[ADP_FINGERPRINT_LEN]);

/* adp_vault_first_contact returns whether the identity does not know this vault's account yet. Then
 * nothing tells the vault from a forger's who lists this identity's public keys in a keybag of his
 * own, and sealing, reading and admitting are ADP_ERR_UNTRUSTED, until adp_vault_trust. */
ADP_EXPORT int adp_vault_first_contact(const struct adp_vault *vault);

/* adp_vault_trust decides that the account is the right one, and has the identity remember it, in
 * its file too. |fingerprint| comes from a trusted device: 64 hex digits, spaces between them are
 * ignored; ADP_ERR_ACCOUNT if it is not this vault's, which is checked for a vault that is known as
 * well. NULL trusts what is there: the caller has asked a person. Without an identity it only
 * compares. adp_vault_create trusts its own vault. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status
adp_vault_trust(struct adp_vault *vault, const char *fingerprint, struct adp_error *err);

/* adp_vault_generation returns the keybag's generation. */
ADP_EXPORT uint64_t adp_vault_generation(const struct adp_vault *vault);

/* -- Who may open it -------------------------------------------------------------------------- */

/* Every change is one signed generation of the keybag, which names the one before. A vault that was
 * opened with a trusted device (or a recovery key or contact) makes one, of what it knows: if
 * another writer was faster it is ADP_ERR_CONFLICT, and nothing was changed. When a change that
 * takes access away has returned ADP_OK, the keys that it took are gone from the older generations
 * as well; if it was interrupted, the same call again, or any other change, finishes that. */

struct adp_device {
    const char *name; /* lives until the vault is freed, or changed through this handle, or work
                         through it takes up a newer keybag (docs/API.md, Processes) */
    enum adp_kind kind;
    int is_active;
    int is_self;     /* it is the identity that the vault was opened with */
    int is_outdated; /* a device that has not said yet that its software is as new as this */
    int64_t added_ns;
    uint8_t id[16]; /* recipient id, docs/FORMAT.md section 4 */
};

/* adp_vault_num_devices and adp_vault_device list all that keys are or were wrapped to, and
 * sealers: whoever is not in this list has no access. Removed ones are in it, too. */
ADP_EXPORT size_t adp_vault_num_devices(const struct adp_vault *vault);
ADP_EXPORT void adp_vault_device(const struct adp_vault *vault, size_t index,
                                 struct adp_device *out_device);

/* adp_vault_can_open returns whether the key under which |category| is sealed now is wrapped to
 * recipient |index|. */
ADP_EXPORT int adp_vault_can_open(const struct adp_vault *vault, size_t index, unsigned category);

/* adp_vault_add_device admits the device or sealer that made |request|: every key is wrapped for it
 * (not for a sealer). |name| overrides the request's name if not NULL. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_vault_add_device(struct adp_vault *vault,
                                                               const char *request,
                                                               const char *name,
                                                               struct adp_error *err);

/* adp_vault_remove_device takes access away from the recipient |name|, of whatever kind. What it
 * could open has a new key, and if it could change the keybag, the account as well: what is sealed
 * from now on it cannot open, and no keybag that it signs is taken. The account's fingerprint then
 * changes; identities that know the vault follow by themselves. What it could open before it can
 * still open, here until adp_rewrap, and in copies. A device cannot remove itself.
 * ADP_ERR_NOT_FOUND if there is none of that name; of one that was removed before it is finished
 * what is left to do. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status
adp_vault_remove_device(struct adp_vault *vault, const char *name, struct adp_error *err);

/* adp_vault_update_device lets the vault know that this device's software is new: what needs all
 * devices to be is refused until each has said so. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_vault_update_device(struct adp_vault *vault,
                                                                  struct adp_error *err);

/* adp_vault_rotate gives each of the |num| categories a new key, for what is sealed from now on;
 * all 26 if |num| is zero. Archives are not touched: adp_rewrap does that. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_vault_rotate(struct adp_vault *vault,
                                                           const unsigned *categories, size_t num,
                                                           struct adp_error *err);

/* adp_vault_erase destroys all keys of |category|: nothing that was sealed in it until now can be
 * opened again by anybody who has no older copy of the keybag. What is sealed from now on has a new
 * key. Other categories are as before, and archives are not touched. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_vault_erase(struct adp_vault *vault,
                                                          unsigned category, struct adp_error *err);

/* adp_vault_set_operator makes the identity that made |request|, an operator's, the one who may
 * open what is not end-to-end encrypted: always the categories of class never, under standard
 * protection those of class advanced as well, from the first snapshot on. One that was there before
 * is removed. |name| overrides the request's name if not NULL. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_vault_set_operator(struct adp_vault *vault,
                                                                 const char *request,
                                                                 const char *name,
                                                                 struct adp_error *err);

enum adp_protection {
    ADP_PROTECTION_STANDARD = 1,
    ADP_PROTECTION_ADVANCED = 2, /* Advanced Data Protection */
};

/* adp_vault_set_protection turns Advanced Data Protection on or off. On: the operator loses the
 * keys of the 9 categories of class advanced, old ones too, and they get new ones. ADP_ERR_REFUSED
 * if there is neither recovery key nor contact, or if a device's software is too old. Off: the
 * operator gets all their keys, old ones too. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_vault_set_protection(struct adp_vault *vault,
                                                                   enum adp_protection protection,
                                                                   struct adp_error *err);

/* adp_vault_add_recovery_key makes a recovery key, writes its code, which is nowhere else, and
 * removes the one that was there before. The caller shows it once, and wipes it. After a failure
 * |out_code| is empty, unless the key counts already and only what follows has failed: show it. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status
adp_vault_add_recovery_key(struct adp_vault *vault, char out_code[ADP_RECOVERY_CODE_LEN],
                           struct adp_error *err);

/* adp_vault_add_recovery_contact makes a recovery contact (there may be ADP_MAX_CONTACTS). Its
 * secret has two halves, of which neither alone says anything: |out_code| is for the contact to
 * keep. The other half is written to |out_half|, for the caller to keep elsewhere; or, if that is
 * NULL, is in the keybag under the operator's key: ADP_ERR_ARGUMENT if there is no operator. After
 * a failure |out_code| is empty, unless the contact counts already, as with a recovery key. */
#define ADP_MAX_CONTACTS 5
ADP_EXPORT ADP_MUST_CHECK enum adp_status
adp_vault_add_recovery_contact(struct adp_vault *vault, const char *name,
                               char out_code[ADP_RECOVERY_CODE_LEN],
                               char out_half[ADP_RECOVERY_CODE_LEN], struct adp_error *err);

/* adp_vault_release_half writes the half of the contact |name| that the operator holds, with whose
 * identity the vault was opened. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status
adp_vault_release_half(const struct adp_vault *vault, const char *name,
                       char out_half[ADP_RECOVERY_CODE_LEN], struct adp_error *err);

/* struct adp_vault_info is what a vault's newest keybag says of itself. Strings live as long as
 * those of struct adp_device. */
struct adp_vault_info {
    uint64_t generation;
    int64_t changed_ns;
    const char *changed_by; /* name of the recipient that made this generation */
    const char *reason;     /* e.g. "device added: phone" */
    enum adp_protection protection;
};
ADP_EXPORT void adp_vault_describe(const struct adp_vault *vault, struct adp_vault_info *out_info);

struct adp_category_info {
    uint32_t epoch;      /* the newest: what is sealed now is sealed under it */
    uint32_t num_erased; /* how many of the epochs have no keys any more */
    int is_end_to_end;   /* nobody but devices and recovery has a key, an old one neither: there is
                            no operator, or it has none */
};
ADP_EXPORT void adp_vault_category(const struct adp_vault *vault, unsigned category,
                                   struct adp_category_info *out_info);

/* struct adp_history says how the generations lie in the vault. Each is there twice, in keybag/ and
 * beside the snapshots. A change puts right what can be. */
struct adp_history {
    uint64_t num_generations; /* that are there */
    uint64_t num_missing;     /* that are not, or are damaged, in both places */
    uint64_t num_single;      /* one copy is missing */
    uint64_t num_damaged;     /* one copy is damaged, another's, or the newest's without a key */
    uint64_t num_leftovers;   /* keys in older generations that were taken away since */
    uint64_t num_fixed; /* generations of version 1 with such keys: they cannot be destroyed */
};

/* adp_vault_history reads all generations and looks. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_vault_history(const struct adp_vault *vault,
                                                            struct adp_history *out_history,
                                                            struct adp_error *err);

/* -- Snapshots ------------------------------------------------------------------------------- */

#define ADP_SNAPSHOT_ID_LEN 25

struct adp_archive_info {
    unsigned category;
    uint32_t epoch;
    uint64_t size; /* of the archive file, bytes */
};

struct adp_snapshot_info {
    char id[ADP_SNAPSHOT_ID_LEN + 1];
    int64_t started_ns, finished_ns;
    char author[65]; /* name of the device or sealer that signed it */
    size_t num_archives;
    struct adp_archive_info archives[ADP_NUM_CATEGORIES];
};

/* struct adp_snapshots is a list of snapshots, oldest first. */
struct adp_snapshots {
    struct adp_snapshot_info *items;
    size_t num;
};

/* adp_vault_snapshots lists the snapshots whose records verify. Records that do not are told to
 * |on_event| (NULL is allowed) as ADP_EVENT_REFUSED, and make the result ADP_ERR_PARTIAL, with
 * |*out| filled nevertheless. The caller must call adp_snapshots_free. */
struct adp_event;
typedef void (*adp_event_fn)(void *user, const struct adp_event *event);
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_vault_snapshots(struct adp_vault *vault,
                                                              struct adp_snapshots *out,
                                                              adp_event_fn on_event, void *user,
                                                              struct adp_error *err);
ADP_EXPORT void adp_snapshots_free(struct adp_snapshots *snapshots);

/* -- What long work tells its caller --------------------------------------------------------- */

enum adp_event_kind {
    ADP_EVENT_SKIPPED = 1,      /* seal: a socket or device, recorded by name only */
    ADP_EVENT_UNREADABLE = 2,   /* seal: could not be read, wholly or in part (attributes) */
    ADP_EVENT_CHANGED = 3,      /* seal: changed while it was read; recorded with that mark */
    ADP_EVENT_NOT_RESTORED = 4, /* open: this entry was not restored, or not wholly */
    ADP_EVENT_METADATA = 5,     /* open: content restored, but some metadata could not be set */
    ADP_EVENT_REFUSED = 6,      /* a record or archive was refused */
    ADP_EVENT_NOTE = 7,         /* something to know that is no failure */
    ADP_EVENT_DAMAGED = 8, /* open with |keep_going|, verify: a damaged stretch of an archive */
};

/* A stretch of an archive whose bytes are not what was sealed, or cannot be read: whole segments,
 * one after the other. */
struct adp_damage {
    uint64_t offset;          /* in bytes from the beginning of the archive */
    uint64_t len;             /* in bytes; 0: not known, for nothing of the archive can be read */
    const char *const *paths; /* the selected entries that lie in it, in order */
    size_t num_paths;
};

struct adp_event {
    enum adp_event_kind kind;
    enum adp_status status;
    int sys_errno;
    const char *path;                /* the entry or file; valid during the call */
    const char *message;             /* what happened, for people; valid during the call */
    const struct adp_error *error;   /* with ADP_EVENT_REFUSED: all of it; valid during the call */
    const struct adp_damage *damage; /* with ADP_EVENT_DAMAGED, of |path|; valid during the call */
};

struct adp_progress {
    const char *stage; /* "scan", within it "manifest"; "seal", "open", "verify", "scrub", "parity",
                          "repair", "rewrap" */
    uint64_t done_bytes, total_bytes;
    uint64_t done_entries, total_entries;
};

/* adp_progress_fn is called at the beginning of a stage and then some ten times a second, from the
 * thread that called the library. Nonzero cancels the work: it ends with ADP_ERR_CANCELLED; a seal
 * then leaves nothing behind, an open what was complete. */
typedef int (*adp_progress_fn)(void *user, const struct adp_progress *progress);

/* struct adp_options is common to all long work. All zero means the defaults. */
struct adp_options {
    unsigned num_threads; /* 0: one per core, as far as the memory feeds them */
    size_t memory;        /* bytes of buffers; 0: 64 MiB; at least 16 MiB */
    const char *io;       /* "auto" (or NULL), "uring", "threads" */
    int is_idle;          /* input and output come after everybody else's, ioprio_set(2) */
    uint64_t limit_rate;  /* bytes of content (open: of archives) a second; 0: no limit */
    adp_progress_fn on_progress;
    adp_event_fn on_event;
    void *user; /* handed to both */
};

/* The stages of long work, in a report. */
enum adp_stage {
    ADP_STAGE_SCAN = 0,     /* seal: walking and classifying the sources */
    ADP_STAGE_READ = 1,     /* small files by threads, everything else by the queue */
    ADP_STAGE_COMPRESS = 2, /* digests, and zstd where it pays */
    ADP_STAGE_ENCRYPT = 3,
    ADP_STAGE_ATTEST = 4,  /* digests of segments, for the attestation */
    ADP_STAGE_WRITE = 5,   /* seal: segments */
    ADP_STAGE_DECRYPT = 6, /* open, verify */
    ADP_STAGE_RESTORE = 7, /* open, verify: decompressing, checking digests, writing files */
    ADP_STAGE_COMMIT = 8,  /* syncs, names, the record */
};
#define ADP_NUM_STAGES 9

struct adp_stage_report {
    uint64_t count; /* pieces of work: files or chunks, frames, segments */
    uint64_t bytes;
    double busy_s; /* from the beginning to the end of each piece; many are under way at once */
    double cpu_s;  /* of the threads that did it: what the kernel does by itself is not in it */
};

/* adp_stage_name returns its name, e.g. "encrypt". */
ADP_EXPORT const char *adp_stage_name(enum adp_stage stage);

struct adp_category_report {
    uint64_t entries; /* everything in the index: files, directories, links, ... */
    uint64_t files;
    uint64_t bytes;                        /* content, as the files have it */
    uint64_t stored_bytes;                 /* archive file, bytes; seal and verify only */
    uint64_t derived_files, derived_bytes; /* those of |files| and |bytes| that can be made again */
};

struct adp_report {
    char snapshot[ADP_SNAPSHOT_ID_LEN + 1];
    struct adp_category_report categories[ADP_NUM_CATEGORIES + 1]; /* by number; [0] is the sum */
    uint64_t num_skipped, num_unreadable, num_changed;             /* seal */
    uint64_t num_not_restored, num_metadata;                       /* open */
    const char *io;              /* what it ran on: "uring" or "threads" */
    const char *kernel;          /* AES-256-GCM kernel */
    uint64_t direct_read_bytes;  /* bulk reads around the page cache */
    uint64_t direct_write_bytes; /* and writes; zero where the file system refuses it */
    struct adp_stage_report stages[ADP_NUM_STAGES];
    double cpu_s; /* of the whole process meanwhile, and of the sandbox */
    uint64_t left_out_files, left_out_bytes; /* derived, with |skip_derived|; in no category */
    const char *sandbox; /* open, verify: "landlock+seccomp", "seccomp", "landlock" or "off"; the
                            weakest of all archives, NULL if none was opened */
};

/* -- Seal ------------------------------------------------------------------------------------ */

struct adp_seal_options {
    struct adp_options common;
    const char *const *sources; /* files or directories; a source's last component is the first
                                   component of its paths in the snapshot */
    size_t num_sources;
    const struct adp_policy *policy; /* NULL: the built-in rules */
    unsigned category;       /* everything into this category; 0: as policy and profiles say */
    int compression_level;   /* of zstd, 1 to 19; 0: 3 */
    int without_attestation; /* no digests of the archives for whoever holds no key */
    const char *profile; /* "auto" (or NULL): folders whose structure is known are found, and what
                            lies in them follows it; "none": nothing does; else what each source
                            is, a name of adp_profile_name */
    int skip_derived;    /* what can be made again from the rest is left out, and counted */
    const char *sandbox; /* how SQLite reads the manifest of a device's backup: "auto" (or NULL),
                            "on" or "off", as adp_vault_set_sandbox says of archives */
    unsigned parity_percent; /* of parity beside each archive, 1 to 100: adp_parity_add; 0: none */
};

/* With its attestation a snapshot has a digest of each segment of its archives, which whoever holds
 * no key can check, and tell damage from forgery by. It costs half a second of CPU per GB. */

/* adp_seal seals the sources into a new snapshot. The vault must have been opened with the identity
 * of a device or sealer. The snapshot is there, whole, when this returns ADP_OK or ADP_ERR_PARTIAL
 * (some sources could not be read or changed meanwhile); otherwise it is not there at all. Sources
 * that do not exist are ADP_ERR_NOT_FOUND before anything is written; two sources with the same
 * last component ADP_ERR_ARGUMENT. The vault's own directory is left out if it lies in a source. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_seal(struct adp_vault *vault,
                                                   const struct adp_seal_options *options,
                                                   struct adp_report *out_report,
                                                   struct adp_error *err);

/* A folder that a profile knows. */
struct adp_found_profile {
    const char *profile; /* its name; lives for ever */
    char *path;          /* of the folder in the snapshot */
    uint64_t files, bytes;
};

/* What adp_seal would do. */
struct adp_seal_plan {
    struct adp_category_report categories[ADP_NUM_CATEGORIES + 1]; /* by number; [0] is the sum */
    uint64_t left_out_files, left_out_bytes; /* derived, with |skip_derived|; in no category */
    struct adp_found_profile *profiles;      /* in order of paths */
    size_t num_profiles;
};

/* adp_seal_plan_make walks the sources and classifies them as adp_seal does, and writes nothing. No
 * file is opened but what profiles need, so that what cannot be read still counts. |vault| is left
 * out of the sources and needs no identity; NULL if there is none. ADP_ERR_PARTIAL if folders could
 * not be listed, with |*out| filled nevertheless. The caller must call adp_seal_plan_free. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_seal_plan_make(struct adp_seal_plan *out,
                                                             const struct adp_vault *vault,
                                                             const struct adp_seal_options *options,
                                                             struct adp_error *err);
ADP_EXPORT void adp_seal_plan_free(struct adp_seal_plan *plan);

/* -- Read ------------------------------------------------------------------------------------ */

enum adp_entry_type {
    ADP_ENTRY_FILE = 1,
    ADP_ENTRY_DIRECTORY = 2,
    ADP_ENTRY_SYMLINK = 3,
    ADP_ENTRY_FIFO = 4,
    ADP_ENTRY_HARDLINK = 5,
    ADP_ENTRY_SKIPPED = 6,
};

struct adp_entry {
    enum adp_entry_type type;
    unsigned category;
    const char *path;
    const char *label;  /* what the source's own structure calls it, or NULL where there is none:
                           text (UTF-8) of 1 to 4096 bytes, without control characters */
    const char *target; /* of symbolic and hard links, else NULL */
    unsigned mode;
    uint32_t uid, gid;
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint64_t size;
    int is_changed; /* changed while it was read */
    int is_derived; /* can be made again from other entries: a thumbnail, a transcoded film */
};

/* What to read of a snapshot. |snapshot| is an id, an unambiguous beginning of one, or "latest".
 * |paths| select entries and all below them; none selects everything; "." and a trailing slash are
 * understood. |categories| select archives by number; none selects all. Categories that the
 * identity has no key for are ADP_ERR_NO_KEY if they were named, or if none can be opened; else
 * they are told as ADP_EVENT_REFUSED and the result is ADP_ERR_PARTIAL. A path that matches nothing
 * is ADP_ERR_NOT_FOUND. */
struct adp_selection {
    const char *snapshot;
    const char *const *paths;
    size_t num_paths;
    const unsigned *categories;
    size_t num_categories;
};

/* adp_entry_fn sees one entry; the struct is valid during the call. Nonzero ends the listing with
 * ADP_ERR_CANCELLED. */
typedef int (*adp_entry_fn)(void *user, const struct adp_entry *entry);

/* adp_list tells every selected entry, category by category, each in order of paths. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_list(struct adp_vault *vault,
                                                   const struct adp_selection *selection,
                                                   adp_entry_fn on_entry, adp_event_fn on_event,
                                                   void *user, struct adp_error *err);

struct adp_open_options {
    struct adp_options common;
    struct adp_selection selection;
    const char *target; /* directory; made if it does not exist */
    int overwrite;      /* replace files that exist; without it they are left and named */
    int sync_each;    /* sync every file as it is completed; without it all are, once, at the end */
    int skip_derived; /* entries that can be made again from others are left out, and counted */
    int keep_going;   /* damage takes the entries that lie in it alone: see adp_open */
};

/* adp_open restores. Nothing is written outside |target|, and no symbolic link below it is
 * followed. Only authentic content is written, and what has its name and its permissions is
 * complete: until then a file has a temporary name or no permissions at all. When adp_open returns,
 * everything is on the disk; after a power loss before that, restore again, with |overwrite|. Where
 * the file system takes two names of the snapshot for one, the second entry is not restored.
 *
 * Damage ends the work on its archive; others are restored. With |keep_going| everything that is
 * not damaged is restored: each entry that is not is told as ADP_EVENT_NOT_RESTORED, each damaged
 * stretch as ADP_EVENT_DAMAGED. Where the index is damaged, names are lost that nobody can tell any
 * more: that is an ADP_EVENT_REFUSED, and says between which paths. The result is the first
 * damage's status, never ADP_OK or ADP_ERR_PARTIAL, with |*out_report| filled nevertheless. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_open(struct adp_vault *vault,
                                                   const struct adp_open_options *options,
                                                   struct adp_report *out_report,
                                                   struct adp_error *err);

/* adp_cat writes the content of the one file |path| to the descriptor |fd|, in order; only
 * authenticated bytes are written. Hard links are followed to their content. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_cat(struct adp_vault *vault, const char *snapshot,
                                                  const char *path, int fd, struct adp_error *err);

struct adp_verify_options {
    struct adp_options common;
    struct adp_selection selection; /* |snapshot| NULL: all snapshots; |paths| must be empty */
};

/* adp_verify authenticates and decompresses everything selected, and checks digests and the
 * record's tags digest; nothing is written. Archives that fail are told as ADP_EVENT_REFUSED with
 * the offset of the first damage, all their damaged stretches as ADP_EVENT_DAMAGED; the others are
 * still verified; the result is then the first failure's status. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_verify(struct adp_vault *vault,
                                                     const struct adp_verify_options *options,
                                                     struct adp_report *out_report,
                                                     struct adp_error *err);

/* -- Scrub ----------------------------------------------------------------------------------- */

/* What a scrub finds. The attestation tells damage from exchange: docs/SECURITY.md. */
enum adp_finding_kind {
    ADP_FINDING_DAMAGED = 1,   /* not the bytes that were sealed, while the rest fits: a disk's
                                  error, or somebody without keys */
    ADP_FINDING_EXCHANGED = 2, /* whole in itself, but not the one that was signed: somebody has put
                                  it there */
    ADP_FINDING_MISSING = 3,
    ADP_FINDING_UNREADABLE = 4, /* the operating system gives no bytes */
    ADP_FINDING_UNTOLD = 5,     /* without an attestation that is whole not all can be told */
    ADP_FINDING_SURPLUS = 6,    /* no record names it, and it means nothing: no failure */
};
#define ADP_NUM_FINDINGS 7 /* numbers from 1 */

/* adp_finding_name returns the word for |kind|, e.g. "damaged"; NULL if there is none. */
ADP_EXPORT const char *adp_finding_name(enum adp_finding_kind kind);

struct adp_finding {
    enum adp_finding_kind kind;
    const char *snapshot;          /* its id; NULL if it is of none */
    unsigned category;             /* of the archive; 0 if it is of none */
    uint64_t offset, len;          /* the extent in the file, bytes; |len| 0: the file as a whole */
    const struct adp_error *error; /* the file, what it is and what to do */
};

/* adp_finding_fn is told each finding as it is made, on the thread that called the library; all
 * pointers are valid during the call. Damaged bytes that follow each other are one extent. */
typedef void (*adp_finding_fn)(void *user, const struct adp_finding *finding);

struct adp_scrub_options {
    struct adp_options common; /* |on_event| is not called */
    const char *snapshot;      /* as in struct adp_selection; NULL: all, and the keybag's copies */
    adp_finding_fn on_finding; /* with |common.user|; NULL is allowed */
    int without_parity;        /* parity files are not looked at */
};

struct adp_scrub_report {
    uint64_t num_snapshots; /* whose records verify */
    uint64_t num_archives;  /* that these name */
    uint64_t num_attested;  /* of them: held against their attestation, byte for byte */
    uint64_t num_findings[ADP_NUM_FINDINGS]; /* by kind */
    struct adp_report work; /* of its categories |stored_bytes| alone, what was read; no kernel */
};

/* adp_scrub reads everything and holds it against what was signed, without any key: the vault may
 * have been opened with no identity at all, and the keybag then is only checked in itself. Archives
 * are held against the attestation. One that has none is checked as far as that goes, in size,
 * header checksum and the tags of its segments, and told as ADP_FINDING_UNTOLD. Nothing is
 * decrypted and nothing written. If anything is found but what is surplus the result is a failure:
 * of integrity if there is one among the findings, ADP_ERR_PARTIAL if nothing worse was found than
 * what cannot be told; |*out_report| is filled in every case. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_scrub(struct adp_vault *vault,
                                                    const struct adp_scrub_options *options,
                                                    struct adp_scrub_report *out_report,
                                                    struct adp_error *err);

/* -- Parity ---------------------------------------------------------------------------------- */

/* Parity lies in a file beside each archive. |percent| of it heal a damaged stretch of as much of
 * the archive, wherever it begins, and scattered damage as docs/FORMAT.md section 6.3 says. */
struct adp_parity_options {
    struct adp_options common; /* callbacks; what else is there counts for looking first */
    const char *snapshot;      /* as in struct adp_selection; NULL: all */
    unsigned percent;          /* 1 to 100 */
};

struct adp_parity_report {
    uint64_t num_archives; /* looked at */
    uint64_t num_made;     /* have this much parity now */
    uint64_t num_failed;   /* archives, and records that were refused; each was told */
};

/* adp_parity_add makes parity of archives that are there, in place of what they have of it. It
 * needs no key: the vault may have been opened with no identity. What adp_scrub finds something
 * wrong with is told as ADP_EVENT_REFUSED and gets none; the result is then the first failure's
 * status. ADP_ERR_CONFLICT if a rewrap or repair is at work. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_parity_add(struct adp_vault *vault,
                                                         const struct adp_parity_options *options,
                                                         struct adp_parity_report *out_report,
                                                         struct adp_error *err);

struct adp_repair_options {
    struct adp_options common; /* callbacks; what else is there counts for looking afterwards */
    const char *snapshot;      /* as in struct adp_selection; NULL: all */
};

struct adp_repair_report {
    uint64_t num_archives; /* looked at */
    uint64_t num_whole;    /* with parity, nothing damaged */
    uint64_t num_healed;   /* they or their parity were damaged */
    uint64_t num_without;  /* have no parity: nothing is known of them */
    uint64_t num_failed; /* what cannot be healed, or does not fit what was signed; each was told */
    uint64_t healed_bytes; /* of archives */
};

/* adp_repair heals archives and their parity files, byte for byte, without any key. What has more
 * damage than its parity heals is told as ADP_EVENT_REFUSED and left as it is; the result is then
 * the first failure's status. Parity finds damage, not forgery: what was healed is held against
 * what was signed, as by adp_scrub. It may be interrupted at any moment, a power cut included: the
 * next call goes on. ADP_ERR_CONFLICT as above. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_repair(struct adp_vault *vault,
                                                     const struct adp_repair_options *options,
                                                     struct adp_repair_report *out_report,
                                                     struct adp_error *err);

/* -- Rewrap ---------------------------------------------------------------------------------- */

struct adp_rewrap_options {
    struct adp_options common; /* of these the callbacks alone count */
    const char *snapshot;      /* as in struct adp_selection; NULL: all */
};

struct adp_rewrap_report {
    uint64_t num_archives;  /* looked at */
    uint64_t num_rewritten; /* have a key slot of the newest epoch now, and no other */
    uint64_t num_new;       /* had it before */
    uint64_t num_erased;    /* left alone: nobody holds the key of their category any more */
    uint64_t num_mended;    /* had a damaged header that an interrupted rewrap had left */
    uint64_t num_failed;    /* archives, and records that were refused; each was told */
};

/* adp_rewrap gives archives that have key slots of older epochs one of the newest instead, so that
 * after adp_vault_remove_device or adp_vault_rotate who holds the older keys alone opens nothing
 * here. Bodies are not touched. The vault must have been opened with an identity that opens the
 * archives: one that it cannot open, or cannot write, is told as ADP_EVENT_REFUSED and left as it
 * is, and the result is ADP_ERR_PARTIAL, or that failure if all fail. It may be interrupted at any
 * moment, a power cut included: every archive still opens, and the next call finishes. Cancelled by
 * the progress callback it has changed no header. ADP_ERR_CONFLICT if another one is at work. */
ADP_EXPORT ADP_MUST_CHECK enum adp_status adp_rewrap(struct adp_vault *vault,
                                                     const struct adp_rewrap_options *options,
                                                     struct adp_rewrap_report *out_report,
                                                     struct adp_error *err);

#ifdef __cplusplus
}
#endif

#endif
