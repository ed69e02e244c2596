/* One fact out of a property list, in the binary form or in XML.
 *
 * This is no reader of property lists: it looks at the top-level dictionary alone, follows no
 * reference, and takes time and memory that do not depend on what the rest says. (libplist 2.2
 * follows all of them, shared ones again and again: 142 bytes make it take all memory there is.) */
#ifndef ADP_PLIST_H
#define ADP_PLIST_H

#include <stddef.h>
#include <stdint.h>

enum adp_plist_answer {
    ADP_PLIST_FALSE = 0, /* it says no, or has no such key */
    ADP_PLIST_TRUE = 1,
    ADP_PLIST_MALFORMED = -1, /* no property list, or none that can be understood that far */
};

/* adp_plist_bool returns what the top-level dictionary of the property list |data| says of |key|:
 * ASCII, without characters that XML escapes. */
enum adp_plist_answer adp_plist_bool(const uint8_t *data, size_t len, const char *key);

#endif
