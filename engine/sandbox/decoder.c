/* The child: gives up all that it may do, then decodes what is asked for, until it is ended. */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "confine.h"
#include "shared.h"

#define STACK_LEN  ((size_t)1 << 20)
#define MEMORY_LEN ((size_t)32 << 20)
/* What the directory's parser takes, for each byte. */
#define DIRECTORY_TIMES 16u

struct decoder {
    struct adp_sandbox *sandbox;
    unsigned lane;
    void *zstd;
    struct adp_directory directory;  /* of lane 0, as is */
    struct adp_index_cursor *cursor; /* NULL without a directory */
};

/* -- Parsing: what matters is that it comes to an end. */

static void parse_directory(struct decoder *decoder, const uint8_t *plain, size_t len)
{
    adp_index_cursor_free(decoder->cursor);
    adp_directory_free(&decoder->directory);
    decoder->cursor = NULL;
    if (adp_directory_parse(&decoder->directory, plain, len, &decoder->sandbox->trailer, NULL,
                            NULL) == ADP_OK)
        (void)adp_index_cursor_new(&decoder->cursor, decoder->directory.index_start, 0, NULL, NULL);
}

static void parse_index(const struct decoder *decoder, size_t number, const uint8_t *plain,
                        size_t len)
{
    const struct adp_index_entry *entry = NULL;
    enum adp_status status;

    if (decoder->cursor == NULL || number >= decoder->directory.num_frames)
        return;
    status = adp_index_cursor_feed(decoder->cursor, &decoder->directory.frames[number], plain, len,
                                   NULL);
    while (status == ADP_OK &&
           (status = adp_index_cursor_next(decoder->cursor, &entry, NULL)) == ADP_OK &&
           entry != NULL)
        ;
}

/* -- Lanes. */

static enum adp_status decode(struct decoder *decoder, const struct adp_sandbox_frame *frame)
{
    uint8_t *plain = shared_plain(decoder->sandbox, decoder->lane);
    enum adp_status status =
        adp_codec_decompress(&decoder->zstd, plain, frame->plain_len,
                             shared_stored(decoder->sandbox, decoder->lane), frame->stored_len);

    if (status == ADP_OK && frame->kind == ADP_SANDBOX_INDEX)
        parse_index(decoder, frame->number, plain, frame->plain_len);
    else if (status == ADP_OK && frame->kind == ADP_SANDBOX_DIRECTORY)
        parse_directory(decoder, plain, frame->plain_len);
    return status;
}

static _Noreturn void serve(struct decoder *decoder)
{
    struct shared_lane *lane = &decoder->sandbox->control->lanes[decoder->lane];
    unsigned state;

    for (;;) {
        while ((state = atomic_load(&lane->state)) != SHARED_ASKED)
            shared_wait(&lane->state, state, NULL);
        atomic_store(&lane->status, decode(decoder, &lane->frame));
        shared_set(&lane->state, SHARED_DONE);
    }
}

/* A frame of one byte, to see whether a frame can be decoded. */
static int try_out(struct decoder *decoder)
{
    static const uint8_t stored[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x01, 0x09, 0, 0, 'x'};
    const struct adp_sandbox_frame frame = {.stored_len = sizeof(stored), .plain_len = 1};

    memcpy(shared_stored(decoder->sandbox, decoder->lane), stored, sizeof(stored));
    return decode(decoder, &frame) == ADP_OK &&
           *shared_plain(decoder->sandbox, decoder->lane) == 'x';
}

static void *serve_lane(void *arg)
{
    struct decoder *decoder = arg;
    struct adp_sandbox *sandbox = decoder->sandbox;

    shared_set(&sandbox->num_started, atomic_load(&sandbox->num_started) + 1);
    serve(decoder);
}

/* A thread that begins makes calls that it must not make later: it has to be there before. */
static int start_lane(struct decoder *decoder, const pthread_attr_t *attr)
{
    atomic_uint *num_started = &decoder->sandbox->num_started;
    unsigned num = atomic_load(num_started);
    pthread_t thread;

    if (pthread_create(&thread, attr, serve_lane, decoder) != 0)
        return 0;
    while (atomic_load(num_started) == num)
        shared_wait(num_started, num, NULL);
    return 1;
}

static int start_lanes(struct adp_sandbox *sandbox, struct decoder *decoders)
{
    pthread_attr_t attr;
    int ok = pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK_LEN) == 0;

    for (unsigned i = 0; ok && i < sandbox->num_lanes; i++) {
        decoders[i] = (struct decoder){.sandbox = sandbox, .lane = i};
        ok = i == 0 || start_lane(&decoders[i], &attr);
    }
    return ok;
}

/* -- The beginning. */

_Noreturn void decoder_run(void *user)
{
    struct adp_sandbox *sandbox = user;
    struct adp_confine confine = {.layers = sandbox->layers,
                                  .shared = sandbox->control,
                                  .shared_len = sandbox->shared_len,
                                  .more_memory = MEMORY_LEN + sandbox->num_lanes * 2 * STACK_LEN +
                                                 (size_t)DIRECTORY_TIMES *
                                                     sandbox->trailer.directory_plain_len};
    struct decoder *decoders;

    (void)mallopt(M_ARENA_MAX, 1); /* another arena's address space would be past the limit */
    decoders = calloc(sandbox->num_lanes, sizeof(*decoders));
    if (adp_confine_begin(&confine) < 0)
        _exit(1);
    if (decoders == NULL || !start_lanes(sandbox, decoders)) {
        shared_set(&sandbox->control->ready, SHARED_FAILED);
        _exit(1);
    }
    adp_confine_end(&confine);
    if (!try_out(&decoders[0]))
        _exit(1);
    shared_set(&sandbox->control->ready, SHARED_READY + confine.layers);
    serve(&decoders[0]);
}
