/* What a walk says, as text: one line per event. */
#ifndef ADP_TEST_WALK_RECORD_H
#define ADP_TEST_WALK_RECORD_H

#include "scratch.h"
#include "walk.h"

struct record {
    char text[4096];
    size_t len;
    const char *skip; /* the directory to answer with ADP_WALK_SKIP */
    const char *stop; /* the entry to answer with -ECANCELED */
    unsigned num_entries, num_listed, num_leaves, num_errors, max_depth;
    int first_error;
};

/* record_add appends what fits. */
static inline void record_add(struct record *record, const char *text)
{
    size_t len = strlen(text);

    if (len < sizeof(record->text) - record->len) {
        memcpy(record->text + record->len, text, len + 1);
        record->len += len;
    }
}

/* record_event appends "+NAME" for an entry, "-NAME" for a leave, "!NAME:ERRNO" for an error. */
static inline int record_event(void *user, const struct adp_walk_entry *entry)
{
    static const char *const signs[] = {"?", "+", "-", "!"};
    struct record *record = user;
    char error[16];

    if (entry->event == ADP_WALK_LISTED) {
        record->num_listed++;
        return ADP_WALK_CONTINUE;
    }
    record_add(record, signs[entry->event]);
    record_add(record, entry->name);
    if (entry->event == ADP_WALK_ERROR) {
        snprintf(error, sizeof(error), ":%d", entry->error);
        record_add(record, error);
        record->first_error = record->num_errors == 0 ? entry->error : record->first_error;
        record->num_errors++;
    }
    record->num_entries += entry->event == ADP_WALK_ENTRY;
    record->num_leaves += entry->event == ADP_WALK_LEAVE;
    if (entry->depth > record->max_depth)
        record->max_depth = entry->depth;
    if (record->stop != NULL && strcmp(entry->name, record->stop) == 0)
        return -ECANCELED;
    if (record->skip != NULL && strcmp(entry->name, record->skip) == 0)
        return ADP_WALK_SKIP;
    return ADP_WALK_CONTINUE;
}

#endif
