/* Headers, segments, attestation and record, with valid keys: only what the plan says is wrong. */
#include "open_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attestation.h"
#include "floe.h"
#include "fuzz.h"

const uint16_t seal_categories[PLAN_NUM_ARCHIVES] = {16, 17}; /* drive, photos */

static const uint32_t segment_lens[] = {4096, 4096, 4096, 8192, 65536, 262144, 4194304, 5120, 64};

/* struct archive is one archive file. */
struct archive {
    uint16_t category;
    uint32_t epoch, header_len, segment_len;
    size_t block_len; /* of the header as it is in the file, whatever it says */
    uint8_t id[ADP_ID_LEN];
    uint8_t fixed[ADP_HEADER_FIXED_LEN];
    uint8_t floe_header[ADP_FLOE_HEADER_LEN];
    uint8_t tags_digest[ADP_HASH_LEN];
    struct adp_builder file;
    struct adp_builder part; /* of the attestation */
};

void seal_folder(const char *dir)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/archives/" SEAL_ID, dir);
    FUZZ_CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static void write_file(const char *dir, const char *name, const struct adp_builder *content)
{
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (content->len == 0) {
        (void)unlink(path);
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    FUZZ_CHECK(fd >= 0);
    FUZZ_CHECK(write(fd, content->data, content->len) == (ssize_t)content->len);
    close(fd);
}

/* -- Header. */

static void start_fixed(struct archive *out, const struct item *item, const struct adp_vault *vault)
{
    struct adp_builder builder;

    out->header_len = (uint32_t)item_number(item, HEADER_LEN, ADP_HEADER_BLOCK);
    out->segment_len = segment_lens[item != NULL ? item->type % NUM_OF(segment_lens) : 0];
    adp_builder_init_fixed(&builder, out->fixed, sizeof(out->fixed));
    adp_build_bytes(&builder, "ADPSEAL1", 8);
    adp_build_u32(&builder, 1);
    adp_build_u32(&builder, out->header_len);
    adp_build_bytes(&builder, vault->keybag.vault_id, ADP_ID_LEN);
    adp_build_bytes(&builder, out->id, ADP_ID_LEN);
    adp_build_u16(&builder, (uint16_t)item_number(item, HEADER_CATEGORY, out->category));
    adp_build_u16(&builder, 0);
    adp_build_u32(&builder, (uint32_t)item_number(item, HEADER_EPOCH, 1));
    adp_build_u64(&builder, item_number(item, HEADER_RESERVED, 0));
}

static void build_header(struct archive *out, const struct item *item,
                         const struct adp_vault *vault, const uint8_t key[ADP_FLOE_KEY_LEN])
{
    const struct adp_epoch *epoch = adp_vault_newest_epoch(vault, out->category);
    struct adp_builder *file = &out->file;
    uint8_t info[128], digest[ADP_HASH_LEN];
    size_t info_len = adp_slot_info(info, out->fixed, epoch->number);
    struct adp_wrap wrap;

    FUZZ_CHECK(adp_wrap_seal(&wrap, epoch->pub, info, info_len, key, NULL) == ADP_OK);
    adp_build_bytes(file, out->fixed, sizeof(out->fixed));
    adp_build_bytes(file, out->floe_header, sizeof(out->floe_header));
    adp_build_u16(file, (uint16_t)item_number(item, HEADER_SLOTS, 1));
    adp_build_u32(file, 88);
    adp_build_u16(file, 1);
    adp_build_u16(file, 84);
    adp_build_u32(file, epoch->number);
    adp_build_bytes(file, wrap.enc, sizeof(wrap.enc));
    adp_build_bytes(file, wrap.ct, sizeof(wrap.ct));
    out->block_len = out->header_len < ADP_HEADER_BLOCK ? ADP_HEADER_BLOCK
                     : out->header_len > ADP_HEADER_MAX ? ADP_HEADER_MAX
                                                        : out->header_len;
    adp_build_zeros(file, out->block_len - ADP_HASH_LEN - file->len);
    adp_sha256(digest, file->data, file->len);
    adp_build_bytes(file, digest, sizeof(digest));
}

/* -- Body. */

static void seal_segment(struct archive *out, struct adp_floe *floe, const uint8_t *data,
                         size_t len, uint64_t position, int is_final, SHA256_CTX *tags)
{
    static struct adp_gcm_scratch scratch;
    const struct adp_gcm_piece piece = {data, len};
    size_t at = out->file.len;
    uint8_t digest[ADP_HASH_LEN], *segment;

    adp_build_zeros(&out->file, len + ADP_FLOE_OVERHEAD);
    FUZZ_CHECK(!out->file.failed);
    segment = out->file.data + at;
    FUZZ_CHECK(adp_floe_seal_segment(floe, &scratch, segment, &piece, 1, position, is_final,
                                     NULL) == ADP_OK);
    SHA256_Update(tags, segment + len + ADP_FLOE_OVERHEAD - ADP_GCM_TAG_LEN, ADP_GCM_TAG_LEN);
    adp_sha256(digest, segment, len + ADP_FLOE_OVERHEAD);
    adp_build_bytes(&out->part, digest, sizeof(digest));
}

static void seal_body(struct archive *out, struct adp_floe *floe, const struct adp_builder *stream,
                      int with_empty)
{
    size_t step = out->segment_len - ADP_FLOE_OVERHEAD, at = 0;
    uint64_t position = 0;
    SHA256_CTX tags;
    int is_final;

    SHA256_Init(&tags);
    do {
        size_t len = stream->len - at < step ? stream->len - at : step;

        is_final = at + len == stream->len && (!with_empty || len < step);
        seal_segment(out, floe, stream->data + at, len, position++, is_final, &tags);
        at += len;
    } while (!is_final);
    SHA256_Final(out->tags_digest, &tags);
}

static void seal_archive(struct archive *out, const struct plan_archive *plan,
                         const struct adp_vault *vault, struct sealed *sealed)
{
    static const uint8_t key[ADP_FLOE_KEY_LEN] = {1}, other_key[ADP_FLOE_KEY_LEN] = {2};
    const struct item *item = plan->header;
    int is_another = item_number(item, HEADER_KEY, 0) != 0;
    struct adp_builder stream = {0};
    struct adp_floe_params params;
    struct adp_attested attested;
    struct adp_floe *floe;
    uint8_t start[ADP_ATTESTED_START_LEN], flip;

    out->epoch = 1;
    memset(out->id, out->category, sizeof(out->id));
    start_fixed(out, item, vault);
    params = (struct adp_floe_params){out->segment_len, ADP_FLOE_ROTATION};
    FUZZ_CHECK(adp_floe_seal_start(&floe, out->floe_header, &params, vault->kernel, key, out->fixed,
                                   sizeof(out->fixed), NULL) == ADP_OK);
    flip = (uint8_t)item_number(item, HEADER_FLOE, 0);
    if (flip != 0)
        out->floe_header[item->start % ADP_FLOE_HEADER_LEN] ^= flip;
    sealed->is_wrong |= flip != 0 || is_another;
    build_header(out, item, vault, is_another ? other_key : key);
    attested = (struct adp_attested){.category = out->category,
                                     .header_len = (uint32_t)out->file.len,
                                     .enc_seg_len = out->segment_len};
    adp_sha256(attested.header_digest, out->file.data, ADP_HEADER_FIXED_LEN + ADP_FLOE_HEADER_LEN);
    adp_attested_build(start, &attested);
    adp_build_bytes(&out->part, start, sizeof(start));
    plan_stream(&stream, plan);
    seal_body(out, floe, &stream, item_number(item, HEADER_EMPTY, 0) != 0);
    adp_builder_free(&stream);
    adp_floe_free(floe);
}

/* -- Record. */

static void name_archive(struct adp_record_archive *out, const struct archive *archive,
                         const struct item *item, struct sealed *sealed)
{
    struct adp_record_archive right;

    memset(&right, 0, sizeof(right)); /* with what lies between its fields */
    right.category = archive->category;
    right.epoch = archive->epoch;
    memcpy(right.archive_id, archive->id, ADP_ID_LEN);
    memcpy(right.floe_header_tag, archive->floe_header + ADP_FLOE_HEADER_LEN - ADP_FLOE_TAG_LEN,
           ADP_FLOE_TAG_LEN);
    memcpy(right.tags_digest, archive->tags_digest, ADP_HASH_LEN);
    right.size = archive->file.len;
    if (sealed->record.is_attested)
        adp_sha256(right.attestation, archive->part.data, archive->part.len);
    memcpy(out, &right, sizeof(right));
    out->size = item_number(item, RECORD_SIZE, right.size);
    out->epoch = (uint32_t)item_number(item, RECORD_EPOCH, right.epoch);
    out->category = (uint16_t)item_number(item, RECORD_CATEGORY, right.category);
    out->archive_id[0] ^= (uint8_t)item_number(item, RECORD_ARCHIVE_ID, 0);
    out->floe_header_tag[0] ^= (uint8_t)item_number(item, RECORD_HEADER_TAG, 0);
    out->tags_digest[0] ^= (uint8_t)item_number(item, RECORD_TAGS_DIGEST, 0);
    if (sealed->record.is_attested)
        out->attestation[0] ^= (uint8_t)item_number(item, RECORD_ATTESTATION, 0);
    sealed->is_wrong |= memcmp(out, &right, sizeof(right)) != 0;
    sealed->record.keybag_generation =
        item_number(item, RECORD_GENERATION, sealed->record.keybag_generation);
    sealed->record.started_ns =
        (int64_t)item_number(item, RECORD_STARTED, (uint64_t)sealed->record.started_ns);
}

static void start_record(struct adp_record *out, const struct plan *plan,
                         const struct adp_vault *vault)
{
    memcpy(out->vault_id, vault->keybag.vault_id, ADP_ID_LEN);
    strcpy(out->id, SEAL_ID);
    out->started_ns = out->finished_ns = SEAL_STARTED_NS;
    out->keybag_generation = 1;
    adp_recipient_id(out->author, &vault->keybag.recipients[vault->self]);
    out->is_attested = (plan->options & PLAN_ATTESTED) != 0;
}

/* -- What is done to the files. */

static void swap_bytes(uint8_t *a, uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = a[i];

        a[i] = b[i];
        b[i] = byte;
    }
}

static void move_segments(struct adp_builder *file, const struct archive *archive,
                          const struct item *item)
{
    size_t start = archive->block_len, len = archive->segment_len, num;

    if (file->len < start + len)
        return;
    num = (file->len - start) / len;
    start += item->start % num * len;
    if (item->type % DAMAGES == DAMAGE_SWAP) {
        swap_bytes(file->data + start, file->data + archive->block_len + item->len % num * len,
                   len);
        return;
    }
    if (item->type % DAMAGES == DAMAGE_REPEAT) {
        adp_build_zeros(file, len);
        memmove(file->data + start + len, file->data + start, file->len - len - start);
        return;
    }
    memmove(file->data + start, file->data + start + len, file->len - len - start);
    file->len -= len;
}

static void damage(struct adp_builder *file, const struct archive *archive, const struct item *item)
{
    switch (item->type % DAMAGES) {
    case DAMAGE_FLIP:
        if (file->len > 0)
            file->data[item->value % file->len] ^= (uint8_t)(1u << item->start % 8);
        break;
    case DAMAGE_CUT:
        file->len = item->value % (file->len + 1);
        break;
    case DAMAGE_EXTEND:
        adp_build_zeros(file, item->len % 70000);
        break;
    default:
        move_segments(file, archive, item);
    }
}

/* Whether |file| differs from what was sealed in more than what only a checksum protects. */
static int differs_in_body(const struct adp_builder *file, const struct archive *archive)
{
    const size_t fixed = ADP_HEADER_FIXED_LEN + ADP_FLOE_HEADER_LEN, block = archive->block_len;
    const uint8_t *sealed = archive->file.data;

    return file->len != archive->file.len || memcmp(file->data, sealed, fixed) != 0 ||
           memcmp(file->data + block, sealed + block, file->len - block) != 0;
}

static int are_alike(const struct adp_builder *a, const struct adp_builder *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void write_damaged(struct sealed *out, const struct plan *plan,
                          struct archive archives[PLAN_NUM_ARCHIVES], const char *dir)
{
    static const char *const names[] = {"archives/" SEAL_ID "/drive.adps",
                                        "archives/" SEAL_ID "/photos.adps"};
    unsigned exchange = 0;

    for (size_t i = 0; i < PLAN_NUM_ARCHIVES; i++) {
        struct adp_builder file = {0};

        adp_build_bytes(&file, archives[i].file.data, archives[i].file.len);
        for (size_t k = 0; k < plan->num_items; k++) {
            const struct item *item = &plan->items[k];

            if (item->kind == ITEM_DAMAGE && item->archive == i && file.len > 0)
                damage(&file, &archives[i], item);
            if (item->kind == ITEM_DAMAGE && item->type % DAMAGES == DAMAGE_EXCHANGE)
                exchange = 1;
        }
        FUZZ_CHECK(!file.failed);
        if (plan->archives[i].is_there && !are_alike(&file, &archives[i].file)) {
            out->is_changed = 1;
            out->is_wrong |= differs_in_body(&file, &archives[i]);
        }
        write_file(dir, names[exchange ^ i], &file);
        adp_builder_free(&file);
    }
    if (exchange)
        out->is_wrong = 1;
}

static void write_attestation(struct sealed *out, const struct plan *plan,
                              const struct archive archives[PLAN_NUM_ARCHIVES], const char *dir)
{
    uint8_t start[ADP_ATTESTATION_START_LEN];
    struct adp_builder file = {0};

    if (out->record.is_attested) {
        adp_attestation_start(start, out->record.vault_id, out->record.id);
        adp_build_bytes(&file, start, sizeof(start));
        for (size_t i = 0; i < PLAN_NUM_ARCHIVES; i++)
            adp_build_bytes(&file, archives[i].part.data, archives[i].part.len);
    }
    for (size_t k = 0; k < plan->num_items; k++) {
        const struct item *item = &plan->items[k];

        if (item->kind != ITEM_DAMAGE || item->type % DAMAGES != DAMAGE_ATTESTATION ||
            file.len == 0)
            continue;
        file.data[item->value % file.len] ^= (uint8_t)(1u << item->start % 8);
        out->is_changed = 1;
    }
    write_file(dir, "archives/" SEAL_ID "/attestation.adpt", &file);
    adp_builder_free(&file);
}

int seal_plan(struct sealed *out, const struct plan *plan, const struct adp_vault *vault,
              const char *dir)
{
    struct archive archives[PLAN_NUM_ARCHIVES] = {{0}};
    struct adp_builder record = {0};
    int is_signed;

    memset(out, 0, sizeof(*out));
    start_record(&out->record, plan, vault);
    for (size_t i = 0; i < PLAN_NUM_ARCHIVES; i++) {
        archives[i].category = seal_categories[i];
        if (!plan->archives[i].is_there)
            continue;
        seal_archive(&archives[i], &plan->archives[i], vault, out);
        name_archive(&out->record.archives[out->record.num_archives++], &archives[i],
                     plan->archives[i].record, out);
    }
    is_signed =
        adp_record_build(&record, &out->record, vault->identity->keys->sign_seed, NULL) == ADP_OK;
    if (is_signed) {
        write_file(dir, "snapshots/" SEAL_ID ".adpr", &record);
        write_damaged(out, plan, archives, dir);
        write_attestation(out, plan, archives, dir);
    }
    for (size_t i = 0; i < PLAN_NUM_ARCHIVES; i++) {
        adp_builder_free(&archives[i].file);
        adp_builder_free(&archives[i].part);
    }
    adp_builder_free(&record);
    return is_signed;
}
