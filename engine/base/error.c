/* Status texts, exit codes, and the filling of struct adp_error. */
#undef ADP_ANALYZER /* here they are made */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The command's exit codes, as the manual page lists them. */
enum adp_exit {
    ADP_EXIT_DONE = 0,
    ADP_EXIT_FAILED = 1,
    ADP_EXIT_USAGE = 2,
    ADP_EXIT_INTEGRITY = 3,
    ADP_EXIT_NO_KEY = 4,
    ADP_EXIT_PARTIAL = 5,
};

struct adp_status_info {
    enum adp_status status;
    int exit_code;
    const char *text;
    const char *hint; /* what the person can do, unless the failing place knows better */
};

#define HINT_DAMAGED                                                                               \
    "restore this file from another copy of the vault; if no disk error explains the damage, "     \
    "suspect tampering"

static const struct adp_status_info adp_status_table[] = {
    {ADP_OK, ADP_EXIT_DONE, "done", ""},
    {ADP_ERR_ARGUMENT, ADP_EXIT_USAGE, "not valid", ""},
    {ADP_ERR_MEMORY, ADP_EXIT_FAILED, "out of memory",
     "free some memory, or lower the budget with --memory"},
    {ADP_ERR_IO, ADP_EXIT_FAILED, "input or output failed", ""},
    {ADP_ERR_EXISTS, ADP_EXIT_FAILED, "it exists already",
     "choose another name, or move what is there away"},
    {ADP_ERR_NOT_FOUND, ADP_EXIT_FAILED, "not found", "check the spelling of the name"},
    {ADP_ERR_CONFLICT, ADP_EXIT_FAILED, "another writer was faster", "run the command again"},
    {ADP_ERR_CANCELLED, ADP_EXIT_FAILED, "cancelled", ""},
    {ADP_ERR_UNSUPPORTED, ADP_EXIT_FAILED, "not supported by this version",
     "use a newer version of adp-seal"},
    {ADP_ERR_INTERNAL, ADP_EXIT_FAILED, "internal error",
     "this is a bug in adp-seal: please report it with this message"},
    {ADP_ERR_REFUSED, ADP_EXIT_FAILED, "something else has to be done first", ""},
    {ADP_ERR_FORMAT, ADP_EXIT_INTEGRITY, "malformed", HINT_DAMAGED},
    {ADP_ERR_CHECKSUM, ADP_EXIT_INTEGRITY, "the checksum does not fit", HINT_DAMAGED},
    {ADP_ERR_SIGNATURE, ADP_EXIT_INTEGRITY, "the signature does not verify", HINT_DAMAGED},
    {ADP_ERR_ROLLBACK, ADP_EXIT_INTEGRITY, "older than what was seen before",
     "somebody put an old keybag back, or this is an old copy of the vault: restore the newest "
     "files of keybag/, and trust no device list that this one shows"},
    {ADP_ERR_ACCOUNT, ADP_EXIT_INTEGRITY, "another account's vault",
     "this vault was made by another account than the one that this identity knows by its id: "
     "compare the fingerprint with a trusted device before you use it"},
    {ADP_ERR_MISMATCH, ADP_EXIT_INTEGRITY, "archive and record do not belong together",
     "an archive was exchanged or cut: restore it from another copy of the vault"},
    {ADP_ERR_HEADER_TAG, ADP_EXIT_INTEGRITY, "the header does not authenticate", HINT_DAMAGED},
    {ADP_ERR_SEGMENT_TAG, ADP_EXIT_INTEGRITY, "a segment was changed", HINT_DAMAGED},
    {ADP_ERR_SEGMENT_ORDER, ADP_EXIT_INTEGRITY, "a segment stands at another's place",
     HINT_DAMAGED},
    {ADP_ERR_TRUNCATED, ADP_EXIT_INTEGRITY, "the end is missing", HINT_DAMAGED},
    {ADP_ERR_TRAILING, ADP_EXIT_INTEGRITY, "bytes after the end", HINT_DAMAGED},
    {ADP_ERR_CONTENT, ADP_EXIT_INTEGRITY, "the content is not what the index says",
     "the machine that sealed it had faulty memory or software: open an older snapshot"},
    {ADP_ERR_MISSING, ADP_EXIT_INTEGRITY, "a file that a record names is gone", HINT_DAMAGED},
    {ADP_ERR_DAMAGED, ADP_EXIT_INTEGRITY, "not the bytes that were sealed", HINT_DAMAGED},
    {ADP_ERR_DECODER, ADP_EXIT_INTEGRITY, "the content has broken the decoder",
     "if nobody has killed it and memory was not short, whoever sealed this meant harm, or "
     "there is a bug: keep the archive, trust no snapshot of its sealer, and report it"},
    {ADP_ERR_NO_KEY, ADP_EXIT_NO_KEY, "no key opens it",
     "use the identity of a trusted device of this vault"},
    {ADP_ERR_PASSPHRASE, ADP_EXIT_NO_KEY, "a passphrase is needed, or it is wrong",
     "enter the identity's passphrase, or name a file that holds it with --passphrase-file"},
    {ADP_ERR_UNTRUSTED, ADP_EXIT_NO_KEY, "the vault's account is not confirmed",
     "compare the account with what a trusted device shows, and confirm it with --account"},
    {ADP_ERR_PARTIAL, ADP_EXIT_PARTIAL, "finished, but not with everything", ""},
};

static const struct adp_status_info *adp_status_find(enum adp_status status)
{
    for (size_t i = 0; i < sizeof(adp_status_table) / sizeof(adp_status_table[0]); i++) {
        if (adp_status_table[i].status == status)
            return &adp_status_table[i];
    }
    return NULL;
}

const char *adp_status_string(enum adp_status status)
{
    const struct adp_status_info *info = adp_status_find(status);

    return info != NULL ? info->text : "unknown status";
}

int adp_status_exit_code(enum adp_status status)
{
    const struct adp_status_info *info = adp_status_find(status);

    return info != NULL ? info->exit_code : ADP_EXIT_FAILED;
}

const char *adp_version_string(void)
{
    return ADP_VERSION;
}

static void adp_error_fill(struct adp_error *err, enum adp_status status, const char *path,
                           const char *format, va_list args) __attribute__((format(printf, 4, 0)));

/* Fills |err| by way of a copy: |path| and the arguments may point into |err| itself. */
static void adp_error_fill(struct adp_error *err, enum adp_status status, const char *path,
                           const char *format, va_list args)
{
    const struct adp_status_info *info = adp_status_find(status);
    struct adp_error fresh = {.status = status};

    vsnprintf(fresh.message, sizeof(fresh.message), format, args);
    snprintf(fresh.path, sizeof(fresh.path), "%s", path != NULL ? path : "");
    snprintf(fresh.hint, sizeof(fresh.hint), "%s", info != NULL ? info->hint : "");
    *err = fresh;
}

enum adp_status adp_fail(struct adp_error *err, enum adp_status status, const char *path,
                         const char *format, ...)
{
    va_list args;

    if (err != NULL) {
        va_start(args, format);
        adp_error_fill(err, status, path, format, args);
        va_end(args);
    }
    return status;
}

enum adp_status adp_fail_at(struct adp_error *err, enum adp_status status, const char *path,
                            uint64_t offset, const char *format, ...)
{
    va_list args;

    if (err != NULL) {
        va_start(args, format);
        adp_error_fill(err, status, path, format, args);
        va_end(args);
    }
    return adp_error_offset(err, status, offset);
}

static const char *adp_errno_hint(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return "make room on the file system, or use another one";
    case EACCES:
    case EPERM:
        return "check the permissions, or run as the user that owns it";
    case EROFS:
        return "the file system is mounted read-only: use another one";
    case ENOENT:
    case ENOTDIR:
        return "check that the path exists and is spelled right";
    case EMFILE:
    case ENFILE:
        return "raise the limit of open files (ulimit -n)";
    case EIO:
        return "the disk reports an error: look at the kernel's log and save what can be saved";
    case ENAMETOOLONG:
    case EFBIG:
        return "the file system does not take it: use another one";
    default:
        return "";
    }
}

enum adp_status adp_fail_errno(struct adp_error *err, int sys_errno, const char *path,
                               const char *format, ...)
{
    enum adp_status status = sys_errno == ENOMEM ? ADP_ERR_MEMORY : ADP_ERR_IO;
    const char *text = strerrordesc_np(sys_errno);
    size_t len;
    va_list args;

    if (err == NULL)
        return status;
    va_start(args, format);
    adp_error_fill(err, status, path, format, args);
    va_end(args);
    err->sys_errno = sys_errno;
    len = strlen(err->message);
    snprintf(err->message + len, sizeof(err->message) - len, ": %s",
             text != NULL ? text : "unknown error");
    if (status == ADP_ERR_IO)
        snprintf(err->hint, sizeof(err->hint), "%s", adp_errno_hint(sys_errno));
    return status;
}

enum adp_status adp_fail_memory(struct adp_error *err)
{
    return adp_fail(err, ADP_ERR_MEMORY, NULL, "an allocation failed");
}

enum adp_status adp_error_offset(struct adp_error *err, enum adp_status status, uint64_t offset)
{
    if (err == NULL)
        return status;
    err->has_offset = 1;
    err->offset = offset;
    return err->status;
}

enum adp_status adp_error_hint(struct adp_error *err, enum adp_status status, const char *format,
                               ...)
{
    va_list args;

    if (err == NULL)
        return status;
    va_start(args, format);
    vsnprintf(err->hint, sizeof(err->hint), format, args);
    va_end(args);
    return err->status;
}
