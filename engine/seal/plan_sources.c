#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "entry.h"
#include "error.h"
#include "fs.h"
#include "index.h"
#include "plan.h"

/* The last component of |path|; of its real path if that is ".", ".." or nothing. */
static char *source_name(const char *path)
{
    char real[PATH_MAX];
    size_t end = strlen(path), begin;

    while (end > 0 && path[end - 1] == '/')
        end--;
    begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    if (end - begin == 0 || (end - begin == 1 && path[begin] == '.') ||
        (end - begin == 2 && path[begin] == '.' && path[begin + 1] == '.')) {
        if (realpath(path, real) == NULL)
            return NULL;
        return strdup(strcmp(real, "/") == 0 ? "root" : strrchr(real, '/') + 1);
    }
    return strndup(path + begin, end - begin);
}

/* Opens |folder|, or takes the descriptor of the source before if that is a file in it: a shell's
 * star may give more files than descriptors. */
static int open_folder(const struct adp_plan_source *before, const char *folder, int *out_borrows)
{
    int dir = adp_fs_open_dir(folder);
    struct stat ours, theirs;

    if (dir < 0 || before == NULL || before->file == NULL || adp_entry_stat(dir, NULL, &ours) < 0 ||
        adp_entry_stat(before->dir, NULL, &theirs) < 0 || ours.st_dev != theirs.st_dev ||
        ours.st_ino != theirs.st_ino)
        return dir;
    adp_fs_close(dir);
    *out_borrows = 1;
    return before->dir;
}

/* A file, or what a link leads to, is read through the folder that really holds it. */
static enum adp_status open_parent(struct adp_plan_source *out,
                                   const struct adp_plan_source *before, struct adp_error *err)
{
    char real[PATH_MAX], *slash;

    if (realpath(out->path, real) == NULL)
        return adp_fail_errno(err, errno, out->path, "cannot look at this source");
    slash = strrchr(real, '/');
    out->file = strdup(slash + 1);
    slash[slash == real] = '\0';
    if (out->file == NULL)
        return adp_fail_memory(err);
    out->dir = open_folder(before, real, &out->borrows_dir);
    return out->dir >= 0 ? ADP_OK
                         : adp_fail_errno(err, -out->dir, out->path, "cannot open its folder");
}

static enum adp_status add_source(struct adp_plan_source *out, const char *path,
                                  const struct adp_plan_source *before, struct adp_error *err)
{
    struct stat st;

    out->path = path;
    out->dir = -1;
    if (stat(path, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return adp_fail_errno(err, errno, path, "cannot look at this source");
        adp_fail(err, ADP_ERR_NOT_FOUND, path, "there is no such source");
        return adp_error_hint(err, ADP_ERR_NOT_FOUND, "check the path; nothing was sealed");
    }
    out->name = source_name(path);
    if (out->name == NULL)
        return adp_fail_errno(err, errno, path, "cannot find this source's name");
    if (!S_ISDIR(st.st_mode))
        return open_parent(out, before, err);
    out->dir = adp_fs_open_dir(path);
    return out->dir >= 0 ? ADP_OK : adp_fail_errno(err, -out->dir, path, "cannot open this source");
}

static int compare_sources(const void *a, const void *b)
{
    const struct adp_plan_source *x = a, *y = b;

    return adp_path_compare(x->name, strlen(x->name), y->name, strlen(y->name));
}

enum adp_status adp_plan_sources(struct adp_plan *plan, const struct adp_seal_options *options,
                                 struct adp_error *err)
{
    if (options->num_sources == 0)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL, "there is nothing to seal");
    plan->sources = calloc(options->num_sources, sizeof(*plan->sources));
    if (plan->sources == NULL)
        return adp_fail_memory(err);
    for (size_t i = 0; i < options->num_sources; i++) {
        const struct adp_plan_source *before = i > 0 ? &plan->sources[i - 1] : NULL;
        enum adp_status status = add_source(&plan->sources[i], options->sources[i], before, err);

        plan->num_sources = i + 1;
        if (status != ADP_OK)
            return status;
    }
    qsort(plan->sources, plan->num_sources, sizeof(*plan->sources), compare_sources);
    for (size_t i = 1; i < plan->num_sources; i++) {
        if (compare_sources(&plan->sources[i - 1], &plan->sources[i]) == 0) {
            adp_fail(err, ADP_ERR_ARGUMENT, plan->sources[i].path,
                     "two sources would both be called \"%s\" in the snapshot",
                     plan->sources[i].name);
            return adp_error_hint(err, ADP_ERR_ARGUMENT,
                                  "seal them one by one, or seal the folder that holds both");
        }
    }
    return ADP_OK;
}

void adp_plan_sources_free(struct adp_plan *plan)
{
    for (size_t i = 0; i < plan->num_sources; i++) {
        if (!plan->sources[i].borrows_dir)
            adp_fs_close(plan->sources[i].dir);
        free(plan->sources[i].file);
        free(plan->sources[i].name);
    }
    free(plan->sources);
    plan->sources = NULL;
    plan->num_sources = 0;
}
