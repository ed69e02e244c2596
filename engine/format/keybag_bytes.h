/* What keybag_build.c, keybag_parse.c and keybag_wraps.c share: docs/FORMAT.md section 4. */
#ifndef ADP_KEYBAG_BYTES_H
#define ADP_KEYBAG_BYTES_H

#include "keybag.h"

#define KEYBAG_MAGIC          "ADPSKEYS"
#define KEYBAG_MAGIC_LEN      8
#define KEYBAG_UNAUTHORED     1 /* the version without an author's signature */
#define KEYBAG_LEN_OFFSET     12
#define KEYBAG_ACCOUNT_OFFSET 80
#define KEYBAG_SIGN_LABEL     "adp-seal/1 keybag"
#define KEYBAG_AUTHOR_LABEL   "adp-seal/1 keybag author"

/* How a wrap stands behind the statement. */
#define KEYBAG_WRAP_DESTROYED 0
#define KEYBAG_WRAP_PRESENT   1

/* keybag_next_wrap goes through all wraps of a keybag in the order of the file: |*cursor| begins as
 * zeros; NULL after the last. */
struct keybag_cursor {
    size_t recipient, category, epoch, wrap;
    int has_seen_account;
};
struct adp_keybag_wrap *keybag_next_wrap(const struct adp_keybag *keybag,
                                         struct keybag_cursor *cursor);

#endif
