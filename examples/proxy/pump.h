/*
 * One direction of a connection: bytes moved by splice(2) from one socket through a pipe to the
 * other, so that they do not come into this program's memory: but for those round urgent data of
 * TCP, which splice does not pass, and which goes on as plain data in its place.
 *
 * The pipe is all that lies between the two sides. While the taking side has no room the pipe stays
 * full, nothing is taken from the giving side, and that is slowed down by its own full buffers.
 *
 * Both sockets have O_NONBLOCK: a splice that would wait says so, and the waiting is a poll. A
 * splice that waits itself would keep a thread of the kernel for as long.
 */
#ifndef PROXY_PUMP_H
#define PROXY_PUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <whorl.h>

/* What both directions of a connection share: a side is idle only if the other is too. */
struct activity {
    int64_t idle_limit; /* ns; WHORL_FOREVER: none */
    int64_t last;       /* when a byte was moved last, or taken by a side that had been given it
                           before, as whorl_now counts */
    size_t left;        /* bytes that the sides had yet to take when that was looked at, and what
                           they were given since */
    int broken;         /* why one of the sides takes no more; 0: both do, as far as is known */
    bool has_ended;     /* one direction has, by its giving side's end */
};

struct pump {
    int from, to; /* sockets; they stay the caller's */
    int pipe[2];  /* between them, with O_NONBLOCK; the caller's, too */
    struct activity *activity;
    uint64_t bytes;  /* that `to` has taken */
    bool is_refused; /* `to` takes no more */
};

/* A task's function, of a struct pump *: moves all that `from` gives until its end, passes the end
 * on to `to`, and waits until the other direction has done so too. 0, also where `to` takes no more
 * while the other direction goes on, which activity->broken tells; -ETIMEDOUT: neither direction
 * has moved anything for too long; else what made an end of it: -ECONNRESET, -EPIPE, -ECANCELED.
 */
intptr_t pump_run(void *arg);

#endif
