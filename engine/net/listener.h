/*
 * The listener: its sockets, and the connections that it has taken off their queues.
 *
 * Each socket has ops that accept:
 *
 *     at rest <--> armed        once, or (multishot) again and again
 *        '--> paused --'        no descriptor or memory is left
 *
 * `wanted` says how many connections are asked for and not handed out: one for each task that waits
 * in whorl_listener_accept; or, of a server, as many as its limit allows. Ops are armed while more
 * are wanted than lie in `taken`. A multishot op cannot be told how many: it takes all that wait.
 * So one is armed only where all that the sockets' queues can hold is wanted, and many more, and
 * disarmed when less than they can hold is wanted; else an op takes one connection and ends. As it
 * begins again only when the loop next turns, and turns are long where thousands of tasks are busy,
 * several such ops are armed at once: as many as are wanted, and one for each socket at least. A
 * connection that comes beyond what is wanted, as by the second of two sockets, lies in `taken` for
 * who asks next. Of a socket that other processes may have, too, a multishot op would take all that
 * come, and leave them none.
 *
 * Of the ops that wait at a socket the kernel wakes one for each connection that comes. Where that
 * one ends without it, for want of a descriptor or by a cancel, the others do not hear of it. So
 * from then on (`unheard`) others are armed beside them, until the queue is empty.
 *
 * Invariant: no task waits while a connection that is wanted lies in `taken`.
 *
 * The ops are the loop's. A task that waits attends them.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <core/leftover.h>
#include <errno.h>
#include <net/unix_name.h>
#include <op/multishot.h>
#include <sync/waiters.h>
#include <whorl/listener.h>

#define BACKLOG_DEFAULT 4096
#define ACCEPTS_MAX 32 /* that are armed at once, at a socket */

struct server; /* see serve.h */

struct listener_op {
    struct multishot accepting; /* first: it is found by its op, which has the descriptor */
    struct whorl_listener *listener;
    unsigned spares_given; /* the listener's, when it was armed */
};

struct listener_socket {
    struct listener_op ops[ACCEPTS_MAX]; /* the first one may be multishot */
};

struct whorl_listener {
    struct loop *loop;
    struct leftover leftover;
    struct waiters waiters; /* tasks, and among them the server's */
    size_t wanted;
    struct server *server; /* NULL: none runs */
    bool stopped;          /* no server begins any more */
    bool closing;
    bool takes_once; /* the kernel has no multishot accept, or others may accept, too */
    bool unheard;    /* an op has ended without a connection, since the queues were last empty */
    int error;       /* accepting has failed for good */
    /* Connections that nobody has been given yet, in a ring, the oldest first. */
    int *taken;
    size_t taken_room;
    size_t taken_first;
    size_t taken_count;
    /* No descriptor or memory is left. */
    struct timer retry; /* armed: paused */
    int64_t pause;      /* ns, the last one; 0: there was none since a connection came */
    int spare;          /* a descriptor to turn clients away with; -1: it is in use */
    bool keeps_spare;
    unsigned spares_given; /* times that it has been let go */
    struct unix_name name; /* of a unix socket; has no file: of others */
    size_t backlogs;       /* of all sockets: what their queues can hold */
    unsigned room;         /* for sockets */
    unsigned count;
    struct listener_socket sockets[];
};

/* --- listener.c --- */

/* A listener of the running loop without sockets, with room for some. 0 or -ENOMEM. */
int listener_make(unsigned room, whorl_listener **listener);

/* Gives it one. */
void listener_add(whorl_listener *listener, int fd, int backlog);

/* Ends its ops: what they take until then lies in `taken`. Works in a cancelled task. */
void listener_quiet(whorl_listener *listener);

/* Stops listening for good: whoever connects from now on is refused, and what lies in `taken` is
 * closed. Works in a cancelled task. */
void listener_silence(whorl_listener *listener);

/* Takes back one that no task has seen: closes its sockets. Works in a cancelled task. */
void listener_drop(whorl_listener *listener);

/* 0, or -EINVAL: an option is out of its range. NULL is all defaults. */
int listener_check(const whorl_listener_options *options);

/* Connections that wait in each socket's queue. */
static inline int listener_backlog(const whorl_listener_options *options)
{
    return options && options->backlog ? options->backlog : BACKLOG_DEFAULT;
}

/* 0, or why the caller cannot deal with the listener. */
int listener_place_error(const whorl_listener *listener);

/* --- accept.c --- */

/* Sets up the ops of a socket. */
void accept_prepare(whorl_listener *listener, struct listener_socket *socket, int fd);

/* Arms what is to be armed, and disarms what is not. When `wanted` has changed. From: anywhere in
 * the loop. */
void accept_seek(whorl_listener *listener);

/* Hands out what is wanted and lies there, then seeks. */
void accept_deliver(whorl_listener *listener);

/* The next connection, which is wanted: its descriptor. Waits. -ECANCELED: the task was cancelled,
 * or the listener is being closed. Else why accepting has failed, or what accept_dismiss says. */
int accept_next(whorl_listener *listener);

/* Has all tasks that wait go on without a connection; what they wanted is not wanted any more. */
void accept_dismiss(whorl_listener *listener, int result);

/* A descriptor may have come free: what was paused goes on. */
void accept_resume(whorl_listener *listener);

/* Asks for the end of all ops. */
void accept_disarm(whorl_listener *listener);

/* The descriptor that has lain longest in `taken`, whether it is wanted or not; -1: none does. */
int accept_left(whorl_listener *listener);

/* Closes what lies in `taken`. */
void accept_close_taken(whorl_listener *listener);

/* --- spare.c --- */

/* Takes the spare descriptor, if it is not held. 0 or -errno. */
int spare_take(whorl_listener *listener);

/* Lets go of it, to make room for a descriptor. Returns whether it was held. */
bool spare_give(whorl_listener *listener);

#endif
