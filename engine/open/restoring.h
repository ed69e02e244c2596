/* The reading of archives as a whole: open and verify.
 *
 *   index -> window of entries -> frames, in order of the stream -> segments, in order
 *            read (queue) -> authenticate and decrypt (worker) -> decode, check, write (worker)
 *
 * Entries come in order of paths, content in an order of its own; a window of some thousand entries
 * is sorted by the stream, so that each segment is read once and memory stays bounded. */
#ifndef ADP_RESTORING_H
#define ADP_RESTORING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "archive_read.h"
#include "gcm.h"
#include "meta.h"
#include "path_set.h"
#include "run.h"
#include "select.h"

#define ADP_WINDOW_ENTRIES 16384u
#define ADP_WINDOW_EXTENTS 32768u
#define ADP_WINDOW_LEN     (32u << 20) /* of paths, attributes and extents */
#define RESTORE_TEMP       "adp-seal"  /* in the name of a file that is not complete yet */
#define RESTORE_TEMP_LEN   40          /* of that name, kept for each entry of a window */

/* Memory of a window, given back as a whole. */
struct restore_arena {
    struct restore_block *blocks;
    size_t len; /* of all that was handed out */
};

struct restore_entry {
    uint8_t type;
    char *path;
    char *target;
    struct adp_meta meta;
    uint64_t size;
    struct adp_extent *extents;
    size_t num_extents, cap_extents;
    /* a file being written */
    pthread_mutex_t lock;
    atomic_size_t remaining; /* extents */
    int parent, fd;
    const char *name;            /* in |parent|, part of |path| */
    char temp[RESTORE_TEMP_LEN]; /* its name until it is complete */
    int is_begun;
    /* what went wrong */
    int is_failed;
    enum adp_status status;
    int sys_errno;
    char message[160];
    int meta_failures; /* enum adp_meta_failure */
    int meta_errno;
    const char *meta_what;
};

/* A directory whose metadata is set at the very end. */
struct restore_dir {
    char *path;
    struct adp_meta meta;
};

/* An extent of an entry, as part of a frame. */
struct restore_part {
    struct restore_entry *entry;
    const struct adp_extent *extent;
    uint64_t file_offset;
    int is_lost; /* to damage: set by the worker */
};

struct restore_frame {
    struct adp_job job; /* first */
    struct restoring *restoring;
    struct restore_part *parts;
    size_t num_parts;
    size_t first_segment, num_segments; /* in the window's list */
    size_t start;                       /* of the frame in its first segment's plaintext */
    enum adp_status status;             /* there may be millions: what to say of it is made later */
    const struct adp_extent *refused;   /* of ADP_ERR_CONTENT */
};

enum restore_segment_state {
    RESTORE_WAITING = 0,
    RESTORE_BUSY = 1,
    RESTORE_READY = 2,
};

/* A segment that the window needs. */
struct restore_segment {
    uint64_t position;
    unsigned refs; /* frames that are not done with it */
    enum restore_segment_state state;
    int is_bad; /* damaged: what the buffer holds is nothing */
    struct restore_buffer *buffer;
};

/* Segments |first| to |last| are damaged, and with them |path|. */
struct restore_loss {
    char *path;
    uint64_t first, last;
};

/* Of the archive at hand. */
struct restore_damage {
    uint8_t *is_bad;        /* one byte a segment; NULL while there is none */
    struct adp_error first; /* the first that was met */
    struct restore_loss *losses;
    size_t num_losses, cap_losses;
    size_t losses_len;    /* of their paths */
    uint64_t num_unnamed; /* that had no room */
    int has_lost_index;   /* entries are lost that nobody can name */
};

/* A buffer that holds a segment. */
struct restore_buffer {
    struct adp_job job; /* first: opening the segment */
    struct adp_transfer read;
    struct restoring *restoring;
    uint8_t *data;
    struct restore_segment *segment;
    int is_retried; /* read again, through the page cache */
    enum adp_status status;
    struct adp_error error;
    struct restore_buffer *next;
};

/* The folder that a worker wrote into last: most files share it with the one before. */
struct restore_place {
    char *path; /* of the folder, NULL if there is none */
    size_t len;
    int fd;
};

struct restoring {
    struct adp_run run;
    struct adp_vault *vault;
    struct adp_tell *tell;
    struct adp_report *report;
    int target; /* descriptor, or -1 to verify */
    int overwrite, set_owner, sync_each, skip_derived;
    int keep_going;
    int ignores_case;       /* the target's file system: restore_case.c */
    struct timespec since;  /* by its clock, what is later is this run's */
    pthread_mutex_t naming; /* there */
    struct restore_damage damage;
    int is_skipping; /* the last entry, and so its continuations */
    int has_skipped; /* of the archive at hand */
    int is_partial;
    struct adp_select *select;
    struct adp_archive *archive;
    unsigned category;
    int file; /* the archive in the queue */
    /* the window */
    struct restore_arena arena;
    struct restore_entry **entries;
    size_t num_entries, num_extents;
    struct restore_part *parts;
    struct restore_frame *frames;
    struct restore_segment *segments;
    size_t num_frames, num_segments, cap_segments;
    size_t next_segment, next_frame, frames_done;
    struct restore_buffer *buffers, *free_buffers;
    size_t num_buffers;
    unsigned num_reads;         /* in flight: not more than the queue takes */
    struct adp_path_set files;  /* of the archive at hand, for hard links to them */
    struct adp_path_set failed; /* those that were not restored */
    /* across windows and archives */
    struct restore_arena dir_arena;
    struct restore_dir *dirs;
    size_t num_dirs, cap_dirs;
    size_t dirs_excess;  /* of their paths and attributes, over what is usual */
    struct adp_job sync; /* of the target, while the work goes on */
    int is_syncing;
    struct restore_place *places; /* one a worker, and the driver's */
    enum adp_status status;
    struct adp_error error;
};

/* restoring_fail notes the first failure of the archive at hand; what is in flight is let go. */
void restoring_fail(struct restoring *restoring, enum adp_status status,
                    const struct adp_error *error);

/* -- restore_window.c: entries gathered, and what is no file. */

/* restore_take copies |entry| into the window, running the window first if it is full. */
enum adp_status restore_take(void *restoring, const struct adp_index_entry *entry,
                             enum adp_select_role role, struct adp_error *err);

/* restore_flush runs what is left in the window. */
enum adp_status restore_flush(struct restoring *restoring, struct adp_error *err);

/* restore_discard drops the window without running it. */
void restore_discard(struct restoring *restoring);

void *restore_alloc(struct restore_arena *arena, size_t len);
void restore_arena_reset(struct restore_arena *arena);

/* restore_copy_xattrs moves |meta|'s attributes into |arena|. Returns 0 if memory is short. */
int restore_copy_xattrs(struct restore_arena *arena, struct adp_meta *meta);

/* -- restore_decode.c: frames decoded, on a worker. */

/* restore_frame_open is the work of a struct restore_frame whose segments are open: it decodes it,
 * and gives its parts to their files. */
void restore_frame_open(struct adp_job *job, unsigned thread);

/* -- restore_frames.c: segments read and opened. */

/* restore_frames runs the frames of the window's files through the pipeline. */
enum adp_status restore_frames(struct restoring *restoring, struct adp_error *err);

/* -- restore_file.c: one file. Any worker. */

/* restore_file_write writes the pieces of one extent; the last extent finishes the file. Failures
 * are kept in the entry. */
void restore_file_write(struct restoring *restoring, struct restore_entry *entry, unsigned thread,
                        uint64_t offset, const struct adp_gcm_piece *pieces, size_t num_pieces);

/* restore_file_empty makes a file without extents. */
void restore_file_empty(struct restoring *restoring, struct restore_entry *entry, unsigned thread);

/* restore_file_abandon removes what was begun of a file that will not be finished. */
void restore_file_abandon(struct restore_entry *entry);

/* restore_file_lose counts an extent that is lost to damage, of which |why| tells; with the last
 * extent the file is given up. */
void restore_file_lose(struct restoring *restoring, struct restore_entry *entry,
                       enum adp_status status, uint64_t offset);

/* -- restore_damage.c: what damage takes, and what it leaves. On the driver, but for is_lost. */

/* restore_damage_note notes that segment |position| is damaged. Returns whether the work goes on;
 * else the archive fails, as it does without |keep_going|. */
int restore_damage_note(struct restoring *restoring, uint64_t position,
                        const struct adp_error *why);

/* restore_damage_is_lost returns whether bytes |start|, |len| of the frame lie in a damaged
 * segment. Any thread, once the frame's segments are ready. */
int restore_damage_is_lost(const struct restore_frame *frame, size_t start, size_t len,
                           uint64_t *out_position);

/* restore_damage_take notes what of an opened frame is lost. */
void restore_damage_take(struct restoring *restoring, const struct restore_frame *frame);

/* restore_damage_index is told of each index frame that is damaged (adp_archive's on_lost). */
enum adp_status restore_damage_index(void *restoring, size_t frame, const struct adp_error *why);

/* restore_damage_end looks at the segments that nothing has needed if |check_tags|, tells what is
 * damaged, and fails if anything is. */
enum adp_status restore_damage_end(struct restoring *restoring, int check_tags,
                                   struct adp_error *err);

/* restore_damage_reset forgets all, before the next archive. */
void restore_damage_reset(struct restoring *restoring);

/* restore_damage_unopened tells that nothing of the archive |path| can be read. */
void restore_damage_unopened(struct restoring *restoring, const char *path,
                             const struct adp_error *why);

/* -- restore_case.c: entries that are one where upper case is lower case. Any worker. */

/* restore_case_probe finds out whether the target is on such a file system. */
void restore_case_probe(struct restoring *restoring);

/* restore_case_taken returns why |name| in |parent| cannot be had: -ENOTUNIQ if another entry has
 * it in this run, -EEXIST if it was there before. */
int restore_case_taken(const struct restoring *restoring, int parent, const char *name);

/* restore_rename gives |temp| in |parent| its name, replacing what was there before the run if
 * |overwrite|, but nothing of the run. Returns 0 or -errno, like restore_case_taken. */
int restore_rename(struct restoring *restoring, int parent, const char *temp, const char *name);

/* -- restore_other.c: directories, links, FIFOs. On the driver. */
enum adp_status restore_dir_make(struct restoring *restoring, struct restore_entry *entry,
                                 struct adp_error *err);
void restore_other(struct restoring *restoring, struct restore_entry *entry);
void restore_hardlink(struct restoring *restoring, struct restore_entry *entry);

/* restore_dirs_finish sets the directories' metadata, the deepest first. */
void restore_dirs_finish(struct restoring *restoring);

/* restore_parent finds the folder of |path| below the target; the descriptor stays the place's.
 * -errno on failure. */
int restore_parent(struct restoring *restoring, unsigned place, const char *path,
                   const char **out_name);

/* restore_entry_fail notes why an entry is not restored; restore_entry_fail_errno for -errno |rc|.
 */
void restore_entry_fail(struct restore_entry *entry, enum adp_status status, int sys_errno,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));
void restore_entry_fail_errno(struct restore_entry *entry, int rc, const char *what);

/* restore_tell_meta tells which metadata of |path| could not be set. */
void restore_tell_meta(struct restoring *restoring, const char *path, int failures, int sys_errno,
                       const char *what);

#endif
