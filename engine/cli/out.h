/* What the command says: results on standard output, errors and events on standard error; or, with
 * --json, one JSON object on standard output and nothing else anywhere. */
#ifndef OUT_H
#define OUT_H

#include <jansson.h>

#include "adpseal.h"

struct out {
    int is_json;
    int is_quiet;
    json_t *root;    /* the JSON object so far; commands add to it */
    json_t *events;  /* its array of events; NULL before the first */
    json_t *damaged; /* its array of damaged stretches; NULL before the first */
    int streams_events;
    int is_streaming; /* between out_stream_begin and out_finish */
    int num_streamed;
    int write_errno;       /* of the first failure to write to standard output */
    struct adp_error told; /* the first failure that was told as it happened */
};

void out_init(struct out *out, int is_json, int is_quiet);

/* out_fail fills |err| for a failure of the command itself, and returns |status|. |path| and |hint|
 * may be NULL. */
enum adp_status out_fail(struct adp_error *err, enum adp_status status, const char *path,
                         const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* out_error tells an error. In JSON the last one stands. */
void out_error(struct out *out, const struct adp_error *err);

/* out_error_json returns |err| as a JSON object. */
json_t *out_error_json(const struct adp_error *err);

void out_event(struct out *out, const struct adp_event *event);

/* out_stream_events has events streamed, as they happen, by a command that streams nothing else and
 * may have as many as there are files. */
void out_stream_events(struct out *out);

/* out_finding tells what a scrub has found. In JSON it is an item of the streamed array. */
void out_finding(struct out *out, const struct adp_finding *finding);

/* out_note tells something that is neither result nor failure: text on standard error, unless quiet
 * or JSON. */
void out_note(const struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* out_shows_text returns whether results are to be printed as text. */
int out_shows_text(const struct out *out);

/* out_stream_begin begins the array |key| of the JSON object; out_stream adds |item|, taking it
 * over, without holding on to it. For results that may be too many to hold. */
void out_stream_begin(struct out *out, const char *key);
void out_stream(struct out *out, json_t *item);

/* out_secret prints a code on a line of its own, and leaves it in no buffer. */
void out_secret(struct out *out, const char *code);

/* out_failed returns whether standard output takes nothing more; out_finish says why. */
int out_failed(struct out *out);

/* out_status_word returns the word for |status| in JSON. */
const char *out_status_word(enum adp_status status);

/* out_finish ends the output and returns the program's exit code. */
int out_finish(struct out *out, enum adp_status status);

/* out_broken_pipe ends the program as SIGPIPE would have: nobody reads what it writes. */
void out_broken_pipe(void) __attribute__((noreturn));

#endif
