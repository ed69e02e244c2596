/* Text out of untrusted bytes, which people will see on their terminals. */
#ifndef ADP_TEXT_H
#define ADP_TEXT_H

#include <stddef.h>

/* adp_text_check returns 1 if |text| is UTF-8 (RFC 3629: shortest form, no surrogates) without
 * bytes below 0x20 and without 0x7f, else 0. Empty text passes. */
int adp_text_check(const char *text, size_t len);

#endif
