/* What the files of make_corpus share. */
#ifndef ADP_MAKE_CORPUS_H
#define ADP_MAKE_CORPUS_H

#include <stddef.h>

/* save writes an input of |target|. */
void save(const char *target, const char *name, const void *data, size_t len);

/* save_open writes those of fuzz_open. */
void save_open(void);

#endif
