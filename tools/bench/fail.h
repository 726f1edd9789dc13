/*
 * Sentences for failures: one line on stderr, with the program's name before it. Any thread and any
 * process of a run may call these; whoever finds a failure tells it, its callers only pass -1 on.
 * Of a run only the first failure is told: those after it come of it.
 */
#ifndef BENCH_FAIL_H
#define BENCH_FAIL_H

/* From here on, until fail_end_run, this process and its children make a run: the names of the
 * command and the subject stand before its one sentence. 0, or -1 with a sentence. */
int fail_begin_run(const char *command, const char *subject);
void fail_end_run(void);

/* Prints the sentence and returns -1, so that a caller can return it on. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for a call that gave `error`, an errno value, its sign does not matter. */
int fail_call(const char *what, long error);

#endif
