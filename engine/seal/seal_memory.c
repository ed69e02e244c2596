#include "seal_memory.h"

#include <stdlib.h>

#include "error.h"

/* Segments take a quarter of the memory: they leave as fast as the disk writes, while chunks also
 * wait for the disk to read and for zstd. Together they must not outgrow the queue. */
#define SEGMENT_SHARE 4
#define MAX_SEGMENTS  64u
#define MAX_CHUNKS    60u
_Static_assert(MAX_SEGMENTS + MAX_CHUNKS < ADP_QUEUE_DEPTH, "each may be a transfer");

/* How many slabs there must be room for, for each worker: it writes to one and reads another, one
 * is being filled, the segments take as much as two, and the disk must not wait for any of them. */
#define SLABS_PER_THREAD 8u
#define MIN_CHUNKS       8u /* beside one for each worker */

size_t seal_memory_plan(struct seal_memory *out, size_t allowed, unsigned num_threads,
                        uint64_t num_bytes, uint64_t num_entries)
{
    size_t slab_len = SEAL_SLAB_PARTS * ADP_CHUNK_LEN, most;
    uint64_t needed;

    while (slab_len > ADP_CHUNK_LEN &&
           (slab_len > allowed / SLABS_PER_THREAD / num_threads || slab_len / 2 >= num_bytes))
        slab_len /= 2;
    out->slab_len = slab_len;
    most = (size_t)MAX_SEGMENTS * ADP_SEGMENT_LEN + (size_t)MAX_CHUNKS * ADP_CHUNK_LEN +
           num_threads * slab_len;
    /* Twice the content: each byte is read into one place and sealed into another. */
    needed =
        ADP_MEMORY_MIN + 4 * (uint64_t)num_threads * slab_len + 2 * num_bytes + num_entries * 4096;
    if (allowed > most)
        allowed = most;
    return needed < allowed ? (size_t)needed : allowed;
}

static void init_slab(struct seal_memory *memory, unsigned index, uint8_t *data)
{
    struct seal_slab *slab = &memory->slabs[index];
    unsigned num = (unsigned)(memory->slab_len / ADP_CHUNK_LEN);

    slab->free = (1u << num) - 1;
    slab->whole = (struct adp_chunk){
        .data = data, .len = memory->slab_len, .slab = index, .parts = slab->free};
    for (unsigned i = 0; i < num; i++)
        slab->parts[i] = (struct adp_chunk){.data = data + (size_t)i * ADP_CHUNK_LEN,
                                            .len = ADP_CHUNK_LEN,
                                            .slab = index,
                                            .parts = 1u << i};
}

enum adp_status seal_memory_init(struct seal_memory *memory, struct adp_run *run,
                                 struct adp_error *err)
{
    size_t num_segments = run->memory_len / SEGMENT_SHARE / ADP_SEGMENT_LEN;
    size_t spares = run->num_workers * memory->slab_len, used, num_chunks = 0;

    if (num_segments > MAX_SEGMENTS)
        num_segments = MAX_SEGMENTS;
    used = num_segments * ADP_SEGMENT_LEN;
    if (run->memory_len > used + spares)
        num_chunks = (run->memory_len - used - spares) / ADP_CHUNK_LEN;
    if (num_chunks > MAX_CHUNKS)
        num_chunks = MAX_CHUNKS;
    if (num_chunks < MIN_CHUNKS)
        return adp_fail(err, ADP_ERR_ARGUMENT, NULL,
                        "%zu MiB of memory are too little for %u threads", run->memory_len >> 20,
                        run->num_workers);
    for (unsigned i = 0; i < run->num_workers; i++)
        run->worker[i].buffer = run->memory + used + i * memory->slab_len;
    memory->num_slabs = (unsigned)(num_chunks * ADP_CHUNK_LEN / memory->slab_len);
    memory->slabs = calloc(memory->num_slabs, sizeof(*memory->slabs));
    if (memory->slabs == NULL)
        return adp_fail_memory(err);
    for (unsigned i = 0; i < memory->num_slabs; i++)
        init_slab(memory, i, run->memory + used + spares + i * memory->slab_len);
    return adp_segments_new(&memory->segments, run, run->memory, (unsigned)num_segments,
                            seal_release_chunk, memory, err);
}

void seal_memory_cleanup(struct seal_memory *memory)
{
    adp_segments_free(memory->segments);
    free(memory->slabs);
}

static struct adp_chunk *take(struct seal_slab *slab, struct adp_chunk *chunk)
{
    slab->free &= ~chunk->parts;
    chunk->refs = 1;
    return chunk;
}

struct adp_chunk *seal_take_chunk(struct seal_memory *memory)
{
    struct seal_slab *best = NULL;

    /* One that is begun, so that whole ones remain. */
    for (unsigned i = 0; i < memory->num_slabs; i++) {
        struct seal_slab *slab = &memory->slabs[i];

        if (slab->free != 0 && (best == NULL || best->free == best->whole.parts))
            best = slab;
    }
    return best != NULL ? take(best, &best->parts[__builtin_ctz(best->free)]) : NULL;
}

struct adp_chunk *seal_take_slab(struct seal_memory *memory)
{
    for (unsigned i = 0; i < memory->num_slabs; i++) {
        struct seal_slab *slab = &memory->slabs[i];

        if (slab->free == slab->whole.parts)
            return take(slab, &slab->whole);
    }
    return NULL;
}

void seal_release_chunk(void *user, struct adp_chunk *chunk)
{
    struct seal_memory *memory = user;

    if (--chunk->refs == 0)
        memory->slabs[chunk->slab].free |= chunk->parts;
}
