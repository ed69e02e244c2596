#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "human.h"

#define SAMPLE_SECONDS 0.5
#define SMOOTHING      0.3 /* weight of a new sample: the rate follows within some two seconds */
#define BAR_MAX        40
#define BAR_MIN        10
#define FIGURES_LEN    (4 * HUMAN_LEN + 32)

static double now_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_init(struct progress *progress, int wanted)
{
    const char *term = getenv("TERM");

    *progress = (struct progress){0};
    progress->is_enabled =
        wanted && isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

static size_t terminal_columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

static void sample_rate(struct progress *progress, const struct adp_progress *now)
{
    double time = now_seconds();
    double passed = time - progress->time;
    double rate;

    if (progress->stage == NULL || strcmp(progress->stage, now->stage) != 0) {
        progress->stage = now->stage;
        progress->time = time;
        progress->bytes = now->done_bytes;
        progress->rate = 0;
        return;
    }
    if (passed < SAMPLE_SECONDS)
        return;
    rate = (double)(now->done_bytes - progress->bytes) / passed;
    progress->rate =
        progress->rate > 0 ? progress->rate + SMOOTHING * (rate - progress->rate) : rate;
    progress->time = time;
    progress->bytes = now->done_bytes;
}

/* format_figures writes what stands right of the bar. */
static void format_figures(char *out, size_t out_len, const struct progress *progress,
                           const struct adp_progress *now)
{
    char done[HUMAN_LEN], total[HUMAN_LEN], rate[HUMAN_LEN], left[HUMAN_LEN];
    uint64_t todo = now->total_bytes > now->done_bytes ? now->total_bytes - now->done_bytes : 0;

    human_size(done, now->done_bytes);
    human_size(total, now->total_bytes);
    if (progress->rate < 1) {
        snprintf(out, out_len, "%s of %s", done, total);
        return;
    }
    human_size(rate, (uint64_t)progress->rate);
    human_duration(left, (double)todo / progress->rate);
    snprintf(out, out_len, "%s of %s  %s/s  %s left", done, total, rate, left);
}

static void format_bar(char *out, size_t columns, const char *stage, double part,
                       const char *figures)
{
    static const char full[] = "########################################";
    static const char empty[] = "----------------------------------------";
    char head[32];
    int head_len = snprintf(head, sizeof(head), "%.12s %3.0f %%", stage, 100 * part);
    size_t taken = (size_t)head_len + strlen("  []  ") + strlen(figures);
    size_t width = taken < columns ? columns - taken : 0;
    int num_full;

    if (width < BAR_MIN) {
        snprintf(out, columns + 1, "%s  %s", head, figures);
        return;
    }
    if (width > BAR_MAX)
        width = BAR_MAX;
    num_full = (int)(part * (double)width);
    snprintf(out, columns + 1, "%s  [%.*s%.*s]  %s", head, num_full, full, (int)width - num_full,
             empty, figures);
}

void progress_draw(struct progress *progress, const struct adp_progress *now)
{
    char line[320], figures[FIGURES_LEN];
    /* The last column stays free: a full line would wrap. */
    size_t columns = terminal_columns() - 1;
    double part;

    if (!progress->is_enabled)
        return;
    if (columns >= sizeof(line))
        columns = sizeof(line) - 1;
    sample_rate(progress, now);
    if (now->total_bytes == 0) {
        human_count(figures, now->done_entries);
        snprintf(line, columns + 1, "%.12s  %s entries", now->stage, figures);
    } else {
        part = (double)now->done_bytes / (double)now->total_bytes;
        format_figures(figures, sizeof(figures), progress, now);
        format_bar(line, columns, now->stage, part < 1 ? part : 1, figures);
    }
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    progress->is_shown = 1;
}

void progress_erase(struct progress *progress)
{
    if (!progress->is_shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->is_shown = 0;
}
