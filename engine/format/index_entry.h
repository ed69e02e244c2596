/* The bytes of one index entry: docs/FORMAT.md sections 7.2 and 7.3. Shared by the writer and the
 * cursor. */
#ifndef ADP_INDEX_ENTRY_H
#define ADP_INDEX_ENTRY_H

#include "bytes.h"
#include "index.h"

/* The most that the encoding of one extent takes: nine fields of their largest size. */
#define ADP_EXTENT_ENCODED_MAX 64

/* struct adp_entry_parser keeps the memory that parsed entries point into, for the next one. */
struct adp_entry_parser {
    struct adp_index_xattr *xattrs;
    size_t cap_xattrs;
    struct adp_extent *extents;
    size_t cap_extents;
    char *target;
    size_t cap_target;
    char *label;
    size_t cap_label;
    uint64_t index_start; /* bounds the frames of extents */
    const char *what;     /* the rule that was broken; NULL for a field that does not fit */
    int out_of_memory;
};

void adp_entry_parser_free(struct adp_entry_parser *parser);

/* adp_entry_refuse notes the first rule that was broken. Returns 0. */
int adp_entry_refuse(struct adp_entry_parser *parser, struct adp_reader *reader, const char *what);

/* adp_entry_parse_rest parses what follows an entry's path, to the end of |reader|, which holds one
 * body. |out->type|, flags and path are set. Returns 1, or 0 with |parser| saying why. */
int adp_entry_parse_rest(struct adp_entry_parser *parser, struct adp_index_entry *out,
                         struct adp_reader *reader);

/* adp_entry_build_rest is the reverse, up to the extent list of files and continuations, which
 * adp_entry_build_extents adds. */
void adp_entry_build_rest(struct adp_builder *out, const struct adp_index_entry *entry);
void adp_entry_build_extents(struct adp_builder *out, const struct adp_extent *extents, size_t num);

#endif
