/* Counts what a test program has tried, for the table that a run of all tests makes: assurance.py
 * says how. */
#ifndef ADP_ASSURANCE_H
#define ADP_ASSURANCE_H

#include <stdio.h>
#include <stdlib.h>

/* adp_assurance_add tells of |tried| cases of |kind|, of which |survived| ended well; |part| is one
 * of assurance.py's PARTS. To be called once for each kind, at its end. */
static inline void adp_assurance_add(const char *part, const char *kind, unsigned long tried,
                                     unsigned long survived)
{
    const char *path = getenv("ADP_ASSURANCE");
    const char *preset = getenv("ADP_PRESET");
    FILE *file = path != NULL && *path != '\0' ? fopen(path, "ae") : NULL;

    if (file == NULL)
        return;
    fprintf(file, "%s\t%s\t%s\t%lu\t%lu\n", preset != NULL ? preset : "-", part, kind, tried,
            survived);
    fclose(file);
}

#endif
