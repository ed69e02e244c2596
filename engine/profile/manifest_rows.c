#include "manifest_rows.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "confined.h"
#include "database.h"
#include "entry.h"
#include "error.h"
#include "one_file.h"

/* 2 and 4 are directories and symbolic links, of which a backup has no file. */
#define FLAGS_FILE  1
#define NUM_COLUMNS 3u
#define BUFFER_LEN  (64u << 10)
/* Tenths of a second without a row, which the work that a database may cost is far below. */
#define MAX_WAITS 1200u

/* What is sent: this, and the values. The last has no values, but an SQLite result. */
struct message {
    uint32_t lens[NUM_COLUMNS];
    int32_t result; /* SQLITE_ROW, or how it has ended */
};

typedef int (*row_fn)(void *user, const struct adp_manifest_row *row);

/* -- SQLite ------------------------------------------------------------------------------------ */

static const char *text_of(sqlite3_stmt *statement, int column, size_t *out_len)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    *out_len = text != NULL ? (size_t)sqlite3_column_bytes(statement, column) : 0;
    return (const char *)text;
}

/* Calls |fn| until it returns 0. Returns an SQLite result. */
static int each_row(int fd, struct adp_tell *tell, row_fn fn, void *user)
{
    static const char sql[] =
        "SELECT fileID, domain, relativePath FROM " ADP_MANIFEST_TABLE " WHERE +flags = ?1";
    sqlite3_stmt *statement = NULL;
    struct adp_database database;
    int rc = adp_database_open(&database, fd, ADP_MANIFEST_TABLE, tell);

    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(database.db, sql, sizeof(sql), &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int(statement, 1, FLAGS_FILE);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        struct adp_manifest_row row;

        rc = sqlite3_step(statement);
        if (rc != SQLITE_ROW)
            break;
        row.id = text_of(statement, 0, &row.id_len);
        row.domain = text_of(statement, 1, &row.domain_len);
        row.path = text_of(statement, 2, &row.path_len);
        if (!fn(user, &row))
            rc = SQLITE_ABORT;
    }
    sqlite3_finalize(statement);
    adp_database_close(&database);
    return rc;
}

/* -- The child: SQLite's rows into the pipe ---------------------------------------------------- */

struct sender {
    int out;
    size_t len;
    uint8_t buffer[BUFFER_LEN];
};

static int flush(struct sender *sender)
{
    size_t len = sender->len;

    sender->len = 0;
    return adp_entry_write_stream(sender->out, sender->buffer, len) == 0;
}

static int put(struct sender *sender, const void *data, size_t len)
{
    if (len > BUFFER_LEN - sender->len && !flush(sender))
        return 0;
    if (len > BUFFER_LEN)
        return adp_entry_write_stream(sender->out, data, len) == 0;
    if (len > 0)
        memcpy(sender->buffer + sender->len, data, len);
    sender->len += len;
    return 1;
}

static int send_row(void *user, const struct adp_manifest_row *row)
{
    const struct message message = {
        {(uint32_t)row->id_len, (uint32_t)row->domain_len, (uint32_t)row->path_len}, SQLITE_ROW};

    return put(user, &message, sizeof(message)) && put(user, row->id, row->id_len) &&
           put(user, row->domain, row->domain_len) && put(user, row->path, row->path_len);
}

static void send_rows(int in, int out, void *user)
{
    struct sender *sender = user;
    struct message last = {.result = 0};

    sender->out = out;
    last.result = each_row(in, NULL, send_row, sender);
    if (put(sender, &last, sizeof(last)))
        (void)flush(sender);
}

/* -- This process: the rows taken -------------------------------------------------------------- */

struct taking {
    int fd;
    const char *path;
    struct adp_tell *tell;
    enum adp_status (*fn)(void *user, const struct adp_manifest_row *row, struct adp_error *err);
    void *user;
    struct adp_error *err;
    enum adp_status status;
    /* from a child */
    struct adp_confined child;
    uint8_t *buffer;
    size_t at, len; /* of what is in it */
    uint8_t *values;
    size_t values_cap;
};

static int take_row(void *user, const struct adp_manifest_row *row)
{
    struct taking *taking = user;

    taking->tell->progress.done_entries++;
    taking->status = taking->fn(taking->user, row, taking->err);
    return taking->status == ADP_OK;
}

static enum adp_status fail_child(const struct taking *taking, const char *how)
{
    return adp_fail(taking->err, ADP_ERR_FORMAT, taking->path,
                    "the process that reads the database %s", how);
}

/* Fills the buffer, which is empty. */
static enum adp_status receive_more(struct taking *taking)
{
    int64_t got = -EAGAIN;

    for (unsigned waits = 0; got == -EAGAIN; waits++) {
        if (!adp_tell_progress(taking->tell))
            return adp_tell_cancelled(taking->err);
        if (waits > MAX_WAITS)
            return fail_child(taking, "does not come to an end");
        got = adp_confined_read(&taking->child, taking->buffer, BUFFER_LEN);
    }
    if (got < 0)
        return adp_fail_errno(taking->err, (int)-got, taking->path, "cannot hear of its rows");
    if (got == 0)
        return fail_child(taking, "has ended before its time");
    taking->at = 0;
    taking->len = (size_t)got;
    return ADP_OK;
}

static enum adp_status receive(struct taking *taking, void *out, size_t len)
{
    uint8_t *at = out;

    while (len > 0) {
        size_t step = taking->len - taking->at;
        enum adp_status status = step == 0 ? receive_more(taking) : ADP_OK;

        if (status != ADP_OK)
            return status;
        if (step > len)
            step = len;
        memcpy(at, taking->buffer + taking->at, step);
        taking->at += step;
        at += step;
        len -= step;
    }
    return ADP_OK;
}

static enum adp_status receive_values(struct taking *taking, const struct message *message)
{
    size_t len = 0;
    struct adp_manifest_row row;
    enum adp_status status;

    for (size_t i = 0; i < NUM_COLUMNS; i++) {
        if (message->lens[i] > ADP_DATABASE_VALUE_MAX)
            return fail_child(taking, "says what no database can");
        len += message->lens[i];
    }
    if (len > taking->values_cap) {
        free(taking->values);
        taking->values = malloc(len);
        taking->values_cap = taking->values != NULL ? len : 0;
        if (taking->values == NULL)
            return adp_fail_memory(taking->err);
    }
    status = receive(taking, taking->values, len);
    if (status != ADP_OK)
        return status;
    row.id = (const char *)taking->values;
    row.id_len = message->lens[0];
    row.domain = row.id + row.id_len;
    row.domain_len = message->lens[1];
    row.path = row.domain + row.domain_len;
    row.path_len = message->lens[2];
    (void)take_row(taking, &row);
    return taking->status;
}

/* Takes what the child sends. */
static enum adp_status receive_rows(struct taking *taking, int *out_result)
{
    struct message message = {.result = SQLITE_ROW};
    enum adp_status status = ADP_OK;

    taking->buffer = malloc(BUFFER_LEN);
    if (taking->buffer == NULL)
        return adp_fail_memory(taking->err);
    while (status == ADP_OK) {
        status = receive(taking, &message, sizeof(message));
        if (status != ADP_OK || message.result != SQLITE_ROW)
            break;
        status = receive_values(taking, &message);
    }
    *out_result = message.result;
    free(taking->values);
    free(taking->buffer);
    return status;
}

/* SQLite tells some damage as a lack of memory, so that is not believed. */
static enum adp_status fail_result(const struct taking *taking, int rc)
{
    if (taking->tell->cancelled)
        return adp_tell_cancelled(taking->err);
    switch (rc & 0xff) {
    case SQLITE_MISMATCH:
        return adp_fail(taking->err, ADP_ERR_FORMAT, taking->path,
                        "the database has no table " ADP_MANIFEST_TABLE);
    case SQLITE_INTERRUPT:
        return adp_fail(taking->err, ADP_ERR_FORMAT, taking->path,
                        "reading the database takes more work than its size explains");
    default:
        return adp_fail(taking->err, ADP_ERR_FORMAT, taking->path,
                        "the database cannot be read: %s", sqlite3_errstr(rc));
    }
}

static enum adp_status start_child(struct taking *taking, enum adp_sandbox_mode mode)
{
    struct sender *sender;
    enum adp_status status;

    taking->child.fd = -1;
    if (adp_one_file_system() == NULL) /* which SQLite begins with */
        return ADP_OK;
    sender = calloc(1, sizeof(*sender));
    if (sender == NULL)
        return adp_fail_memory(taking->err);
    status = adp_confined_start(&taking->child, mode, taking->fd, send_rows, sender, taking->err);
    free(sender);
    return status;
}

enum adp_status adp_manifest_rows(
    int fd, const char *path, enum adp_sandbox_mode mode, struct adp_tell *tell,
    enum adp_status (*fn)(void *user, const struct adp_manifest_row *row, struct adp_error *err),
    void *user, struct adp_error *err)
{
    struct taking taking = {
        .fd = fd, .path = path, .tell = tell, .fn = fn, .user = user, .err = err};
    enum adp_status status = start_child(&taking, mode);
    int rc = SQLITE_OK;

    if (status != ADP_OK)
        return status;
    if (taking.child.fd >= 0) {
        status = receive_rows(&taking, &rc);
    } else {
        rc = each_row(fd, tell, take_row, &taking);
        status = taking.status;
    }
    adp_confined_end(&taking.child);
    return status != ADP_OK || rc == SQLITE_DONE ? status : fail_result(&taking, rc);
}
