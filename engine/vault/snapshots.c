#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "vault.h"
#include "walk.h"

/* -- Names in a folder. */

struct listing {
    struct adp_vault_names *names;
    const char *suffix;
    size_t cap;
};

static int append_name(struct listing *listing, const char *name, size_t len)
{
    struct adp_vault_names *names = listing->names;

    if (names->num == listing->cap) {
        size_t cap = listing->cap > 0 ? listing->cap * 2 : 64;
        char **grown = realloc(names->items, cap * sizeof(*grown));

        if (grown == NULL)
            return -ENOMEM;
        names->items = grown;
        listing->cap = cap;
    }
    names->items[names->num] = strndup(name, len);
    if (names->items[names->num] == NULL)
        return -ENOMEM;
    names->num++;
    return 0;
}

static int list_one(void *user, const struct adp_walk_entry *entry)
{
    struct listing *listing = user;
    size_t suffix_len = strlen(listing->suffix);

    /* What cannot be looked at is not what is not there: a list without it would be a lie. */
    if (entry->event == ADP_WALK_ERROR && (entry->depth == 0 || entry->error != ENOENT))
        return -entry->error;
    if (entry->event != ADP_WALK_ENTRY || entry->depth == 0)
        return ADP_WALK_CONTINUE;
    if (entry->name[0] != '.' && entry->name_len > suffix_len &&
        strcmp(entry->name + entry->name_len - suffix_len, listing->suffix) == 0) {
        int rc = append_name(listing, entry->name, entry->name_len - suffix_len);

        if (rc < 0)
            return rc;
    }
    return S_ISDIR(entry->st->st_mode) ? ADP_WALK_SKIP : ADP_WALK_CONTINUE;
}

enum adp_status adp_vault_list_names(const struct adp_vault *vault, const char *folder,
                                     const char *suffix, struct adp_vault_names *out,
                                     struct adp_error *err)
{
    struct listing listing = {.names = out, .suffix = suffix};
    char path[PATH_MAX];
    int rc = adp_vault_folder_path(path, vault, folder);

    out->items = NULL;
    out->num = 0;
    if (rc == 0)
        rc = adp_walk(path, folder, 1, list_one, &listing);
    if (rc == 0)
        return ADP_OK;
    adp_vault_names_free(out);
    return adp_fail_errno(err, -rc, path, "cannot list a folder of the vault");
}

/* First the list, then the keybag: it is not older than any record in the list. */
enum adp_status adp_vault_list_snapshots(struct adp_vault *vault, struct adp_vault_names *out,
                                         struct adp_error *err)
{
    enum adp_status status = adp_vault_list_names(vault, "snapshots", ".adpr", out, err);
    size_t kept = 0;

    for (size_t i = 0; i < out->num; i++) {
        if (adp_snapshot_id_check(out->items[i], strlen(out->items[i])))
            out->items[kept++] = out->items[i];
        else
            free(out->items[i]);
    }
    out->num = kept;
    if (status == ADP_OK)
        status = adp_vault_refresh(vault, err);
    if (status != ADP_OK)
        adp_vault_names_free(out);
    return status;
}

void adp_vault_names_free(struct adp_vault_names *names)
{
    for (size_t i = 0; i < names->num; i++)
        free(names->items[i]);
    free(names->items);
    names->items = NULL;
    names->num = 0;
}

/* -- Records. */

static const struct adp_recipient *find_author(const struct adp_vault *vault,
                                               const uint8_t id[ADP_ID_LEN])
{
    for (size_t i = 0; i < vault->keybag.num_recipients; i++) {
        const struct adp_recipient *recipient = &vault->keybag.recipients[i];
        uint8_t recipient_id[ADP_ID_LEN];

        adp_recipient_id(recipient_id, recipient);
        if (recipient->kind <= ADP_RECIPIENT_SEALER && memcmp(recipient_id, id, ADP_ID_LEN) == 0)
            return recipient;
    }
    return NULL;
}

/* Clocks differ: of a record's time only so much is held against its author. */
#define CLOCK_TOLERANCE_NS (INT64_C(86400) * 1000000000)

static int is_after_removal(const struct adp_recipient *author, const struct adp_record *record)
{
    if (author->state != ADP_RECIPIENT_REMOVED)
        return 0;
    return record->keybag_generation >= author->removed_generation ||
           record->started_ns > author->removed_ns + CLOCK_TOLERANCE_NS;
}

static enum adp_status fail_rolled_back(const struct adp_vault *vault,
                                        const struct adp_record *record, const char *path,
                                        struct adp_error *err)
{
    adp_fail(err, ADP_ERR_ROLLBACK, path,
             "it was sealed under keybag generation %" PRIu64 ", but the vault's is %" PRIu64,
             record->keybag_generation, vault->keybag.generation);
    return adp_error_hint(err, ADP_ERR_ROLLBACK,
                          "the keybag has been set back: restore the newer files of keybag/ from a "
                          "copy");
}

static enum adp_status fail_unknown_author(const struct adp_vault *vault,
                                           const struct adp_record *record, const char *path,
                                           struct adp_error *err)
{
    if (memcmp(record->vault_id, vault->keybag.vault_id, ADP_ID_LEN) != 0)
        return adp_fail(err, ADP_ERR_MISMATCH, path, "this record belongs to another vault");
    if (record->keybag_generation > vault->keybag.generation)
        return fail_rolled_back(vault, record, path, err);
    adp_fail(err, ADP_ERR_SIGNATURE, path, "whoever signed this record is unknown to the vault");
    return adp_error_hint(err, ADP_ERR_SIGNATURE,
                          "a newer keybag may know them; if not, it is forged");
}

/* What is signed, and nevertheless not a record to be taken here. */
static enum adp_status check_signed(const struct adp_vault *vault, const struct adp_record *record,
                                    const struct adp_recipient *author, const char *id,
                                    const char *path, struct adp_error *err)
{
    if (memcmp(record->vault_id, vault->keybag.vault_id, ADP_ID_LEN) != 0)
        return adp_fail(err, ADP_ERR_MISMATCH, path, "this record belongs to another vault");
    if (strcmp(record->id, id) != 0)
        return adp_fail(err, ADP_ERR_MISMATCH, path, "this record is that of snapshot %s",
                        record->id);
    if (!adp_snapshot_id_is_of(id, record->started_ns))
        return adp_fail(err, ADP_ERR_MISMATCH, path, "its name does not tell when it was started");
    if (record->keybag_generation > vault->keybag.generation)
        return fail_rolled_back(vault, record, path, err);
    if (!is_after_removal(author, record))
        return ADP_OK;
    adp_fail(err, ADP_ERR_SIGNATURE, path, "\"%s\" made this record after it was removed",
             author->name);
    return adp_error_hint(err, ADP_ERR_SIGNATURE,
                          "do not use the snapshot: whoever has that device's keys made it");
}

/* The signature first: a record that was damaged says something else than one that was exchanged.
 */
static enum adp_status check_record(const struct adp_vault *vault, const struct adp_record *record,
                                    const char *id, const uint8_t *data, size_t len,
                                    const char *path, struct adp_error *err)
{
    const struct adp_recipient *author = find_author(vault, record->author);
    enum adp_status status;

    if (author == NULL)
        return fail_unknown_author(vault, record, path, err);
    status = adp_record_verify(data, len, author->sign_pub, path, err);
    return status == ADP_OK ? check_signed(vault, record, author, id, path, err) : status;
}

enum adp_status adp_vault_load_record(const struct adp_vault *vault, const char *id,
                                      struct adp_record *out, struct adp_error *err)
{
    char path[ADP_VAULT_PATH_LEN], name[64];
    uint8_t *data = NULL;
    size_t len = 0;
    enum adp_status status;
    int rc;

    snprintf(name, sizeof(name), "%.32s.adpr", id);
    adp_vault_path(path, vault, "snapshots/%s", name);
    rc = adp_fs_load(vault->snapshots_dir, name, ADP_RECORD_MAX, &data, &len);
    if (rc == -ENOENT) {
        adp_fail(err, ADP_ERR_NOT_FOUND, path, "there is no such snapshot");
        return adp_error_hint(err, ADP_ERR_NOT_FOUND, "see: adp-seal snapshots %s", vault->path);
    }
    if (rc < 0)
        return adp_fail_errno(err, -rc, path, "cannot read the snapshot's record");
    status = adp_record_parse(out, data, len, path, err);
    if (status == ADP_OK)
        status = check_record(vault, out, id, data, len, path, err);
    free(data);
    return status;
}

static enum adp_status no_such_snapshot(const struct adp_vault *vault,
                                        const struct adp_vault_names *names, const char *name,
                                        struct adp_error *err)
{
    if (names->num == 0) {
        adp_fail(err, ADP_ERR_NOT_FOUND, vault->path, "the vault has no snapshot yet");
        return adp_error_hint(err, ADP_ERR_NOT_FOUND, "make one: adp-seal seal %s SOURCE",
                              vault->path);
    }
    adp_fail(err, ADP_ERR_NOT_FOUND, vault->path, "there is no snapshot \"%s\"", name);
    return adp_error_hint(err, ADP_ERR_NOT_FOUND, "see: adp-seal snapshots %s", vault->path);
}

static enum adp_status resolve_prefix(const struct adp_vault *vault,
                                      const struct adp_vault_names *names, const char *name,
                                      struct adp_record *out, struct adp_error *err)
{
    const char *found = NULL;
    size_t matches = 0, len = strlen(name);

    for (size_t i = 0; len > 0 && i < names->num; i++) {
        if (strncmp(names->items[i], name, len) == 0) {
            found = names->items[i];
            matches++;
        }
    }
    if (matches > 1)
        return adp_fail(err, ADP_ERR_ARGUMENT, vault->path, "%zu snapshots begin with \"%s\"",
                        matches, name);
    if (found != NULL)
        return adp_vault_load_record(vault, found, out, err);
    return no_such_snapshot(vault, names, name, err);
}

static int has_access(const struct adp_vault *vault, const struct adp_record *record)
{
    const struct adp_recipient *author = find_author(vault, record->author);

    return author != NULL && author->state == ADP_RECIPIENT_ACTIVE;
}

/* Ids order by the second; among those of one second the signed time decides. |*out| is the record
 * of |names->items[index]|. */
static enum adp_status latest_of_second(const struct adp_vault *vault,
                                        const struct adp_vault_names *names, size_t index,
                                        struct adp_record *out, struct adp_error *err)
{
    const size_t second_len = ADP_SNAPSHOT_ID_LEN - 9;
    enum adp_status status = ADP_OK;

    for (size_t i = index; status == ADP_OK && i > 0; i--) {
        struct adp_record other;

        if (strncmp(names->items[i - 1], names->items[index], second_len) != 0)
            break;
        status = adp_vault_load_record(vault, names->items[i - 1], &other, err);
        if (status == ADP_OK && has_access(vault, &other) == has_access(vault, out) &&
            other.started_ns > out->started_ns)
            *out = other;
    }
    return status;
}

/* The newest snapshot of those that have access still, for what a removed one signs nobody can
 * date; if there is none, the newest. */
static enum adp_status resolve_latest(const struct adp_vault *vault,
                                      const struct adp_vault_names *names, struct adp_record *out,
                                      struct adp_error *err)
{
    enum adp_status status;

    if (names->num == 0)
        return no_such_snapshot(vault, names, "latest", err);
    for (size_t i = names->num; i > 0; i--) {
        status = adp_vault_load_record(vault, names->items[i - 1], out, err);
        if (status != ADP_OK)
            return status;
        if (has_access(vault, out))
            return latest_of_second(vault, names, i - 1, out, err);
    }
    status = adp_vault_load_record(vault, names->items[names->num - 1], out, err);
    return status == ADP_OK ? latest_of_second(vault, names, names->num - 1, out, err) : status;
}

enum adp_status adp_vault_resolve(struct adp_vault *vault, const char *name, struct adp_record *out,
                                  struct adp_error *err)
{
    struct adp_vault_names names;
    enum adp_status status = adp_vault_list_snapshots(vault, &names, err);

    if (status != ADP_OK)
        return status;
    if (strcmp(name, "latest") == 0)
        status = resolve_latest(vault, &names, out, err);
    else
        status = resolve_prefix(vault, &names, name, out, err);
    adp_vault_names_free(&names);
    return status;
}

enum adp_status adp_vault_each_record(struct adp_vault *vault, const char *snapshot,
                                      adp_record_fn on_record, adp_refused_fn on_refused,
                                      void *user, struct adp_error *err)
{
    struct adp_vault_names names;
    struct adp_record record;
    enum adp_status status;

    if (snapshot != NULL) {
        status = adp_vault_resolve(vault, snapshot, &record, err);
        return status == ADP_OK ? on_record(user, &record, err) : status;
    }
    status = adp_vault_list_snapshots(vault, &names, err);
    for (size_t i = 0; status == ADP_OK && i < names.num; i++) {
        struct adp_error why = {0};

        if (adp_vault_load_record(vault, names.items[i], &record, &why) == ADP_OK)
            status = on_record(user, &record, err);
        else
            on_refused(user, names.items[i], &why);
    }
    adp_vault_names_free(&names);
    return status;
}

/* -- The public list. */

static void describe(const struct adp_vault *vault, const struct adp_record *record,
                     struct adp_snapshot_info *out)
{
    const struct adp_recipient *author = find_author(vault, record->author);

    memset(out, 0, sizeof(*out));
    memcpy(out->id, record->id, sizeof(out->id));
    out->started_ns = record->started_ns;
    out->finished_ns = record->finished_ns;
    snprintf(out->author, sizeof(out->author), "%s", author->name);
    out->num_archives = record->num_archives;
    for (size_t i = 0; i < record->num_archives; i++) {
        out->archives[i].category = record->archives[i].category;
        out->archives[i].epoch = record->archives[i].epoch;
        out->archives[i].size = record->archives[i].size;
    }
}

static void tell_refused(const struct adp_error *why, adp_event_fn on_event, void *user)
{
    struct adp_event event = {.kind = ADP_EVENT_REFUSED,
                              .status = why->status,
                              .sys_errno = why->sys_errno,
                              .path = why->path,
                              .message = why->message,
                              .error = why};

    if (on_event != NULL)
        on_event(user, &event);
}

/* Ids order by the second only. */
static int compare_started(const void *a, const void *b)
{
    const struct adp_snapshot_info *x = a, *y = b;

    if (x->started_ns != y->started_ns)
        return x->started_ns < y->started_ns ? -1 : 1;
    return strcmp(x->id, y->id);
}

enum adp_status adp_vault_snapshots(struct adp_vault *vault, struct adp_snapshots *out,
                                    adp_event_fn on_event, void *user, struct adp_error *err)
{
    struct adp_vault_names names;
    enum adp_status status = adp_vault_list_snapshots(vault, &names, err);

    out->items = NULL;
    out->num = 0;
    if (status != ADP_OK)
        return status;
    out->items = calloc(names.num > 0 ? names.num : 1, sizeof(*out->items));
    if (out->items == NULL)
        status = adp_fail_memory(err);
    for (size_t i = 0; out->items != NULL && i < names.num; i++) {
        struct adp_record record;
        struct adp_error why = {0};

        if (adp_vault_load_record(vault, names.items[i], &record, &why) == ADP_OK) {
            describe(vault, &record, &out->items[out->num++]);
        } else {
            tell_refused(&why, on_event, user);
            status = adp_fail(err, ADP_ERR_PARTIAL, why.path, "a snapshot's record was refused: %s",
                              why.message);
        }
    }
    if (out->num > 1)
        qsort(out->items, out->num, sizeof(*out->items), compare_started);
    adp_vault_names_free(&names);
    return status;
}

void adp_snapshots_free(struct adp_snapshots *snapshots)
{
    free(snapshots->items);
    snapshots->items = NULL;
    snapshots->num = 0;
}

/* -- Leftovers. */

/* Anything but a clear no counts as yes: what is committed must not be removed. */
static int may_have_record(const struct adp_vault *vault, const char *id)
{
    char name[64];
    struct stat st;

    snprintf(name, sizeof(name), "%s.adpr", id);
    return adp_entry_stat(vault->snapshots_dir, name, &st) != -ENOENT;
}

static void clean_one(const struct adp_vault *vault, const char *id)
{
    int fd;

    if (!adp_snapshot_id_check(id, strlen(id)) || may_have_record(vault, id))
        return;
    fd = adp_fs_open_beneath(vault->archives_dir, id, O_RDONLY | O_DIRECTORY, 0);
    /* Its seal may have ended well between the look and the lock: look again. */
    if (fd >= 0 && adp_entry_lock(fd, 1) == 0 && !may_have_record(vault, id))
        (void)adp_fs_remove_tree(vault->archives_dir, id);
    adp_fs_close(fd);
}

void adp_vault_clean(const struct adp_vault *vault)
{
    struct adp_vault_names folders;

    adp_fs_temp_clean(vault->snapshots_dir, NULL);
    if (adp_vault_list_names(vault, "archives", "", &folders, NULL) != ADP_OK)
        return;
    for (size_t i = 0; i < folders.num; i++)
        clean_one(vault, folders.items[i]);
    adp_vault_names_free(&folders);
}
