/* Damage to every place of a vault: each byte of header, record, attestation, keybag and trailer,
 * bytes in every segment, cuts at and beside each boundary, segments exchanged, repeated and left
 * out, files exchanged between categories, snapshots and vaults. None of it is taken for what was
 * sealed, and what is said names the file, a place in it, and the entries that lie there.
 *
 * ADP_SOAK=1 tries every byte of header and keybag; else those of padding and keys are sampled. */
#include "assurance.h"
#include "seal_test.h"

#define HEADER_LEN      4096u
#define SEGMENT_LEN     (256u << 10)
#define TRAILER_LEN     (64u + 16u) /* with the tag of the last segment */
#define NUM_LARGE       3
#define LARGE_LEN       (400u << 10)
#define PADDING_OFFSET  232u /* behind a header's one slot; the checksum ends it */
#define LEN_OFFSET      12   /* of the header's length */
#define NUM_BOTH_COPIES 2
#define KEYBAG_START    512u               /* with all that is there once */
#define MEMORY          ((size_t)16 << 20) /* the least: it is made anew for each case */
#define MAGIC_LEN       8
#define HEADER_MAX      65536u

/* struct content is a file of the vault, as it was sealed. */
struct content {
    char path[256];
    uint8_t *data;
    size_t len;
};

/* struct seen is what a call told of damage. */
struct seen {
    struct adp_error err; /* the call's */
    uint64_t first, last; /* of the stretches, bytes of the file */
    unsigned num_stretches, num_paths, num_strangers, num_refused;
    char refused[1024];
};

static struct {
    struct seal_rig rig;
    char first[64], second[64]; /* ids of snapshots */
    struct content photos, drive, record, attestation, keybag, keybag_copy;
    unsigned long tried, survived; /* of the kind at hand */
} vault;

/* -- Files. */

static void content_load(struct content *out, const char *folder, const char *id, const char *name)
{
    FILE *file;

    snprintf(out->path, sizeof(out->path), "%s/%s/%s%s", vault.rig.vault_path, folder, id, name);
    file = fopen(out->path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fseek(file, 0, SEEK_END);
    out->len = (size_t)ftell(file);
    rewind(file);
    out->data = malloc(out->len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out->data);
    CU_ASSERT_EQUAL_FATAL(fread(out->data, 1, out->len, file), out->len);
    fclose(file);
}

static void content_write(const struct content *content, const uint8_t *data, size_t len)
{
    int fd = open(content->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    CU_ASSERT_FATAL(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    close(fd);
}

static void content_restore(const struct content *content)
{
    content_write(content, content->data, content->len);
}

static void content_put(const struct content *content, size_t offset, uint8_t byte)
{
    int fd = open(content->path, O_WRONLY | O_CLOEXEC);

    CU_ASSERT_FATAL(fd >= 0 && pwrite(fd, &byte, 1, (off_t)offset) == 1);
    close(fd);
}

/* One of the byte's bits, each in its turn. */
static void content_flip(const struct content *content, size_t offset)
{
    content_put(content, offset, content->data[offset] ^ (uint8_t)(1u << offset % 8));
}

static void content_mend(const struct content *content, size_t offset)
{
    content_put(content, offset, content->data[offset]);
}

static int ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static const char *name_of(const struct content *content)
{
    return strrchr(content->path, '/');
}

/* -- Looking. */

static void note_damage(struct seen *seen, const struct adp_damage *damage)
{
    if (seen->num_stretches == 0 || damage->offset < seen->first)
        seen->first = damage->offset;
    if (damage->offset + damage->len > seen->last)
        seen->last = damage->offset + damage->len;
    seen->num_stretches++;
    seen->num_paths += (unsigned)damage->num_paths;
    for (size_t i = 0; i < damage->num_paths; i++)
        seen->num_strangers += strncmp(damage->paths[i], "source/", 7) != 0;
}

static void on_event(void *user, const struct adp_event *event)
{
    struct seen *seen = user;

    if (event->kind == ADP_EVENT_DAMAGED)
        note_damage(seen, event->damage);
    if (event->kind != ADP_EVENT_REFUSED)
        return;
    seen->num_refused++;
    snprintf(seen->refused, sizeof(seen->refused), "%s", event->error->path);
}

static enum adp_status verify(struct seen *seen, const char *id)
{
    struct adp_verify_options options = {
        .common = {.num_threads = 1, .memory = MEMORY, .on_event = on_event, .user = seen},
        .selection = {.snapshot = id}};
    struct adp_report report;

    memset(seen, 0, sizeof(*seen));
    return adp_verify(vault.rig.vault, &options, &report, &seen->err);
}

static int ignore_entry(void *user, const struct adp_entry *entry)
{
    (void)user;
    (void)entry;
    return 0;
}

static enum adp_status list(struct seen *seen, const char *id)
{
    const struct adp_selection selection = {.snapshot = id};

    memset(seen, 0, sizeof(*seen));
    return adp_list(vault.rig.vault, &selection, ignore_entry, on_event, seen, &seen->err);
}

static enum adp_status restore(struct seen *seen, const char *id)
{
    struct adp_open_options options = {
        .common = {.num_threads = 1, .memory = MEMORY, .on_event = on_event, .user = seen},
        .selection = {.snapshot = id},
        .target = vault.rig.target,
        .overwrite = 1};
    struct adp_report report;

    memset(seen, 0, sizeof(*seen));
    return adp_open(vault.rig.vault, &options, &report, &seen->err);
}

/* Versions that are not known are no damage that anybody could tell. */
static int is_refusal(enum adp_status status)
{
    return adp_status_exit_code(status) == adp_status_exit_code(ADP_ERR_FORMAT) ||
           status == ADP_ERR_UNSUPPORTED;
}

/* Counts a case: that |status| is a refusal which names |file| and a place from |first| up to
 * |last|, and |is_good| otherwise. */
static void judge(const struct seen *seen, enum adp_status status, const struct content *file,
                  uint64_t first, uint64_t last, int is_good, const char *what, size_t where)
{
    int is_named =
        ends_with(seen->err.path, name_of(file)) &&
        (!seen->err.has_offset || (seen->err.offset >= first && seen->err.offset <= last));

    vault.tried++;
    if (is_refusal(status) && is_named && is_good) {
        vault.survived++;
        return;
    }
    fprintf(stderr, "%s of %s at %zu: \"%s\", offset %lld, %u stretches, %u paths: %s\n", what,
            name_of(file), where, adp_status_string(status),
            seen->err.has_offset ? (long long)seen->err.offset : -1LL, seen->num_stretches,
            seen->num_paths, seen->err.message);
    CU_FAIL("damage that is not told as it should be");
}

static void begin(void)
{
    vault.tried = vault.survived = 0;
}

static void end(const char *kind)
{
    printf(" %lu cases ", vault.tried);
    CU_ASSERT(vault.tried > 0);
    adp_assurance_add("damage", kind, vault.tried, vault.survived);
}

static int is_soak(void)
{
    const char *soak = getenv("ADP_SOAK");

    return soak != NULL && strcmp(soak, "1") == 0;
}

/* -- Bytes. */

static void test_header(void)
{
    const size_t step = is_soak() ? 1 : 61;
    struct seen seen;

    begin();
    for (size_t i = 0; i < HEADER_LEN; i += i < PADDING_OFFSET || is_soak() ? 1 : 29) {
        /* A header that says to be longer ends there. */
        size_t end_of = i / 4 == LEN_OFFSET / 4 ? HEADER_MAX : HEADER_LEN;

        content_flip(&vault.photos, i);
        judge(&seen, list(&seen, vault.first), &vault.photos, 0, end_of, 1, "list", i);
        if (i % step == 0) {
            enum adp_status status = verify(&seen, vault.first);

            judge(&seen, status, &vault.photos, 0, end_of, seen.num_refused == 1, "verify", i);
        }
        content_mend(&vault.photos, i);
    }
    end("bytes of an archive's header");
}

static void test_record(void)
{
    struct seen seen;

    begin();
    for (size_t i = 0; i < vault.record.len; i++) {
        content_flip(&vault.record, i);
        judge(&seen, list(&seen, vault.first), &vault.record, 0, vault.record.len, 1, "list", i);
        content_mend(&vault.record, i);
    }
    end("each byte of a record");
}

/* It is for those who hold no key: whoever does reads without it, and is told by verify alone. */
static void test_attestation(void)
{
    struct seen seen;

    begin();
    for (size_t i = 0; i < vault.attestation.len; i++) {
        content_flip(&vault.attestation, i);
        judge(&seen, verify(&seen, vault.first), &vault.attestation, 0, vault.attestation.len, 1,
              "verify", i);
        CU_ASSERT_EQUAL(list(&seen, vault.first), ADP_OK);
        content_mend(&vault.attestation, i);
    }
    end("each byte of an attestation");
}

static enum adp_status open_vault(struct seen *seen)
{
    struct adp_vault *other = NULL;
    enum adp_status status;

    memset(seen, 0, sizeof(*seen));
    status = adp_vault_open(&other, vault.rig.vault_path, vault.rig.identity, &seen->err);
    adp_vault_free(other);
    return status;
}

/* One copy is enough, and is told to be damaged; without both the vault does not open. */
static void test_keybag(void)
{
    const struct content *copies[NUM_BOTH_COPIES] = {&vault.keybag, &vault.keybag_copy};
    const size_t step = is_soak() ? 1 : 29;
    struct seen seen;

    begin();
    for (size_t i = 0; i < vault.keybag.len; i += i < KEYBAG_START || is_soak() ? 1 : 11) {
        for (size_t k = 0; k < NUM_BOTH_COPIES; k++)
            content_flip(copies[k], i);
        judge(&seen, open_vault(&seen), &vault.keybag, 0, vault.keybag.len, 1, "open", i);
        for (size_t k = 0; k < NUM_BOTH_COPIES; k++)
            content_mend(copies[k], i);
    }
    end("bytes of both copies of a keybag");
    begin();
    for (size_t i = 0; i < vault.keybag.len * NUM_BOTH_COPIES; i += step) {
        const struct content *copy = copies[i % NUM_BOTH_COPIES];
        struct adp_history history = {0};

        content_flip(copy, i / NUM_BOTH_COPIES);
        CU_ASSERT_EQUAL(adp_vault_history(vault.rig.vault, &history, NULL), ADP_OK);
        vault.tried++;
        vault.survived += open_vault(&seen) == ADP_OK && history.num_damaged == 1;
        content_mend(copy, i / NUM_BOTH_COPIES);
    }
    CU_ASSERT_EQUAL(vault.tried, vault.survived);
    end("bytes of one copy of a keybag");
}

/* Every byte of the last ones: the trailer, encrypted, and its segment's tag. */
static void test_trailer(void)
{
    const uint64_t last =
        (vault.photos.len - 1 - HEADER_LEN) / SEGMENT_LEN * SEGMENT_LEN + HEADER_LEN;
    struct seen seen;

    begin();
    for (size_t i = vault.photos.len - TRAILER_LEN; i < vault.photos.len; i++) {
        content_flip(&vault.photos, i);
        judge(&seen, verify(&seen, vault.first), &vault.photos, last, vault.photos.len, 1, "verify",
              i);
        content_mend(&vault.photos, i);
    }
    end("each byte of an archive's trailer");
}

/* Length, nonce, content, tag of each; with the entries that lie in it. */
static void test_segments(void)
{
    struct seen seen;

    begin();
    for (size_t at = HEADER_LEN; at < vault.photos.len; at += SEGMENT_LEN) {
        size_t len = vault.photos.len - at < SEGMENT_LEN ? vault.photos.len - at : SEGMENT_LEN;
        size_t places[] = {at,           at + 3,        at + 4,        at + 15,     at + 16,
                           at + len / 2, at + len - 17, at + len - 16, at + len - 1};
        int is_last = at + len == vault.photos.len;

        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            enum adp_status status;

            content_flip(&vault.photos, places[i]);
            status = verify(&seen, vault.first);
            /* Without its end an archive does not say what was in it. */
            judge(&seen, status, &vault.photos, at, at + len - 1,
                  seen.num_stretches == 1 && seen.first == at && seen.num_strangers == 0 &&
                      (is_last || (seen.last == at + len && seen.num_paths > 0)),
                  "verify", places[i]);
            if (i % 4 == 1) { /* not each: it syncs */
                status = restore(&seen, vault.first);
                judge(&seen, status, &vault.photos, at, at + len - 1, 1, "open", places[i]);
            }
            content_mend(&vault.photos, places[i]);
        }
    }
    end("bytes in every segment");
}

/* -- Lengths. */

static void check_len(size_t len)
{
    /* What has no magic is no archive, rather than a short one. */
    size_t end_of = len < MAGIC_LEN ? 0 : len < vault.photos.len ? len : vault.photos.len;
    struct seen seen;
    uint8_t *data;

    if (len == vault.photos.len)
        return;
    data = calloc(1, len + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    memcpy(data, vault.photos.data, len < vault.photos.len ? len : vault.photos.len);
    content_write(&vault.photos, data, len);
    free(data);
    judge(&seen, list(&seen, vault.first), &vault.photos, end_of, len, 1, "cut, list", len);
    judge(&seen, verify(&seen, vault.first), &vault.photos, end_of, len, 1, "cut, verify", len);
}

static void test_cuts(void)
{
    begin();
    check_len(0);
    check_len(1);
    check_len(HEADER_LEN / 2);
    for (size_t at = HEADER_LEN; at <= vault.photos.len; at += SEGMENT_LEN) {
        for (size_t k = 0; k < 3; k++)
            check_len(at + k - 1);
        check_len(at + SEGMENT_LEN / 2);
    }
    for (size_t k = 0; k < 3; k++)
        check_len(vault.photos.len - TRAILER_LEN + k - 1);
    check_len(vault.photos.len - 1);
    check_len(vault.photos.len + 1);
    check_len(vault.photos.len + 32);
    check_len(vault.photos.len + SEGMENT_LEN);
    content_restore(&vault.photos);
    end("an archive cut or longer");
}

/* -- Segments that are all authentic. */

static void check_moved(const uint8_t *data, size_t len, size_t at, const char *what)
{
    struct seen seen;

    content_write(&vault.photos, data, len);
    judge(&seen, verify(&seen, vault.first), &vault.photos, at, vault.photos.len + SEGMENT_LEN, 1,
          what, at);
}

static void test_moved_segments(void)
{
    size_t num = (vault.photos.len - HEADER_LEN) / SEGMENT_LEN; /* of full length */
    uint8_t *data = malloc(vault.photos.len + SEGMENT_LEN);

    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    begin();
    for (size_t i = 0; i < num; i++) {
        size_t at = HEADER_LEN + i * SEGMENT_LEN, next = at + SEGMENT_LEN;
        size_t rest = vault.photos.len - next;

        memcpy(data, vault.photos.data, vault.photos.len);
        if (i + 1 < num) {
            memcpy(data + at, vault.photos.data + next, SEGMENT_LEN);
            memcpy(data + next, vault.photos.data + at, SEGMENT_LEN);
            check_moved(data, vault.photos.len, at, "swapped segments");
            memcpy(data + next, vault.photos.data + next, SEGMENT_LEN);
            check_moved(data, vault.photos.len, at, "a segment in another's place");
        }
        memcpy(data, vault.photos.data, vault.photos.len);
        memcpy(data + at, vault.photos.data + next, rest);
        check_moved(data, vault.photos.len - SEGMENT_LEN, at, "a segment left out");
        memcpy(data, vault.photos.data, vault.photos.len);
        memcpy(data + next, vault.photos.data + at, rest + SEGMENT_LEN);
        check_moved(data, vault.photos.len + SEGMENT_LEN, at, "a segment repeated");
    }
    free(data);
    content_restore(&vault.photos);
    end("segments swapped, repeated or left out");
}

/* -- Files in the place of others. */

static void check_exchanged(const struct content *place, const struct content *other)
{
    struct seen seen;

    content_write(place, other->data, other->len);
    judge(&seen, verify(&seen, vault.first), place, 0, UINT64_MAX, 1, other->path, 0);
    content_restore(place);
}

static void test_exchanges(void)
{
    struct content other = {0}, own;
    struct seal_rig foreign, own_rig;
    char id[64];

    begin();
    check_exchanged(&vault.photos, &vault.drive);
    check_exchanged(&vault.drive, &vault.photos);
    content_load(&other, "archives", vault.second, "/photos.adps");
    check_exchanged(&vault.photos, &other);
    free(other.data);
    content_load(&other, "archives", vault.second, "/attestation.adpt");
    check_exchanged(&vault.attestation, &other);
    free(other.data);
    content_load(&other, "snapshots", vault.second, ".adpr");
    check_exchanged(&vault.record, &other);
    free(other.data);
    /* Another vault of the same identity's. */
    seal_rig_open(&foreign);
    seal_rig_write(&foreign, "large0.jpg", LARGE_LEN, 1);
    {
        struct adp_report report;

        CU_ASSERT_EQUAL(seal_rig_seal(&foreign, (struct adp_options){0}, &report), ADP_OK);
        snprintf(id, sizeof(id), "%s", report.snapshot);
    }
    own_rig = vault.rig;
    own = vault.photos;
    vault.rig = foreign;
    content_load(&other, "archives", id, "/photos.adps");
    vault.rig = own_rig;
    check_exchanged(&own, &other);
    free(other.data);
    seal_rig_close(&foreign);
    end("archives, records and attestations exchanged");
}

/* -- The vault. */

static void seal(char *out_id)
{
    struct adp_report report;

    CU_ASSERT_EQUAL_FATAL(seal_rig_seal(&vault.rig, (struct adp_options){0}, &report), ADP_OK);
    snprintf(out_id, 64, "%s", report.snapshot);
}

static void make_vault(void)
{
    char name[64];

    seal_rig_open(&vault.rig);
    for (unsigned i = 0; i < NUM_LARGE; i++) {
        snprintf(name, sizeof(name), "large%u.jpg", i);
        seal_rig_write(&vault.rig, name, LARGE_LEN, i + 1);
    }
    seal_rig_write(&vault.rig, "text.bin", 10000, 9);
    seal(vault.first);
    seal(vault.second);
    content_load(&vault.photos, "archives", vault.first, "/photos.adps");
    content_load(&vault.drive, "archives", vault.first, "/drive.adps");
    content_load(&vault.attestation, "archives", vault.first, "/attestation.adpt");
    content_load(&vault.record, "snapshots", vault.first, ".adpr");
    content_load(&vault.keybag, "keybag", "0000000000000001", ".adpk");
    content_load(&vault.keybag_copy, "snapshots", "0000000000000001", ".adpk");
}

static void test_whole(void)
{
    struct seen seen;

    CU_ASSERT_EQUAL(verify(&seen, vault.first), ADP_OK);
    CU_ASSERT_EQUAL(list(&seen, vault.first), ADP_OK);
    CU_ASSERT_EQUAL(restore(&seen, vault.first), ADP_OK);
    CU_ASSERT_EQUAL(open_vault(&seen), ADP_OK);
}

static void test_end(void)
{
    const struct content *all[] = {&vault.photos, &vault.drive,  &vault.attestation,
                                   &vault.record, &vault.keybag, &vault.keybag_copy};

    test_whole(); /* everything was put back */
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(all[i]->data);
    seal_rig_close(&vault.rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"a vault that is to be damaged", make_vault},
        {"it is whole", test_whole},
        {"each byte of a header", test_header},
        {"each byte of a record", test_record},
        {"each byte of an attestation", test_attestation},
        {"each byte of a keybag", test_keybag},
        {"each byte of a trailer", test_trailer},
        {"bytes in every segment", test_segments},
        {"cuts", test_cuts},
        {"segments that stand elsewhere", test_moved_segments},
        {"files of others", test_exchanges},
        {"it is whole again", test_end},
    };

    return adp_test_main("damage", cases, sizeof(cases) / sizeof(cases[0]));
}
