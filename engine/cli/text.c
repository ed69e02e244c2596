#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* sequence_len returns the length of the UTF-8 sequence (RFC 3629) at |p|, and its character, or 0
 * if there is none. */
static size_t sequence_len(const unsigned char *p, uint32_t *out_character)
{
    size_t len;
    uint32_t c;

    *out_character = p[0];
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] < 0xe0)
        len = 2;
    else if (p[0] >= 0xe0 && p[0] < 0xf0)
        len = 3;
    else if (p[0] >= 0xf0 && p[0] < 0xf5)
        len = 4;
    else
        return 0;
    c = p[0] & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if ((len == 3 && c < 0x800) || (len == 4 && c < 0x10000) || c > 0x10ffff ||
        (c >= 0xd800 && c < 0xe000))
        return 0;
    *out_character = c;
    return len;
}

/* is_control is true of the C1 controls as well, which terminals obey too, and of what ends a line
 * or turns the direction of writing (Unicode's Bidi_Control), by which a name can look like
 * another. */
static int is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

char *text_escape(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    char *escaped = must_alloc(4 * strlen(text) + 1);
    char *out = escaped;

    while (*p != '\0') {
        uint32_t character;
        size_t len = sequence_len(p, &character);

        if (len != 0 && !is_control(character)) {
            out = mempcpy(out, p, len);
            p += len;
            continue;
        }
        for (size_t i = 0; i < (len != 0 ? len : 1); i++)
            out += sprintf(out, "\\x%02x", *p++);
    }
    *out = '\0';
    return escaped;
}

int text_on_terminal(void)
{
    static int is_terminal = -1; /* asked once: a listing may have a million lines */

    if (is_terminal < 0)
        is_terminal = isatty(STDOUT_FILENO);
    return is_terminal;
}

void text_print(const char *text)
{
    char *escaped;

    if (!text_on_terminal()) {
        fputs(text, stdout);
        return;
    }
    escaped = text_escape(text);
    fputs(escaped, stdout);
    free(escaped);
}

size_t text_columns(const char *text)
{
    size_t num = 0;

    for (; *text != '\0'; text++)
        num += (*text & 0xc0) != 0x80;
    return num;
}

static char *repair(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    char *repaired = must_alloc(strlen(REPLACEMENT) * strlen(text) + 1);
    char *out = repaired;

    while (*p != '\0') {
        uint32_t character;
        size_t len = sequence_len(p, &character);

        out = len != 0 ? mempcpy(out, p, len) : stpcpy(out, REPLACEMENT);
        p += len != 0 ? len : 1;
    }
    *out = '\0';
    return repaired;
}

static void set_hex(json_t *object, const char *key, const char *text)
{
    char *hex_key = must_alloc(strlen(key) + sizeof("_hex"));
    char *hex = must_alloc(2 * strlen(text) + 1);

    for (size_t i = 0; text[i] != '\0'; i++)
        sprintf(hex + 2 * i, "%02x", (unsigned char)text[i]);
    stpcpy(stpcpy(hex_key, key), "_hex");
    json_object_set_new(object, hex_key, json_string(hex));
    free(hex);
    free(hex_key);
}

void text_set(json_t *object, const char *key, const char *text)
{
    json_t *value = text != NULL ? json_string(text) : json_null();
    char *repaired;

    if (text == NULL || value != NULL) {
        json_object_set_new(object, key, value);
        return;
    }
    repaired = repair(text);
    json_object_set_new(object, key, json_string(repaired));
    free(repaired);
    set_hex(object, key, text);
}

size_t text_json_flags(void)
{
    return text_on_terminal() ? JSON_ENSURE_ASCII : 0;
}

void text_set_number(json_t *object, const char *key, uint64_t number)
{
    json_object_set_new(object, key, json_integer((json_int_t)number));
}
