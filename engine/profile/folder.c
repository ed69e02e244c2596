#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "fs.h"
#include "profile.h"

const char *adp_folder_name(const struct adp_profile_folder *folder)
{
    const char *slash = strrchr(folder->path, '/');

    return slash != NULL ? slash + 1 : folder->path;
}

static int compare_names(const void *wanted, const void *item)
{
    return strcmp(wanted, *(const char *const *)item);
}

int adp_folder_has_name(const struct adp_profile_folder *folder, const char *name)
{
    return folder->names->num > 0 && bsearch(name, folder->names->items, folder->names->num,
                                             sizeof(*folder->names->items), compare_names) != NULL;
}

/* What -errno |rc| says of a path: nothing, or that it is not such a one. */
static void note_failure(const struct adp_profile_folder *folder, int rc)
{
    if (folder->failed != NULL && rc != -ENOENT && rc != -ENOTDIR && rc != -ELOOP && rc != -EXDEV)
        *folder->failed = -rc;
}

int adp_folder_has(const struct adp_profile_folder *folder, const char *path, mode_t type)
{
    char first[256];
    size_t len = strcspn(path, "/");
    struct stat st;
    int rc;

    if (len >= sizeof(first))
        return 0;
    memcpy(first, path, len);
    first[len] = '\0';
    if (!adp_folder_has_name(folder, first))
        return 0;
    rc = adp_fs_open_beneath(folder->dir, path, O_PATH, 0);
    if (rc >= 0) {
        int fd = rc;

        rc = adp_entry_stat(fd, NULL, &st);
        adp_fs_close(fd);
    }
    if (rc < 0)
        note_failure(folder, rc);
    return rc == 0 && (st.st_mode & S_IFMT) == type;
}
