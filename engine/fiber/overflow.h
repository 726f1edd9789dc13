/*
 * Stack overflow: a fault on a guard page ends the program with a sentence instead of in silence.
 *
 * A handler of SIGSEGV on an alternate stack (the fiber's own is used up) asks `describe` whether
 * the address lies in a guard page; if so it writes the sentence and lets the program die by the
 * same signal, core dump and all. Any other fault goes to whoever handled SIGSEGV before. Installed
 * while at least one loop runs in the process; signal dispositions are the process's, so the count
 * of loops and the former disposition are too: the one piece of global state in the engine, under a
 * lock.
 */
#ifndef FIBER_OVERFLOW_H
#define FIBER_OVERFLOW_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* Writes, to `text` of `size` bytes, what overflowed if `address` lies in a guard page of the
 * calling thread's running fiber, and returns its length; 0 if it does not. Called from a signal
 * handler. */
typedef size_t overflow_describe(const void *address, char *text, size_t size);

/* What one thread's watch keeps. */
struct overflow_watch {
    void
        *stack; /* the alternate signal stack; NULL if the thread had one of its own that will do */
    stack_t former;
};

/* Starts and ends a watch on this thread. Start gives -ENOMEM if there is no memory for the signal
 * stack. */
int overflow_watch_start(struct overflow_watch *watch, overflow_describe *describe);
void overflow_watch_end(struct overflow_watch *watch);

/* In a forked child, before anything else there: the watches of the parent's threads are none of
 * its own, and one of them may have held the lock. */
void overflow_after_fork(void);

#endif
