#include <string.h>

#include "error.h"
#include "select.h"

struct listing {
    unsigned category;
    adp_entry_fn on_entry;
    void *user;
};

static enum adp_status list_entry(void *user, const struct adp_index_entry *entry,
                                  enum adp_select_role role, struct adp_error *err)
{
    struct listing *listing = user;
    struct adp_entry out = {.type = (enum adp_entry_type)entry->type,
                            .category = listing->category,
                            .path = entry->path,
                            .label = entry->label,
                            .target = entry->target,
                            .mode = entry->mode,
                            .uid = entry->uid,
                            .gid = entry->gid,
                            .mtime_s = entry->mtime_s,
                            .mtime_ns = entry->mtime_ns,
                            .size = entry->size,
                            .is_changed = (entry->flags & ADP_INDEX_FLAG_CHANGED) != 0,
                            .is_derived = (entry->flags & ADP_INDEX_FLAG_DERIVED) != 0};

    (void)role;
    if (entry->type == ADP_INDEX_CONTINUATION)
        return ADP_OK;
    return listing->on_entry(listing->user, &out) != 0 ? adp_tell_cancelled(err) : ADP_OK;
}

enum adp_status adp_list(struct adp_vault *vault, const struct adp_selection *selection,
                         adp_entry_fn on_entry, adp_event_fn on_event, void *user,
                         struct adp_error *err)
{
    const struct adp_options options = {.on_event = on_event, .user = user};
    struct listing listing = {.on_entry = on_entry, .user = user};
    struct adp_select select;
    struct adp_tell tell;
    int partial = 0;
    enum adp_status status;

    adp_tell_init(&tell, &options, "list");
    status = adp_select_make(&select, vault, selection, &tell, &partial, err);
    for (size_t i = 0; status == ADP_OK && i < select.num_archives; i++) {
        const struct adp_record_archive *record = &select.record.archives[select.archives[i]];
        struct adp_archive *archive;

        listing.category = record->category;
        status = adp_archive_open(&archive, vault, select.record.id, record, 0, 0, err);
        if (status != ADP_OK)
            break;
        status = adp_select_each(&select, archive, 0, list_entry, &listing, err);
        adp_archive_close(archive);
    }
    if (status == ADP_OK)
        status = adp_select_unmatched(&select, err);
    adp_select_free(&select);
    if (status == ADP_OK && partial)
        return adp_fail(err, ADP_ERR_PARTIAL, vault->path,
                        "some categories were left out: this identity holds no key for them");
    return status;
}
