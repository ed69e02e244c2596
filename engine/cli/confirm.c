#include "confirm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "text.h"

/* read_yes reads a line from the terminal: is it yes? */
static int read_yes(int tty)
{
    char answer[16] = "";
    size_t len = 0;
    char c;

    while (read(tty, &c, 1) == 1 && c != '\n') {
        if (len < sizeof(answer) - 1)
            answer[len++] = c;
    }
    answer[len] = '\0';
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

enum answer confirm_ask(const char *question)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC), is_yes;

    if (tty < 0)
        return ANSWER_NOBODY;
    tcflush(tty, TCIFLUSH); /* what was typed before is no answer to this */
    dprintf(tty, "%s", question);
    is_yes = read_yes(tty);
    close(tty);
    return is_yes ? ANSWER_YES : ANSWER_NO;
}

enum adp_status confirm(const struct cli *cli, const char *warning, struct adp_error *err)
{
    char question[2048], *shown;

    if (options_has(&cli->options, OPTION_YES))
        return ADP_OK;
    shown = text_escape(warning); /* it may have a name in it that somebody else chose */
    snprintf(question, sizeof(question), "%s\nGo on? [y/N] ", shown);
    free(shown);
    switch (confirm_ask(question)) {
    case ANSWER_YES:
        return ADP_OK;
    case ANSWER_NO:
        return out_fail(err, ADP_ERR_REFUSED, NULL, NULL, "nothing was changed");
    default:
        return out_fail(err, ADP_ERR_REFUSED, NULL, "say --yes if you mean it", "%s", warning);
    }
}
