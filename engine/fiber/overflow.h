/*
 * Stack overflow: a fault on a guard page ends the program with a sentence instead of in silence,
 * or, where its fiber is contained, ends only what the fiber does.
 *
 * A handler of SIGSEGV on an alternate stack (the fiber's own is used up) asks `describe` whether
 * the address lies in a guard page; if so it writes the sentence. Then the fiber goes on at its
 * landing, if it has one, and else the program dies by the same signal, core dump and all. A fault
 * of an instruction that is not the program's own (see own_text.h) ends the program even so: what
 * it was in the middle of cannot be known, and a lock that stays taken would stop all in silence.
 * Any other fault goes to whoever handled SIGSEGV before. Installed
 * while at least one loop runs in the process; signal dispositions are the process's, so the count
 * of loops and the former disposition are too: the one piece of global state in the engine, under a
 * lock.
 */
#ifndef FIBER_OVERFLOW_H
#define FIBER_OVERFLOW_H

#include <fiber/landing.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* A fault on a guard page. */
struct overflow {
    const void *address;
    bool may_land; /* it was in the middle of nothing but the program's own code */
    char text[320];
    size_t length;
    struct landing *landing; /* NULL: the program ends */
    intptr_t result;         /* there */
};

/* Whether the address lies in a guard page of the calling thread's running fiber; then the sentence
 * that says so is filled in, and where the fiber goes on: nowhere unless it may land. Called from a
 * signal handler. */
typedef bool overflow_describe(struct overflow *fault);

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
