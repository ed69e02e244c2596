/* What the parts of the preloaded library share: disk_log.c says what it is. */
#ifndef DISK_LOG_H
#define DISK_LOG_H

#include <stddef.h>
#include <stdint.h>

/* disk_log_enter returns whether anything is noted, and then holds the log's lock, which all below
 * need, until disk_log_leave. */
int disk_log_enter(void);
void disk_log_leave(void);

/* disk_log_write notes that |len| bytes are about to be written to |fd|, and returns the number
 * that disk_log_done takes; 0 if |fd| is not a file. */
uint64_t disk_log_write(int fd, uint64_t offset, const void *data, size_t len);

/* disk_log_done notes that the write or sync |number| is over; |result| as the call returned it. */
void disk_log_done(uint64_t number, int64_t result);

/* disk_log_uring_done notes the writes of the ring that are over since it was last called. */
void disk_log_uring_done(void);

#endif
