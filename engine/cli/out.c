#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "text.h"

static const char *event_word(enum adp_event_kind kind)
{
    switch (kind) {
    case ADP_EVENT_SKIPPED:
        return "skipped";
    case ADP_EVENT_UNREADABLE:
        return "unreadable";
    case ADP_EVENT_CHANGED:
        return "changed";
    case ADP_EVENT_NOT_RESTORED:
        return "not-restored";
    case ADP_EVENT_METADATA:
        return "metadata";
    case ADP_EVENT_REFUSED:
        return "refused";
    case ADP_EVENT_NOTE:
        return "note";
    case ADP_EVENT_DAMAGED:
        return "damaged";
    }
    return "unknown";
}

const char *out_status_word(enum adp_status status)
{
    static const char *const words[] = {"done",      "failed", "usage",
                                        "integrity", "no-key", "partial"};

    return words[adp_status_exit_code(status)];
}

void out_init(struct out *out, int is_json, int is_quiet)
{
    json_set_alloc_funcs(must_alloc, wiped_free); /* a recovery code may be in it */
    *out = (struct out){.is_json = is_json, .is_quiet = is_quiet};
    if (is_json)
        out->root = json_object();
}

enum adp_status out_fail(struct adp_error *err, enum adp_status status, const char *path,
                         const char *hint, const char *format, ...)
{
    va_list args;

    *err = (struct adp_error){.status = status};
    snprintf(err->path, sizeof(err->path), "%s", path != NULL ? path : "");
    snprintf(err->hint, sizeof(err->hint), "%s", hint != NULL ? hint : "");
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    return status;
}

/* print_escaped is for standard error, which ends up in logs that are looked at on terminals. */
static void print_escaped(const char *text, const char *after)
{
    char *escaped = text_escape(text);

    fprintf(stderr, "%s%s", escaped, after);
    free(escaped);
}

json_t *out_error_json(const struct adp_error *err)
{
    json_t *object = json_object();

    json_object_set_new(object, "code", json_integer(err->status));
    text_set(object, "message", err->message);
    if (err->path[0] != '\0')
        text_set(object, "path", err->path);
    if (err->has_offset)
        text_set_number(object, "offset", err->offset);
    if (err->sys_errno != 0)
        json_object_set_new(object, "errno", json_integer(err->sys_errno));
    if (err->hint[0] != '\0')
        text_set(object, "hint", err->hint);
    return object;
}

static void print_error(const struct adp_error *err)
{
    const char *message = err->message[0] != '\0' ? err->message : adp_status_string(err->status);

    fputs("adp-seal: ", stderr);
    if (err->path[0] != '\0')
        print_escaped(err->path, ": ");
    print_escaped(message, "");
    if (err->has_offset)
        fprintf(stderr, " (offset %" PRIu64 ")", err->offset);
    fputc('\n', stderr);
    if (err->hint[0] != '\0') {
        fputs("  ", stderr);
        print_escaped(err->hint, "\n");
    }
}

/* What was told when it happened is not told again at the end. */
static int is_told(const struct out *out, const struct adp_error *err)
{
    return out->told.status == err->status && out->told.offset == err->offset &&
           strcmp(out->told.path, err->path) == 0 && strcmp(out->told.message, err->message) == 0;
}

void out_error(struct out *out, const struct adp_error *err)
{
    if (out->is_json)
        json_object_set_new(out->root, "error", out_error_json(err));
    else if (!is_told(out, err))
        print_error(err);
}

static void record_damage(struct out *out, const struct adp_event *event)
{
    json_t *object = json_object(), *files = json_array();

    text_set(object, "archive", event->path);
    text_set_number(object, "offset", event->damage->offset);
    text_set_number(object, "length", event->damage->len);
    for (size_t i = 0; i < event->damage->num_paths; i++) {
        json_t *file = json_object();

        text_set(file, "path", event->damage->paths[i]);
        json_array_append_new(files, file);
    }
    json_object_set_new(object, "files", files);
    if (out->damaged == NULL) {
        out->damaged = json_array();
        json_object_set_new(out->root, "damaged", out->damaged);
    }
    json_array_append_new(out->damaged, object);
}

static void print_damage(const struct adp_event *event)
{
    const struct adp_damage *damage = event->damage;

    fputs("adp-seal: ", stderr);
    print_escaped(event->path, ": damaged from offset ");
    fprintf(stderr, "%" PRIu64, damage->offset);
    if (damage->len > 0)
        fprintf(stderr, " to %" PRIu64, damage->offset + damage->len);
    fputs(damage->num_paths > 0 ? ", and with it\n" : "\n", stderr);
    for (size_t i = 0; i < damage->num_paths; i++) {
        fputs("  ", stderr);
        print_escaped(damage->paths[i], "\n");
    }
}

static void keep_event(struct out *out, json_t *object)
{
    if (out->events == NULL) {
        out->events = json_array();
        json_object_set_new(out->root, "events", out->events);
    }
    json_array_append_new(out->events, object);
}

static void record_event(struct out *out, const struct adp_event *event)
{
    json_t *object = json_object();

    json_object_set_new(object, "kind", json_string(event_word(event->kind)));
    json_object_set_new(object, "code", json_integer(event->status));
    text_set(object, "path", event->path);
    text_set(object, "message", event->message);
    if (event->sys_errno != 0)
        json_object_set_new(object, "errno", json_integer(event->sys_errno));
    if (event->error != NULL && event->error->has_offset)
        text_set_number(object, "offset", event->error->offset);
    if (!out->streams_events) {
        keep_event(out, object);
        return;
    }
    if (!out->is_streaming)
        out_stream_begin(out, "events");
    out_stream(out, object);
}

void out_stream_events(struct out *out)
{
    out->streams_events = 1;
}

void out_event(struct out *out, const struct adp_event *event)
{
    if (out->is_json) {
        event->damage != NULL ? record_damage(out, event) : record_event(out, event);
        return;
    }
    if (event->damage != NULL) {
        print_damage(event);
        return;
    }
    if (out->is_quiet && event->kind == ADP_EVENT_NOTE)
        return;
    if (event->error != NULL) {
        print_error(event->error);
        if (out->told.status == ADP_OK)
            out->told = *event->error;
        return;
    }
    fputs("adp-seal: ", stderr);
    if (event->path != NULL)
        print_escaped(event->path, ": ");
    print_escaped(event->message != NULL ? event->message : event_word(event->kind), "\n");
}

static json_t *finding_json(const struct adp_finding *finding)
{
    json_t *object = out_error_json(finding->error);

    json_object_set_new(object, "kind", json_string(adp_finding_name(finding->kind)));
    if (finding->snapshot != NULL)
        json_object_set_new(object, "snapshot", json_string(finding->snapshot));
    if (finding->category != 0)
        json_object_set_new(object, "category", json_string(adp_category_name(finding->category)));
    json_object_del(object, "offset");
    if (finding->len > 0) {
        text_set_number(object, "offset", finding->offset);
        text_set_number(object, "length", finding->len);
    }
    return object;
}

void out_finding(struct out *out, const struct adp_finding *finding)
{
    if (out->is_json)
        out_stream(out, finding_json(finding));
    else if (!out->is_quiet || finding->kind != ADP_FINDING_SURPLUS)
        print_error(finding->error);
}

void out_note(const struct out *out, const char *format, ...)
{
    char text[1024];
    va_list args;

    if (!out_shows_text(out))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    print_escaped(text, "\n");
}

int out_shows_text(const struct out *out)
{
    return !out->is_json && !out->is_quiet;
}

void out_stream_begin(struct out *out, const char *key)
{
    printf("{\"%s\": [", key);
    out->is_streaming = 1;
}

void out_stream(struct out *out, json_t *item)
{
    fputs(out->num_streamed++ == 0 ? "\n" : ",\n", stdout);
    json_dumpf(item, stdout, text_json_flags());
    json_decref(item);
}

int out_failed(struct out *out)
{
    if (ferror(stdout) && out->write_errno == 0)
        out->write_errno = errno != 0 ? errno : EIO;
    return out->write_errno != 0;
}

/* Past stdout's buffer, which nobody wipes. */
static void print_unbuffered(struct out *out, const char *text)
{
    size_t len = strlen(text), done = 0;
    ssize_t num = 0;

    fflush(stdout);
    while (done < len &&
           (num = TEMP_FAILURE_RETRY(write(STDOUT_FILENO, text + done, len - done))) > 0)
        done += (size_t)num;
    if (done < len && out->write_errno == 0)
        out->write_errno = errno != 0 ? errno : EIO;
}

void out_secret(struct out *out, const char *code)
{
    print_unbuffered(out, code);
    print_unbuffered(out, "\n");
}

static void print_root(struct out *out, enum adp_status status)
{
    char *text;

    json_object_set_new(out->root, "status", json_string(out_status_word(status)));
    json_object_set_new(out->root, "exit_code", json_integer(adp_status_exit_code(status)));
    text = json_dumps(out->root, JSON_INDENT(2) | JSON_REAL_PRECISION(6) | text_json_flags());
    /* After a streamed array the object goes on: its opening brace is there already. */
    if (out->is_streaming)
        fputs("],", stdout);
    print_unbuffered(out, out->is_streaming ? text + 1 : text);
    print_unbuffered(out, "\n");
    wiped_free(text);
    json_decref(out->root);
}

int out_finish(struct out *out, enum adp_status status)
{
    if (out->is_json)
        print_root(out, status);
    errno = 0;
    fflush(stdout);
    if (!out_failed(out))
        return adp_status_exit_code(status);
    if (out->write_errno == EPIPE)
        out_broken_pipe();
    fprintf(stderr, "adp-seal: cannot write the output: %s\n", strerror(out->write_errno));
    return adp_status_exit_code(ADP_ERR_IO);
}

void out_broken_pipe(void)
{
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
    _exit(EXIT_FAILURE);
}
