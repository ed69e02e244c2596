/* A child process in which the frames of one archive are decoded, and its index is parsed, before
 * this process believes them.
 *
 * Who makes an archive decides on every byte of its frames, and needs public keys alone for it. So
 * what decompresses and parses them has no descriptor, no file, no network, no key and no other
 * archive (confine.h). It has memory that it shares with this process, cut into lanes: a lane has
 * room for a frame as it is stored and as it is plain, and a thread of the child that waits for it.
 * Lane 0 is the calling thread's; others are for workers, and are not there where there is little
 * to do.
 *
 * Bytes in a lane are the child's to change, also after it has said that they are complete. As
 * content of files that is no more than the archive's maker could have put there before; whatever
 * is to be parsed must be copied first. */
#ifndef ADP_SANDBOX_H
#define ADP_SANDBOX_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "adpseal.h"
#include "index.h"

enum adp_sandbox_mode {
    ADP_SANDBOX_AUTO = 0, /* as much of it as the kernel has, or nothing */
    ADP_SANDBOX_ON = 1,   /* all of it, or an error */
    ADP_SANDBOX_OFF = 2,
};

/* adp_sandbox_mode_of sets |*out| to what |how| says: "auto" (or NULL), "on" or "off";
 * ADP_ERR_ARGUMENT for anything else. */
enum adp_status adp_sandbox_mode_of(enum adp_sandbox_mode *out, const char *how,
                                    struct adp_error *err);

struct adp_sandbox;

/* adp_sandbox_new forks the child for an archive with |trailer|, with |num_workers| lanes beside
 * lane 0. |*out| is NULL, with ADP_OK, where there is to be none or cannot be one. The caller must
 * call adp_sandbox_free, from the thread that has made it: with that thread the child ends. */
enum adp_status adp_sandbox_new(struct adp_sandbox **out, enum adp_sandbox_mode mode,
                                unsigned num_workers, const struct adp_trailer *trailer,
                                struct adp_error *err);

/* adp_sandbox_free ends the child, and returns the CPU time that it took, in nanoseconds. NULL is
 * allowed. */
int64_t adp_sandbox_free(struct adp_sandbox *sandbox);

/* adp_sandbox_name returns what protects: "landlock+seccomp", "seccomp", "landlock", or "off" for
 * NULL. It lives for ever. */
const char *adp_sandbox_name(const struct adp_sandbox *sandbox);

/* adp_sandbox_refuse fills |err| for ADP_SANDBOX_ON where there is no more than |name|. */
enum adp_status adp_sandbox_refuse(const char *name, struct adp_error *err);

/* What a frame is, which decides what is done with it once it is plain. */
enum adp_sandbox_kind {
    ADP_SANDBOX_CONTENT = 0,
    ADP_SANDBOX_INDEX = 1,     /* lane 0 alone: is parsed, entry by entry */
    ADP_SANDBOX_DIRECTORY = 2, /* likewise; comes before the first index frame */
};

struct adp_sandbox_frame {
    enum adp_sandbox_kind kind;
    size_t number; /* of an index frame */
    uint32_t stored_len, plain_len;
};

/* adp_sandbox_enter takes a lane for the worker |worker|, or lane 0 for ADP_SANDBOX_CALLER, and
 * waits until nobody else has it. Its bytes are the caller's until adp_sandbox_leave. */
#define ADP_SANDBOX_CALLER UINT_MAX
unsigned adp_sandbox_enter(struct adp_sandbox *sandbox, unsigned worker);
void adp_sandbox_leave(struct adp_sandbox *sandbox, unsigned lane);

/* adp_sandbox_room returns where the stored bytes of |lane|'s next frame are to be put: room for
 * ADP_FRAME_MAX bytes, and for the directory in lane 0. */
uint8_t *adp_sandbox_room(struct adp_sandbox *sandbox, unsigned lane);

/* adp_sandbox_begin has the child begin with what is in lane 0's room, and waits for nothing:
 * whoever asks for that very frame next, finds it begun, and whoever uses the lane for another,
 * undoes it. adp_sandbox_has_begun returns whether |frame| is begun in |lane|: its room is not to
 * be filled. */
void adp_sandbox_begin(struct adp_sandbox *sandbox, const struct adp_sandbox_frame *frame);
int adp_sandbox_has_begun(const struct adp_sandbox *sandbox, unsigned lane,
                          const struct adp_sandbox_frame *frame);

/* adp_sandbox_decode has what is in |lane|'s room decoded, and points |*out| at the plain bytes.
 * ADP_ERR_CONTENT if it is no such frame, ADP_ERR_DECODER if that broke the child, or another
 * lane's frame did. What the parser says of index and directory is not told: the caller parses them
 * as well, and they have ended no parser. */
enum adp_status adp_sandbox_decode(struct adp_sandbox *sandbox, unsigned lane,
                                   const struct adp_sandbox_frame *frame, const uint8_t **out);

/* adp_sandbox_fail fills |err| for ADP_ERR_DECODER: how the child has ended, at which place. */
enum adp_status adp_sandbox_fail(const struct adp_sandbox *sandbox, const char *path,
                                 uint64_t offset, struct adp_error *err);

#endif
