/* The identity's file: made, read, written back. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "identity.h"
#include "secret.h"

#define LOCK_TRIES    1000u /* with the pause: ten seconds */
#define LOCK_PAUSE_NS 10000000

#define IDENTITY_MODE     0600
#define IDENTITY_DIR_MODE 0700

/* struct identity_place is a path as directory and name. */
struct identity_place {
    char *dir;
    const char *name;
};

static enum adp_status identity_place_of(struct identity_place *out, const char *path,
                                         struct adp_error *err)
{
    const char *slash = strrchr(path, '/');

    out->name = slash != NULL ? slash + 1 : path;
    if (out->name[0] == '\0')
        return adp_fail(err, ADP_ERR_ARGUMENT, path, "the identity's path names no file");
    if (slash == NULL)
        out->dir = strdup(".");
    else
        out->dir = strndup(path, slash > path ? (size_t)(slash - path) : 1);
    return out->dir != NULL ? ADP_OK : adp_fail_memory(err);
}

/* Has the name of |dir| on the disk, as what is in it will be. What may not be read is older. */
static int sync_name(const char *dir)
{
    int fd = adp_fs_open_dir(dir), rc = fd < 0 ? fd : adp_fs_sync_parent(fd);

    adp_fs_close(fd);
    return fd == -EACCES ? 0 : rc;
}

/* Makes |dir| and what is missing above it. What is there already stays as it is, but may be the
 * work of a run that was interrupted before its sync. */
static enum adp_status identity_make_dirs(char *dir, struct adp_error *err)
{
    for (char *end = dir + 1; end[-1] != '\0'; end++) {
        char saved = *end;
        int rc = 0;

        if (saved != '/' && saved != '\0')
            continue;
        *end = '\0';
        if (mkdir(dir, IDENTITY_DIR_MODE) != 0)
            rc = -errno;
        if (rc == 0 || rc == -EEXIST)
            rc = sync_name(dir);
        if (rc < 0)
            return adp_fail_errno(err, -rc, dir, "cannot make the identity's directory");
        *end = saved;
    }
    return ADP_OK;
}

/* Writes |identity| to |path|. */
static enum adp_status identity_publish(const struct adp_identity *identity, const char *path,
                                        enum adp_fs_publish_mode how, struct adp_error *err)
{
    struct identity_place place;
    struct adp_builder bytes = {0};
    enum adp_status status;
    int dirfd, result;

    status = identity_place_of(&place, path, err);
    if (status != ADP_OK)
        return status;
    status = adp_identity_encode(&bytes, identity, err);
    if (status == ADP_OK && how == ADP_FS_PUBLISH_NEW)
        status = identity_make_dirs(place.dir, err);
    if (status != ADP_OK)
        goto out;
    dirfd = adp_fs_open_dir(place.dir);
    if (dirfd < 0) {
        status = adp_fail_errno(err, -dirfd, place.dir, "cannot open the identity's directory");
        goto out;
    }
    adp_fs_temp_clean(dirfd, place.name); /* it would hold the keys */
    result = adp_fs_publish(dirfd, place.name, IDENTITY_MODE, bytes.data, bytes.len, how);
    adp_fs_close(dirfd);
    if (result == -EEXIST) {
        (void)adp_fail(err, ADP_ERR_EXISTS, path, "there is an identity already");
        status = adp_error_hint(err, ADP_ERR_EXISTS,
                                "use it, or name another file: overwriting it would lose its keys");
    } else if (result < 0) {
        status = adp_fail_errno(err, -result, path, "cannot write the identity");
    }
out:
    adp_builder_wipe(&bytes);
    free(place.dir);
    return status;
}

/* Keeps the path in a form that stays right when the process changes its directory, and through
 * which a symbolic link is written to, not replaced. */
static enum adp_status identity_resolve_path(struct adp_identity *identity, struct adp_error *err)
{
    char *path = realpath(identity->path, NULL);

    if (path == NULL)
        return adp_fail_errno(err, errno, identity->path, "cannot find the identity");
    free(identity->path);
    identity->path = path;
    return ADP_OK;
}

/* Draws keys, and the key of the file from |passphrase| unless that is NULL. */
static enum adp_status identity_draw(struct adp_identity *identity, const char *passphrase,
                                     struct adp_error *err)
{
    adp_sign_generate(identity->keys->sign_seed, identity->sign_pub);
    if (identity->kind != ADP_KIND_SEALER)
        adp_kem_generate(identity->keys->kem_private, identity->kem_pub);
    if (passphrase == NULL)
        return ADP_OK;
    identity->has_passphrase = 1;
    identity->log2_n = ADP_IDENTITY_LOG2_N;
    identity->r = ADP_IDENTITY_R;
    identity->p = ADP_IDENTITY_P;
    adp_random(identity->salt, sizeof(identity->salt));
    return adp_scrypt(identity->keys->file_key, passphrase, identity->salt, identity->log2_n,
                      identity->r, identity->p, err);
}

enum adp_status adp_identity_create(struct adp_identity **out_identity, const char *path,
                                    enum adp_kind kind, const char *name, const char *passphrase,
                                    struct adp_error *err)
{
    struct adp_identity *identity;
    enum adp_status status;

    if (!adp_identity_has_kind(kind))
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL,
                        "an identity is a device's, a sealer's or an operator's");
    if (!adp_name_check(name, strlen(name)))
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL,
                        "a name is 1 to 64 bytes of UTF-8 without control characters");
    if (passphrase != NULL && passphrase[0] == '\0')
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "the passphrase is empty");
    identity = adp_identity_new(path);
    if (identity == NULL)
        return adp_fail_memory(err);
    identity->kind = kind;
    strcpy(identity->name, name);
    status = identity_draw(identity, passphrase, err);
    if (status == ADP_OK)
        status = identity_publish(identity, path, ADP_FS_PUBLISH_NEW, err);
    if (status == ADP_OK)
        status = identity_resolve_path(identity, err);
    if (status != ADP_OK) {
        adp_identity_free(identity);
        return status;
    }
    *out_identity = identity;
    return ADP_OK;
}

/* As ssh does: a private key that others may read is not used, so that it gets noticed. */
static enum adp_status identity_check_mode(const char *path, struct adp_error *err)
{
    enum adp_status status;
    struct stat st;

    if (stat(path, &st) != 0) {
        if (errno != ENOENT)
            return adp_fail_errno(err, errno, path, "cannot read the identity");
        (void)adp_fail(err, ADP_ERR_NOT_FOUND, path, "there is no identity file");
        return adp_error_hint(err, ADP_ERR_NOT_FOUND,
                              "name it with --identity, or make one with adp-seal init");
    }
    if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        status = adp_fail(err, ADP_ERR_ARGUMENT, path,
                          "the identity holds private keys, but its mode %04o lets others at it",
                          (unsigned)st.st_mode & 07777);
        return adp_error_hint(err, status, "chmod 600 '%s'", path);
    }
    return ADP_OK;
}

enum adp_status adp_identity_load(struct adp_identity **out_identity, const char *path,
                                  const char *passphrase, struct adp_error *err)
{
    struct adp_identity *identity;
    enum adp_status status;
    uint8_t *data;
    size_t len;
    int result;

    status = identity_check_mode(path, err);
    if (status != ADP_OK)
        return status;
    result = adp_fs_load(AT_FDCWD, path, ADP_IDENTITY_MAX, &data, &len);
    if (result < 0)
        return adp_fail_errno(err, -result, path, "cannot read the identity");
    status = adp_identity_decode(&identity, data, len, passphrase, path, err);
    adp_wipe(data, len);
    free(data);
    if (status != ADP_OK)
        return status;
    status = identity_resolve_path(identity, err);
    if (status != ADP_OK) {
        adp_identity_free(identity);
        return status;
    }
    *out_identity = identity;
    return ADP_OK;
}

/* Takes over what another process has pinned since this identity was loaded: a removal that was
 * seen must not be forgotten. What cannot be read is written anew. */
static void identity_merge(struct adp_identity *identity)
{
    struct adp_identity *present = NULL;
    uint8_t *data = NULL;
    size_t len = 0;

    if (adp_fs_load(AT_FDCWD, identity->path, ADP_IDENTITY_MAX, &data, &len) == 0 &&
        adp_identity_decode_again(&present, identity, data, len) == ADP_OK) {
        int is_same = memcmp(present->sign_pub, identity->sign_pub, ADP_SIGN_PUB_LEN) == 0;

        for (size_t i = 0; is_same && i < present->num_pins; i++) {
            const struct adp_pin *pin = &present->pins[i];
            const struct adp_pin *known = adp_identity_pin(identity, pin->vault_id);

            if (known == NULL || known->generation < pin->generation)
                (void)adp_identity_set_pin(identity, pin, NULL);
        }
        adp_identity_free(present);
    }
    if (data != NULL)
        adp_wipe(data, len);
    free(data);
}

/* Opens and locks the file of now: who waits for a lock may have got that of a file that has been
 * replaced meanwhile. Returns a descriptor, or -errno. */
static int identity_try_lock(const char *path)
{
    struct stat ours, named;
    int fd = TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));
    int rc = fd < 0 ? -errno : adp_entry_lock(fd, 1);

    if (rc == 0 &&
        (fstat(fd, &ours) != 0 || stat(path, &named) != 0 || ours.st_ino != named.st_ino))
        rc = -EBUSY;
    if (rc == 0)
        return fd;
    adp_fs_close(fd);
    return rc;
}

/* Who else stores the identity reads and writes it within milliseconds. It is not waited for
 * without end, nor where there are no locks: then what another pins at the same time may be
 * forgotten. */
static int identity_lock(const char *path)
{
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    int fd = identity_try_lock(path);

    for (unsigned i = 0; i < LOCK_TRIES && fd == -EBUSY; i++) {
        nanosleep(&pause, NULL);
        fd = identity_try_lock(path);
    }
    return fd;
}

enum adp_status adp_identity_store(struct adp_identity *identity, struct adp_error *err)
{
    enum adp_status status;
    int lock;

    if (identity->path == NULL)
        return ADP_OK;
    lock = identity_lock(identity->path);
    identity_merge(identity);
    status = identity_publish(identity, identity->path, ADP_FS_PUBLISH_REPLACE, err);
    adp_fs_close(lock);
    return status;
}
