/* A device's backup, as a computer takes it over the cable: a folder with manifests, and the
 * device's files in folders of two hex digits, under names that say nothing. Which file is which
 * stands in the manifest; with a password on the backup, nobody can read it there.
 *
 * Everything that the manifest cannot tell, and what holds the backup together, is sealed as what
 * it is, the backup of a device. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "category.h"
#include "domains.h"
#include "error.h"
#include "fs.h"
#include "manifest.h"
#include "plist.h"
#include "profile.h"

#define DATABASE     "Manifest.db"
#define OLD_DATABASE "Manifest.mbdb" /* before iOS 10 */
#define SETTINGS     "Manifest.plist"
#define SETTINGS_MAX (16u << 20)

struct device_backup {
    struct adp_manifest *manifest; /* NULL: its files cannot be told apart */
    struct adp_rules rules;
};

/* The lists that every backup has; one of the three others may have been lost. */
static int is_device_backup(const struct adp_profile_folder *folder)
{
    int others = (adp_folder_has(folder, DATABASE, S_IFREG) ||
                  adp_folder_has(folder, OLD_DATABASE, S_IFREG)) +
                 adp_folder_has(folder, "Info.plist", S_IFREG) +
                 adp_folder_has(folder, "Status.plist", S_IFREG);

    return others >= 2 && adp_folder_has(folder, SETTINGS, S_IFREG);
}

/* Opens |name|, if it is a regular file. Returns a descriptor, or -errno. */
static int open_regular(const struct adp_profile_folder *folder, const char *name)
{
    if (!adp_folder_has(folder, name, S_IFREG))
        return -ENOENT;
    return adp_fs_open_beneath(folder->dir, name, O_RDONLY | O_NONBLOCK, 0);
}

/* Whether the backup says of itself that it is encrypted. */
static enum adp_status read_settings(const struct adp_profile_folder *folder, int *out_is_encrypted,
                                     struct adp_error *err)
{
    int fd = open_regular(folder, SETTINGS);
    struct stat st;
    uint8_t *data;

    *out_is_encrypted = 0;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size > SETTINGS_MAX) {
        adp_fs_close(fd);
        return ADP_OK;
    }
    data = malloc((size_t)st.st_size + 1);
    if (data != NULL) {
        int64_t len = adp_fs_read_all(fd, data, (size_t)st.st_size, 0);

        *out_is_encrypted =
            len > 0 && adp_plist_bool(data, (size_t)len, "IsEncrypted") == ADP_PLIST_TRUE;
    }
    free(data);
    adp_fs_close(fd);
    return data != NULL ? ADP_OK : adp_fail_memory(err);
}

static void note(struct adp_tell *tell, const struct adp_profile_folder *folder, const char *format,
                 ...) __attribute__((format(printf, 3, 4)));

static void note(struct adp_tell *tell, const struct adp_profile_folder *folder, const char *format,
                 ...)
{
    char message[512];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    adp_tell_event(tell, ADP_EVENT_NOTE, ADP_OK, 0, folder->path, message);
}

/* What they count as, not where they go: a single category for everything, or the policy file, may
 * say otherwise. */
static void note_whole(struct adp_tell *tell, const struct adp_profile_folder *folder,
                       const char *why)
{
    note(tell, folder,
         "%s: the files of this device's backup cannot be told apart, and all count as "
         "\"backup\"",
         why);
}

/* Reads the manifest, or tells why all of the backup stays one thing. */
static enum adp_status read_manifest(struct device_backup *backup,
                                     const struct adp_profile_folder *folder, struct adp_tell *tell,
                                     struct adp_error *err)
{
    struct adp_error why = {0};
    enum adp_status status;
    int fd = open_regular(folder, DATABASE);

    if (fd < 0) {
        note_whole(tell, folder, "has no " DATABASE " that can be read");
        return ADP_OK;
    }
    status = adp_manifest_read(&backup->manifest, fd, DATABASE, folder->sandbox, tell, &why);
    adp_fs_close(fd);
    if (status != ADP_OK && status != ADP_ERR_FORMAT) {
        if (err != NULL)
            *err = why;
        return status;
    }
    if (status != ADP_OK) {
        char damage[sizeof(why.message) + 32];

        snprintf(damage, sizeof(damage), DATABASE " is damaged (%s)", why.message);
        note_whole(tell, folder, damage);
    } else if (adp_manifest_num_refused(backup->manifest) > 0) {
        note(tell, folder,
             "%zu entries of " DATABASE " contradict themselves: their files count as \"backup\"",
             adp_manifest_num_refused(backup->manifest));
    }
    return ADP_OK;
}

static enum adp_status look_inside(struct device_backup *backup,
                                   const struct adp_profile_folder *folder, struct adp_tell *tell,
                                   struct adp_error *err)
{
    int is_encrypted;
    enum adp_status status = read_settings(folder, &is_encrypted, err);

    if (status != ADP_OK)
        return status;
    if (is_encrypted)
        note_whole(tell, folder, "is encrypted with a password of its own");
    else if (!adp_folder_has(folder, DATABASE, S_IFREG) &&
             adp_folder_has(folder, OLD_DATABASE, S_IFREG))
        note_whole(tell, folder, "is of the kind before iOS 10");
    else
        return read_manifest(backup, folder, tell, err);
    return ADP_OK;
}

static void device_backup_end(void *state)
{
    struct device_backup *backup = state;

    adp_manifest_free(backup->manifest);
    adp_rules_free(&backup->rules);
    free(backup);
}

static enum adp_status device_backup_begin(void **out_state,
                                           const struct adp_profile_folder *folder,
                                           struct adp_tell *tell, struct adp_error *err)
{
    struct device_backup *backup = calloc(1, sizeof(*backup));
    enum adp_status status;

    if (backup == NULL)
        return adp_fail_memory(err);
    if (adp_rules_add_groups(&backup->rules, adp_domain_groups, adp_domain_num_groups, "") == 0 &&
        adp_rules_index(&backup->rules) == 0)
        status = look_inside(backup, folder, tell, err);
    else
        status = adp_fail_memory(err);
    if (status == ADP_OK)
        *out_state = backup;
    else
        device_backup_end(backup);
    return status;
}

/* The name on the device of the file |below|, which lies where its id says: "ab/ab12...". */
static const char *name_on_device(const struct device_backup *backup, const char *below)
{
    if (backup->manifest == NULL || strlen(below) != 3 + ADP_FILE_ID_LEN || below[2] != '/' ||
        memcmp(below, below + 3, 2) != 0)
        return NULL;
    return adp_manifest_find(backup->manifest, below + 3);
}

static int device_backup_classify(void *state, const char *below, int is_dir,
                                  struct adp_profile_verdict *out)
{
    const struct device_backup *backup = state;
    const char *name = is_dir ? NULL : name_on_device(backup, below);
    const struct adp_rule *rule = name != NULL ? adp_rules_match(&backup->rules, name, 0) : NULL;
    unsigned line = (unsigned)backup->rules.num; /* the last rule, which matches everything */

    *out = (struct adp_profile_verdict){.category = ADP_CATEGORY_BACKUP, .label = name};
    if (rule != NULL) {
        out->category = rule->category;
        line = rule->line;
    }
    out->rule = adp_rules_pattern_in(adp_domain_groups, line);
    out->line = line;
    return 1;
}

const struct adp_profile adp_profile_device_backup = {
    .name = "device-backup",
    .category = ADP_CATEGORY_BACKUP,
    .recognise = is_device_backup,
    .begin = device_backup_begin,
    .classify = device_backup_classify,
    .end = device_backup_end,
};
