/* Replays a corpus where there is no libFuzzer: every file of the directories named goes through
 * the target once. */
#include <dirent.h>
#include <sys/stat.h>

#include "assurance.h"
#include "fuzz.h"

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    struct stat st;
    size_t len = 0;

    if (file == NULL || fstat(fileno(file), &st) != 0)
        return 0;
    /* Of exactly its size, so that a sanitizer sees a read past the end. */
    if (st.st_size > 0 && (data = malloc((size_t)st.st_size)) != NULL)
        len = fread(data, 1, (size_t)st.st_size, file);
    fclose(file);
    if (len == (size_t)st.st_size)
        LLVMFuzzerTestOneInput(data, len);
    free(data);
    return len == (size_t)st.st_size;
}

static int replay_dir(const char *dir)
{
    struct dirent **names;
    int num = scandir(dir, &names, NULL, alphasort);
    int num_read = 0;

    for (int i = 0; i < num; i++) {
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            num_read += replay_file(path);
        free(names[i]);
    }
    if (num >= 0)
        free(names);
    return num_read;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int num = replay_dir(argv[i]);

        printf("%s: %d inputs\n", argv[i], num);
        adp_assurance_add("hostile input", "inputs of fuzz targets", (unsigned long)num,
                          (unsigned long)num);
        if (num == 0) {
            fprintf(stderr, "%s: nothing to replay\n", argv[i]);
            return 1;
        }
    }
    return 0;
}
