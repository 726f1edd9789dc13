/*
 * Progress: one line on stderr that is written over itself, and only when stderr is a terminal.
 * Called by the process that runs the rounds, never by a run itself.
 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

/* Shows the line in place of the one before. */
void progress_show(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Takes the line away. Does nothing when there is none. */
void progress_clear(void);

#endif
