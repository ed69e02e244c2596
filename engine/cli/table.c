#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "human.h"
#include "memory.h"
#include "text.h"

#define MAX_COLUMNS 16

void table_add(struct table *table, const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = must_alloc(1), *text = '\0';
    va_end(args);
    if (text_on_terminal()) {
        char *escaped = text_escape(text);

        free(text);
        text = escaped;
    }
    table->cells = must_grow(table->cells, &table->cap, table->num, sizeof(*table->cells));
    table->cells[table->num++] = text;
}

void table_add_size(struct table *table, unsigned long long bytes)
{
    char text[HUMAN_LEN];

    human_size(text, bytes);
    table_add(table, "%s", text);
}

void table_add_count(struct table *table, unsigned long long number)
{
    char text[HUMAN_LEN];

    human_count(text, number);
    table_add(table, "%s", text);
}

static void print_cell(const char *cell, size_t width, char alignment, int is_last)
{
    int padding = (int)(width - text_columns(cell));

    if (alignment == 'r')
        printf("%*s%s", padding, "", cell);
    else
        printf("%s%*s", cell, is_last ? 0 : padding, "");
    fputs(is_last ? "\n" : "  ", stdout);
}

void table_print(struct table *table)
{
    size_t num_columns = strlen(table->alignment);
    size_t widths[MAX_COLUMNS] = {0};

    for (size_t i = 0; i < table->num; i++) {
        size_t columns = text_columns(table->cells[i]);

        if (widths[i % num_columns] < columns)
            widths[i % num_columns] = columns;
    }
    for (size_t i = 0; i < table->num; i++) {
        size_t column = i % num_columns;

        print_cell(table->cells[i], widths[column], table->alignment[column],
                   column == num_columns - 1);
        free(table->cells[i]);
    }
    free(table->cells);
    table->cells = NULL;
    table->num = table->cap = 0;
}
