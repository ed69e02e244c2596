/* Numbers as people read and write them. */
#ifndef HUMAN_H
#define HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define HUMAN_LEN 32

/* human_size writes |bytes| with three digits: "999 B", "1.23 GB"; powers of 1000. */
void human_size(char out[HUMAN_LEN], uint64_t bytes);

/* human_count writes |number| with its digits in groups: "1,234,567". */
void human_count(char out[HUMAN_LEN], uint64_t number);

/* human_time writes local time: "2024-05-01 14:34:56". */
void human_time(char out[HUMAN_LEN], int64_t seconds);

/* human_duration writes "0:05", "12:34" or "1:02:03". */
void human_duration(char out[HUMAN_LEN], double seconds);

/* human_parse_size reads "65536", "64K", "64M", "1G", "64MiB": powers of 1024. Returns 1, or 0 if
 * it is no size. */
int human_parse_size(const char *text, size_t *out);

/* human_parse_number reads digits, from |min| to |max|. Returns 1, or 0. */
int human_parse_number(const char *text, unsigned min, unsigned max, unsigned *out);

#endif
