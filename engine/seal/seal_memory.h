/* The memory of a seal, divided into segments, chunks, and each worker's place for zstd to write.
 *
 * Chunks lie in slabs of up to SEAL_SLAB_PARTS. A slab is given out as a whole, for a batch of
 * small files that share one long frame and so compress better, or part by part. Driver only. */
#ifndef ADP_SEAL_MEMORY_H
#define ADP_SEAL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "archive_write.h"
#include "run.h"

#define SEAL_SLAB_PARTS 4u

struct seal_slab {
    unsigned free; /* parts, a bit each */
    struct adp_chunk whole;
    struct adp_chunk parts[SEAL_SLAB_PARTS];
};

struct seal_memory {
    size_t slab_len; /* ADP_CHUNK_LEN to SEAL_SLAB_PARTS times that */
    struct seal_slab *slabs;
    unsigned num_slabs;
    struct adp_segments *segments;
};

/* seal_memory_plan returns how much memory a run needs for |num_bytes| of content in |num_entries|
 * entries, at most |allowed|, and sets |out->slab_len|. */
size_t seal_memory_plan(struct seal_memory *out, size_t allowed, unsigned num_threads,
                        uint64_t num_bytes, uint64_t num_entries);

/* seal_memory_init divides the run's memory. The caller must call seal_memory_cleanup. */
enum adp_status seal_memory_init(struct seal_memory *memory, struct adp_run *run,
                                 struct adp_error *err);
void seal_memory_cleanup(struct seal_memory *memory);

/* seal_take_chunk and seal_take_slab return one of ADP_CHUNK_LEN or of |slab_len| bytes, with one
 * reference; NULL if there is none just now. */
struct adp_chunk *seal_take_chunk(struct seal_memory *memory);
struct adp_chunk *seal_take_slab(struct seal_memory *memory);

/* seal_release_chunk gives a reference to either back. |memory| is a struct seal_memory. */
void seal_release_chunk(void *memory, struct adp_chunk *chunk);

#endif
