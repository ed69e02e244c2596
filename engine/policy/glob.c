#include "glob.h"

#include <string.h>

/* A component of a pattern or path; |p| is NULL past the last one. */
struct part {
    const char *p;
    const char *end;
};

static struct part part_at(const char *p, const char *end)
{
    const char *slash = memchr(p, '/', (size_t)(end - p));

    return (struct part){p, slash != NULL ? slash : end};
}

static struct part part_after(struct part part, const char *end)
{
    return part.end < end ? part_at(part.end + 1, end) : (struct part){NULL, NULL};
}

static int part_is(struct part part, const char *text)
{
    size_t len = strlen(text);

    return (size_t)(part.end - part.p) == len && memcmp(part.p, text, len) == 0;
}

/* set_end returns the bracket that closes the set whose members begin at |p|, or NULL. A bracket
 * that comes first is a member. */
static const char *set_end(const char *p, const char *end)
{
    const char *first = p;

    for (; p < end; p++) {
        if (*p == ']' && p > first)
            return p;
        if (*p == '\\')
            p++;
    }
    return NULL;
}

static char set_member(const char **p)
{
    if (**p == '\\')
        ++*p;
    return *(*p)++;
}

static int set_has(const char *p, const char *end, char c)
{
    unsigned char lower = adp_glob_fold(c);
    unsigned char upper = lower >= 'a' && lower <= 'z' ? lower ^ 0x20 : lower;

    while (p < end) {
        unsigned char low = (unsigned char)set_member(&p);
        unsigned char high = low;

        if (end - p >= 2 && *p == '-') {
            p++;
            high = (unsigned char)set_member(&p);
        }
        if ((low <= lower && lower <= high) || (low <= upper && upper <= high))
            return 1;
    }
    return 0;
}

/* match_byte matches one element of a pattern, other than '*', with one byte, and passes over the
 * element if it does. */
static int match_byte(const char **pattern, const char *end, char c)
{
    const char *p = *pattern;
    int matches;

    if (*p == '[') {
        int negated = p[1] == '!' || p[1] == '^';
        const char *members = p + 1 + negated;

        p = set_end(members, end);
        matches = set_has(members, p, c) != negated;
    } else if (*p == '?') {
        matches = 1;
    } else {
        if (*p == '\\')
            p++;
        matches = adp_glob_fold(*p) == adp_glob_fold(c);
    }
    if (matches)
        *pattern = p + 1;
    return matches;
}

/* match_part goes back to the last star only: what an earlier one could take, the last can too. */
static int match_part(struct part pattern, struct part name)
{
    const char *star = NULL, *star_name = NULL;

    while (name.p < name.end) {
        if (pattern.p < pattern.end && *pattern.p == '*') {
            star = ++pattern.p;
            star_name = name.p;
        } else if (pattern.p < pattern.end && match_byte(&pattern.p, pattern.end, *name.p)) {
            name.p++;
        } else if (star != NULL) {
            pattern.p = star;
            name.p = ++star_name;
        } else {
            return 0;
        }
    }
    while (pattern.p < pattern.end && *pattern.p == '*')
        pattern.p++;
    return pattern.p == pattern.end;
}

/* match_path is match_part one level up: components for bytes, "**" for the star. */
static int match_path(const char *pattern, const char *pattern_end, const char *path,
                      const char *path_end)
{
    struct part pat = part_at(pattern, pattern_end);
    struct part name = part_at(path, path_end);
    struct part stars = {NULL, NULL}, stars_name = {NULL, NULL};

    while (pat.p != NULL || name.p != NULL) {
        if (pat.p != NULL && part_is(pat, "**")) {
            stars = part_after(pat, pattern_end);
            if (stars.p == NULL)
                return name.p != NULL;
            stars_name = name;
            pat = stars;
        } else if (pat.p != NULL && name.p != NULL && match_part(pat, name)) {
            pat = part_after(pat, pattern_end);
            name = part_after(name, path_end);
        } else if (stars.p != NULL && stars_name.p != NULL) {
            stars_name = part_after(stars_name, path_end);
            pat = stars;
            name = stars_name;
        } else {
            return 0;
        }
    }
    return 1;
}

int adp_glob_match(const char *pattern, const char *path, size_t path_len, int is_dir)
{
    const char *end = pattern + strlen(pattern);
    const char *path_end = path + path_len;
    const char *slash;

    if (end[-1] == '/') {
        if (!is_dir)
            return 0;
        end--;
    }
    if (memchr(pattern, '/', (size_t)(end - pattern)) != NULL)
        return match_path(pattern + (*pattern == '/'), end, path, path_end);
    slash = memrchr(path, '/', path_len);
    return match_part((struct part){pattern, end},
                      (struct part){slash != NULL ? slash + 1 : path, path_end});
}

static const char *check_part(struct part part)
{
    if (part.p == part.end)
        return "it has an empty component";
    if (part_is(part, ".") || part_is(part, ".."))
        return "no path has a component \".\" or \"..\"";
    for (const char *p = part.p; p < part.end; p++) {
        if (*p == '\\') {
            if (++p == part.end)
                return "its backslash has no character to stand before";
        } else if (*p == '[') {
            p = set_end(p + 1 + (p[1] == '!' || p[1] == '^'), part.end);
            if (p == NULL)
                return "a set that begins with [ does not end";
        }
    }
    return NULL;
}

const char *adp_glob_check(const char *pattern)
{
    const char *end = pattern + strlen(pattern);
    const char *reason = NULL;

    if (*pattern == '!')
        return "it begins with !, which has no meaning here; write \\! for the character";
    if (end - pattern > 1 && end[-1] == '/')
        end--;
    if (end - pattern > 1 && *pattern == '/')
        pattern++;
    for (struct part part = part_at(pattern, end); part.p != NULL && reason == NULL;
         part = part_after(part, end))
        reason = check_part(part);
    return reason;
}
