/* Barriers: rounds, places in them, tasks that leave, and what breaks one. */
#include "start.h"

static whorl_barrier barrier = WHORL_BARRIER_INIT(3);

static intptr_t arrive(void *arg)
{
    (void)arg;
    return whorl_barrier_wait(&barrier);
}

static intptr_t meet(void *arg)
{
    (void)arg;
    check_equal(whorl_barrier_parties(&barrier), 3);
    for (int round = 0; round < 3; round++) {
        check_equal(whorl_barrier_waiting(&barrier), 0);
        whorl_task *first = start(arrive, NULL);
        whorl_task *second = start(arrive, NULL);
        check_equal(whorl_barrier_waiting(&barrier), 2);
        check_equal(whorl_yield(), 0);
        check_equal(whorl_is_done(first), 0);
        check_equal(whorl_barrier_wait(&barrier), 2);
        /* The last did not wait, and the next round is empty. */
        check_equal(whorl_is_done(second), 0);
        check_equal(whorl_barrier_waiting(&barrier), 0);
        check_equal(whorl_join(second), 1);
        check_equal(whorl_join(first), 0);
    }
    return 0;
}

static void when_the_last_has_come_all_go_on_with_their_places(void **state)
{
    (void)state;
    run_checks(meet, NULL);
}

static intptr_t meet_again(void *arg)
{
    whorl_task *tasks[9];
    (void)arg;
    /* Those of the first round have not run when the second and the third have come. */
    for (size_t i = 0; i < count_of(tasks); i++)
        tasks[i] = start(arrive, NULL);
    check_equal(whorl_barrier_waiting(&barrier), 0);
    for (size_t i = 0; i < count_of(tasks); i++)
        check_equal(whorl_join(tasks[i]), i % 3);
    return 0;
}

static void rounds_do_not_mix(void **state)
{
    (void)state;
    run_checks(meet_again, NULL);
}

static intptr_t leave_early(void *arg)
{
    whorl_task *tasks[5];
    (void)arg;
    tasks[0] = start(arrive, NULL);
    tasks[1] = start(arrive, NULL);
    check_equal(whorl_cancel(tasks[0]), 0);
    check_equal(whorl_barrier_waiting(&barrier), 1);
    check_equal(whorl_barrier_is_broken(&barrier), 0);
    tasks[2] = start(arrive, NULL);
    check_equal(whorl_barrier_waiting(&barrier), 2);
    check_equal(whorl_cancel(tasks[2]), 0);
    tasks[3] = start(arrive, NULL);
    tasks[4] = start(arrive, NULL);
    /* Too late: they have met. */
    check_equal(whorl_cancel(tasks[1]), 0);
    static const intptr_t results[] = {-ECANCELED, 0, -ECANCELED, 1, 2};
    for (size_t i = 0; i < count_of(tasks); i++)
        check_equal(whorl_join(tasks[i]), results[i]);
    return whorl_barrier_is_broken(&barrier);
}

static void who_is_cancelled_leaves_it_whole_and_no_place_is_given_twice(void **state)
{
    (void)state;
    run_checks(leave_early, NULL);
}

static intptr_t break_it(void *arg)
{
    (void)arg;
    whorl_task *first = start(arrive, NULL);
    whorl_task *second = start(arrive, NULL);
    check_equal(whorl_barrier_abort(&barrier), 0);
    check_equal(whorl_barrier_is_broken(&barrier), 1);
    check_equal(whorl_barrier_waiting(&barrier), 0);
    check_equal(whorl_barrier_wait(&barrier), -EPIPE);
    check_equal(whorl_cancel(second), 0);
    check_equal(whorl_join(first), -EPIPE);
    check_equal(whorl_join(second), -EPIPE);
    check_equal(whorl_barrier_abort(&barrier), 0);
    check_equal(whorl_barrier_wait(&barrier), -EPIPE);
    check_equal(whorl_barrier_reset(&barrier), 0);
    check_equal(whorl_barrier_is_broken(&barrier), 0);
    return meet(NULL);
}

static void aborting_breaks_it_until_it_is_reset(void **state)
{
    (void)state;
    run_checks(break_it, NULL);
}

static intptr_t reset_it(void *arg)
{
    (void)arg;
    whorl_task *first = start(arrive, NULL);
    check_equal(whorl_barrier_reset(&barrier), 0);
    check_equal(whorl_barrier_is_broken(&barrier), 0);
    check_equal(whorl_barrier_waiting(&barrier), 0);
    /* A new round, before the old one's task has run. */
    whorl_task *next[] = {start(arrive, NULL), start(arrive, NULL)};
    check_equal(whorl_barrier_wait(&barrier), 2);
    check_equal(whorl_join(first), -EPIPE);
    check_equal(whorl_join(next[0]), 0);
    return whorl_join(next[1]) - 1;
}

static void resetting_turns_away_who_waits_and_begins_anew(void **state)
{
    (void)state;
    run_checks(reset_it, NULL);
}

static intptr_t be_alone(void *arg)
{
    whorl_barrier alone = WHORL_BARRIER_INIT(1), nobody = {0}, minus = WHORL_BARRIER_INIT(-1);
    (void)arg;
    for (int i = 0; i < 3; i++)
        check_equal(whorl_barrier_wait(&alone), 0);
    check_equal(whorl_barrier_wait(&nobody), -EINVAL);
    check_equal(whorl_barrier_wait(&minus), -EINVAL);
    check_equal(whorl_barrier_init(&alone, 0), -EINVAL);
    check_equal(whorl_barrier_init(&alone, -1), -EINVAL);
    check_equal(whorl_barrier_init(&alone, 2), 0);
    return whorl_barrier_parties(&alone) - 2;
}

static void it_is_for_one_task_or_more(void **state)
{
    (void)state;
    run_checks(be_alone, NULL);
}

static intptr_t act_when_cancelled(void *arg)
{
    (void)arg;
    whorl_task *first = start(arrive, NULL);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_barrier_abort(&barrier), 0);
    check_equal(whorl_barrier_wait(&barrier), -ECANCELED);
    check_equal(whorl_barrier_reset(&barrier), 0);
    check_equal(whorl_barrier_is_broken(&barrier), 0);
    check_equal(whorl_uncancel(), 1);
    return whorl_join(first) + EPIPE;
}

static void a_cancelled_task_can_abort_and_reset(void **state)
{
    (void)state;
    run_checks(act_when_cancelled, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(when_the_last_has_come_all_go_on_with_their_places),
        behaviour(rounds_do_not_mix),
        behaviour(who_is_cancelled_leaves_it_whole_and_no_place_is_given_twice),
        behaviour(aborting_breaks_it_until_it_is_reset),
        behaviour(resetting_turns_away_who_waits_and_begins_anew),
        behaviour(it_is_for_one_task_or_more),
        behaviour(a_cancelled_task_can_abort_and_reset),
    };
    return run_behaviours("barrier", tests);
}
