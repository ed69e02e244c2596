/* Questions that a person answers on the terminal. */
#ifndef CONFIRM_H
#define CONFIRM_H

#include "cli.h"

enum answer {
    ANSWER_NO,
    ANSWER_YES,
    ANSWER_NOBODY, /* there is no terminal to ask on */
};

/* confirm_ask writes |question| to the terminal, whatever standard input and output are, and reads
 * a line. Anything but yes is no. */
enum answer confirm_ask(const char *question);

/* confirm asks whether to do what |warning| describes, unless --yes was given. ADP_ERR_REFUSED if
 * the answer is no or there is nobody to ask. */
ADP_MUST_CHECK enum adp_status confirm(const struct cli *cli, const char *warning,
                                       struct adp_error *err);

#endif
