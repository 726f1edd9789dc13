/*
 * Ops: from a value to the kernel and back.
 *
 *     made --> in flight --> ended
 *                ^  |          |
 *                |  '- again   '--> in flight (started anew)
 *
 * made: fields set, nobody owns it. in flight: its owner is the task that started it; it is in the
 * loop's table by descriptor; the kernel owes it `owed` completions: its own, and one for a cancel
 * that was sent. It ends when nothing is owed any more, and not before: so its memory, and what it
 * points to, may go as soon as it has ended. ended: has its result, and of its state what was asked
 * of it meanwhile. An op in flight that is owed nothing waits for its turn (see admission.h), or is
 * about to be submitted again (see op_complete).
 *
 * The token of a submission is the op's address, a tag in its low three bits, and in its top 16 a
 * generation that is new for each activation.
 *
 * Cancel: asking and sending are apart. op_ask_cancel puts the op into the loop's list and arms a
 * timer that is due at once; the host then sends a cancel for each op of the list. One that missed
 * (between two members of a chain, or while the kernel is busy with the op) is asked for again, at
 * once at first, then ever more slowly, until the op ends.
 */
#ifndef OP_OP_H
#define OP_OP_H

#include <core/loop.h>
#include <errno.h>
#include <whorl/op.h>

#define OP_KNOWN_FLAGS (WHORL_OP_FIXED_FILE | WHORL_OP_HARDLINK)

enum op_state {
    OP_IN_FLIGHT = 1 << 0,
    OP_ENDED = 1 << 1,
    OP_AWAITED = 1 << 2,       /* its owner waits for it, by a struct op_wait, or is about to */
    OP_CANCEL_WANTED = 1 << 3, /* somebody asked for its end: -ECANCELED means that */
    OP_CANCEL_LISTED = 1 << 4, /* in the loop's list of cancels to send */
    OP_CANCEL_SENT = 1 << 5,   /* a cancel is with the kernel */
    OP_CHAINED = 1 << 6,       /* member of a chain: never submitted again by itself */
    OP_WATCHED = 1 << 7,       /* a closer counts on its end */
    OP_TIMED_OUT = 1 << 8,     /* its deadline has fired */
    OP_PLACED = 1 << 9,        /* holds a place among the operations on files: see admission.h */
    OP_QUEUED = 1 << 10,       /* waits for one, and is not with the kernel */
    OP_ALONE = 1 << 11,        /* its owner waits for it by itself, and for nothing else */
    OP_AT_POSITION = 1 << 12,  /* was given its part of the file: see position.c */
    OP_MANY = 1 << 13,         /* completes many times: see multishot.h */
    OP_LAST_LOOK = 1 << 14,    /* is about to be submitted once more: see last_look.h */
};

/* What a task waits for when it awaits ops, but one that is OP_ALONE; on its stack. */
struct op_wait {
    whorl_op *ops;
    size_t count;
    size_t pending;   /* of those, awaited and not ended */
    int error;        /* the first in time, once there is one */
    bool fail_fast;   /* the first error cancels the rest */
    bool cancelled;   /* the rest is being cancelled */
    int64_t deadline; /* the earliest of theirs */
};

/* -EINVAL if the op's code or flags are unknown, else 0. */
static inline int op_check(const whorl_op *op)
{
    return op->code < RING_OP_COUNT && !(op->flags & ~OP_KNOWN_FLAGS) ? 0 : -EINVAL;
}

/* Whether it does its work in a cancelled task too, and is not cancelled. */
bool op_is_release(const whorl_op *op);

/* Of an op that the kernel lacks, makes one that it has and that does the same. False: there is
 * none. */
bool op_stand_in(struct loop *loop, whorl_op *op);

/* Starts a made or ended op for `self`: afterwards it is in flight, or has ended already (its time
 * was up before it began, or the kernel has no such operation and the fallback ran). May submit
 * what is filled. */
void op_begin(struct loop *loop, struct task *self, whorl_op *op);

/* The same for a chain of made ops. Its owner is to wait for all of them at once. */
void op_begin_chain(struct loop *loop, struct task *self, whorl_op *ops, size_t n);

/* The op with those that start and end together with it: itself, or the chain in flight that it is
 * a member of. Returns the first; puts their number into *n. */
static inline whorl_op *op_unit(whorl_op *op, size_t *n)
{
    *n = 1;
    if (!(op->state & OP_CHAINED))
        return op;
    const struct op_wait *wait = ((const struct task *)op->owner)->wait_object;
    *n = wait->count;
    return wait->ops;
}

/* Submission slots that they take: one each, and one for each deadline. */
static inline unsigned op_slots(const whorl_op *ops, size_t n)
{
    size_t slots = n;
    for (size_t i = 0; i < n; i++)
        slots += ops[i].timeout != WHORL_FOREVER;
    return (unsigned)slots;
}

/* Hands ops in flight that are owed nothing to the kernel, as a chain if they are several. There
 * must be room for them. */
void op_fill(struct loop *loop, whorl_op *ops, size_t n);

/* Ends an op that waits for its turn, and with it the chain that it belongs to, for what was asked
 * of it. */
void op_end_queued(struct loop *loop, whorl_op *op);

/* Ends an op that is not in flight, with a result of the engine's own. */
void op_end_unstarted(whorl_op *op, int result);

/* As whorl_op_await, of an op that may have flags of the engine's. */
int op_await(struct loop *loop, whorl_op *op);

/* Parks until every op of `wait` that is awaited has ended. */
void op_wait(struct loop *loop, struct task *self, struct op_wait *wait);

/* Parks the running task until one of n ops of its own that are in flight, none of them in a chain,
 * has ended, or until a point in time. Others of the array may have ended before. 0; or -ECANCELED:
 * the task was interrupted. The ops that are in flight go on in any case. */
int op_wait_any(struct loop *loop, whorl_op *ops, size_t n, int64_t deadline);

/* Asks for the end of an op in flight; a release is left alone. */
void op_ask_cancel(struct loop *loop, whorl_op *op);

/* The same for one whose time is up: its -ECANCELED will mean -ETIMEDOUT. */
void op_ask_timeout(struct loop *loop, whorl_op *op);

/* Has an op that is with the kernel cancelled there when the loop next turns. Nobody has asked for
 * its end: -ECANCELED does not mean that. */
void op_cancel_soon(struct loop *loop, whorl_op *op);

/* Starts an op of the loop's when the loop next turns, with what else its state is to say. From:
 * anywhere in the loop, the completion of an op included. */
void op_begin_soon(struct loop *loop, whorl_op *op, unsigned state);

/* Has an op in flight that is owed nothing submitted when the loop next turns. */
void op_submit_soon(struct loop *loop, whorl_op *op);

/* Submits an op in flight that is owed nothing once more. */
void op_begin_again(struct loop *loop, whorl_op *op);

/* An op that `owner` awaits has failed, and the rest is to be cancelled. */
void op_wait_fail(struct task *owner);

/* The bucket of the loop's table for a descriptor. */
static inline whorl_op **op_bucket(struct loop *loop, int fd)
{
    return &loop->in_flight[(unsigned)fd % IN_FLIGHT_BUCKETS];
}

/* Ops that have a second descriptor: bit n for RING_OP n. */
#define OPS_ON_TWO                                                                                 \
    (UINT64_C(1) << RING_OP_SPLICE | UINT64_C(1) << RING_OP_TEE |                                  \
     UINT64_C(1) << RING_OP_RENAMEAT | UINT64_C(1) << RING_OP_LINKAT)

static inline bool op_is_on_two(const whorl_op *op)
{
    return OPS_ON_TWO >> op->code & 1;
}

/* The list of those, which may be on any descriptor. */
static inline whorl_op **op_list_of_two(struct loop *loop)
{
    return &loop->in_flight[IN_FLIGHT_BUCKETS];
}

/* The list in which an op in flight is. */
static inline whorl_op **op_list(struct loop *loop, const whorl_op *op)
{
    if (__builtin_expect(op_is_on_two(op), 0))
        return op_list_of_two(loop);
    return op_bucket(loop, op->fd);
}

/* Whether it reads or writes at the file's position. */
static inline bool op_is_at_position(const whorl_op *op)
{
    return op->offset == UINT64_MAX && (op->code == RING_OP_WRITE || op->code == RING_OP_WRITEV ||
                                        op->code == RING_OP_READ || op->code == RING_OP_READV);
}

/* Every length that O_DIRECT takes is a multiple of this. */
#define DIRECT_BYTES 512

/* Gives such an op of a file with O_DIRECT, which is about to start, its part of the file: returns
 * OP_AT_POSITION, until op_settle_position. Else 0. */
unsigned op_take_direct(whorl_op *op);

static inline unsigned op_take_position(whorl_op *op)
{
    if (__builtin_expect(!op_is_at_position(op), 1) || (op->flags & WHORL_OP_FIXED_FILE))
        return 0;
    bool is_whole = op->code == RING_OP_READ || op->code == RING_OP_WRITE;
    return is_whole && op->len % DIRECT_BYTES != 0 ? 0 : op_take_direct(op);
}

/* The op has its result: moves the file's position to where it belongs, if the kernel has not. */
void op_settle_position(whorl_op *op);

/* A completion comes soon: begins to fetch the task that it is for. The loop's hook. */
void op_expect(uint64_t token);

/* Takes one completion; the loop's hook. */
void op_complete(void *loop, uint64_t token, int32_t result, unsigned marks);

/* Fills a read of the inbox's eventfd; the loop's hook. */
void op_listen(struct loop *loop);

/* Asks for the end of all that a task has in flight, or (owner NULL) that all have; the loop's
 * hook. */
void op_abandon(struct loop *loop, struct task *owner);

/* Ends what is in flight on a descriptor that the running task is about to close, and waits for it.
 * Returns 0; -EBADF if the descriptor is negative, or another task is doing the same. */
int op_end_on(struct loop *loop, int fd);

/* A watched op has ended: tells who closes a descriptor of it. */
void closers_notify(struct loop *loop, const whorl_op *op);

/* Whether the op uses descriptor `fd` and would wait on it. */
bool op_is_on(const whorl_op *op, int fd);

/* Whether the op would use a descriptor that a closer waits for. */
bool closers_hold(struct loop *loop, const whorl_op *op);

#endif
