/* The sealing of one archive, from the plan's nodes to index and trailer.
 *
 *   plan -> entries -> batches of small files ----\
 *                  \-> chunks of large files ------> frames -> worker: digest, compress -> placed
 *                                                              in the stream -> segments
 *
 * Frames are placed in the order in which they become ready. Entries wait in the order of paths
 * until all their extents are placed, then go into the index. */
#ifndef ADP_SEALING_H
#define ADP_SEALING_H

#include <stddef.h>
#include <stdint.h>

#include "archive_write.h"
#include "capture.h"
#include "index.h"
#include "plan.h"
#include "run.h"
#include "seal_memory.h"

/* Files up to this size are read in batches that share a frame; larger ones in chunks. */
#define ADP_SMALL_MAX   (256u << 10)
#define ADP_BATCH_FILES 1024u
/* Of these as many are read by one reader. It opens some before it reads the first, so that the
 * disk has something to do meanwhile, and requests to merge; all readers together take a quarter of
 * the descriptors at most. */
#define ADP_READING_FILES 64u
#define ADP_LOOK_AHEAD    32u
/* Entries that may wait for others before them. */
#define ADP_MAX_ENTRIES 8192u
/* Large files open at a time. */
#define ADP_MAX_FILES 16u

/* An entry on its way into the index. */
struct seal_entry {
    struct adp_job job; /* first: opening a large file */
    struct sealing *sealing;
    uint32_t node;
    struct adp_capture capture;
    int is_captured;
    int is_large;
    int is_direct; /* read around the page cache */
    int is_guest;  /* the page cache holds it for our sake alone, and is to forget it */
    int file;      /* in the queue, or -1 */
    struct adp_extent *extents;
    size_t num_extents;
    unsigned pending; /* frames that are not placed yet */
    unsigned reads;   /* chunks that are not read yet */
    /* where the next chunk of a large file begins */
    size_t next_range;
    uint64_t next_offset;
    size_t next_extent;
    int is_issued; /* all its chunks are on their way */
    struct seal_entry *next, *next_file;
};

/* Part of a frame that belongs to one entry. */
struct seal_part {
    struct seal_entry *entry;
    size_t extent;
    uint32_t start, len; /* of a batch's member, until it is read: the length that was planned */
    uint8_t digest[ADP_DIGEST_LEN];
};

/* Members of a batch that one reader reads. */
struct seal_reading {
    struct adp_job job; /* first */
    struct seal_frame *frame;
    size_t first, num; /* parts */
};

/* A frame on its way into the stream: a batch of small files, or a chunk of a large one. */
struct seal_frame {
    struct adp_job job; /* first: compressing */
    struct adp_transfer read;
    struct sealing *sealing;
    struct adp_chunk *chunk;
    size_t len, stored_len;
    struct seal_reading *readings; /* of a batch */
    size_t num_readings;           /* that are not done */
    uint8_t codec;
    int is_raw;     /* compressed already, by its name */
    int is_retried; /* read again, through the page cache */
    struct seal_part *parts;
    size_t num_parts;
    struct seal_frame *next;
};

/* What the archives of one run share. */
struct seal_context {
    struct adp_run run;
    struct adp_plan *plan;
    struct adp_vault *vault;
    const struct adp_seal_options *options;
    struct adp_tell *tell;
    struct adp_report *report;
    int dir; /* of the snapshot's archives */
    const char *id;
    int is_committed;          /* its record is there: the archives stay, whatever happens */
    struct adp_attest *attest; /* or NULL */
    struct seal_memory memory;
    unsigned look_ahead; /* files that a reader opens before it reads the first of them */
    char *path;          /* ADP_PATH_MAX + 1 bytes, the driver's */
    char *target;
};

struct seal_blob {
    uint8_t *data;
    size_t len;
};

struct sealing {
    struct seal_context *context;
    unsigned category;
    struct adp_archive_writer *writer;
    uint32_t next_node;
    struct seal_entry *first, **last; /* entries, in order of paths */
    unsigned num_entries;
    struct seal_frame *batch[2];            /* being filled, by is_raw */
    struct seal_entry *files, **files_last; /* large files whose chunks are not all issued */
    unsigned num_files;
    struct seal_entry *grown; /* out of a batch: too large for it now, or a link without its file */
    struct seal_frame *ready, **ready_last; /* to be placed */
    struct adp_index_writer index;
    struct seal_blob *blobs; /* index frames, compressed */
    size_t num_blobs, cap_blobs;
    void *zstd;
    enum adp_status status;
    struct adp_error error;
};

/* sealing_fail notes the first failure; everything in flight is then let go. */
void sealing_fail(struct sealing *sealing, enum adp_status status, const struct adp_error *error);

void sealing_fail_memory(struct sealing *sealing);

/* -- seal_archive.c: one archive. */
enum adp_status adp_seal_archive(struct seal_context *context, unsigned category,
                                 struct adp_record_archive *out, struct adp_error *err);

/* -- seal_issue.c: what to do next. */

/* seal_issue starts what there is room for. */
void seal_issue(struct sealing *sealing);

/* -- seal_batch.c */

/* seal_planned_size returns the content that |node| is expected to have. */
uint64_t seal_planned_size(const struct adp_plan_node *node);

/* seal_find_batch finds room for |size| bytes in a batch. NULL if there is no chunk for a new one
 * just now. */
struct seal_frame *seal_find_batch(struct sealing *sealing, uint64_t size, int is_raw);

/* seal_add_member gives |entry| its place in a batch that has room for it. */
void seal_add_member(struct seal_frame *batch, struct seal_entry *entry, uint32_t planned_len);

/* seal_submit_batch gives the batch that is being filled, if there is one, to readers. */
void seal_submit_batch(struct sealing *sealing, int is_raw);

/* -- seal_large.c */

/* seal_open_large and seal_file_opened are the work and the end of an entry's own job. */
void seal_open_large(struct adp_job *job, unsigned thread);
void seal_file_opened(struct adp_job *job);

/* seal_start_file has a large file opened. */
void seal_start_file(struct sealing *sealing, struct seal_entry *entry);

/* seal_issue_chunks starts reads of open files, as far as there are chunks. */
void seal_issue_chunks(struct sealing *sealing);

/* -- seal_frames.c */

struct seal_frame *seal_new_frame(struct sealing *sealing, size_t max_parts, int is_raw);
void seal_free_frame(struct seal_frame *frame);

/* seal_start_compressing has a frame that was read digested and compressed; it then is ready. */
void seal_start_compressing(struct seal_frame *frame);

/* seal_place puts ready frames into the stream, as far as there is room. */
void seal_place(struct sealing *sealing);

/* -- seal_index.c: entries into the index. */

/* seal_emit writes entries that are complete, from the first on. */
void seal_emit(struct sealing *sealing);

/* seal_finish_index ends the stream: index frames, directory, trailer. */
enum adp_status seal_finish_index(struct sealing *sealing, struct adp_error *err);

void seal_entry_free(struct seal_entry *entry);

#endif
