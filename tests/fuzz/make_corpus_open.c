/* The first inputs of fuzz_open: what is right, and each kind of attack once. */
#include "fuzz.h"
#include "make_corpus.h"
#include "open_plan.h"

/* Numbers of names and targets in open_plan.c. */
enum { A = 0, B, C, D, A_B, UPPER_A, FILE_JPG, CANARY, OUTSIDE, ESCAPES = 13, BIDI, LONGEST };
enum { NO_NAME = 17, DOT, DOT_DOT, UP_CANARY, SLASH_CANARY, X_SLASH_Y, X_NUL_Y, UP_UP, TOO_LONG };
enum { TO_A = 0, TO_UP = 2, TO_CANARY = 4, TO_OUTSIDE };

#define HARD_OUT 0x200u /* the target of a hard link is one of a symbolic link's */

static void save_items(const char *name, unsigned options, const struct item *items, size_t num)
{
    uint8_t data[PLAN_HEAD_LEN + PLAN_MAX_ITEMS * PLAN_ITEM_LEN] = {(uint8_t)options};

    FUZZ_CHECK(num <= PLAN_MAX_ITEMS);
    for (size_t i = 0; i < num; i++)
        item_build(data + PLAN_HEAD_LEN + i * PLAN_ITEM_LEN, &items[i]);
    save("open", name, data, PLAN_HEAD_LEN + num * PLAN_ITEM_LEN);
}

#define SAVE(name, options, ...)                                                                   \
    save_items(name, options, (const struct item[]){__VA_ARGS__},                                  \
               sizeof((const struct item[]){__VA_ARGS__}) / sizeof(struct item))

#define FRAME(codec, more)                                                                         \
    {                                                                                              \
        .kind = ITEM_FRAME, .type = codec, .name = 2, .len = more                                  \
    }
#define FOLDER(n, under)                                                                           \
    {                                                                                              \
        .kind = ITEM_ENTRY, .type = ADP_ENTRY_DIRECTORY, .name = n, .depth = under                 \
    }
#define FILE_OF(n, under)                                                                          \
    {                                                                                              \
        .kind = ITEM_ENTRY, .type = ADP_ENTRY_FILE, .name = n, .depth = under                      \
    }
#define LINK_TO(n, target)                                                                         \
    {                                                                                              \
        .kind = ITEM_ENTRY, .type = ADP_ENTRY_SYMLINK, .name = n, .start = target                  \
    }
#define HARD_TO(n, target)                                                                         \
    {                                                                                              \
        .kind = ITEM_ENTRY, .type = ADP_ENTRY_HARDLINK, .name = n, .start = target                 \
    }
#define EXTENT(frame, gap)                                                                         \
    {                                                                                              \
        .kind = ITEM_EXTENT, .name = frame, .depth = gap                                           \
    }
#define IN_SECOND(...)                                                                             \
    {                                                                                              \
        .archive = 1, __VA_ARGS__                                                                  \
    }
#define DAMAGED(how, where)                                                                        \
    {                                                                                              \
        .kind = ITEM_DAMAGE, .type = how, .value = where, .start = where                           \
    }
#define CUT()                                                                                      \
    {                                                                                              \
        .kind = ITEM_CUT                                                                           \
    }

static void save_whole(void)
{
    SAVE("everything", PLAN_ATTESTED | PLAN_CAT | PLAN_TWICE, FRAME(PLAN_ZSTD, 5000),
         FRAME(PLAN_RAW, 100), FOLDER(D, 0), {.kind = ITEM_XATTR, .len = 5}, FILE_OF(A, 1),
         EXTENT(0, 0), EXTENT(1, 16), CUT(),
         {.kind = ITEM_ENTRY, .type = ADP_INDEX_CONTINUATION, .name = A}, EXTENT(0, 0),
         FOLDER(ESCAPES, 1), {.kind = ITEM_ENTRY, .type = ADP_ENTRY_FIFO, .name = B, .depth = 2},
         HARD_TO(FILE_JPG, 1), LINK_TO(CANARY, TO_CANARY),
         {.kind = ITEM_ENTRY, .type = ADP_ENTRY_SKIPPED, .name = OUTSIDE, .len = 6u << 28});
    SAVE("two-archives", PLAN_TWICE, FRAME(PLAN_RAW, 9), FOLDER(D, 0), FILE_OF(A, 1), EXTENT(0, 0),
         IN_SECOND(.kind = ITEM_FRAME, .len = 9),
         IN_SECOND(.kind = ITEM_ENTRY, .type = 2, .name = D),
         IN_SECOND(.kind = ITEM_ENTRY, .type = 1, .name = B, .depth = 1),
         IN_SECOND(.kind = ITEM_EXTENT));
    SAVE("longest-frame", 0, FRAME(PLAN_ZSTD, PLAN_LONG << 24 | (ADP_FRAME_MAX - 2)), FILE_OF(A, 0),
         EXTENT(0, 0));
    SAVE("frame-too-long", 0, FRAME(PLAN_ZSTD, PLAN_LONG << 24 | (ADP_FRAME_MAX - 1)),
         FILE_OF(A, 0), EXTENT(0, 0));
    SAVE("deep", 0, FOLDER(LONGEST, 0), FOLDER(LONGEST, 1), FOLDER(LONGEST, 2), FOLDER(LONGEST, 3),
         FOLDER(LONGEST, 4), FOLDER(LONGEST, 5), FOLDER(LONGEST, 6), FOLDER(LONGEST, 7),
         FOLDER(LONGEST, 8), FOLDER(LONGEST, 9), FOLDER(LONGEST, 10), FOLDER(LONGEST, 11),
         FOLDER(LONGEST, 12), FOLDER(LONGEST, 13), FOLDER(LONGEST, 14), FOLDER(LONGEST, 15),
         FILE_OF(LONGEST, 16));
}

static void save_attacks(void)
{
    static const uint8_t bad_names[] = {NO_NAME,      DOT,     DOT_DOT, UP_CANARY,
                                        SLASH_CANARY, X_NUL_Y, UP_UP,   TOO_LONG};

    /* A link in one archive where another has a folder. */
    SAVE("link-for-folder", PLAN_TWICE, LINK_TO(D, TO_OUTSIDE),
         IN_SECOND(.kind = ITEM_FRAME, .len = 9),
         IN_SECOND(.kind = ITEM_ENTRY, .type = 2, .name = D),
         IN_SECOND(.kind = ITEM_ENTRY, .type = 1, .name = CANARY, .depth = 1),
         IN_SECOND(.kind = ITEM_EXTENT));
    SAVE("link-for-file", PLAN_TWICE, LINK_TO(A, TO_CANARY),
         IN_SECOND(.kind = ITEM_FRAME, .len = 9),
         IN_SECOND(.kind = ITEM_ENTRY, .type = 1, .name = A), IN_SECOND(.kind = ITEM_EXTENT));
    SAVE("hard-link-out", 0, FILE_OF(A, 0), HARD_TO(B, HARD_OUT | TO_CANARY));
    SAVE("hard-link-to-link", PLAN_TWICE, LINK_TO(A, TO_CANARY), HARD_TO(B, 0));
    SAVE("hard-link-to-other-archive", 0,
         IN_SECOND(.kind = ITEM_ENTRY, .type = ADP_ENTRY_FILE, .name = A), HARD_TO(B, 0x100));
    SAVE("below-a-link", PLAN_UNSORTED, LINK_TO(A, TO_OUTSIDE), FILE_OF(B, 1));
    SAVE("twice", PLAN_UNSORTED, FILE_OF(A, 0), FILE_OF(A, 0));
    SAVE("descending", PLAN_UNSORTED, FILE_OF(B, 0), FILE_OF(A, 0));
    for (size_t i = 0; i < sizeof(bad_names); i++) {
        char name[32];

        snprintf(name, sizeof(name), "bad-name-%zu", i + 1);
        SAVE(name, PLAN_UNSORTED, FOLDER(D, 0), FILE_OF(bad_names[i], 1));
    }
}

static void save_broken(void)
{
    for (unsigned codec = PLAN_ZSTD_WITHOUT_SIZE; codec < PLAN_CODECS; codec++) {
        char name[32];

        snprintf(name, sizeof(name), "content-zstd-%u", codec);
        SAVE(name, 0, FRAME(codec, 3000), FILE_OF(A, 0), EXTENT(0, 0));
        snprintf(name, sizeof(name), "index-zstd-%u", codec);
        SAVE(name, 0, FILE_OF(A, 0), {.kind = ITEM_CUT, .type = codec});
    }
    SAVE("changed-segment", PLAN_KEEP_GOING, FRAME(PLAN_RAW, 9000), FILE_OF(A, 0), EXTENT(0, 0),
         DAMAGED(DAMAGE_FLIP, 5000));
    SAVE("swapped-segments", 0, FRAME(PLAN_RAW, 16000), FILE_OF(A, 0), EXTENT(0, 0),
         DAMAGED(DAMAGE_SWAP, 1));
    SAVE("dropped-segment", 0, FRAME(PLAN_RAW, 16000), FILE_OF(A, 0), EXTENT(0, 0),
         DAMAGED(DAMAGE_DROP, 1));
    SAVE("repeated-segment", 0, FRAME(PLAN_RAW, 16000), FILE_OF(A, 0), EXTENT(0, 0),
         DAMAGED(DAMAGE_REPEAT, 1));
    SAVE("exchanged-archives", 0, FILE_OF(A, 0),
         IN_SECOND(.kind = ITEM_ENTRY, .type = ADP_ENTRY_FILE, .name = A),
         DAMAGED(DAMAGE_EXCHANGE, 0));
    SAVE("huge-file", 0, FRAME(PLAN_RAW, 9),
         {.kind = ITEM_ENTRY, .type = 1, .field = ENTRY_SIZE, .value = INT64_MAX}, EXTENT(0, 0));
    SAVE("overlapping-extents", PLAN_CAT, FRAME(PLAN_RAW, 9000), FRAME(PLAN_RAW, 9000),
         FILE_OF(A, 0), {.kind = ITEM_EXTENT, .start = 10},
         {.kind = ITEM_EXTENT, .start = 5000, .len = 100},
         {.kind = ITEM_EXTENT, .field = EXTENT_OFFSET, .value = 4000}, EXTENT(1, 0));
    SAVE("extent-past-frame", 0, FRAME(PLAN_RAW, 9), FILE_OF(A, 0),
         {.kind = ITEM_EXTENT, .field = EXTENT_START, .is_relative = 1, .value = 1});
    SAVE("large-directory", 0, FILE_OF(A, 0),
         {.kind = ITEM_TRAILER, .field = TRAILER_PLAIN_LEN, .value = 256u << 20});
}

void save_open(void)
{
    save_whole();
    save_attacks();
    save_broken();
}
