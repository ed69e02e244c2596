#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "human.h"
#include "session.h"
#include "text.h"

static const struct {
    char letter;
    const char *word;
} types[] = {
    [ADP_ENTRY_FILE] = {'-', "file"},         [ADP_ENTRY_DIRECTORY] = {'d', "directory"},
    [ADP_ENTRY_SYMLINK] = {'l', "symlink"},   [ADP_ENTRY_FIFO] = {'p', "fifo"},
    [ADP_ENTRY_HARDLINK] = {'h', "hardlink"}, [ADP_ENTRY_SKIPPED] = {'?', "skipped"},
};

/* format_mode writes ten characters as ls(1) does. */
static void format_mode(char out[11], enum adp_entry_type type, unsigned mode)
{
    static const char letters[] = "rwxrwxrwx";
    static const struct {
        unsigned bit;
        int place; /* of the x that it stands for */
        char with_x, without_x;
    } specials[] = {{04000, 3, 's', 'S'}, {02000, 6, 's', 'S'}, {01000, 9, 't', 'T'}};

    out[0] = types[type].letter;
    for (int i = 0; i < 9; i++)
        out[1 + i] = (char)(mode & 0400U >> i ? letters[i] : '-');
    for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
        char *x = &out[specials[i].place];

        if (mode & specials[i].bit)
            *x = (char)(*x == 'x' ? specials[i].with_x : specials[i].without_x);
    }
    out[10] = '\0';
}

static void print_text(const struct adp_entry *entry)
{
    char mode[11], time[HUMAN_LEN];

    format_mode(mode, entry->type, entry->mode);
    human_time(time, entry->mtime_s);
    printf("%s %5" PRIu32 " %5" PRIu32 " %12" PRIu64 " %s ", mode, entry->uid, entry->gid,
           entry->size, time);
    text_print(entry->path);
    if (entry->label != NULL) {
        fputs("  ", stdout);
        text_print(entry->label);
    }
    if (entry->target != NULL) {
        fputs(entry->type == ADP_ENTRY_HARDLINK ? " = " : " -> ", stdout);
        text_print(entry->target);
    }
    fputs(entry->is_derived ? "  (derived)" : "", stdout);
    puts(entry->is_changed ? "  (changed while it was read)" : "");
}

static json_t *entry_json(const struct adp_entry *entry)
{
    json_t *object = json_object();
    char mode[8];

    snprintf(mode, sizeof(mode), "%04o", entry->mode & 07777);
    text_set(object, "path", entry->path);
    if (entry->label != NULL)
        text_set(object, "label", entry->label);
    json_object_set_new(object, "type", json_string(types[entry->type].word));
    json_object_set_new(object, "category", json_string(adp_category_name(entry->category)));
    if (entry->target != NULL)
        text_set(object, "target", entry->target);
    json_object_set_new(object, "mode", json_string(mode));
    json_object_set_new(object, "uid", json_integer(entry->uid));
    json_object_set_new(object, "gid", json_integer(entry->gid));
    json_object_set_new(object, "mtime_s", json_integer(entry->mtime_s));
    json_object_set_new(object, "mtime_ns", json_integer(entry->mtime_ns));
    text_set_number(object, "size", entry->size);
    if (entry->is_changed)
        json_object_set_new(object, "changed", json_true());
    if (entry->is_derived)
        json_object_set_new(object, "derived", json_true());
    return object;
}

/* print_entry stops the listing when nobody reads it any more. */
static int print_entry(void *user, const struct adp_entry *entry)
{
    struct cli *cli = user;

    if (cli->out.is_json)
        out_stream(&cli->out, entry_json(entry));
    else
        print_text(entry);
    return out_failed(&cli->out);
}

enum adp_status cmd_list(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    const struct options *options = &cli->options;
    struct adp_selection selection = {
        .snapshot = options->args[1],
        .paths = (const char *const *)options->args + 2,
        .num_paths = options->num_args - 2,
        .categories = options->categories,
        .num_categories = options->num_categories,
    };
    enum adp_status status;

    if (cli->out.is_json)
        out_stream_begin(&cli->out, "entries");
    status = adp_list(vault, &selection, print_entry, session_on_event, cli, err);
    /* Only print_entry cancels, and out_finish says why. */
    return status == ADP_ERR_CANCELLED ? ADP_OK : status;
}
