#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "kernel.h"
#include "secret.h"

int64_t adp_vault_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

const char *adp_vault_path(char out[ADP_VAULT_PATH_LEN], const struct adp_vault *vault,
                           const char *format, ...)
{
    int used = snprintf(out, ADP_VAULT_PATH_LEN, "%s/", vault->path);
    va_list args;

    if (used < 0 || used >= ADP_VAULT_PATH_LEN)
        return out;
    va_start(args, format);
    vsnprintf(out + used, ADP_VAULT_PATH_LEN - (size_t)used, format, args);
    va_end(args);
    return out;
}

const char *adp_vault_archive_path(char out[ADP_VAULT_PATH_LEN], const struct adp_vault *vault,
                                   const char *id, unsigned category)
{
    return adp_vault_path(out, vault, "archives/%s/%s.adps", id, adp_category_name(category));
}

int adp_vault_folder_path(char out[PATH_MAX], const struct adp_vault *vault, const char *folder)
{
    int len = snprintf(out, PATH_MAX, "%s/%s", vault->path, folder);

    return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static struct adp_vault *vault_alloc(const char *dir, struct adp_identity *identity)
{
    struct adp_vault *vault = calloc(1, sizeof(*vault));
    size_t len = strlen(dir);

    if (vault == NULL)
        return NULL;
    vault->dir = vault->keybag_dir = vault->snapshots_dir = vault->archives_dir = -1;
    vault->self = ADP_NO_RECIPIENT;
    vault->identity = identity;
    while (len > 1 && dir[len - 1] == '/')
        len--;
    vault->path = strndup(dir, len);
    if (vault->path == NULL) {
        free(vault);
        return NULL;
    }
    return vault;
}

void adp_vault_free(struct adp_vault *vault)
{
    if (vault == NULL)
        return;
    adp_keybag_free(&vault->keybag);
    adp_fs_close(vault->archives_dir);
    adp_fs_close(vault->snapshots_dir);
    adp_fs_close(vault->keybag_dir);
    adp_fs_close(vault->dir);
    free(vault->path);
    free(vault);
}

enum adp_status adp_vault_set_sandbox(struct adp_vault *vault, const char *how,
                                      struct adp_error *err)
{
    return adp_sandbox_mode_of(&vault->sandbox, how, err);
}

static enum adp_status open_folder(const struct adp_vault *vault, const char *name, int *out_fd,
                                   struct adp_error *err)
{
    char path[PATH_MAX];
    int rc = adp_vault_folder_path(path, vault, name);

    *out_fd = rc == 0 ? adp_fs_open_dir(path) : rc;
    if (*out_fd >= 0)
        return ADP_OK;
    if (*out_fd == -ENOENT || *out_fd == -ENOTDIR) {
        adp_fail(err, ADP_ERR_NOT_FOUND, vault->path, "this is not a vault: it has no folder %s/",
                 name);
        return adp_error_hint(err, ADP_ERR_NOT_FOUND,
                              "check the path, or make a vault there with: adp-seal init");
    }
    return adp_fail_errno(err, -*out_fd, path, "cannot open a folder of the vault");
}

static enum adp_status open_folders(struct adp_vault *vault, struct adp_error *err)
{
    enum adp_status status;

    vault->dir = adp_fs_open_dir(vault->path);
    if (vault->dir == -ENOENT) {
        adp_fail(err, ADP_ERR_NOT_FOUND, vault->path, "there is no such vault");
        return adp_error_hint(err, ADP_ERR_NOT_FOUND,
                              "check the path, or make it with: adp-seal init");
    }
    if (vault->dir < 0)
        return adp_fail_errno(err, -vault->dir, vault->path, "cannot open the vault");
    status = open_folder(vault, "snapshots", &vault->snapshots_dir, err);
    if (status == ADP_OK)
        status = open_folder(vault, "archives", &vault->archives_dir, err);
    if (status != ADP_OK)
        return status;
    status = open_folder(vault, "keybag", &vault->keybag_dir, err);
    return status == ADP_ERR_NOT_FOUND ? ADP_OK : status; /* its copies are with the snapshots */
}

enum adp_status adp_vault_prepare(struct adp_vault **out_vault, const char *dir,
                                  struct adp_identity *identity, struct adp_error *err)
{
    struct adp_vault *vault = vault_alloc(dir, identity);
    enum adp_status status;

    *out_vault = NULL;
    if (vault == NULL)
        return adp_fail_memory(err);
    status = adp_kernel_choose(&vault->kernel, err);
    if (status == ADP_OK)
        status = open_folders(vault, err);
    if (status != ADP_OK) {
        adp_vault_free(vault);
        return status;
    }
    *out_vault = vault;
    return ADP_OK;
}

enum adp_status adp_vault_open(struct adp_vault **out_vault, const char *dir,
                               struct adp_identity *identity, struct adp_error *err)
{
    enum adp_status status = adp_vault_prepare(out_vault, dir, identity, err);

    if (status != ADP_OK)
        return status;
    status = adp_vault_load_keybag(*out_vault, err);
    if (status != ADP_OK) {
        adp_vault_free(*out_vault);
        *out_vault = NULL;
    }
    return status;
}

uint64_t adp_vault_generation(const struct adp_vault *vault)
{
    return vault->keybag.generation;
}

enum adp_status adp_vault_lock_archives(const struct adp_vault *vault, int *out_fd,
                                        struct adp_error *err)
{
    char path[ADP_VAULT_PATH_LEN];
    int rc;

    *out_fd = adp_fs_open_beneath(vault->archives_dir, ".", O_RDONLY | O_DIRECTORY, 0);
    rc = *out_fd < 0 ? *out_fd : adp_entry_lock(*out_fd, 1);
    if (rc == 0)
        return ADP_OK;
    adp_vault_path(path, vault, "archives");
    if (rc != -EBUSY)
        return adp_fail_errno(err, -rc, path, "cannot lock the archives");
    adp_fail(err, ADP_ERR_CONFLICT, path, "another rewrap, repair or parity add is at work here");
    return adp_error_hint(err, ADP_ERR_CONFLICT, "wait for it; run the command again if it failed");
}
