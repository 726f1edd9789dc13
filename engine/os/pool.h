/*
 * The pool: a loop's threads, for functions that block.
 *
 *     a job: queued --> running --> returned (to the loop's inbox)
 *               '-----> withdrawn
 *
 *     a thread: busy <--> idle --> ended --> joined
 *
 * Jobs lie in the memory of whoever waits for them, and are begun in the order in which they came.
 * A job that comes wakes the thread that was idle for the shortest time, so that the others may
 * idle away; only when none is idle, and fewer than the most are there, is another made. A thread
 * that ends leaves its block to be joined by the loop, which alone makes, wakes and joins threads.
 */
#ifndef OS_POOL_H
#define OS_POOL_H

#include <core/loop.h>

struct job {
    struct inbox_node
        node; /* first: comes back by the inbox; its taker and memory are the caller's */
    whorl_fn *fn;
    void *arg;
    intptr_t result;
    struct job *next;  /* in the queue */
    struct job **link; /* NULL: not in it */
};

/* Gives a job to the loop's pool, which is made if there is none. Returns 0, or -ENOMEM, -EAGAIN,
 * -EMFILE, -ENFILE as whorl_to_thread says; then nothing has changed. */
int pool_give(struct loop *loop, struct job *job);

/* Takes a job back that has not begun. False: it runs, or has returned. */
bool pool_withdraw(struct pool *pool, struct job *job);

/* Ends the pool, if the loop has one; no job is left in it. */
void pool_end(struct loop *loop);

#endif
