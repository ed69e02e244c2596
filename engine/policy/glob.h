/* Patterns for paths, in the way of gitignore(5). Bytes, not text; ASCII letters match in either
 * case, since IMG_1.JPG is a photo too.
 *
 *   *      any bytes within a component, or none
 *   ?      one byte
 *   [a-z]  one byte of a set; [!a-z] and [^a-z] one that is not of it
 *   \      takes the next byte as it is
 *   **     as a whole component: any number of components, or none; at the end: all that is below
 *   /      at the end: matches directories only; elsewhere, at the beginning included: the pattern
 *          is compared with the whole path, where one without slash is with the last component */
#ifndef ADP_GLOB_H
#define ADP_GLOB_H

#include <stddef.h>

/* adp_glob_check returns NULL if |pattern| is valid, else what is wrong with it, for people. */
const char *adp_glob_check(const char *pattern);

/* adp_glob_match returns whether |pattern|, which must be valid, matches the |path_len| bytes of
 * |path| (relative, no slash at the end). It does not recurse, and no pattern makes it take more
 * than polynomial time. */
int adp_glob_match(const char *pattern, const char *path, size_t path_len, int is_dir);

/* adp_glob_fold returns |c| with ASCII capitals made small. */
static inline unsigned char adp_glob_fold(char c)
{
    unsigned char byte = (unsigned char)c;

    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

#endif
