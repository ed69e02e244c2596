/* What an input of fuzz_open says: the plaintext of two archives, how they are sealed, and what is
 * done to the files afterwards.
 *
 * An input is PLAN_HEAD_LEN bytes of options and then items of PLAN_ITEM_LEN bytes, so that a
 * mutator can drop, repeat and exchange them. Every item describes something that is right; its
 * |field| may name one of its numbers, which then is |value| instead. All that is computed over it
 * (lengths, offsets, digests, tags, signatures) follows, so that nothing else is wrong. */
#ifndef ADP_OPEN_PLAN_H
#define ADP_OPEN_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "index.h"

#define PLAN_HEAD_LEN     4
#define PLAN_ITEM_LEN     24
#define PLAN_MAX_ITEMS    64
#define PLAN_NUM_ARCHIVES 2
/* More would make a single input slow; a frame that is too long by one byte fits. Frames are long
 * only where the highest byte of |len| is PLAN_LONG. */
#define PLAN_CONTENT_MAX (5u << 20)
#define PLAN_LONG        0xffu

/* The first byte of the head. */
enum plan_option {
    PLAN_KEEP_GOING = 1,
    PLAN_TWICE = 2,    /* opened a second time, with overwrite */
    PLAN_UNSORTED = 4, /* entries stay in the order of their items, whatever they are */
    PLAN_ATTESTED = 8,
    PLAN_SELECT = 16, /* the path of the first entry alone is opened */
    PLAN_CAT = 32,    /* the first file is written out as well */
    PLAN_URING = 64,
};

enum item_kind {
    ITEM_FRAME = 0,     /* of content; |type| is enum plan_codec */
    ITEM_ENTRY = 1,     /* |type| is that of the index */
    ITEM_EXTENT = 2,    /* of the entry before */
    ITEM_XATTR = 3,     /* likewise */
    ITEM_CUT = 4,       /* ends an index frame after the entry before; |type| is enum plan_codec */
    ITEM_DIRECTORY = 5, /* likewise of the directory */
    ITEM_TRAILER = 6,
    ITEM_HEADER = 7,
    ITEM_RECORD = 8,
    ITEM_DAMAGE = 9, /* to the file; |type| is enum plan_damage */
    ITEM_KINDS = 10,
};

/* How a frame is stored. All but the first two break a rule. */
enum plan_codec {
    PLAN_ZSTD = 0,
    PLAN_RAW = 1,
    PLAN_ZSTD_WITHOUT_SIZE = 2,
    PLAN_ZSTD_TWO_FRAMES = 3,
    PLAN_ZSTD_SKIPPABLE = 4,
    PLAN_ZSTD_BYTE_AFTER = 5,
    PLAN_ZSTD_CUT = 6,
    PLAN_ZSTD_CHANGED = 7,
    PLAN_ZSTD_MORE = 8, /* expands to more than is said */
    PLAN_ZSTD_LESS = 9,
    PLAN_CODECS = 10,
};

enum plan_damage {
    DAMAGE_FLIP = 0,
    DAMAGE_CUT = 1,
    DAMAGE_EXTEND = 2,
    DAMAGE_SWAP = 3, /* two segments */
    DAMAGE_DROP = 4,
    DAMAGE_REPEAT = 5,
    DAMAGE_EXCHANGE = 6, /* with the other archive's file */
    DAMAGE_ATTESTATION = 7,
    DAMAGES = 8,
};

/* What |field| may name, by kind; 0 names nothing. */
enum frame_field { FRAME_CODEC = 1, FRAME_OFFSET, FRAME_STORED_LEN, FRAME_PLAIN_LEN, FRAME_FIELDS };
enum entry_field {
    ENTRY_FLAGS = 1,
    ENTRY_SHARED,
    ENTRY_SUFFIX_LEN,
    ENTRY_LABEL_LEN,
    ENTRY_MODE,
    ENTRY_UID,
    ENTRY_GID,
    ENTRY_MTIME_NS,
    ENTRY_ATIME_NS,
    ENTRY_NUM_XATTRS,
    ENTRY_SIZE,
    ENTRY_NUM_EXTENTS,
    ENTRY_REASON,
    ENTRY_ERRNO,
    ENTRY_BODY_LEN,
    ENTRY_MORE, /* bytes after the last field */
    ENTRY_FIELDS,
};
enum extent_field {
    EXTENT_HOLE = 1,
    EXTENT_LEN,
    EXTENT_ARCHIVE,
    EXTENT_CODEC,
    EXTENT_OFFSET,
    EXTENT_STORED_LEN,
    EXTENT_PLAIN_LEN,
    EXTENT_START,
    EXTENT_DIGEST,
    EXTENT_FIELDS,
};
enum xattr_field { XATTR_NAME_LEN = 1, XATTR_VALUE_LEN, XATTR_FIELDS };
enum cut_field {
    CUT_STORED_LEN = 1,
    CUT_PLAIN_LEN,
    CUT_ENTRIES,
    CUT_FIRST_PATH, /* with a byte more */
    CUT_MORE,       /* bytes after the last entry */
    CUT_TIMES,      /* how often the frame is there */
    CUT_FIELDS,
};
enum directory_field {
    DIRECTORY_ARCHIVES = 1,
    DIRECTORY_FRAMES,
    DIRECTORY_MORE,
    DIRECTORY_FIELDS,
};
enum trailer_field {
    TRAILER_MAGIC = 1,
    TRAILER_VERSION,
    TRAILER_FLAGS,
    TRAILER_OFFSET,
    TRAILER_STORED_LEN,
    TRAILER_PLAIN_LEN,
    TRAILER_ENTRIES,
    TRAILER_BYTES,
    TRAILER_RESERVED,
    TRAILER_LEN, /* of the stream, cut from its beginning */
    TRAILER_FIELDS,
};
enum header_field {
    HEADER_LEN = 1,
    HEADER_CATEGORY,
    HEADER_EPOCH,
    HEADER_RESERVED,
    HEADER_FLOE,   /* a byte of FLOE's header, by |start| */
    HEADER_SLOTS,  /* their number */
    HEADER_KEY,    /* the slot's is another */
    HEADER_EMPTY,  /* an empty segment at the end */
    HEADER_FIELDS, /* |type| is the length of segments */
};
enum record_field {
    RECORD_SIZE = 1,
    RECORD_EPOCH,
    RECORD_ARCHIVE_ID,
    RECORD_HEADER_TAG,
    RECORD_TAGS_DIGEST,
    RECORD_ATTESTATION,
    RECORD_CATEGORY,
    RECORD_GENERATION,
    RECORD_STARTED,
    RECORD_FIELDS,
};

struct item {
    uint8_t kind, archive, type;
    uint8_t field;
    int is_relative; /* |value| is added */
    uint16_t name;
    uint8_t depth;
    uint32_t len, start;
    uint64_t value;
};

/* item_number returns |right|, or what |item| puts in its place; NULL is an item without |field|.
 */
uint64_t item_number(const struct item *item, unsigned field, uint64_t right);

/* item_parse and item_build: |bytes| are PLAN_ITEM_LEN. Every string of bytes is an item. */
void item_parse(struct item *out, const uint8_t *bytes);
void item_build(uint8_t *bytes, const struct item *item);

struct plan_frame {
    const struct item *item;
    uint8_t *plain;
    size_t plain_len;
    uint8_t *stored;
    size_t stored_len;
};

struct plan_extent {
    uint64_t hole, len, archive, codec, frame_offset, stored_len, plain_len, start;
    uint8_t digest[ADP_DIGEST_LEN];
    const struct plan_frame *frame;
};

struct plan_entry {
    const struct item *item, *cut; /* |cut| or NULL */
    char *path, *target;
    size_t path_len, target_len;
    uint64_t flags, mode, uid, gid, mtime_ns, atime_ns, size;
    size_t first_extent, num_extents, first_xattr, num_xattrs; /* in the archive's lists */
    size_t number;                                             /* in the order of the items */
};

struct plan_archive {
    int is_there;
    struct plan_frame frames[PLAN_MAX_ITEMS];
    struct plan_entry entries[PLAN_MAX_ITEMS];
    struct plan_extent extents[PLAN_MAX_ITEMS];
    const struct item *xattrs[PLAN_MAX_ITEMS];
    size_t num_frames, num_entries, num_extents, num_xattrs;
    const struct item *directory, *trailer, *header, *record; /* or NULL */
};

struct plan {
    unsigned options;
    struct item items[PLAN_MAX_ITEMS];
    size_t num_items;
    struct plan_archive archives[PLAN_NUM_ARCHIVES];
};

/* plan_make reads an input; |base| is the folder of the canaries, for links to it. The caller must
 * call plan_free. Returns NULL if there is nothing in it. */
struct plan *plan_make(const uint8_t *data, size_t len, const char *base);
void plan_free(struct plan *plan);

/* plan_is_exact returns whether nothing in it makes a reader take bytes for other fields than they
 * were written as: then what verifies is what the plan says. */
int plan_is_exact(const struct plan *plan);

/* plan_stream builds the plaintext of an archive into the zeroed |out|. */
void plan_stream(struct adp_builder *out, const struct plan_archive *archive);

/* plan_zstd stores |len| bytes as |codec| says; freed with free(). */
uint8_t *plan_zstd(enum plan_codec codec, const uint8_t *data, size_t len, size_t *out_len);

/* plan_content writes what a file reads as, up to |max| bytes of it; freed with free(). NULL if an
 * extent reaches past its frame. */
uint8_t *plan_content(const struct plan_archive *archive, size_t entry, size_t max,
                      size_t *out_len);

/* plan_xattr_name writes the name of a plan's attribute. */
void plan_xattr_name(char out[16], const struct item *item);

#endif
