/* The mutator of fuzz_open: it knows items, and the numbers at which they are likely to break. */
#include <string.h>

#include "fuzz.h"
#include "open_plan.h"

/* libFuzzer's names. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t max_len);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max_len, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                                 uint8_t *out, size_t max_len, unsigned seed);

static const uint64_t numbers[] = {
    0,
    1,
    2,
    7,
    15,
    16,
    32,
    63,
    64,
    255,
    256,
    1024,
    1025,
    4064,
    4065,
    4095,
    4096,
    4097,
    07777,
    010000,
    65535,
    65536,
    65537,
    69632,
    131071,
    524288,
    524289,
    1048576,
    1048577,
    4194304,
    4194305,
    999999999,
    1000000000,
    0x3fffffff,
    0x40000000,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    UINT64_C(1) << 32,
    UINT64_C(1) << 40,
    UINT64_C(1) << 62,
    (UINT64_C(1) << 63) - 1,
    UINT64_C(1) << 63,
    UINT64_MAX - 1,
    UINT64_MAX,
};

/* Of frames, less one. */
static const uint32_t lens[] = {0,    1,    9,    63,   99,   255,  256,
                                1000, 4031, 4063, 4064, 4095, 8127, 16383};

/* xorshift: the same for the same seed. */
static uint64_t lot;

static uint64_t draw(uint64_t below)
{
    lot ^= lot << 13;
    lot ^= lot >> 7;
    lot ^= lot << 17;
    return lot % below;
}

struct input {
    uint8_t head[PLAN_HEAD_LEN];
    struct item items[PLAN_MAX_ITEMS];
    size_t num;
};

static const unsigned fields[ITEM_KINDS] = {
    [ITEM_FRAME] = FRAME_FIELDS,     [ITEM_ENTRY] = ENTRY_FIELDS,
    [ITEM_EXTENT] = EXTENT_FIELDS,   [ITEM_XATTR] = XATTR_FIELDS,
    [ITEM_CUT] = CUT_FIELDS,         [ITEM_DIRECTORY] = DIRECTORY_FIELDS,
    [ITEM_TRAILER] = TRAILER_FIELDS, [ITEM_HEADER] = HEADER_FIELDS,
    [ITEM_RECORD] = RECORD_FIELDS,   [ITEM_DAMAGE] = 1,
};

static void break_number(struct item *item)
{
    item->field = (uint8_t)draw(fields[item->kind]);
    item->is_relative = draw(2) == 0;
    if (item->is_relative)
        item->value = draw(4) == 0 ? draw(300) - 150 : draw(2) == 0 ? 1 : UINT64_MAX;
    else
        item->value = draw(8) == 0 ? draw(UINT64_MAX) : numbers[draw(NUM_OF(numbers))];
}

/* Long frames are rare: they cost more than they find. */
static uint32_t draw_len(void)
{
    if (draw(500) == 0)
        return PLAN_LONG << 24 | (uint32_t)draw(ADP_FRAME_MAX + 1);
    return lens[draw(NUM_OF(lens))];
}

static void draw_type(struct item *item)
{
    switch (item->kind) {
    case ITEM_ENTRY:
        item->type = draw(40) == 0 ? (uint8_t)draw(10) : (uint8_t)(1 + draw(7));
        if (draw(3) == 0)
            item->type = draw(2) == 0 ? ADP_ENTRY_DIRECTORY : ADP_ENTRY_FILE;
        break;
    case ITEM_FRAME:
        item->type = draw(8) == 0 ? (uint8_t)draw(PLAN_CODECS) : (uint8_t)draw(2);
        break;
    case ITEM_CUT:
    case ITEM_DIRECTORY:
        item->type = draw(2) == 0 ? PLAN_ZSTD : (uint8_t)draw(PLAN_CODECS);
        break;
    default:
        item->type = (uint8_t)draw(16);
    }
}

static void draw_item(struct item *out, unsigned kind)
{
    *out = (struct item){.kind = (uint8_t)kind,
                         .archive = draw(4) == 0,
                         .name = (uint16_t)(draw(12) == 0 ? draw(26) : draw(15)),
                         .depth = (uint8_t)draw(4),
                         .len = draw_len(),
                         .start = draw(2) == 0 ? (uint32_t)draw(1024) : (uint32_t)draw(4),
                         .value = draw(UINT32_MAX)};
    if (kind == ITEM_XATTR)
        out->len = (uint32_t)draw(100);
    if (kind == ITEM_EXTENT && draw(2) == 0)
        out->depth = 0;
    draw_type(out);
    if (draw(10) == 0 || (kind >= ITEM_DIRECTORY && kind != ITEM_DAMAGE))
        break_number(out);
}

static unsigned draw_kind(void)
{
    static const uint8_t kinds[] = {ITEM_ENTRY,  ITEM_ENTRY, ITEM_ENTRY, ITEM_ENTRY, ITEM_EXTENT,
                                    ITEM_EXTENT, ITEM_FRAME, ITEM_FRAME, ITEM_XATTR, ITEM_CUT};

    return draw(4) == 0 ? (unsigned)draw(ITEM_KINDS) : kinds[draw(NUM_OF(kinds))];
}

/* -- What is done to the list. */

static void insert(struct input *input, size_t at, const struct item *item)
{
    if (input->num == PLAN_MAX_ITEMS)
        return;
    memmove(&input->items[at + 1], &input->items[at], (input->num - at) * sizeof(*item));
    input->items[at] = *item;
    input->num++;
}

static void drop(struct input *input, size_t at)
{
    input->num--;
    memmove(&input->items[at], &input->items[at + 1], (input->num - at) * sizeof(input->items[0]));
}

/* A file with content: three items that are nothing without each other. */
static void insert_file(struct input *input)
{
    struct item frame, entry, extent;
    size_t at = draw(input->num + 1);

    draw_item(&frame, ITEM_FRAME);
    draw_item(&entry, ITEM_ENTRY);
    draw_item(&extent, ITEM_EXTENT);
    entry.type = ADP_ENTRY_FILE;
    entry.archive = extent.archive = frame.archive;
    insert(input, at, &frame);
    insert(input, at + 1, &entry);
    insert(input, at + 2, &extent);
}

static void mend(struct item *item)
{
    item->field = 0;
    if (item->kind == ITEM_FRAME || item->kind == ITEM_CUT || item->kind == ITEM_DIRECTORY)
        item->type = item->type % PLAN_CODECS > PLAN_RAW ? PLAN_ZSTD : item->type;
}

/* All is right but for one item. */
static void mend_all(struct input *input)
{
    size_t but = draw(input->num);

    for (size_t i = input->num; i > 0; i--) {
        if (i - 1 == but)
            continue;
        mend(&input->items[i - 1]);
        if (input->items[i - 1].kind == ITEM_DAMAGE)
            drop(input, i - 1);
    }
    input->head[0] &= (uint8_t)~PLAN_UNSORTED;
}

static void change_item(struct item *item)
{
    switch (draw(8)) {
    case 0:
        draw_type(item);
        break;
    case 1:
        item->name = (uint16_t)(draw(8) == 0 ? draw(26) : draw(15));
        break;
    case 2:
        item->depth = (uint8_t)draw(5);
        break;
    case 3:
        item->len = draw(2) == 0 ? draw_len() : item->len + (uint32_t)draw(3) - 1;
        break;
    case 4:
        item->start = draw(2) == 0 ? (uint32_t)draw(1024) : draw_len();
        break;
    case 5:
        item->archive = !item->archive;
        break;
    case 6:
        mend(item);
        break;
    default:
        break_number(item);
    }
}

static void mutate_once(struct input *input)
{
    struct item item, *at = &input->items[input->num > 0 ? draw(input->num) : 0];

    if (input->num < 2 || draw(8) == 0) {
        insert_file(input);
        return;
    }
    switch (draw(9)) {
    case 0:
        draw_item(&item, draw_kind());
        insert(input, draw(input->num + 1), &item);
        break;
    case 1:
        drop(input, (size_t)(at - input->items));
        break;
    case 2:
        item = *at;
        insert(input, draw(input->num + 1), &item);
        break;
    case 3:
        item = *at;
        *at = input->items[draw(input->num)];
        input->items[draw(input->num)] = item;
        break;
    case 4:
        input->head[0] ^= (uint8_t)(1u << draw(6));
        break;
    case 5:
        if (draw(4) == 0)
            mend_all(input);
        break;
    default:
        change_item(at);
    }
}

/* -- libFuzzer's side. */

static void read_input(struct input *out, const uint8_t *data, size_t len)
{
    memset(out, 0, sizeof(*out));
    if (len < PLAN_HEAD_LEN)
        return;
    memcpy(out->head, data, PLAN_HEAD_LEN);
    out->num = (len - PLAN_HEAD_LEN) / PLAN_ITEM_LEN;
    if (out->num > PLAN_MAX_ITEMS)
        out->num = PLAN_MAX_ITEMS;
    for (size_t i = 0; i < out->num; i++)
        item_parse(&out->items[i], data + PLAN_HEAD_LEN + i * PLAN_ITEM_LEN);
}

static size_t write_input(uint8_t *out, size_t max_len, const struct input *input)
{
    size_t num = input->num;

    if (max_len < PLAN_HEAD_LEN)
        return 0;
    if (num > (max_len - PLAN_HEAD_LEN) / PLAN_ITEM_LEN)
        num = (max_len - PLAN_HEAD_LEN) / PLAN_ITEM_LEN;
    memcpy(out, input->head, PLAN_HEAD_LEN);
    for (size_t i = 0; i < num; i++)
        item_build(out + PLAN_HEAD_LEN + i * PLAN_ITEM_LEN, &input->items[i]);
    return PLAN_HEAD_LEN + num * PLAN_ITEM_LEN;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max_len, unsigned seed)
{
    static struct input input;

    lot = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    (void)draw(2);
    if (draw(16) == 0)
        return LLVMFuzzerMutate(data, len, max_len);
    read_input(&input, data, len);
    for (uint64_t i = 1 + draw(4); i > 0; i--)
        mutate_once(&input);
    return write_input(data, max_len, &input);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                                 uint8_t *out, size_t max_len, unsigned seed)
{
    static struct input input, other;
    size_t first, num;

    lot = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    (void)draw(2);
    read_input(&input, a, a_len);
    read_input(&other, b, b_len);
    if (other.num > 0) {
        first = draw(other.num);
        num = 1 + draw(other.num - first);
        for (size_t i = 0; i < num; i++)
            insert(&input, draw(input.num + 1), &other.items[first + i]);
    }
    return write_input(out, max_len, &input);
}
