#include "human.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

void human_size(char out[HUMAN_LEN], uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes / 1000;
    size_t unit = 0;

    if (bytes < 1000) {
        snprintf(out, HUMAN_LEN, "%u B", (unsigned)bytes);
        return;
    }
    /* 999.5 would be printed as 1000. */
    for (; value >= 999.5; unit++)
        value /= 1000;
    snprintf(out, HUMAN_LEN, "%.*f %s",
             value < 9.995   ? 2
             : value < 99.95 ? 1
                             : 0,
             value, units[unit]);
}

void human_count(char out[HUMAN_LEN], uint64_t number)
{
    char digits[HUMAN_LEN];
    size_t len = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
}

void human_time(char out[HUMAN_LEN], int64_t seconds)
{
    time_t time = (time_t)seconds;
    struct tm local;

    if (localtime_r(&time, &local) == NULL ||
        strftime(out, HUMAN_LEN, "%Y-%m-%d %H:%M:%S", &local) == 0)
        snprintf(out, HUMAN_LEN, "@%lld", (long long)seconds);
}

void human_duration(char out[HUMAN_LEN], double seconds)
{
    unsigned long long total = seconds < 1e9 ? (unsigned long long)(seconds + 0.5) : 1000000000;
    unsigned rest = (unsigned)(total % 3600);

    if (total >= 3600)
        snprintf(out, HUMAN_LEN, "%llu:%02u:%02u", total / 3600, rest / 60, rest % 60);
    else
        snprintf(out, HUMAN_LEN, "%u:%02u", rest / 60, rest % 60);
}

int human_parse_size(const char *text, size_t *out)
{
    static const char units[] = "kmgt";
    unsigned long long value;
    unsigned shift = 0;
    const char *unit;
    char *end;

    if (!isdigit((unsigned char)*text))
        return 0;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0)
        return 0;
    if (*end != '\0' && (unit = strchr(units, tolower((unsigned char)*end))) != NULL) {
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
        if (strcasecmp(end, "iB") == 0 || strcasecmp(end, "B") == 0)
            end += strlen(end);
    }
    if (*end != '\0' || value > SIZE_MAX >> shift)
        return 0;
    *out = (size_t)value << shift;
    return 1;
}

int human_parse_number(const char *text, unsigned min, unsigned max, unsigned *out)
{
    unsigned long value;
    char *end;

    if (!isdigit((unsigned char)*text))
        return 0;
    value = strtoul(text, &end, 10); /* ULONG_MAX where it is too large */
    if (*end != '\0' || value < min || value > max)
        return 0;
    *out = (unsigned)value;
    return 1;
}
