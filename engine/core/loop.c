/* The loop: see loop.h. Turning; loop_open.c opens and closes it. */
#include <assert.h>
#include <core/dependent.h>
#include <core/ending.h>
#include <core/interrupt.h>
#include <core/leftover.h>
#include <core/loop.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#define TRIM_STACKS 64           /* stacks that one turn gives back: each is a system call */
#define BLIND_WAITS 63           /* timed waits after a look that was in vain */
#define RETRY_PAUSE WHORL_MS(10) /* until what was kept for want of memory is tried again */
#define HELD_UP WHORL_MS(1)      /* timers that are so late were not waited for */
#define HELD_UP_TURNS 1000       /* at most that bring what was earlier */

__thread struct loop *loop_here;

/* The fault's task goes on in task_body, where its function, or a deferred handler, has returned.
 * Where whorl_each_task had called it, that is over, too. */
static void contain(struct loop *loop, struct task *task, struct overflow *fault)
{
    fault->landing = &task->landing;
    fault->result = -EOVERFLOW;
    loop->shown = NULL;
    annotate_memory(task->stack.bottom, (size_t)((char *)task->landing.sp - task->stack.bottom));
}

/* In the handler of a fault: only the loop of the thread that faulted is looked at. */
bool loop_describe_overflow(struct overflow *fault)
{
    struct loop *loop = loop_here;
    if (!loop || loop->current == &loop->host)
        return false;
    struct task *task = loop->current;
    const char *address = fault->address;
    const char *bottom = task->stack.bottom;
    if (address >= bottom || address < bottom - loop->stacks.page)
        return false;
    const char *outcome = "";
    if (task->contained && fault->may_land) {
        contain(loop, task, fault);
        outcome = " and was ended; the program goes on";
    } else if (task->contained) {
        outcome = " in the middle of a library's work, so that it cannot be ended alone";
    }
    int length =
        snprintf(fault->text, sizeof fault->text,
                 "whorl: stack overflow: task %s has used up its stack of %zu bytes%s. Give it a "
                 "larger one: stack_size in whorl_spawn_options or whorl_config.\n",
                 task_name(task), task->stack.size, outcome);
    fault->length = (size_t)length < sizeof fault->text ? (size_t)length : sizeof fault->text - 1;
    return true;
}

void loop_make_room(struct loop *loop, unsigned count)
{
    assert(count <= loop->ring.entries);
    while (ring_room(&loop->ring) < count)
        if (ring_turn(&loop->ring, RING_NOW) == -EAGAIN)
            ring_reap(&loop->ring, loop->hooks->complete, loop->hooks->expect, loop);
}

/* --- Turns --- */

#if WHORL_DEBUG
/* What must hold between turns, of all tasks: checked in debug builds, as it takes time. */
static void check_invariants(const struct loop *loop)
{
    const struct task *task = &loop->host;
    do {
        assert(task->next->previous == task && task->previous->next == task);
        assert(!task->wait && !task->ended && task->loop == loop);
        task = task->next;
    } while (task != &loop->host);
    for (task = loop->live; task; task = task->live_next)
        assert(*task->live_link == task && !task->ended && task->generation != 0);
    for (size_t i = 0; i < IN_FLIGHT_LISTS; i++)
        for (const whorl_op *op = loop->in_flight[i]; op; op = op->next)
            assert(*op->link == op && ((struct task *)op->owner)->in_flight > 0);
    for (const whorl_op *op = loop->turns; op; op = op->phase.turn.next)
        assert(*op->phase.turn.link == op && op->owed == 0);
}
#else
static void check_invariants(const struct loop *loop)
{
    (void)loop;
}
#endif

/* No timer is armed but that of the run's limit. */
static bool nothing_is_due(const struct loop *loop)
{
    const struct timer *next = loop->timers.root;
    return !next || (next == &loop->limit_timer && !next->child);
}

/* Nobody is ready, nothing is in flight or with a thread, nothing is due, and nobody outside may
 * bring anything. */
static bool loop_is_stuck(const struct loop *loop)
{
    return loop->host.next == &loop->host && loop->ops_in_flight == loop->ops_at_rest &&
           loop->jobs == 0 && nothing_is_due(loop) &&
           !(loop->inbox && inbox_may_bring(loop->inbox));
}

/* The same as loop_sleep, for a loop with an inbox: who puts something in ends the wait. */
static __attribute__((noinline)) void sleep_by_inbox(struct loop *loop, int64_t deadline)
{
    struct inbox *inbox = loop->inbox;
    if (!inbox->listening)
        loop->hooks->listen(loop);
    if (inbox->kept && deadline > deadline_after(whorl_now(), RETRY_PAUSE))
        deadline = deadline_after(whorl_now(), RETRY_PAUSE);
    bool shared = loop->jobs > 0 || inbox_is_shared(inbox);
    if (shared)
        inbox_sleep(inbox);
    /* Making room for the read may have woken somebody; the last who holds the loop may be gone. */
    bool is_idle = loop->host.next == &loop->host && !inbox_has_mail(inbox) && !loop_is_stuck(loop);
    ring_turn(&loop->ring, is_idle ? deadline : RING_NOW);
    if (shared)
        inbox_wake(inbox);
}

/* Waits until something completes, or until `deadline`. */
static void loop_sleep(struct loop *loop, int64_t deadline)
{
    if (loop->inbox)
        sleep_by_inbox(loop, deadline);
    else
        ring_turn(&loop->ring, deadline);
}

/* Time to `next` jumps if nothing can complete, and else passes as the real one does, but not
 * beyond it. What was put in already comes now, and not then. Where nothing is awaited but what
 * others may put in, there is nowhere to jump. */
static void wait_virtually(struct loop *loop, int64_t next)
{
    int64_t start = clock_read();
    if (start >= loop->limit) {
        ending_limit_reached(loop);
        return;
    }
    if (loop->inbox && inbox_has_mail(loop->inbox))
        return;
    if (loop->ops_in_flight == loop->ops_at_rest && loop->jobs == 0 && next != INT64_MAX) {
        if (next > loop->virtual_now)
            loop->virtual_now = next;
        return;
    }
    int64_t limit = deadline_after(loop->virtual_now, loop->limit - start);
    loop_sleep(loop, next < limit ? next : limit);
    int64_t now = deadline_after(loop->virtual_now, clock_read() - start);
    loop->virtual_now = now < next || next <= loop->virtual_now ? now : next;
}

/* Out of line, to keep the wait that follows short. */
static __attribute__((noinline)) void wait_otherwise(struct loop *loop, int64_t next)
{
    if (stack_may_trim(&loop->stacks)) {
        stack_trim(&loop->stacks, TRIM_STACKS);
        ring_turn(&loop->ring, RING_NOW);
    } else {
        wait_virtually(loop, next);
    }
}

/* Waits for a completion, or the next timer; gives some stacks back instead if there are too many.
 * What was submitted may complete at once, and then a wait with an end is wasted effort; so it is
 * submitted without one and looked at first, unless that was in vain lately. */
static void loop_wait(struct loop *loop)
{
    struct ring *ring = &loop->ring;
    int64_t next = timers_next(&loop->timers);
    if (__builtin_expect(stack_may_trim(&loop->stacks) | loop->time_is_virtual, 0)) {
        wait_otherwise(loop, next);
        return;
    }
    if (next != INT64_MAX && ring_has_filled(ring) && loop->blind_waits-- == 0) {
        ring_turn(ring, RING_NOW);
        loop->blind_waits = 0;
        if (ring_has_completed(ring))
            return;
        loop->blind_waits = BLIND_WAITS;
    }
    loop_sleep(loop, next);
}

/* Nobody is ready, and only what is in flight can bring anything on. */
static inline bool loop_is_calm(const struct loop *loop)
{
    return loop->host.next == &loop->host && loop->ops_in_flight > loop->ops_at_rest &&
           !loop->timers.root && loop->jobs == 0 && !loop->time_is_virtual &&
           !stack_may_trim(&loop->stacks) && (!loop->inbox || inbox_is_calm(loop->inbox));
}

/* Submits and collects for a loop that is not calm, and waits if nobody is ready. Returns false if
 * nothing can happen any more. */
static __attribute__((noinline)) bool submit_and_wait(struct loop *loop)
{
    struct ring *ring = &loop->ring;
    if (timers_next(&loop->timers) == TIMER_AT_ONCE)
        timers_expire(&loop->timers, TIMER_AT_ONCE);
    while (loop_is_stuck(loop))
        if (!ending_unstick(loop))
            return false;
    bool idle = loop->host.next == &loop->host;
    if (idle && !stack_wants_trim(&loop->stacks))
        loop_wait(loop);
    else if (!ring_is_quiet(ring))
        ring_turn(ring, RING_NOW);
    return true;
}

/* A wait that the clock or a signal has ended leaves with the kernel what has come meanwhile. Where
 * the process was held up, as by SIGSTOP, that may have come long before the timers were due: it
 * goes first. */
static __attribute__((noinline)) void take_what_was_earlier(struct loop *loop)
{
    struct ring *ring = &loop->ring;
    int left = HELD_UP_TURNS; /* the kernel brings some twenty completions in each (Linux 6.18) */
    do {
        ring_turn(ring, RING_NOW);
        ring_reap(ring, loop->hooks->complete, loop->hooks->expect, loop);
        timers_expire(&loop->timers, TIMER_AT_ONCE);
    } while (!ring_is_quiet(ring) && --left > 0);
}

static void expire_timers(struct loop *loop)
{
    if (timers_next(&loop->timers) == TIMER_AT_ONCE)
        timers_expire(&loop->timers, TIMER_AT_ONCE);
    int64_t now = loop_glance(loop);
    if (__builtin_expect(timers_next(&loop->timers) < now - HELD_UP, 0))
        take_what_was_earlier(loop);
    timers_expire(&loop->timers, now);
}

/* Submits, collects, and waits if nobody is ready; then wakes whom that and the clock wake. Returns
 * false if nothing can happen any more. */
static bool loop_turn(struct loop *loop)
{
    struct ring *ring = &loop->ring;
    check_invariants(loop);
    loop->rounds++;
    if (loop_is_calm(loop))
        ring_turn(ring, RING_FOREVER);
    else if (!submit_and_wait(loop))
        return false;
    /* A wait that slept collects only a part of what is there. The rest has to wait for the tasks
     * that this wakes: what is received is still in the cache then, when they send it on. */
    ring_reap(ring, loop->hooks->complete, loop->hooks->expect, loop);
    if (loop->inbox && inbox_wants_turn(loop->inbox))
        inbox_take(loop, INBOX_BATCH);
    if (loop_timer_is_due(loop))
        expire_timers(loop);
    if (stack_wants_trim(&loop->stacks))
        stack_trim(&loop->stacks, TRIM_STACKS);
    return true;
}

/* Has what the functions of tasks have left behind ended. */
static void settle_abandoned(struct loop *loop)
{
    while (loop->abandoned) {
        struct task *returned = loop->abandoned;
        loop->abandoned = returned->next;
        if (returned == loop->main && loop->onlooker)
            loop->onlooker->returned(loop->onlooker, loop);
        scopes_abandon(loop, returned);
        dependents_abandon(returned);
        if (returned->in_flight > 0)
            loop->hooks->abandon(loop, returned);
        else
            task_wake(returned, 0);
    }
}

/* Whether no task lives any more. The inbox is closed then; what it had accepted before still runs,
 * and the loop goes on for that. */
static bool loop_is_over(struct loop *loop)
{
    if (loop->live || !loop->inbox)
        return !loop->live;
    inbox_close(loop->inbox);
    inbox_take(loop, INBOX_BATCH);
    return !loop->live && !inbox_wants_turn(loop->inbox);
}

/* For a loop in which no task will run any more. */
static void take_the_last(struct loop *loop)
{
    if (!loop->inbox)
        return;
    inbox_close(loop->inbox);
    inbox_take(loop, UINT_MAX);
}

/* Until nothing is in flight any more, nor with a thread, in a loop whose tasks run no more. */
static void turn_to_rest(struct loop *loop)
{
    struct task *host = &loop->host;
    while (loop->ops_in_flight > 0 || loop->jobs > 0) {
        /* Whoever is woken is not to run. */
        host->next = host;
        host->previous = host;
        loop_turn(loop);
    }
}

void loop_run(struct loop *loop, const char *name, whorl_fn *main, void *arg)
{
    struct task *host = &loop->host;
    fiber_host(&host->fiber);
    struct task *task = task_make(loop, loop->stack_class, name ? name : "main", main, arg);
    if (!task) {
        fprintf(stderr, "whorl: no memory for the main task's stack. Free some, or raise RLIMIT_AS "
                        "(ulimit -v).\n");
        loop->result = -ENOMEM;
        return;
    }
    loop->main = task;
    ready_add(loop, task);
    ending_arm_limit(loop);
    do {
        loop_switch(loop, host);
        settle_abandoned(loop);
    } while (!loop_is_over(loop) && loop_turn(loop));
    if (loop->live)
        take_the_last(loop);
    ending_disarm(loop);
    if (loop->leftovers) {
        leftovers_stop(loop);
        turn_to_rest(loop);
        leftovers_end(loop);
    }
    assert(!loop->timers.root && loop->ops_in_flight == 0 && loop->jobs == 0);
}

/* --- A loop that was left --- */

void loop_leave(struct loop *loop)
{
    if (loop->current != &loop->host)
        fiber_land(&loop->current->fiber, &loop->host.fiber);
    loop->current = &loop->host;
}

void loop_end_left(struct loop *loop)
{
    ending_end_waits(loop);
    leftovers_stop(loop);
    turn_to_rest(loop);
    leftovers_end(loop);
    take_the_last(loop);
    for (struct task *task = loop->live; task; task = task->live_next)
        ending_tell_others(task, -ECANCELED);
}
