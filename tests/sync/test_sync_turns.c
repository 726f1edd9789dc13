/*
 * What holds for every kind of waiting in turn: who goes first, and what becomes of a waiter that
 * is cancelled, or whose time is up, before, after, and in the very turn in which it is served; and
 * that none of it needs memory.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "kinds.h"
#include "refused_memory.h"

enum { FEW = 5 };

/* Runs a body for each kind. */
static void for_each_kind(whorl_fn *body)
{
    for (size_t i = 0; i < count_of(kinds); i++) {
        print_message("  %s\n", kinds[i].name);
        run_checks_with(&virtual_clock, body, (void *)&kinds[i]);
    }
}

/* Lets everybody go on who waits. */
static void open_for(const struct kind *kind, size_t n)
{
    kind->open();
    for (size_t i = 1; i < n && !kind->all && kind->leave == no_more; i++)
        kind->open();
}

static intptr_t ask_in_a_row(void *arg)
{
    const struct kind *kind = arg;
    struct asker askers[FEW] = {0};
    kind->close();
    spawn_askers(askers, FEW, kind);
    check_equal(whorl_sleep(1), 0);
    check_equal(turns, 0);
    open_for(kind, FEW);
    for (int i = 0; i < FEW; i++) {
        join_asker(&askers[i], kind->given, 0);
        check_equal(askers[i].turn, i + 1);
    }
    return 0;
}

static void first_come_is_first_served(void **state)
{
    (void)state;
    for_each_kind(ask_in_a_row);
}

static intptr_t cancel_and_then_open(void *arg)
{
    const struct kind *kind = arg;
    for (int cut = 0; cut < 3; cut++) {
        struct asker askers[3] = {0};
        kind->close();
        spawn_askers(askers, 3, kind);
        check_equal(whorl_cancel(askers[cut].task), 0);
        open_for(kind, 2);
        for (int i = 0; i < 3; i++)
            join_asker(&askers[i], i == cut ? -ECANCELED : kind->given, i == cut ? -ECANCELED : 0);
    }
    return 0;
}

static void who_is_cancelled_first_leaves_and_the_others_are_served(void **state)
{
    (void)state;
    for_each_kind(cancel_and_then_open);
}

static intptr_t open_and_then_cancel(void *arg)
{
    const struct kind *kind = arg;
    struct asker askers[3] = {0};
    kind->close();
    spawn_askers(askers, 3, kind);
    kind->open();
    check_equal(turns, 0);
    check_equal(whorl_cancel(askers[0].task), 0);
    join_asker(&askers[0], kind->given, -ECANCELED);
    if (!kind->all && kind->leave == no_more)
        open_for(kind, 2);
    join_asker(&askers[1], kind->given, 0);
    join_asker(&askers[2], kind->given, 0);
    return 0;
}

static void who_is_served_first_has_it_and_the_cancel_waits(void **state)
{
    (void)state;
    for_each_kind(open_and_then_cancel);
}

static intptr_t cancel_all_and_open(void *arg)
{
    const struct kind *kind = arg;
    struct asker askers[FEW] = {0};
    struct asker last = {0};
    kind->close();
    spawn_askers(askers, FEW, kind);
    for (int i = FEW - 1; i >= 0; i--)
        check_equal(whorl_cancel(askers[i].task), 0);
    kind->open();
    for (int i = 0; i < FEW; i++)
        join_asker(&askers[i], -ECANCELED, -ECANCELED);
    if (!kind->open_at_rest)
        return 0;
    /* It is there for the next. */
    spawn_asker(&last, kind);
    check_equal(last.turn, FEW + 1);
    join_asker(&last, kind->given, 0);
    return 0;
}

static void without_waiters_left_it_is_there_for_the_next(void **state)
{
    (void)state;
    for_each_kind(cancel_all_and_open);
}

/* --- Time --- */

static struct asker timed;

/* Opens at the nanosecond at which the limit of `timed` runs out. Whichever of the two timers was
 * set first, both come in one turn, and before the task runs that opens. */
static intptr_t open_in_the_turn(void *arg)
{
    const struct kind *kind = arg;
    for (int limit_first = 0; limit_first < 2; limit_first++) {
        struct asker next = {.kind = kind};
        timed = (struct asker){.kind = kind, .limit = WHORL_SECONDS(1)};
        kind->close();
        timed.task = limit_first ? start(ask, &timed) : whorl_spawn(ask, &timed);
        next.task = whorl_spawn(ask, &next);
        check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
        kind->open();
        join_asker(&next, kind->given, 0);
        join_asker(&timed, -ETIMEDOUT, -ECANCELED);
    }
    return 0;
}

static void when_the_time_is_up_in_the_same_turn_the_next_is_served(void **state)
{
    (void)state;
    for_each_kind(open_in_the_turn);
}

/* In real time: serves it, then holds the thread until its time is up, then lets the loop look. */
static intptr_t open_just_in_time(void *arg)
{
    const struct kind *kind = arg;
    for (int i = 0; i < 5; i++) {
        timed = (struct asker){.limit = WHORL_MS(1) + i};
        kind->close();
        spawn_asker(&timed, kind);
        kind->open();
        int64_t up = whorl_now() + timed.limit + WHORL_MS(1);
        while (whorl_now() < up) {
        }
        join_asker(&timed, kind->given, -ECANCELED);
    }
    return 0;
}

/* But the once, whose opening lets the loop look. */
static void who_was_served_before_its_time_was_up_has_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < count_of(kinds); i++)
        if (kinds[i].ask != ask_once)
            run_checks(open_just_in_time, (void *)&kinds[i]);
}

/* --- Tasks that are cancelled already --- */

static intptr_t others_ran(void *arg)
{
    ++*(int *)arg;
    return 0;
}

static intptr_t ask_when_cancelled(void *arg)
{
    const struct kind *kind = arg;
    int others = 0;
    kind->close();
    kind->open();
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_release(whorl_spawn(others_ran, &others)), 0);
    check_equal(kind->ask(), -ECANCELED);
    if (kind->destroy != destroy_cond)
        check_equal(others, 1);
    check_equal(whorl_uncancel(), 1);
    check_equal(kind->destroy(), 0);
    /* So does one whose time is up. */
    whorl_timeout scope;
    kind->close();
    kind->open();
    check_equal(whorl_timeout_begin(&scope, 0), 0);
    check_equal(whorl_timeout_end(&scope, kind->ask()), -ETIMEDOUT);
    check_equal(kind->destroy(), 0);
    return 0;
}

static void a_cancelled_task_is_refused_though_it_need_not_wait(void **state)
{
    (void)state;
    for_each_kind(ask_when_cancelled);
}

static void ask_with_success(const struct kind *kind)
{
    check_equal(kind->ask(), kind->given);
    kind->leave();
}

static intptr_t ask_again_and_again(void *arg)
{
    const struct kind *kind = arg;
    whorl_shield shield;
    kind->close();
    kind->open();
    check_equal(whorl_cancel(whorl_self()), 0);
    for (int i = 0; i < 3; i++)
        check_equal(kind->ask(), -ECANCELED);
    check_equal(whorl_shield_begin(&shield, FAR), 0);
    ask_with_success(kind);
    check_equal(whorl_shield_end(&shield, 0), 0);
    check_equal(kind->ask(), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    ask_with_success(kind);
    return kind->destroy();
}

/* Of the kinds for which nobody needs to come. */
static void a_cancel_stays_but_for_shields_until_it_is_taken_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < count_of(kinds); i++)
        if (kinds[i].open_at_rest)
            run_checks_with(&virtual_clock, ask_again_and_again, (void *)&kinds[i]);
}

/* --- Memory --- */

/* Tasks wait, one of them is cancelled, the others are served, and all come back. */
static intptr_t wait_without_memory(void *arg)
{
    const struct kind *kind = arg;
    struct asker askers[3] = {0};
    for (int i = 0; i < 3; i++) {
        askers[i].kind = kind;
        askers[i].task = whorl_spawn(ask, &askers[i]);
    }
    refuse_memory_call(0);
    kind->close();
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(askers[1].task), 0);
    open_for(kind, 2);
    for (int i = 0; i < 3; i++)
        join_asker(&askers[i], i == 1 ? -ECANCELED : kind->given, i == 1 ? -ECANCELED : 0);
    check(!refuse_no_more_memory());
    return kind->destroy();
}

/* But the once, whose table entry spawns the task that runs it. */
static void none_of_it_takes_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < count_of(kinds); i++)
        if (kinds[i].ask != ask_once)
            run_checks_with(&virtual_clock, wait_without_memory, (void *)&kinds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(first_come_is_first_served),
        behaviour(who_is_cancelled_first_leaves_and_the_others_are_served),
        behaviour(who_is_served_first_has_it_and_the_cancel_waits),
        behaviour(without_waiters_left_it_is_there_for_the_next),
        behaviour(when_the_time_is_up_in_the_same_turn_the_next_is_served),
        behaviour(who_was_served_before_its_time_was_up_has_it),
        behaviour(a_cancelled_task_is_refused_though_it_need_not_wait),
        behaviour(a_cancel_stays_but_for_shields_until_it_is_taken_back),
        behaviour(none_of_it_takes_memory),
    };
    return run_behaviours("turns", tests);
}
