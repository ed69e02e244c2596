/* Constants that keybag_build.c and keybag_parse.c share: docs/FORMAT.md section 4. */
#ifndef ADP_KEYBAG_BYTES_H
#define ADP_KEYBAG_BYTES_H

#define KEYBAG_MAGIC          "ADPSKEYS"
#define KEYBAG_MAGIC_LEN      8
#define KEYBAG_UNAUTHORED     1 /* the version without an author's signature */
#define KEYBAG_LEN_OFFSET     12
#define KEYBAG_ACCOUNT_OFFSET 80
#define KEYBAG_SIGN_LABEL     "adp-seal/1 keybag"
#define KEYBAG_AUTHOR_LABEL   "adp-seal/1 keybag author"

#endif
