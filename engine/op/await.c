/* Awaiting ops: the wait of a task until what it started has ended, cancelled or not. */
#include <assert.h>
#include <errno.h>
#include <op/begin.h>

#define DEADLINE_GRACE WHORL_MS(1) /* the kernel's own timeout comes first */

/* Asks for the end of every op that is still awaited. */
static void cancel_rest(struct loop *loop, struct op_wait *wait)
{
    wait->cancelled = true;
    for (size_t i = 0; i < wait->count; i++)
        if (wait->ops[i].state & OP_AWAITED)
            op_ask_cancel(loop, &wait->ops[i]);
}

static void op_wait_cancel(struct task *self)
{
    cancel_rest(self->loop, self->wait_object);
}

static const struct wait_kind ops_wait = {.name = "io", .cancel = op_wait_cancel};

void op_wait_fail(struct task *owner)
{
    struct op_wait *wait = owner->wait_object;
    if (!wait->cancelled)
        cancel_rest(owner->loop, wait);
}

/* The kernel's timeout cancels its op once, and may miss; this is the second look, which does not
 * give up. */
static void deadline_passed(struct timer *timer)
{
    struct task *self = (struct task *)((char *)timer - offsetof(struct task, timer));
    struct op_wait *wait = self->wait_object;
    int64_t now = whorl_now();
    int64_t next = WHORL_FOREVER;
    for (size_t i = 0; i < wait->count; i++) {
        whorl_op *op = &wait->ops[i];
        if (!(op->state & OP_AWAITED) || op->deadline == WHORL_FOREVER)
            continue;
        int64_t due = deadline_after(op->deadline, DEADLINE_GRACE);
        if (due <= now)
            op_ask_timeout(self->loop, op);
        else if (due < next)
            next = due;
    }
    if (next != WHORL_FOREVER)
        timer_arm(&self->loop->timers, timer, next);
}

void op_wait(struct loop *loop, struct task *self, struct op_wait *wait)
{
    assert(wait->pending > 0);
    bool timed = wait->deadline != WHORL_FOREVER;
    self->wait_object = wait;
    if (self->interrupted && !wait->cancelled)
        cancel_rest(loop, wait);
    if (timed) {
        self->timer.fire = deadline_passed;
        timer_arm(&loop->timers, &self->timer, deadline_after(wait->deadline, DEADLINE_GRACE));
    }
    task_park(loop, self, &ops_wait, wait);
    if (timed && timer_is_armed(&self->timer))
        timer_disarm(&loop->timers, &self->timer);
}

/* --- One op --- */

static void lone_wait_cancel(struct task *self)
{
    op_ask_cancel(self->loop, self->wait_object);
}

static const struct wait_kind lone_wait = {.name = "io", .cancel = lone_wait_cancel};

static __attribute__((noinline)) void await_timed(struct loop *loop, struct task *self,
                                                  whorl_op *op)
{
    struct op_wait wait = {.ops = op, .count = 1, .pending = 1, .deadline = op->deadline};
    op_wait(loop, self, &wait);
}

/* On every hot path: nothing but the op is written for it. */
static inline void await_alone(struct loop *loop, struct task *self, whorl_op *op)
{
    op->state |= OP_AWAITED | OP_ALONE;
    if (__builtin_expect(op->deadline != WHORL_FOREVER, 0)) {
        await_timed(loop, self, op);
        return;
    }
    if (__builtin_expect(self->interrupted, 0))
        op_ask_cancel(loop, op);
    task_park(loop, self, &lone_wait, op);
}

static inline int await(struct loop *loop, whorl_op *op)
{
    struct task *self = loop->current;
    if (!(op->state & (OP_IN_FLIGHT | OP_ENDED))) {
        if (self->interrupted && !op_is_release(op)) {
            op_end_unstarted(op, -ECANCELED);
            return task_refuse(loop, self);
        }
        op_begin_inline(loop, self, op);
    } else if ((op->state & OP_IN_FLIGHT) && op->owner != self) {
        return -EPERM;
    }
    if (op->state & OP_IN_FLIGHT)
        await_alone(loop, self, op);
    return op->result;
}

/* Flat, as each frame on a parked stack is memory to fetch again at the wake. */
__attribute__((flatten)) int whorl_op_await(whorl_op *op)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!op || op_check(op))
        return -EINVAL;
    return await(loop, op);
}

int op_await(struct loop *loop, whorl_op *op)
{
    return await(loop, op);
}

/* --- The first of several --- */

static void any_cancel(struct task *self)
{
    task_wake(self, -ECANCELED);
}

static const struct wait_kind any_wait = {.name = "io", .cancel = any_cancel};

/* An op may have ended in the same turn. */
static void any_time_is_up(struct timer *timer)
{
    struct task *self = (struct task *)((char *)timer - offsetof(struct task, timer));
    if (self->wait)
        task_wake(self, 0);
}

/* The first that ends is all that is pending; those that end in the same turn find the task
 * awake. */
int op_wait_any(struct loop *loop, whorl_op *ops, size_t n, int64_t deadline)
{
    struct task *self = loop->current;
    if (self->interrupted)
        return -ECANCELED;
    struct op_wait wait = {.ops = ops, .count = n, .pending = 1, .deadline = WHORL_FOREVER};
    for (size_t i = 0; i < n; i++)
        if (ops[i].state & OP_IN_FLIGHT)
            ops[i].state |= OP_AWAITED;
    if (deadline != WHORL_FOREVER) {
        self->timer.fire = any_time_is_up;
        timer_arm(&loop->timers, &self->timer, deadline);
    }
    int error = task_park(loop, self, &any_wait, &wait);
    if (timer_is_armed(&self->timer))
        timer_disarm(&loop->timers, &self->timer);
    for (size_t i = 0; i < n; i++)
        ops[i].state &= (uint16_t)~OP_AWAITED;
    return error;
}

/* --- Ops that outlive their task's function --- */

void op_abandon(struct loop *loop, struct task *owner)
{
    for (size_t i = 0; i < IN_FLIGHT_LISTS; i++)
        for (whorl_op *op = loop->in_flight[i]; op; op = op->next)
            if (!owner || op->owner == owner)
                op_ask_cancel(loop, op);
}
