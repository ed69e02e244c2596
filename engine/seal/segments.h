/* Inside of the archive writer: what its two files share. archive_write.c begins, ends and names
 * an archive; segments.c fills segments, seals them and writes them. */
#ifndef ADP_SEGMENTS_H
#define ADP_SEGMENTS_H

#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>

#include "archive_write.h"
#include "attest.h"
#include "floe.h"
#include "fs.h"
#include "header.h"

/* A raw piece below this is copied: the copy costs less than another piece of scattered input. */
#define REFERENCE_MIN (64u << 10)
#define PLAIN_LEN     (ADP_SEGMENT_LEN - ADP_FLOE_OVERHEAD)
/* References of at least REFERENCE_MIN, copies between them, and cut-off pieces at both ends. */
#define MAX_PIECES (2 * (PLAIN_LEN / REFERENCE_MIN + 2) + 1)

/* Segments that follow each other are written at once: a disk takes long writes better. */
#define GROUP_SEGMENTS 4u

/* A segment on its way to the disk. */
struct segment {
    struct adp_job job; /* first: sealing */
    struct adp_job attesting;
    struct segment_group *group;
    struct adp_archive_writer *writer;
    uint8_t *buf; /* ADP_SEGMENT_LEN bytes */
    size_t filled;
    uint64_t position;
    int is_final;
    enum adp_status status;
    struct adp_error error;
    uint8_t digest[ADP_HASH_LEN]; /* of what goes to the disk */
    struct adp_gcm_piece pieces[MAX_PIECES];
    struct adp_chunk *holds[MAX_PIECES];
    size_t num_pieces, num_holds;
};

/* Segments whose buffers lie in a row: filled in order, sealed as workers come to them; once all
 * are, written and, if they are to be, attested, both at once. */
struct segment_group {
    struct adp_transfer transfer;
    struct segment segments[GROUP_SEGMENTS];
    unsigned num_taken, num_sealed;
    int is_closed;    /* no other segment is to come */
    int is_failed;    /* nothing of it is to be written */
    unsigned pending; /* the write, and digests */
    struct segment_group *next;
};

struct adp_segments {
    struct adp_run *run;
    struct segment_group *all;
    unsigned num;      /* segments */
    unsigned num_free; /* groups */
    struct segment_group *free;
    void (*release)(void *user, struct adp_chunk *chunk);
    void *user;
};

/* What is known of a sealed segment. */
struct sealed_tag {
    int is_there;
    uint8_t tag[ADP_GCM_TAG_LEN];
    uint8_t digest[ADP_HASH_LEN];
};

struct adp_archive_writer {
    struct adp_segments *segments;
    struct adp_run *run;
    const struct adp_vault *vault;
    struct adp_fs_temp temp;
    int file; /* in the queue, or -1 */
    int is_direct;
    char path[ADP_VAULT_PATH_LEN];
    char name[64];
    struct adp_header header;
    struct adp_floe *floe;
    struct segment *current;     /* being filled, or NULL */
    struct segment_group *group; /* that has segments to take, or NULL */
    uint64_t offset;             /* stream length so far */
    uint64_t next_position;
    uint64_t written_segments;
    uint64_t reserved, expected;
    enum adp_status status;
    struct adp_error error;
    struct adp_attest *attest; /* or NULL */
    /* Tags and digests wait here until those before them have arrived. */
    SHA256_CTX tags;
    uint64_t next_tag;
    struct sealed_tag *tag; /* [num segments * 2], by position modulo */
    unsigned tag_window;
};

/* segments_dispatch has the segment that is being filled sealed and written. */
void segments_dispatch(struct adp_archive_writer *writer, int is_final);

/* segments_take begins the next segment; there must be a free one. */
struct segment *segments_take(struct adp_archive_writer *writer);

/* segments_fail notes the writer's first failure. */
void segments_fail(struct adp_archive_writer *writer, enum adp_status status,
                   const struct adp_error *error);

#endif
