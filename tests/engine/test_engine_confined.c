/* A child that reads one file: what it sends, how it ends, and that SQLite reads manifests in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assurance.h"
#include "confine.h"
#include "confine_test.h"
#include "confined.h"
#include "engine_test.h"
#include "manifest.h"

#define CONTENT_LEN 1000000u
#define NUM_ROWS    20000

static char path_[64];

static int open_it(void)
{
    int fd = open(path_, O_RDONLY | O_CLOEXEC);

    CU_ASSERT_FATAL(fd >= 0);
    return fd;
}

/* -- What a child may do ----------------------------------------------------------------------- */

static void copy_all(int in, int out, void *user)
{
    static char buffer[10000];
    off_t at = 0;
    ssize_t len;

    (void)user;
    while ((len = pread(in, buffer, sizeof(buffer), at)) > 0 &&
           write(out, buffer, (size_t)len) == len)
        at += len;
}

static void open_another(int in, int out, void *user)
{
    (void)in;
    if (open(user, O_RDONLY) >= 0 && write(out, "open", 4) == 4)
        return;
}

static void do_nothing_for_ever(int in, int out, void *user)
{
    (void)in, (void)out;
    for (volatile int *is_over = user; !*is_over;)
        ;
}

/* Reads all that |work| sends, until it ends or |max_waits| times nothing has come. Returns how
 * many bytes; -EAGAIN if it has not ended. */
static int64_t receive(void (*work)(int, int, void *), void *user, uint8_t *out, unsigned max_waits)
{
    struct adp_confined confined;
    struct adp_error err = {0};
    int64_t got = 1, len = 0;
    int fd = open_it();

    et_expect(adp_confined_start(&confined, ADP_SANDBOX_ON, fd, work, user, &err), ADP_OK, &err,
              "start");
    CU_ASSERT_FATAL(confined.fd >= 0);
    for (unsigned waits = 0; waits < max_waits && (got > 0 || got == -EAGAIN); waits += got < 0) {
        got = adp_confined_read(&confined, out + len, CONTENT_LEN + 1 - (size_t)len);
        len += got > 0 ? got : 0;
    }
    adp_confined_end(&confined);
    close(fd);
    return got < 0 ? got : len;
}

static void test_work(void)
{
    uint8_t *content = malloc(CONTENT_LEN), *got = malloc(CONTENT_LEN + 1);
    int before = dup(0), is_over = 0;
    FILE *file = fopen(path_, "wb");

    CU_ASSERT_FATAL(content != NULL && got != NULL && file != NULL);
    et_fill(content, CONTENT_LEN, 1);
    CU_ASSERT_EQUAL(fwrite(content, 1, CONTENT_LEN, file), CONTENT_LEN);
    fclose(file);
    CU_ASSERT_EQUAL(receive(copy_all, NULL, got, 100), CONTENT_LEN);
    CU_ASSERT_EQUAL(memcmp(got, content, CONTENT_LEN), 0);
    CU_ASSERT_EQUAL(receive(open_another, path_, got, 100), 0);
    CU_ASSERT_EQUAL(receive(do_nothing_for_ever, &is_over, got, 3), -EAGAIN);
    CU_ASSERT_EQUAL(dup(0), before + 1); /* no descriptor is left */
    close(before);
    close(before + 1);
    free(content);
    free(got);
}

/* -- SQLite in it ------------------------------------------------------------------------------ */

static void make_manifest(void)
{
    sqlite3 *db = NULL;
    char sql[300];

    unlink(path_);
    snprintf(sql, sizeof(sql),
             "CREATE TABLE Files (fileID, domain, relativePath, flags, file);"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
             "INSERT INTO Files SELECT hex(zeroblob(20)), 'HomeDomain', 'some/path/' || i, 1, NULL "
             "FROM n;",
             NUM_ROWS);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path_, &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int kill_child(void *user, const struct adp_progress *progress)
{
    (void)progress;
    *(int *)user += ct_signal_child(SIGKILL);
    return 0;
}

static void test_manifest(void)
{
    int num_killed = 0, fd;
    const struct adp_options options = {.on_progress = kill_child, .user = &num_killed};
    struct adp_manifest *manifest = NULL;
    struct adp_error err = {0};
    struct adp_tell tell;

    make_manifest();
    fd = open_it();
    adp_tell_init(&tell, &options, "scan");
    et_expect(adp_manifest_read(&manifest, fd, "Manifest.db", ADP_SANDBOX_AUTO, &tell, &err),
              ADP_ERR_FORMAT, &err, "its reader is killed");
    CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "has ended before its time"));
    CU_ASSERT(num_killed > 0);
    adp_tell_init(&tell, &options, "scan");
    et_expect(adp_manifest_read(&manifest, fd, "Manifest.db", ADP_SANDBOX_OFF, &tell, &err), ADP_OK,
              &err, "there is none to kill");
    CU_ASSERT_EQUAL(adp_manifest_num_refused(manifest), NUM_ROWS);
    adp_manifest_free(manifest);
    close(fd);
    adp_assurance_add("sandbox", "a manifest's reader killed", 1, num_killed > 0);
}

static void do_nothing(int in, int out, void *user)
{
    (void)in, (void)out, (void)user;
}

/* Not under ThreadSanitizer. */
static int starts(void)
{
    struct adp_confined confined;
    int fd = open(path_, O_RDONLY | O_CLOEXEC), ok;

    ok = adp_confined_start(&confined, ADP_SANDBOX_AUTO, fd, do_nothing, NULL, NULL) == ADP_OK &&
         confined.fd >= 0;
    adp_confined_end(&confined);
    close(fd);
    return ok;
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"what a child may do", test_work},
        {"a manifest is read in one", test_manifest},
    };
    int fd, result;

    strcpy(path_, "/tmp/adp-seal-test-XXXXXX");
    fd = mkstemp(path_);
    if (fd < 0)
        return 1;
    close(fd);
    result = ADP_TEST_SKIPPED;
    if (ct_has_all() && (!ADP_CONFINE_LOOSE || starts()))
        result = adp_test_main("engine/confined", cases, NUM_OF(cases));
    unlink(path_);
    return result;
}
