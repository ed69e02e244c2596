/* The one bounded reader through which every untrusted byte is parsed, and the builder that writes
 * what it reads. Notation and rules: docs/FORMAT.md section 1. */
#ifndef ADP_BYTES_H
#define ADP_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* struct adp_reader walks over memory that it does not own. A read past the end, or a number that
 * breaks the rules, fails and makes every later read fail as well (|failed|), so that a parser may
 * check once, after a run of fields. Failed reads give zeros. */
struct adp_reader {
    const uint8_t *data;
    size_t len;
    size_t pos; /* of the next byte; where it failed, of the field that did not fit */
    int failed;
};

void adp_reader_init(struct adp_reader *reader, const uint8_t *data, size_t len);

/* All readers return 1 on success, 0 on failure. */
int adp_read_u8(struct adp_reader *reader, uint8_t *out);
int adp_read_u16(struct adp_reader *reader, uint16_t *out);
int adp_read_u32(struct adp_reader *reader, uint32_t *out);
int adp_read_u64(struct adp_reader *reader, uint64_t *out);
int adp_read_i64(struct adp_reader *reader, int64_t *out);
int adp_read_varint(struct adp_reader *reader, uint64_t *out, uint64_t max);
int adp_read_svarint(struct adp_reader *reader, int64_t *out);

/* adp_read_bytes copies |len| bytes; adp_read_view points into the reader's memory instead. */
int adp_read_bytes(struct adp_reader *reader, uint8_t *out, size_t len);
int adp_read_view(struct adp_reader *reader, const uint8_t **out, size_t len);

/* adp_read_str8 and adp_read_vbytes read a length and point at that many bytes (at most |max|). */
int adp_read_str8(struct adp_reader *reader, const uint8_t **out, size_t *out_len);
int adp_read_vbytes(struct adp_reader *reader, const uint8_t **out, size_t *out_len, size_t max);

/* adp_read_zeros checks that the next |len| bytes are zero (reserved fields, padding). */
int adp_read_zeros(struct adp_reader *reader, size_t len);

/* adp_read_magic checks that the next |len| bytes are |magic|. */
int adp_read_magic(struct adp_reader *reader, const char *magic, size_t len);

/* adp_reader_at_end returns whether nothing has failed and nothing is left. */
int adp_reader_at_end(const struct adp_reader *reader);

/* adp_reader_fail marks the reader as failed: for checks of the caller's own. Returns 0. */
int adp_reader_fail(struct adp_reader *reader);

/* struct adp_builder grows a byte string. After a failed allocation |failed| is set, and what
 * follows is without effect. All zero is a valid empty builder. */
struct adp_builder {
    uint8_t *data;
    size_t len;
    size_t cap;
    int is_fixed;
    int failed;
};

/* adp_builder_init_fixed makes a builder that writes to the caller's |out| of |cap| bytes, and
 * fails where that is full. It allocates nothing and need not be freed. */
void adp_builder_init_fixed(struct adp_builder *builder, uint8_t *out, size_t cap);

void adp_builder_free(struct adp_builder *builder);
void adp_builder_wipe(struct adp_builder *builder); /* cleanse, then free */
void adp_build_u8(struct adp_builder *builder, uint8_t value);
void adp_build_u16(struct adp_builder *builder, uint16_t value);
void adp_build_u32(struct adp_builder *builder, uint32_t value);
void adp_build_u64(struct adp_builder *builder, uint64_t value);
void adp_build_i64(struct adp_builder *builder, int64_t value);
void adp_build_varint(struct adp_builder *builder, uint64_t value);
void adp_build_svarint(struct adp_builder *builder, int64_t value);
void adp_build_bytes(struct adp_builder *builder, const void *data, size_t len);
void adp_build_str8(struct adp_builder *builder, const void *data, size_t len);
void adp_build_vbytes(struct adp_builder *builder, const void *data, size_t len);
void adp_build_zeros(struct adp_builder *builder, size_t len);

/* adp_build_patch_u32 overwrites four bytes at |pos|, which must have been built. */
void adp_build_patch_u32(struct adp_builder *builder, size_t pos, uint32_t value);

#endif
