/* Waiting for time, and for nothing: sleep, yield, now. */
#include <core/loop.h>
#include <errno.h>

int64_t whorl_now(void)
{
    const struct loop *loop = loop_here;
    return __builtin_expect(loop && loop->time_is_virtual, 0) ? loop->virtual_now : clock_read();
}

int whorl_yield(void)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    struct task *self = loop->current;
    loop_switch(loop, self);
    return self->interrupted ? -ECANCELED : 0;
}

static void sleep_cancel(struct task *self)
{
    if (timer_is_armed(&self->timer))
        timer_disarm(&self->loop->timers, &self->timer);
    task_wake(self, -ECANCELED);
}

static const struct wait_kind sleep_wait = {.name = "time", .cancel = sleep_cancel};

static void sleep_over(struct timer *timer)
{
    task_wake((struct task *)((char *)timer - offsetof(struct task, timer)), 0);
}

int whorl_sleep_until(int64_t deadline)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    struct task *self = loop->current;
    if (self->interrupted)
        return task_refuse(loop, self);
    if (deadline <= whorl_now())
        return whorl_yield();
    self->timer.fire = sleep_over;
    if (deadline != WHORL_FOREVER)
        timer_arm(&loop->timers, &self->timer, deadline);
    return task_park(loop, self, &sleep_wait, NULL);
}

int whorl_sleep(int64_t ns)
{
    return ns <= 0 ? whorl_yield() : whorl_sleep_until(deadline_after(whorl_now(), ns));
}
