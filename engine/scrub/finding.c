#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "error.h"
#include "scrubbing.h"

#define EXCHANGED_HINT                                                                             \
    "somebody who can write here has put it there: restore it from another copy of the vault, "    \
    "and "                                                                                         \
    "find out who that was"

const char *adp_finding_name(enum adp_finding_kind kind)
{
    static const char *const names[ADP_NUM_FINDINGS] = {
        NULL, "damaged", "exchanged", "missing", "unreadable", "untold", "surplus"};

    return (unsigned)kind < ADP_NUM_FINDINGS ? names[kind] : NULL;
}

static enum adp_status status_of(enum adp_finding_kind kind)
{
    switch (kind) {
    case ADP_FINDING_DAMAGED:
    case ADP_FINDING_UNREADABLE:
        return ADP_ERR_DAMAGED;
    case ADP_FINDING_EXCHANGED:
        return ADP_ERR_MISMATCH;
    case ADP_FINDING_MISSING:
        return ADP_ERR_MISSING;
    case ADP_FINDING_UNTOLD:
        return ADP_ERR_PARTIAL;
    case ADP_FINDING_SURPLUS:
        break;
    }
    return ADP_OK;
}

/* Integrity before everything else, what cannot be told last. */
static int rank(enum adp_status status)
{
    if (status == ADP_OK)
        return 0;
    if (status == ADP_ERR_PARTIAL)
        return 1;
    return adp_status_exit_code(status) == adp_status_exit_code(ADP_ERR_DAMAGED) ? 3 : 2;
}

static void tell(struct scrubbing *scrub, enum adp_finding_kind kind,
                 const struct scrub_place *place, const struct adp_error *error)
{
    const struct adp_finding finding = {.kind = kind,
                                        .snapshot = place->id,
                                        .category = place->category,
                                        .offset = place->offset,
                                        .len = place->len,
                                        .error = error};

    scrub->report.num_findings[kind]++;
    if (rank(error->status) > rank(scrub->worst.status))
        scrub->worst = *error;
    if (scrub->options->on_finding != NULL)
        scrub->options->on_finding(scrub->options->common.user, &finding);
}

void scrub_find(struct scrubbing *scrub, enum adp_finding_kind kind,
                const struct scrub_place *place, const char *format, ...)
{
    struct adp_error error;
    char message[sizeof(error.message)];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    adp_fail(&error, status_of(kind), place->path, "%s", message);
    if (place->len > 0)
        adp_error_offset(&error, error.status, place->offset);
    if (kind == ADP_FINDING_EXCHANGED)
        adp_error_hint(&error, error.status, EXCHANGED_HINT);
    tell(scrub, kind, place, &error);
}

static enum adp_finding_kind kind_of(const struct adp_error *why)
{
    switch (why->status) {
    case ADP_ERR_MISSING:
        return ADP_FINDING_MISSING;
    case ADP_ERR_MISMATCH:
    case ADP_ERR_ROLLBACK:
        return ADP_FINDING_EXCHANGED;
    case ADP_ERR_IO:
        return ADP_FINDING_UNREADABLE;
    case ADP_ERR_UNSUPPORTED:
        return ADP_FINDING_UNTOLD;
    default:
        return ADP_FINDING_DAMAGED;
    }
}

/* A disk that cannot read its own sectors has lost them: that is damage, not a failure to look. */
void scrub_find_error(struct scrubbing *scrub, const struct scrub_place *place,
                      const struct adp_error *why)
{
    struct adp_error error = *why;

    if (error.sys_errno == EIO)
        error.status = ADP_ERR_DAMAGED;
    tell(scrub, kind_of(why), place, &error);
}
