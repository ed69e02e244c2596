#include <string.h>

#include "index.h"

/* The rank of a byte of a path: the separator comes first, so that a directory's content follows it
 * directly. Paths hold no zero byte. */
static int adp_path_rank(char byte)
{
    return byte == '/' ? 0 : (unsigned char)byte;
}

int adp_path_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t len = a_len < b_len ? a_len : b_len;

    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i])
            return adp_path_rank(a[i]) - adp_path_rank(b[i]);
    }
    return (a_len > b_len) - (a_len < b_len);
}

static int adp_path_component_check(const char *name, size_t len)
{
    if (len == 0 || len > ADP_NAME_MAX)
        return 0;
    return !(len == 1 && name[0] == '.') && !(len == 2 && name[0] == '.' && name[1] == '.');
}

int adp_path_check(const char *path, size_t len)
{
    const char *end = path + len;
    const char *slash;

    if (len == 0 || len > ADP_PATH_MAX || memchr(path, '\0', len) != NULL)
        return 0;
    while ((slash = memchr(path, '/', (size_t)(end - path))) != NULL) {
        if (!adp_path_component_check(path, (size_t)(slash - path)))
            return 0;
        path = slash + 1;
    }
    return adp_path_component_check(path, (size_t)(end - path));
}
