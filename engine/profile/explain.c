/* Which rule decides on a path of the disk: the folders on it are entered as a walk would. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fs.h"
#include "policy.h"
#include "profiles.h"

const char *adp_profile_name(size_t index)
{
    return index < adp_profiles_num_known ? adp_profiles_known[index]->name : NULL;
}

/* The length of what comes before the source: slashes, "." and "..". */
static size_t base_len(const char *path)
{
    size_t len = 0;

    for (;;) {
        size_t n = strcspn(path + len, "/");

        if (n > 2 || (n > 0 && path[len] != '.') || (n == 2 && path[len + 1] != '.'))
            return len;
        len += n;
        if (path[len] == '\0')
            return len;
        len++;
    }
}

static enum adp_status look_into(struct adp_profiles *profiles, int dir, const char *path,
                                 struct adp_error *err)
{
    struct adp_names names;
    const struct adp_profile_folder folder = {.path = path, .dir = dir, .names = &names};
    const struct adp_profile *found;
    enum adp_status status = ADP_OK;

    if (adp_names_read(&names, dir) == 0)
        status = adp_profiles_enter(profiles, &folder, &found, err);
    adp_names_free(&names);
    return status;
}

/* Enters the folders that |path| names, as far as they are there, and sets |*out_is_dir| if all of
 * it is. The source begins at |source|; it may be a link, since who names it means what it leads
 * to.
 */
static enum adp_status enter_folders(struct adp_profiles *profiles, char *path, char *source,
                                     int *out_is_dir, struct adp_error *err)
{
    char *name = source, *end = source + strcspn(source, "/");
    enum adp_status status = ADP_OK;
    int above = -1;

    for (;;) {
        char cut = *end;
        int dir;

        *end = '\0';
        dir = above < 0 ? adp_fs_open_dir(path)
                        : adp_fs_open_beneath(above, name, O_RDONLY | O_DIRECTORY, 0);
        adp_fs_close(above);
        above = dir;
        if (dir >= 0)
            status = look_into(profiles, dir, source, err);
        *end = cut;
        if (dir < 0 || status != ADP_OK || cut == '\0') {
            *out_is_dir |= dir >= 0 && cut == '\0';
            break;
        }
        name = end + 1;
        end = name + strcspn(name, "/");
    }
    adp_fs_close(above);
    return status;
}

/* Takes out what names no folder: doubled slashes and components that are ".". */
static void tidy(char *path)
{
    char *out = path;

    for (const char *in = path; *in != '\0'; in++) {
        if (out > path && out[-1] == '/' &&
            (*in == '/' || (*in == '.' && (in[1] == '/' || in[1] == '\0'))))
            continue;
        *out++ = *in;
    }
    *out = '\0';
}

static enum adp_status explain(struct adp_profiles *profiles, char *path, struct adp_verdict *out,
                               struct adp_error *err)
{
    char *source = path + base_len(path);
    enum adp_status status = ADP_OK;
    const char *label;
    int is_dir;
    size_t len;

    tidy(source);
    len = strlen(source);
    is_dir = len > 0 && source[len - 1] == '/';
    source[len - (size_t)is_dir] = '\0';
    if (*source != '\0')
        status = enter_folders(profiles, path, source, &is_dir, err);
    if (status == ADP_OK)
        adp_profiles_classify(profiles, source, is_dir, out, &label);
    return status;
}

enum adp_status adp_explain(const struct adp_policy *policy, const char *path, const char *profile,
                            struct adp_verdict *out_verdict, struct adp_error *err)
{
    const struct adp_options options = {0};
    struct adp_profiles *profiles = NULL;
    struct adp_tell tell;
    char *copy = strdup(path);
    enum adp_status status;

    if (copy == NULL)
        return adp_fail_memory(err);
    adp_tell_init(&tell, &options, "explain");
    status = adp_profiles_new(&profiles, profile, policy, &tell, err);
    if (status == ADP_OK)
        status = explain(profiles, copy, out_verdict, err);
    adp_profiles_free(profiles);
    free(copy);
    return status;
}
