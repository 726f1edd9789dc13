/*
 * Multishot ops: one submission, and a completion for each connection or each piece of data that
 * comes, until it ends.
 *
 *     at rest --arm--> armed --> ended (at rest again)
 *                        |         ^
 *                        '-disarm--'
 *
 * armed: the op is the loop's, and in flight. Each completion that has a result >= 0 is handed to
 * `take`; the one after which no more comes is followed by `ended`, in the same turn or, if a
 * cancel is still owed, in a later one. Between them the op may have ended for a reason of the
 * kernel's own, such as -ENOBUFS, or for none (a full completion queue): whoever wants more arms it
 * again.
 *
 * Both functions run on the loop's host, amid the completions of a turn: they wake tasks, arm and
 * disarm, start ops by op_begin_soon, and neither wait nor start any other way. `ended` may free
 * the struct, unless a task waits in multishot_join.
 *
 * An armed op is no reason for the loop to wait for what may never come: it counts as in flight
 * only while it is attended, that is while a task waits for what it brings, or it was asked to end.
 * So a deadlock is seen, and virtual time jumps, beside idle connections.
 *
 * An op that completes once may be run in the same way, without RING_MULTISHOT: for its owner to be
 * told on the host.
 */
#ifndef OP_MULTISHOT_H
#define OP_MULTISHOT_H

#include <op/background.h>

struct multishot;

struct multishot_kind {
    void (*take)(struct multishot *self, int32_t result, unsigned marks);
    void (*ended)(struct multishot *self, int32_t result);
};

struct multishot {
    whorl_op op; /* made by its owner, with RING_MULTISHOT and, if it takes buffers, RING_SELECT */
    const struct multishot_kind *kind;
    const struct task *attendant; /* who attended last, and may be gone: only to be prefetched */
    unsigned attended;            /* by so many tasks, and by whoever asked for its end */
};

static inline bool multishot_is_armed(const struct multishot *self)
{
    return self->op.state & OP_IN_FLIGHT;
}

/* Arms an op at rest; it is submitted when the loop next turns. On a descriptor that is being
 * closed it ends with -ECANCELED. From: anywhere in the loop. */
void multishot_arm(struct loop *loop, struct multishot *self);

/* The same, and it is filled at once: for the running task, or for the host before it waits.
 * On a descriptor that is being closed, or where the kernel has no such operation, it
 * ends in this call. */
void multishot_arm_now(struct loop *loop, struct multishot *self);

/* Asks for its end, if it is armed; what completes before that is taken. From: anywhere in the
 * loop. */
void multishot_disarm(struct loop *loop, struct multishot *self);

/* Waits until it is at rest. As op_join. */
int multishot_join(struct loop *loop, struct task *self, struct multishot *multishot,
                   enum op_patience patience);

/* A task begins to wait for what the op brings, and ends. Armed or not. */
void multishot_attend(struct loop *loop, struct multishot *self);
void multishot_leave(struct loop *loop, struct multishot *self);

/* --- For the completion of ops --- */

static inline void multishot_take(whorl_op *op, int32_t result, unsigned marks)
{
    struct multishot *self = (struct multishot *)op;
    self->kind->take(self, result, marks);
}

/* The op has ended, and belongs to nobody any more. */
void multishot_settle(struct loop *loop, whorl_op *op);

#endif
