/* Text for people and for JSON, out of bytes that may be anything: names of files are not text, and
 * may hold what a terminal would obey. */
#ifndef TEXT_H
#define TEXT_H

#include <jansson.h>
#include <stdint.h>

/* text_escape returns a copy of |text| in which control characters, those of the direction of
 * writing included, and bytes that are not UTF-8 stand as \xNN. The caller frees it. */
char *text_escape(const char *text);

/* text_on_terminal returns whether standard output is a terminal. */
int text_on_terminal(void);

/* text_print writes |text| to standard output: escaped if that is a terminal, else as it is. */
void text_print(const char *text);

/* text_columns returns how many columns UTF-8 |text| takes, at one a character. */
size_t text_columns(const char *text);

/* text_set sets |key| of |object| to |text|, with U+FFFD for each byte that is not UTF-8; if there
 * were any, KEY_hex has all bytes. |text| may be NULL: null. */
void text_set(json_t *object, const char *key, const char *text);

/* text_json_flags are those by which JSON goes to standard output: on a terminal as ASCII, for JSON
 * itself escapes but a part of what text_escape does. */
size_t text_json_flags(void);

/* text_set_number sets |key| of |object| to |number|. */
void text_set_number(json_t *object, const char *key, uint64_t number);

#endif
