/* The least that any tool must do with a library's files, as a measure for those that do more:
 *
 *     bare copy DIR TARGET   all files' bytes into one file, on io_uring, around the page cache
 *     bare read DIR THREADS  every file opened, stat'ed, read and closed, nothing done with it
 *
 * Files come in the order of the walk. Prints bytes and files; any failure ends it. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGN       4096u
#define CHUNK_LEN   ((size_t)1 << 20)
#define NUM_CHUNKS  64u
#define HUGE_PAGE   ((size_t)2 << 20)
#define MAX_THREADS 64u

struct source {
    char *path;
    uint64_t len;
};

static struct source *sources;
static size_t num_sources, cap_sources;
static uint64_t total_len;

static void die(const char *what, const char *path, int error)
{
    fprintf(stderr, "bare: %s %s: %s\n", what, path, strerror(error));
    exit(1);
}

static int add_source(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)where;
    if (type == FTW_DNR || type == FTW_NS)
        die("cannot look at", path, EACCES);
    if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size == 0)
        return 0;
    if (num_sources == cap_sources) {
        cap_sources = cap_sources > 0 ? cap_sources * 2 : 1024;
        sources = realloc(sources, cap_sources * sizeof(*sources));
        if (sources == NULL)
            die("no memory for", path, ENOMEM);
    }
    sources[num_sources].path = strdup(path);
    sources[num_sources++].len = (uint64_t)st->st_size;
    total_len += (uint64_t)st->st_size;
    return 0;
}

/* -- copy */

struct chunk {
    uint8_t *data;
    unsigned number;
    size_t len; /* a multiple of ALIGN */
    uint64_t target_offset;
    int fd;      /* what it was read from */
    int is_last; /* of that file */
    int is_write;
};

struct copying {
    struct io_uring ring;
    struct chunk chunks[NUM_CHUNKS];
    unsigned free[NUM_CHUNKS], num_free;
    int target;
    size_t next;     /* source */
    int fd;          /* of the source being read, or -1 */
    uint64_t offset; /* in it */
    uint64_t target_offset;
};

static size_t rounded(size_t len)
{
    return (len + ALIGN - 1) / ALIGN * ALIGN;
}

static void queue(struct copying *copying, struct chunk *chunk, uint64_t offset)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&copying->ring);

    if (chunk->is_write)
        io_uring_prep_write_fixed(sqe, copying->target, chunk->data, (unsigned)chunk->len, offset,
                                  (int)chunk->number);
    else
        io_uring_prep_read_fixed(sqe, chunk->fd, chunk->data, (unsigned)chunk->len, offset,
                                 (int)chunk->number);
    io_uring_sqe_set_data(sqe, chunk);
}

/* Starts the next read. */
static void read_next(struct copying *copying)
{
    const struct source *source = &sources[copying->next];
    struct chunk *chunk = &copying->chunks[copying->free[--copying->num_free]];
    uint64_t offset = copying->offset;
    size_t left = (size_t)(source->len - offset);

    if (copying->fd < 0)
        copying->fd = open(source->path, O_RDONLY | O_DIRECT | O_NOATIME);
    if (copying->fd < 0)
        die("cannot open", source->path, errno);
    chunk->len = left < CHUNK_LEN ? rounded(left) : CHUNK_LEN;
    chunk->target_offset = copying->target_offset;
    chunk->fd = copying->fd;
    chunk->is_write = 0;
    chunk->is_last = left <= CHUNK_LEN;
    copying->target_offset += chunk->len;
    copying->offset += chunk->len;
    if (chunk->is_last) {
        copying->next++;
        copying->fd = -1;
        copying->offset = 0;
    }
    queue(copying, chunk, offset);
}

/* A file's descriptor is closed when its last chunk was read: with up to NUM_CHUNKS reads in flight
 * an earlier chunk may still be on its way, but the ring holds the file itself. */
static void complete(struct copying *copying, struct chunk *chunk, int result)
{
    if (result < 0)
        die("cannot copy", chunk->is_write ? "to the target" : "a source", -result);
    if (chunk->is_write && (size_t)result != chunk->len)
        die("short write to", "the target", EIO);
    if (chunk->is_write) {
        copying->free[copying->num_free++] = chunk->number;
        return;
    }
    if (chunk->is_last)
        close(chunk->fd);
    chunk->is_write = 1;
    queue(copying, chunk, chunk->target_offset);
}

static void reap(struct copying *copying)
{
    struct io_uring_cqe *cqe;
    unsigned head, num = 0;
    int rc = io_uring_submit_and_wait(&copying->ring, 1);

    if (rc < 0 && rc != -EINTR)
        die("io_uring:", "wait", -rc);
    io_uring_for_each_cqe(&copying->ring, head, cqe)
    {
        complete(copying, io_uring_cqe_get_data(cqe), cqe->res);
        num++;
    }
    io_uring_cq_advance(&copying->ring, num);
}

static void start(struct copying *copying)
{
    struct iovec buffers[NUM_CHUNKS];
    uint8_t *memory = aligned_alloc(HUGE_PAGE, NUM_CHUNKS * CHUNK_LEN);
    int rc;

    if (memory == NULL)
        die("no memory for", "chunks", ENOMEM);
    (void)madvise(memory, NUM_CHUNKS * CHUNK_LEN, MADV_HUGEPAGE);
    for (unsigned i = 0; i < NUM_CHUNKS; i++) {
        copying->chunks[i] = (struct chunk){.data = memory + i * CHUNK_LEN, .number = i};
        copying->free[copying->num_free++] = i;
        buffers[i] = (struct iovec){copying->chunks[i].data, CHUNK_LEN};
    }
    rc = io_uring_queue_init(2 * NUM_CHUNKS, &copying->ring,
                             IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (rc == 0)
        rc = io_uring_register_buffers(&copying->ring, buffers, NUM_CHUNKS);
    if (rc < 0)
        die("io_uring:", "set-up", -rc);
}

static void copy(const char *path)
{
    struct copying copying = {.fd = -1};
    uint64_t len = 0;

    for (size_t i = 0; i < num_sources; i++)
        len += (sources[i].len + ALIGN - 1) / ALIGN * ALIGN;
    start(&copying);
    copying.target = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT, 0600);
    if (copying.target < 0)
        die("cannot create", path, errno);
    if (len > 0 && fallocate(copying.target, 0, 0, (off_t)len) < 0)
        die("cannot reserve", path, errno);
    while (copying.next < num_sources || copying.num_free < NUM_CHUNKS) {
        while (copying.next < num_sources && copying.num_free > 0)
            read_next(&copying);
        reap(&copying);
    }
    if (fsync(copying.target) < 0)
        die("cannot sync", path, errno);
    close(copying.target);
    io_uring_queue_exit(&copying.ring);
}

/* -- read */

static atomic_size_t next_source;

static void *read_some(void *unused)
{
    uint8_t *buf = malloc(CHUNK_LEN);
    size_t i;

    (void)unused;
    if (buf == NULL)
        die("no memory for", "a chunk", ENOMEM);
    while ((i = atomic_fetch_add(&next_source, 1)) < num_sources) {
        int fd = open(sources[i].path, O_RDONLY | O_NOATIME);
        struct stat st;
        ssize_t len;

        if (fd < 0 || fstat(fd, &st) < 0)
            die("cannot open", sources[i].path, errno);
        while ((len = read(fd, buf, CHUNK_LEN)) > 0)
            ;
        if (len < 0)
            die("cannot read", sources[i].path, errno);
        close(fd);
    }
    free(buf);
    return NULL;
}

static void read_all(unsigned num_threads)
{
    pthread_t threads[MAX_THREADS];

    for (unsigned i = 0; i < num_threads; i++) {
        int rc = pthread_create(&threads[i], NULL, read_some, NULL);

        if (rc != 0)
            die("cannot start", "a thread", rc);
    }
    for (unsigned i = 0; i < num_threads; i++)
        pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    unsigned long num_threads = 0;

    if (argc == 4 && strcmp(argv[1], "read") == 0)
        num_threads = strtoul(argv[3], NULL, 10);
    if (argc != 4 || num_threads > MAX_THREADS ||
        (num_threads == 0 && strcmp(argv[1], "copy") != 0)) {
        fputs("usage: bare copy DIR TARGET | bare read DIR THREADS\n", stderr);
        return 2;
    }
    if (nftw(argv[2], add_source, 64, FTW_PHYS) < 0)
        die("cannot walk", argv[2], errno);
    if (num_threads > 0)
        read_all((unsigned)num_threads);
    else
        copy(argv[3]);
    printf("%llu bytes in %zu files\n", (unsigned long long)total_len, num_sources);
    return 0;
}
