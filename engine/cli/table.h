/* A table on standard output: as wide as its cells, two spaces between columns. */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>

struct table {
    const char *alignment; /* one letter a column: 'l' or 'r' */
    char **cells;          /* row by row */
    size_t num, cap;
};

/* table_add adds the next cell, made as by printf. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* table_add_size and table_add_count add a number as human.h writes it. */
void table_add_size(struct table *table, unsigned long long bytes);
void table_add_count(struct table *table, unsigned long long number);

/* table_print prints the rows and empties the table. */
void table_print(struct table *table);

#endif
