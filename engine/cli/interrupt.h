/* Ctrl-C: long work is asked to stop, and cleans up behind itself. A second one ends the program
 * at once. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

/* interrupt_catch begins to catch SIGINT, SIGTERM and SIGHUP. */
void interrupt_catch(void);

/* interrupt_requested returns whether one was caught. */
int interrupt_requested(void);

#endif
