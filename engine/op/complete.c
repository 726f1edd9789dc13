/* Completions, and cancels: from in flight to ended. See op.h for the states. */
#include <assert.h>
#include <errno.h>
#include <op/begin.h>
#include <op/last_look.h>
#include <op/multishot.h>
#include <op/op.h>
#include <op/poll.h>
#include <op/token.h>

/* A cancel that missed is sent again at once, three times; then after 50 us, doubled up to 51
 * ms. */
#define PROMPT_ATTEMPTS 3
#define FIRST_PAUSE WHORL_US(25)
#define SLOWEST_SHIFT 11

static void list_cancel(struct loop *loop, whorl_op *op, int64_t due);

/* --- Ending --- */

/* The kernel's own words for a call that a signal interrupted, and that is to be made again; an
 * open or a splice in a worker that was cancelled lets them out (Linux 6.18). */
#define RESTART_FIRST 512
#define RESTART_LAST 516

static int32_t without_restarts(int32_t result)
{
    return result <= -RESTART_FIRST && result >= -RESTART_LAST ? -EINTR : result;
}

/* What -ECANCELED or -EINTR from the kernel means: somebody asked for it, its time was up, or (in a
 * chain) an op before it failed. */
static int32_t verdict(struct loop *loop, const whorl_op *op)
{
    if (op->result != -ECANCELED && op->result != -EINTR)
        return op->result;
    if (op->state & OP_CANCEL_WANTED)
        return -ECANCELED;
    if (op->state & OP_TIMED_OUT)
        return -ETIMEDOUT;
    if ((op->state & OP_CHAINED) || op->deadline == WHORL_FOREVER)
        return op->result;
    loop_reach(loop, op->deadline);
    return whorl_now() >= op->deadline ? -ETIMEDOUT : op->result;
}

static void unlist_cancel(struct loop *loop, whorl_op *op)
{
    op->state &= (uint16_t)~OP_CANCEL_LISTED;
    *op->cancel_link = op->cancel_next;
    if (op->cancel_next)
        op->cancel_next->cancel_link = op->cancel_link;
    else
        loop->cancels_end = op->cancel_link;
    if (!loop->cancels && timer_is_armed(&loop->cancel_timer))
        timer_disarm(&loop->timers, &loop->cancel_timer);
}

static inline void wake_owner(struct task *owner)
{
    fiber_prefetch(&owner->fiber);
    task_wake(owner, 0);
}

static void tell_waiter(struct task *owner, const whorl_op *op)
{
    struct op_wait *wait = owner->wait_object;
    wait->pending--;
    if (op->result < 0 && !wait->error) {
        wait->error = op->result;
        if (wait->fail_fast && wait->pending > 0)
            op_wait_fail(owner);
    }
    if (wait->pending == 0 && owner->wait)
        wake_owner(owner);
}

/* Inline in the completion, which is on every hot path. */
static inline __attribute__((always_inline)) void settle(struct loop *loop, whorl_op *op)
{
    struct task *owner = op->owner;
    if (__builtin_expect((op->state & OP_AT_POSITION) || op_is_at_position(op), 0))
        op_settle_position(op);
    if (__builtin_expect(op->state & OP_CANCEL_LISTED, 0))
        unlist_cancel(loop, op);
    unsigned state = op->state;
    op->state = (uint16_t)(OP_ENDED | (state & (OP_CANCEL_WANTED | OP_TIMED_OUT)));
    *op->link = op->next;
    if (op->next)
        op->next->link = op->link;
    owner->in_flight--;
    loop->ops_in_flight--;
    if (state & OP_PLACED)
        admission_give_back(loop);
    if (__builtin_expect(state & OP_WATCHED, 0))
        closers_notify(loop, op);
    if (state & OP_ALONE)
        wake_owner(owner);
    else if (state & OP_AWAITED)
        tell_waiter(owner, op);
    else if (owner->in_flight == 0 && owner->wait == &abandoned_wait)
        task_wake(owner, 0);
    if (__builtin_expect(state & OP_MANY, 0))
        multishot_settle(loop, op);
}

/* Ends an op that is with nobody, for what was asked of it. */
static void settle_cancelled(struct loop *loop, whorl_op *op)
{
    op->result = -ECANCELED;
    op->result = verdict(loop, op);
    settle(loop, op);
}

void op_end_queued(struct loop *loop, whorl_op *op)
{
    size_t n;
    whorl_op *ops = op_unit(op, &n);
    admission_leave(loop, ops);
    for (size_t i = 0; i < n; i++)
        settle_cancelled(loop, &ops[i]);
}

/* Whether a signal ended it in the kernel, and it is to be submitted again. close(2) has closed
 * when it says -EINTR, and connect(2) goes on. */
static bool wants_again(const whorl_op *op)
{
    return op->result == -EINTR && !(op->state & (OP_CHAINED | OP_CANCEL_WANTED | OP_TIMED_OUT)) &&
           !op_is_release(op) && op->code != RING_OP_CONNECT &&
           (op->deadline == WHORL_FOREVER || whorl_now() < op->deadline);
}

/* Whether a deadline's result says that it came to its end: it cancelled its op, or missed it. */
static bool deadline_has_fired(int32_t result)
{
    return result == -ETIME || result == -ENOENT || result == -EALREADY;
}

/* When to send a cancel again that missed. */
static int64_t next_attempt(whorl_op *op)
{
    if (op->attempts < PROMPT_ATTEMPTS + SLOWEST_SHIFT)
        op->attempts++;
    if (op->attempts <= PROMPT_ATTEMPTS)
        return TIMER_AT_ONCE;
    return whorl_now() + (FIRST_PAUSE << (op->attempts - PROMPT_ATTEMPTS));
}

/* One of several completions of a submission: of a multishot op; of a poll; or of a send without
 * copying, whose second one tells that its buffer is free, and whether it was copied after all.
 * Returns whether it is the last, and then *result is the op's. */
static __attribute__((noinline)) bool take_part(struct loop *loop, whorl_op *op, int32_t *result,
                                                unsigned marks)
{
    if (op->code == RING_OP_POLL_ADD && !poll_take(loop, op, result, marks))
        return false;
    if (op->state & OP_MANY) {
        if (*result >= 0)
            multishot_take(op, *result, marks);
        return !(marks & RING_MORE);
    }
    if (marks & RING_NOTIFICATION) {
        op->phase.notice.copied = *result != 0;
        *result = op->result;
        return true;
    }
    if (!(marks & RING_MORE))
        return true;
    op->result = *result;
    return false;
}

/* What has completed is none of the op's own submissions, but what was sent for it. */
static __attribute__((noinline)) void take_other(struct loop *loop, whorl_op *op,
                                                 enum token_tag tag, int32_t result)
{
    if (tag == TOKEN_OWED_DEADLINE) {
        if (deadline_has_fired(result)) {
            op->state |= OP_TIMED_OUT;
            loop_reach(loop, op->deadline);
        }
    } else {
        op->state &= (uint16_t)~OP_CANCEL_SENT;
        if (result != 0 && op->owed > 0)
            list_cancel(loop, op, next_attempt(op));
    }
}

void op_expect(uint64_t token)
{
    if ((token & TOKEN_TAGS) != TOKEN_OP)
        return; /* its op may be gone */
    const whorl_op *op = token_op(token);
    const struct task *task = op->owner;
    if (op->state & OP_MANY)
        task = ((const struct multishot *)op)->attendant;
    if (!task)
        return;
    __builtin_prefetch(&task->fiber, 1);
    __builtin_prefetch(&task->wait, 1);
}

void op_complete(void *context, uint64_t token, int32_t result, unsigned marks)
{
    struct loop *loop = context;
    enum token_tag tag = token & TOKEN_TAGS;
    if (__builtin_expect(tag >= TOKEN_DEADLINE, 0)) {
        if (tag == TOKEN_WAKE)
            inbox_heard(loop->inbox, result);
        return;
    }
    whorl_op *op = token_op(token);
    assert(op->generation == token >> TOKEN_SHIFT && op->owed > 0);
    if (__builtin_expect(tag != TOKEN_OP, 0)) {
        op->owed--;
        take_other(loop, op, tag, result);
    } else {
        bool in_parts = (marks & (RING_MORE | RING_NOTIFICATION)) || (op->state & OP_MANY) ||
                        op->code == RING_OP_POLL_ADD;
        if (__builtin_expect(in_parts, 0)) {
            int32_t whole = result;
            if (!take_part(loop, op, &whole, marks))
                return;
            result = whole;
        }
        op->owed--;
        op->result = result;
    }
    if (__builtin_expect(op->owed > 0, 0))
        return;
    if (__builtin_expect(op->result < 0, 0)) {
        op->result = without_restarts(op->result);
        if (wants_again(op)) {
            list_cancel(loop, op, TIMER_AT_ONCE);
            return;
        }
        int32_t final = verdict(loop, op);
        if (last_look_is_due(op, final)) {
            list_cancel(loop, op, TIMER_AT_ONCE);
            return;
        }
        op->result = final;
    }
    settle(loop, op);
}

/* --- Cancels to send, and ops to submit again --- */

/* Which op to cancel so that `op` ends. The kernel does not find a member of a chain that has not
 * begun: it ends with the first that lives. */
static const whorl_op *cancel_target(const whorl_op *op)
{
    if (!(op->state & OP_CHAINED))
        return op;
    const struct op_wait *wait = ((const struct task *)op->owner)->wait_object;
    const whorl_op *first = wait->ops;
    while (!(first->state & OP_IN_FLIGHT))
        first++;
    return op_is_release(first) ? op : first;
}

static void send_cancel(struct loop *loop, whorl_op *op)
{
    op->state |= OP_CANCEL_SENT;
    op->owed++;
    ring_fill_cancel(&loop->ring, token_of(cancel_target(op), TOKEN_OP),
                     token_of(op, TOKEN_CANCEL));
}

/* Does what the list asks for: sends a cancel for each op that is with the kernel, submits the
 * others again. Ops that come to the list meanwhile wait for the next time. */
static void serve_list(struct timer *timer)
{
    struct loop *loop = (struct loop *)((char *)timer - offsetof(struct loop, cancel_timer));
    size_t count = 0;
    for (whorl_op *op = loop->cancels; op; op = op->cancel_next)
        count++;
    while (count-- > 0 && loop->cancels) {
        /* Room comes first: making it may end ops, also listed ones. */
        loop_reserve(loop, 2);
        whorl_op *op = loop->cancels;
        if (!op)
            break;
        unlist_cancel(loop, op);
        if (op->state & OP_QUEUED) {
            op_end_queued(loop, op);
        } else if (op->state & OP_LAST_LOOK) {
            assert(op->owed == 0);
            op->state &= (uint16_t)~OP_LAST_LOOK;
            op_fill_one(loop, op, RING_LINK_NONE);
            send_cancel(loop, op);
        } else if (op->owed == 0 && (op->state & OP_CANCEL_WANTED)) {
            settle_cancelled(loop, op);
        } else if (op->owed == 0) {
            op_begin_again(loop, op);
        } else if (!(op->state & OP_CANCEL_SENT)) {
            send_cancel(loop, op);
        }
    }
    if (loop->cancels && !timer_is_armed(timer))
        timer_arm(&loop->timers, timer, TIMER_AT_ONCE);
}

static void list_cancel(struct loop *loop, whorl_op *op, int64_t due)
{
    if (!(op->state & OP_CANCEL_LISTED)) {
        op->state |= OP_CANCEL_LISTED;
        op->cancel_next = NULL;
        op->cancel_link = loop->cancels_end;
        *loop->cancels_end = op;
        loop->cancels_end = &op->cancel_next;
    }
    struct timer *timer = &loop->cancel_timer;
    if (timer_is_armed(timer)) {
        if (timer->deadline <= due)
            return;
        timer_disarm(&loop->timers, timer);
    }
    timer->fire = serve_list;
    timer_arm(&loop->timers, timer, due);
}

static void ask(struct loop *loop, whorl_op *op, unsigned why)
{
    assert(op->state & OP_IN_FLIGHT);
    if (op_is_release(op))
        return;
    if ((op->state & OP_MANY) && !(op->state & OP_CANCEL_WANTED))
        multishot_attend(loop, (struct multishot *)op);
    op->state |= (uint16_t)why;
    if (!(op->state & OP_CANCEL_SENT))
        list_cancel(loop, op, TIMER_AT_ONCE);
}

void op_cancel_soon(struct loop *loop, whorl_op *op)
{
    assert((op->state & OP_IN_FLIGHT) && op->owed > 0);
    if (!(op->state & OP_CANCEL_SENT))
        list_cancel(loop, op, TIMER_AT_ONCE);
}

void op_submit_soon(struct loop *loop, whorl_op *op)
{
    assert((op->state & OP_IN_FLIGHT) && op->owed == 0);
    list_cancel(loop, op, TIMER_AT_ONCE);
}

void op_ask_cancel(struct loop *loop, whorl_op *op)
{
    ask(loop, op, OP_CANCEL_WANTED);
}

void op_ask_timeout(struct loop *loop, whorl_op *op)
{
    ask(loop, op, OP_TIMED_OUT);
}

int whorl_op_cancel(whorl_op *op)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!op)
        return -EINVAL;
    if (!(op->state & OP_IN_FLIGHT))
        return -EALREADY;
    if (((struct task *)op->owner)->loop != loop)
        return -EPERM;
    op_ask_cancel(loop, op);
    return 0;
}
