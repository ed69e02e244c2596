/* A file system that does not tell upper from lower case may take two entries of a snapshot for
 * one. Neither must replace the other, and the second is told of. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "entry.h"
#include "fs.h"
#include "restoring.h"

void restore_case_probe(struct restoring *restoring)
{
    char other[ADP_FS_NAME_LEN];
    struct adp_fs_temp temp;
    struct stat st, of_other;

    if (adp_fs_temp_create(&temp, restoring->target, RESTORE_TEMP, 0600, 0, NULL) < 0)
        return;
    for (size_t i = 0; i < sizeof(other); i++)
        other[i] = (char)toupper((unsigned char)temp.name[i]);
    if (adp_entry_stat(temp.fd, NULL, &st) == 0 &&
        adp_entry_stat(restoring->target, other, &of_other) == 0 && st.st_ino == of_other.st_ino) {
        restoring->ignores_case = 1;
        restoring->since = st.st_ctim;
    }
    adp_fs_temp_abandon(&temp);
}

static int is_earlier(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

int restore_case_taken(const struct restoring *restoring, int parent, const char *name)
{
    struct stat st;

    if (restoring->ignores_case && adp_entry_stat(parent, name, &st) == 0 &&
        !is_earlier(st.st_ctim, restoring->since))
        return -ENOTUNIQ;
    return -EEXIST;
}

int restore_rename(struct restoring *restoring, int parent, const char *temp, const char *name)
{
    int rc;

    if (!restoring->ignores_case)
        return adp_entry_rename(parent, temp, name, restoring->overwrite);
    pthread_mutex_lock(&restoring->naming);
    rc = adp_entry_rename(parent, temp, name, 0);
    if (rc == -EEXIST)
        rc = restore_case_taken(restoring, parent, name);
    if (rc == -EEXIST && restoring->overwrite)
        rc = adp_entry_rename(parent, temp, name, 1);
    pthread_mutex_unlock(&restoring->naming);
    return rc;
}
