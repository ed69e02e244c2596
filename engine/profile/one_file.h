/* A file system for SQLite of one file that is open already: there is nothing to write to, no
 * journal and no log to follow, no second file to open, no lock to take. */
#ifndef ADP_ONE_FILE_H
#define ADP_ONE_FILE_H

/* adp_one_file_system returns the name of the file system, for sqlite3_open_v2; the name of a
 * database in it is the number of its descriptor, which must be a regular file's and stay open.
 * NULL if SQLite has no memory for it. Any thread. */
const char *adp_one_file_system(void);

#endif
