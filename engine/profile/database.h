/* A SQLite database that somebody else wrote, read through one open file.
 *
 * SQLite sees a file system of that one file: there is nothing that it could write to, no journal
 * that it would follow, no second file to open. What lies in a write-ahead log beside the database
 * is not seen. SQL of the database's own (views, triggers, expressions) does not run but where
 * SQLite itself computes a column, and all work is counted and ends. */
#ifndef ADP_DATABASE_H
#define ADP_DATABASE_H

#include <sqlite3.h>
#include <stdint.h>

#include "report.h"

/* The longest value, in bytes; one that is longer ends a reading. */
#define ADP_DATABASE_VALUE_MAX (1 << 20)

struct adp_database {
    sqlite3 *db;
    uint64_t size;      /* of the file, in bytes */
    uint64_t work_left; /* what the database may still cost, in units of thousand steps */
    const char *table;  /* the one that may be read */
    struct adp_tell *tell;
};

/* adp_database_open opens the regular file |fd|, which the caller keeps open until
 * adp_database_close; of the database only |table| may be read. While SQLite works, |tell|, if
 * not NULL, tells progress; what is cancelled is SQLITE_INTERRUPT. Returns an SQLite result;
 * |database| must be closed in either case, and not be moved until then. */
int adp_database_open(struct adp_database *database, int fd, const char *table,
                      struct adp_tell *tell);
void adp_database_close(struct adp_database *database);

#endif
