/*
 * The datagram socket: its insides, shared by the rooms datagram_*.c.
 *
 * Receiving. `in` is one multishot recvmsg into buffers of the loop's pool:
 *
 *     at rest <--> armed
 *
 *     at rest: nobody has received yet; or as many as `limit` are queued; or it has ended for a
 *     reason of its own. armed: with the kernel, or on its way from there (`stopping`: it was asked
 *     to end, since the queue is full).
 *
 * A datagram that comes goes to the task that waits longest, or else into the queue, `first` to
 * `last`: nobody waits while something is queued. What was given in place is `held` until the next
 * call that receives begins. Where there is no pool, or it has no buffer left, or larger datagrams
 * are to be had than its buffers take, the task that wants one receives it by an op of its own into
 * memory of its own (plainly). One task at a time does (`is_plain`), and `in` is not armed
 * meanwhile; the others wait in `turns`, in the order of their coming.
 *
 * Ending. `closing`: no call begins any more, and those that wait are ended; `users` are the tasks
 * inside one, and the last of them wakes `closer`.
 */
#ifndef NET_DATAGRAM_H
#define NET_DATAGRAM_H

#include <core/leftover.h>
#include <net/buffers.h>
#include <net/unix_name.h>
#include <op/multishot.h>
#include <sync/waiters.h>
#include <sys/un.h>
#include <whorl/datagram.h>
#include <whorl/scope.h>

#define DATAGRAM_NAME_ROOM sizeof(struct sockaddr_storage)
#define DATAGRAM_LARGEST ((size_t)64 << 10)

/* A task that waits for the addresses of a peer's name; on its stack. */
struct datagram_lookup {
    struct task *task;
    struct datagram_lookup *next;
};

struct whorl_datagram {
    struct loop *loop;
    int fd;
    int family;
    bool closing;
    bool stopping;
    int error;       /* of the network, to be told */
    int64_t timeout; /* WHORL_FOREVER: none */
    unsigned users;
    struct task *closer;
    struct datagram_lookup *lookups;
    /* Receiving. */
    struct buffer_pool *pool; /* NULL: plainly */
    size_t largest;
    unsigned limit;
    unsigned queued;
    struct piece *first;
    struct piece *last;
    struct piece *held;
    struct waiters receivers;
    struct waiters turns; /* those that are to receive plainly, behind the one that does */
    bool is_plain;        /* one does; then `in` is not armed, and all come behind it */
    struct multishot in;
    struct msghdr asked;
    struct unix_name name; /* has no file: of others than unix */
    struct leftover leftover;
};

/* What the datagram sockets of a loop share: made with the first, and so gone
 * after the last, at the run's end. */
struct datagram_hub {
    struct loop *loop;
    struct buffer_pool pool;
    struct leftover leftover;
};

/* The loop's pool; NULL: there is none to be had. */
struct buffer_pool *datagram_pool(struct loop *loop);

/* --- datagram.c --- */

/* A call that waits: from its begin to its end the socket stays. */
struct datagram_call {
    whorl_timeout limit;
    bool is_timed;
};

/* 0, or why no call can go on. */
static inline int datagram_check(const whorl_datagram *datagram)
{
    if (!datagram)
        return -EINVAL;
    if (loop_here != datagram->loop)
        return -EPERM;
    return datagram->closing ? -EBADF : 0;
}

/* 0, or why the call cannot begin, and is not to be ended. */
int datagram_begin(whorl_datagram *datagram, struct datagram_call *call);

/* What the call gives that came to `result`. The socket may be gone after. */
ssize_t datagram_end(whorl_datagram *datagram, struct datagram_call *call, ssize_t result);

/* Takes the network's error, to tell it: 0 if there is none. */
static inline int datagram_take_error(whorl_datagram *datagram)
{
    int error = datagram->error;
    datagram->error = 0;
    return error;
}

/* A socket over a descriptor of `family`. 0, -EINVAL for its options, or -ENOMEM. */
int datagram_make(int fd, int family, const whorl_datagram_options *options,
                  whorl_datagram **datagram);

/* --- datagram_open.c --- */

/* The family of which peers' addresses must be, and groups'; AF_UNSPEC: any. */
int datagram_peers_family(const whorl_datagram *datagram);

/* Ends the waits of those who look names up. */
void datagram_end_lookups(whorl_datagram *datagram);

/* --- datagram_receive.c --- */

/* Makes the op that receives. */
void datagram_prepare(whorl_datagram *datagram);

/* Ends the waits of those who receive. */
void datagram_turn_away(whorl_datagram *datagram);

/* Gives back all that came. */
void datagram_drop(whorl_datagram *datagram);

#endif
