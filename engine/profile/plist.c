#include "plist.h"

#include <string.h>

#include "bytes.h"

/* -- Binary: a magic, objects, a table of their offsets, and a trailer that locates the table.
 * Numbers are big-endian. */

#define BINARY_MAGIC     "bplist0"
#define BINARY_MAGIC_LEN 8 /* with one more character of the version */
#define TRAILER_LEN      32
#define MARK_FALSE       0x08
#define MARK_TRUE        0x09
#define MARK_INT         0x10
#define MARK_ASCII       0x50
#define MARK_DICT        0xd0
#define COUNT_FOLLOWS    0x0f /* where a marker's low bits would hold the count */

struct plist_binary {
    const uint8_t *data;
    size_t objects_len; /* objects lie before the table of offsets */
    uint8_t offset_len, ref_len;
    uint64_t num_objects, root, table;
};

static uint64_t plist_number(const uint8_t *data, size_t len)
{
    uint64_t number = 0;

    for (size_t i = 0; i < len; i++)
        number = number << 8 | data[i];
    return number;
}

static int plist_read_trailer(struct plist_binary *out, const uint8_t *data, size_t len)
{
    const uint8_t *trailer;

    if (len < BINARY_MAGIC_LEN + TRAILER_LEN)
        return 0;
    trailer = data + len - TRAILER_LEN;
    out->data = data;
    out->offset_len = trailer[6];
    out->ref_len = trailer[7];
    out->num_objects = plist_number(trailer + 8, 8);
    out->root = plist_number(trailer + 16, 8);
    out->table = plist_number(trailer + 24, 8);
    out->objects_len = out->table;
    return out->offset_len >= 1 && out->offset_len <= 8 && out->ref_len >= 1 && out->ref_len <= 8 &&
           out->table <= len - TRAILER_LEN &&
           out->num_objects <= (len - TRAILER_LEN - out->table) / out->offset_len;
}

/* Starts |out| at object |number|. */
static int plist_object(const struct plist_binary *plist, uint64_t number, struct adp_reader *out)
{
    uint64_t offset;

    if (number >= plist->num_objects)
        return 0;
    offset =
        plist_number(plist->data + plist->table + number * plist->offset_len, plist->offset_len);
    if (offset >= plist->objects_len)
        return 0;
    adp_reader_init(out, plist->data + offset, plist->objects_len - offset);
    return 1;
}

/* Reads the marker of an object that has a count: its kind, and how many bytes or items follow. */
static int plist_marker(struct adp_reader *object, uint8_t *out_kind, uint64_t *out_count)
{
    const uint8_t *view;
    uint8_t marker, size;

    if (!adp_read_u8(object, &marker))
        return 0;
    *out_kind = marker & 0xf0;
    *out_count = marker & COUNT_FOLLOWS;
    if (*out_count != COUNT_FOLLOWS)
        return 1;
    if (!adp_read_u8(object, &size) || (size & 0xf0) != MARK_INT || (size & 0x0f) > 3 ||
        !adp_read_view(object, &view, (size_t)1 << (size & 0x0f)))
        return 0;
    *out_count = plist_number(view, (size_t)1 << (size & 0x0f));
    return 1;
}

static int plist_is_key(const struct plist_binary *plist, uint64_t number, const char *key)
{
    struct adp_reader object;
    const uint8_t *text;
    uint64_t len;
    uint8_t kind;

    return plist_object(plist, number, &object) && plist_marker(&object, &kind, &len) &&
           kind == MARK_ASCII && len == strlen(key) && adp_read_view(&object, &text, len) &&
           memcmp(text, key, len) == 0;
}

static enum adp_plist_answer plist_binary_bool(const uint8_t *data, size_t len, const char *key)
{
    struct plist_binary plist;
    struct adp_reader object;
    const uint8_t *refs;
    uint64_t num;
    uint8_t kind, value;

    if (!plist_read_trailer(&plist, data, len) || !plist_object(&plist, plist.root, &object) ||
        !plist_marker(&object, &kind, &num) || kind != MARK_DICT ||
        num > (object.len - object.pos) / plist.ref_len / 2 ||
        !adp_read_view(&object, &refs, num * plist.ref_len * 2))
        return ADP_PLIST_MALFORMED;
    for (uint64_t i = 0; i < num; i++) {
        if (!plist_is_key(&plist, plist_number(refs + i * plist.ref_len, plist.ref_len), key))
            continue;
        refs += (num + i) * plist.ref_len;
        if (!plist_object(&plist, plist_number(refs, plist.ref_len), &object) ||
            !adp_read_u8(&object, &value) || (value != MARK_TRUE && value != MARK_FALSE))
            return ADP_PLIST_MALFORMED;
        return value == MARK_TRUE ? ADP_PLIST_TRUE : ADP_PLIST_FALSE;
    }
    return ADP_PLIST_FALSE;
}

/* -- XML: only how deep elements lie matters, and what those of the top-level dictionary say. */

struct plist_xml {
    const char *at, *end;
    size_t depth; /* elements that are open */
};

/* A tag, without its brackets. */
struct plist_tag {
    const char *name;
    size_t name_len;
    int is_end, is_empty;
};

static const char *plist_find(const char *from, const char *end, const char *text)
{
    return memmem(from, (size_t)(end - from), text, strlen(text));
}

static int plist_skip_past(struct plist_xml *xml, const char *text)
{
    const char *found = plist_find(xml->at, xml->end, text);

    if (found != NULL)
        xml->at = found + strlen(text);
    return found != NULL;
}

static int plist_starts(const struct plist_xml *xml, const char *text)
{
    size_t len = strlen(text);

    return (size_t)(xml->end - xml->at) >= len && memcmp(xml->at, text, len) == 0;
}

/* Goes on to the next tag, past text, comments, declarations and instructions. 0 at the end. */
static int plist_next_tag(struct plist_xml *xml, struct plist_tag *out)
{
    const char *close;

    for (;;) {
        int ok;

        xml->at = memchr(xml->at, '<', (size_t)(xml->end - xml->at));
        if (xml->at == NULL)
            return 0;
        if (plist_starts(xml, "<!--"))
            ok = plist_skip_past(xml, "-->");
        else if (plist_starts(xml, "<![CDATA["))
            ok = plist_skip_past(xml, "]]>");
        else if (plist_starts(xml, "<!") || plist_starts(xml, "<?"))
            ok = plist_skip_past(xml, ">");
        else
            break;
        if (!ok)
            return 0;
    }
    close = memchr(xml->at, '>', (size_t)(xml->end - xml->at));
    if (close == NULL)
        return 0;
    out->is_end = xml->at[1] == '/';
    out->name = xml->at + 1 + out->is_end;
    out->is_empty = !out->is_end && close[-1] == '/' && close - 1 > xml->at;
    out->name_len = 0;
    while (out->name + out->name_len < close &&
           strchr(" \t\r\n/", out->name[out->name_len]) == NULL)
        out->name_len++;
    xml->at = close + 1;
    if (out->is_end)
        xml->depth -= xml->depth > 0;
    else
        xml->depth += !out->is_empty;
    return 1;
}

static int plist_tag_is(const struct plist_tag *tag, const char *name)
{
    return !tag->is_end && tag->name_len == strlen(name) &&
           memcmp(tag->name, name, tag->name_len) == 0;
}

static enum adp_plist_answer plist_xml_bool(const uint8_t *data, size_t len, const char *key)
{
    struct plist_xml xml = {.at = (const char *)data, .end = (const char *)data + len};
    size_t key_len = strlen(key);
    struct plist_tag tag;

    if (!plist_next_tag(&xml, &tag) || !plist_tag_is(&tag, "plist") ||
        !plist_next_tag(&xml, &tag) || !plist_tag_is(&tag, "dict"))
        return ADP_PLIST_MALFORMED;
    while (xml.depth >= 2) {
        if (!plist_next_tag(&xml, &tag))
            return ADP_PLIST_MALFORMED;
        if (xml.depth != 3 || !plist_tag_is(&tag, "key") || !plist_starts(&xml, key) ||
            (size_t)(xml.end - xml.at) == key_len || xml.at[key_len] != '<')
            continue;
        if (!plist_next_tag(&xml, &tag) || !tag.is_end || !plist_next_tag(&xml, &tag))
            return ADP_PLIST_MALFORMED;
        if (plist_tag_is(&tag, "true"))
            return ADP_PLIST_TRUE;
        return plist_tag_is(&tag, "false") ? ADP_PLIST_FALSE : ADP_PLIST_MALFORMED;
    }
    return ADP_PLIST_FALSE;
}

enum adp_plist_answer adp_plist_bool(const uint8_t *data, size_t len, const char *key)
{
    if (len >= BINARY_MAGIC_LEN && memcmp(data, BINARY_MAGIC, BINARY_MAGIC_LEN - 1) == 0)
        return plist_binary_bool(data, len, key);
    return plist_xml_bool(data, len, key);
}
