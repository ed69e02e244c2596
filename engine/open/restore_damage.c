#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "error.h"
#include "restoring.h"

/* -- Which segments. */

int restore_damage_note(struct restoring *restoring, uint64_t position, const struct adp_error *why)
{
    struct restore_damage *damage = &restoring->damage;

    if (!restoring->keep_going || !adp_archive_is_damage(why))
        return 0;
    if (damage->is_bad == NULL) {
        damage->is_bad = calloc(restoring->archive->layout.num_segments, 1);
        if (damage->is_bad == NULL)
            return 0;
    }
    if (damage->first.status == ADP_OK)
        damage->first = *why;
    damage->is_bad[position] = 1;
    return 1;
}

int restore_damage_is_lost(const struct restore_frame *frame, size_t start, size_t len,
                           uint64_t *out_position)
{
    const struct restoring *restoring = frame->restoring;
    size_t plain_len = restoring->archive->header.enc_seg_len - ADP_FLOE_OVERHEAD;
    size_t first = (frame->start + start) / plain_len;
    size_t last = (frame->start + start + (len > 0 ? len - 1 : 0)) / plain_len;

    for (size_t i = first; i <= last; i++) {
        const struct restore_segment *segment = &restoring->segments[frame->first_segment + i];

        *out_position = segment->position;
        if (segment->is_bad)
            return 1;
    }
    return 0;
}

/* -- What lay in them. */

/* So many bytes of names wait for the end of the archive; what is lost beyond them is counted. */
#define LOSSES_MAX ((size_t)64 << 20)

static int add_loss(struct restore_damage *damage, const char *path, uint64_t position)
{
    struct restore_loss *last =
        damage->num_losses > 0 ? &damage->losses[damage->num_losses - 1] : NULL;

    if (last != NULL && position - last->last <= 1 && strcmp(last->path, path) == 0) {
        last->last = position;
        return 1;
    }
    if (strlen(path) > LOSSES_MAX - damage->losses_len) {
        damage->num_unnamed++;
        return 1;
    }
    if (damage->losses == NULL || damage->num_losses == damage->cap_losses) {
        size_t cap = damage->cap_losses > 0 ? 2 * damage->cap_losses : 64;
        struct restore_loss *grown = realloc(damage->losses, cap * sizeof(*grown));

        if (grown == NULL)
            return 0;
        damage->losses = grown;
        damage->cap_losses = cap;
    }
    last = &damage->losses[damage->num_losses];
    *last = (struct restore_loss){strdup(path), position, position};
    damage->num_losses += last->path != NULL;
    damage->losses_len += strlen(path);
    return last->path != NULL;
}

/* A part that decodes to something else has no bad segment: all of its frame's are to blame. */
static int take_part(struct restoring *restoring, const struct restore_frame *frame,
                     const struct restore_part *part)
{
    int is_content = frame->status == ADP_ERR_CONTENT, has_all = 1;

    for (size_t i = 0; i < frame->num_segments; i++) {
        const struct restore_segment *segment = &restoring->segments[frame->first_segment + i];
        struct adp_error why = {0};

        if (is_content) {
            adp_archive_fail_extent(restoring->archive, part->extent, &why);
            has_all &= restore_damage_note(restoring, segment->position, &why);
        }
        if (is_content || segment->is_bad)
            has_all &= add_loss(&restoring->damage, part->entry->path, segment->position);
    }
    return has_all;
}

void restore_damage_take(struct restoring *restoring, const struct restore_frame *frame)
{
    struct adp_error error = {0};

    for (size_t i = 0; i < frame->num_parts; i++) {
        if (frame->parts[i].is_lost && !take_part(restoring, frame, &frame->parts[i])) {
            adp_fail_memory(&error);
            restoring_fail(restoring, ADP_ERR_MEMORY, &error);
        }
    }
}

/* -- The index. */

static uint64_t position_of(const struct adp_archive *archive, uint64_t stream_offset)
{
    return stream_offset / (archive->header.enc_seg_len - ADP_FLOE_OVERHEAD);
}

enum adp_status restore_damage_index(void *user, size_t number, const struct adp_error *why)
{
    struct restoring *restoring = user;
    const struct adp_archive *archive = restoring->archive;
    const struct adp_directory *directory = &archive->directory;
    const struct adp_index_frame *frame = &directory->frames[number];
    uint64_t last = position_of(archive, frame->offset + frame->stored_len - 1);
    struct adp_error error = *why;

    restoring->damage.has_lost_index = 1;
    for (uint64_t i = position_of(archive, frame->offset); i <= last; i++) {
        struct adp_error each = {0};

        if (adp_archive_load(restoring->archive, i, &each) != ADP_OK &&
            !restore_damage_note(restoring, i, &each))
            return each.status;
    }
    if (restoring->damage.first.status == ADP_OK) /* authentic, but it does not decode */
        restoring->damage.first = *why;
    snprintf(error.message, sizeof(error.message),
             "a part of the index is damaged: %" PRIu64
             " entries are lost, from \"%.200s\" on%s%.200s%s",
             frame->num_entries, frame->first_path,
             number + 1 < directory->num_frames ? ", before \"" : "",
             number + 1 < directory->num_frames ? directory->frames[number + 1].first_path : "",
             number + 1 < directory->num_frames ? "\"" : "");
    adp_tell_error(restoring->tell, ADP_EVENT_REFUSED, &error);
    return ADP_OK;
}

/* -- Telling. */

static int compare_losses(const void *a, const void *b)
{
    const struct restore_loss *x = a, *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return strcmp(x->path, y->path);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Tells segments |first| to |last|; losses from |*at| on lie there or behind. */
static void tell_stretch(struct restoring *restoring, uint64_t first, uint64_t last,
                         const char **paths, size_t *at)
{
    const struct restore_damage *damage = &restoring->damage;
    const struct adp_archive *archive = restoring->archive;
    struct adp_damage stretch = {.offset = adp_archive_segment_offset(archive, first),
                                 .paths = paths};
    size_t num = 0;

    stretch.len = adp_archive_segment_offset(archive, last) +
                  adp_archive_segment_len(archive, last) - stretch.offset;
    for (; *at < damage->num_losses && damage->losses[*at].first <= last; ++*at)
        paths[num++] = damage->losses[*at].path;
    if (num > 1)
        qsort(paths, num, sizeof(*paths), compare_strings);
    for (size_t i = 0; i < num; i++) {
        if (i == 0 || strcmp(paths[i], paths[i - 1]) != 0)
            paths[stretch.num_paths++] = paths[i];
    }
    adp_tell_damage(restoring->tell, damage->first.status, archive->path, &stretch);
}

static void tell_stretches(struct restoring *restoring, const char **paths)
{
    struct restore_damage *damage = &restoring->damage;
    uint64_t num = restoring->archive->layout.num_segments;
    size_t at = 0;

    if (damage->num_losses > 1)
        qsort(damage->losses, damage->num_losses, sizeof(*damage->losses), compare_losses);
    for (uint64_t first = 0; first < num; first++) {
        uint64_t last = first;

        if (!damage->is_bad[first])
            continue;
        while (last + 1 < num && damage->is_bad[last + 1])
            last++;
        tell_stretch(restoring, first, last, paths, &at);
        first = last;
    }
}

static void tell_unnamed(const struct restoring *restoring)
{
    char message[128];

    if (restoring->damage.num_unnamed == 0)
        return;
    snprintf(message, sizeof(message), "%" PRIu64 " entries more are damaged than are named",
             restoring->damage.num_unnamed);
    adp_tell_event(restoring->tell, ADP_EVENT_NOTE, ADP_OK, 0, restoring->archive->path, message);
}

/* Reads what nothing has read, so that every damaged segment is known. */
static enum adp_status check_rest(struct restoring *restoring, struct adp_error *err)
{
    struct adp_archive *archive = restoring->archive;

    for (uint64_t i = 0; i < archive->layout.num_segments; i++) {
        struct adp_error why = {0};

        if (archive->tag_there[i] ||
            (restoring->damage.is_bad != NULL && restoring->damage.is_bad[i]))
            continue;
        if (!adp_tell_progress(restoring->tell))
            return adp_tell_cancelled(err);
        if (adp_archive_load(archive, i, &why) == ADP_OK || restore_damage_note(restoring, i, &why))
            continue;
        if (err != NULL)
            *err = why;
        return why.status;
    }
    return ADP_OK;
}

enum adp_status restore_damage_end(struct restoring *restoring, int check_tags,
                                   struct adp_error *err)
{
    struct restore_damage *damage = &restoring->damage;
    enum adp_status status = check_tags ? check_rest(restoring, err) : ADP_OK;
    const char **paths;

    if (status != ADP_OK || damage->first.status == ADP_OK)
        return status;
    if (damage->is_bad != NULL) {
        paths = calloc(damage->num_losses + 1, sizeof(*paths));
        if (paths == NULL)
            return adp_fail_memory(err);
        tell_stretches(restoring, paths);
        free(paths);
        tell_unnamed(restoring);
    }
    if (err != NULL)
        *err = damage->first;
    return damage->first.status;
}

void restore_damage_unopened(struct restoring *restoring, const char *path,
                             const struct adp_error *why)
{
    struct adp_damage all = {.offset = why->has_offset ? why->offset : 0};

    if (restoring->keep_going && adp_archive_is_damage(why))
        adp_tell_damage(restoring->tell, why->status, path, &all);
}

void restore_damage_reset(struct restoring *restoring)
{
    struct restore_damage *damage = &restoring->damage;

    for (size_t i = 0; i < damage->num_losses; i++)
        free(damage->losses[i].path);
    free(damage->losses);
    free(damage->is_bad);
    *damage = (struct restore_damage){0};
}
