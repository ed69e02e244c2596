#include "database.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "one_file.h"

/* Reading every row of an honest table takes less than a tenth of a step for each byte of the file.
 * Pages that are part of a tree more than once, or of themselves, are what would go on for ever. */
#define STEPS_PER_UNIT 1000
#define WORK_BASE      1000u
#define WORK_MAX       (256u << 10)
/* The schema is kept in memory: an honest one has a few tables and indexes. */
#define WORK_SCHEMA 20u
/* A database may ask for a cache of any size; this many KiB it gets. */
#define CACHE "-2000"

static int database_count_work(void *user)
{
    struct adp_database *database = user;

    if (database->work_left == 0 || (database->tell != NULL && !adp_tell_progress(database->tell)))
        return 1;
    database->work_left--;
    return 0;
}

/* Plain columns of one table, and the schema; no function, no view, nothing else. */
static int database_authorize(void *user, int action, const char *arg, const char *column,
                              const char *schema, const char *inner)
{
    const struct adp_database *database = user;

    (void)column, (void)schema;
    if (inner != NULL)
        return SQLITE_DENY;
    if (action == SQLITE_SELECT)
        return SQLITE_OK;
    if (action == SQLITE_READ &&
        (strcasecmp(arg, database->table) == 0 || strcmp(arg, "sqlite_master") == 0))
        return SQLITE_OK;
    return SQLITE_DENY;
}

static const struct {
    int id, value;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, ADP_DATABASE_VALUE_MAX},
    {SQLITE_LIMIT_SQL_LENGTH, 8 << 10},
    {SQLITE_LIMIT_COLUMN, 256},
    {SQLITE_LIMIT_EXPR_DEPTH, 50},
    {SQLITE_LIMIT_COMPOUND_SELECT, 2},
    {SQLITE_LIMIT_VDBE_OP, 10000},
    {SQLITE_LIMIT_FUNCTION_ARG, 8},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

static const struct {
    int option, value;
} settings[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
    {SQLITE_DBCONFIG_DQS_DML, 0},        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
};

/* Whether |table| is a table of the file, and no view or virtual table. */
static int database_check_table(struct adp_database *database)
{
    static const char sql[] = "SELECT type = 'table' AND rootpage > 1 FROM sqlite_master "
                              "WHERE name = ?1 COLLATE NOCASE";
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(database->db, sql, sizeof(sql), &statement, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(statement, 1, database->table, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        rc = sqlite3_column_int(statement, 0) ? SQLITE_OK : SQLITE_MISMATCH;
    else if (rc == SQLITE_DONE)
        rc = SQLITE_MISMATCH;
    sqlite3_finalize(statement);
    return rc;
}

static void database_restrain(struct adp_database *database)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        sqlite3_limit(database->db, limits[i].id, limits[i].value);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        sqlite3_db_config(database->db, settings[i].option, settings[i].value, NULL);
    database->work_left = WORK_SCHEMA;
    sqlite3_progress_handler(database->db, STEPS_PER_UNIT, database_count_work, database);
}

int adp_database_open(struct adp_database *database, int fd, const char *table,
                      struct adp_tell *tell)
{
    static const char pragmas[] = "PRAGMA cell_size_check = ON; PRAGMA cache_size = " CACHE;
    const char *file_system = adp_one_file_system();
    char name[16];
    uint64_t work;
    off_t size = lseek(fd, 0, SEEK_END);
    int rc;

    *database = (struct adp_database){.table = table, .tell = tell};
    if (file_system == NULL || size < 0)
        return SQLITE_CANTOPEN;
    database->size = (uint64_t)size;
    snprintf(name, sizeof(name), "%d", fd);
    rc = sqlite3_open_v2(name, &database->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                         file_system);
    if (rc != SQLITE_OK)
        return rc;
    database_restrain(database);
    rc = sqlite3_exec(database->db, pragmas, NULL, NULL, NULL); /* reads the schema */
    if (rc == SQLITE_OK)
        rc = sqlite3_set_authorizer(database->db, database_authorize, database);
    if (rc == SQLITE_OK)
        rc = database_check_table(database);
    work = database->size / STEPS_PER_UNIT;
    database->work_left = WORK_BASE + (work < WORK_MAX ? work : WORK_MAX);
    return rc;
}

void adp_database_close(struct adp_database *database)
{
    sqlite3_close(database->db);
    *database = (struct adp_database){0};
}
