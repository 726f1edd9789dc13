/*
 * A plug: an op that holds a place among the operations on files (op/admission.h) for as long as a
 * test wants. It is the open of a FIFO, which goes on when somebody opens the other end; with
 * O_CREAT, as the kernel else tries it at once, and does not wait.
 */
#ifndef TESTS_OP_PLUG_H
#define TESTS_OP_PLUG_H

#include "support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <core/loop.h>

typedef struct plug {
    whorl_op op;
    test_path path;
} plug;

/* Puts it in. Inside a task; the plug stays where it is until it is out. */
static inline void plug_put(plug *out, const char *name)
{
    out->path = path_of(name);
    check_equal(mkfifo(out->path.text, 0600), 0);
    out->op = whorl_op_openat(AT_FDCWD, out->path.text, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    check_equal(whorl_op_start(&out->op), 0);
}

/* Takes it out. */
static inline void plug_pull(plug *in)
{
    int writer;
    while ((writer = open(in->path.text, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
        check_equal(whorl_sleep(WHORL_US(100)), 0);
    int reader = whorl_op_await(&in->op);
    check(reader >= 0);
    close(reader);
    close(writer);
    unlink(in->path.text);
}

/* How many places are taken, and how many ops wait for one. */
static inline unsigned places_taken(void)
{
    return loop_here->file_ops;
}

static inline unsigned turns_awaited(void)
{
    unsigned count = 0;
    for (const whorl_op *op = loop_here->turns; op; op = op->phase.turn.next)
        count++;
    return count;
}

/* Lets the loop turn some times. */
static inline void let_turn(void)
{
    for (int i = 0; i < 10; i++)
        check_equal(whorl_yield(), 0);
}

#endif
