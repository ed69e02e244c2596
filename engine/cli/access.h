/* What the commands that change who has access say afterwards. */
#ifndef ACCESS_H
#define ACCESS_H

#include "cli.h"

/* What is to be done about keybags of version 1; a number goes before it. */
#define ACCESS_OLD_KEYBAGS                                                                         \
    "keybags of an older format have keys that were taken away, which cannot be destroyed there: " \
    "once every device has seen the present keybag, delete the oldest files of keybag/ and their " \
    "copies in snapshots/"

/* access_json adds the keybag's generation and the account to the JSON object. */
void access_json(struct cli *cli, const struct adp_vault *vault);

/* access_names writes the names of the active recipients of |kind|, with commas; returns how many
 * there are. Names that do not fit are left out. */
size_t access_names(char *out, size_t out_len, const struct adp_vault *vault, enum adp_kind kind);

/* access_note_old tells of keybags of an older format, which still have the keys that a change took
 * away. */
void access_note_old(const struct cli *cli, const struct adp_vault *vault);

/* access_tell_removed says that |name|, who was of |kind|, has no access any more, who has, and
 * what else that changes. */
void access_tell_removed(struct cli *cli, const struct adp_vault *vault, const char *name,
                         enum adp_kind kind);

/* access_categories writes the names of the categories of |class_of|. */
void access_categories(char *out, size_t out_len, enum adp_category_class class_of);

#endif
