/* Barriers: rounds, places in them, tasks that leave, and what breaks one. */
#include "as_task.h"
#include "start.h"

static whorl_barrier barrier = WHORL_BARRIER_INIT(3);

static intptr_t arrive(void *arg)
{
    (void)arg;
    return whorl_barrier_wait(&barrier);
}

static void meet(void)
{
    assert_int_equal(whorl_barrier_parties(&barrier), 3);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(whorl_barrier_waiting(&barrier), 0);
        whorl_task *first = start(arrive, NULL);
        whorl_task *second = start(arrive, NULL);
        assert_int_equal(whorl_barrier_waiting(&barrier), 2);
        assert_int_equal(whorl_yield(), 0);
        assert_int_equal(whorl_is_done(first), 0);
        assert_int_equal(whorl_barrier_wait(&barrier), 2);
        /* The last did not wait, and the next round is empty. */
        assert_int_equal(whorl_is_done(second), 0);
        assert_int_equal(whorl_barrier_waiting(&barrier), 0);
        assert_int_equal(whorl_join(second), 1);
        assert_int_equal(whorl_join(first), 0);
    }
}

static void when_the_last_has_come_all_go_on_with_their_places(void **state)
{
    (void)state;
    meet();
}

static void rounds_do_not_mix(void **state)
{
    (void)state;
    whorl_task *tasks[9];
    /* Those of the first round have not run when the second and the third have come. */
    for (size_t i = 0; i < count_of(tasks); i++)
        tasks[i] = start(arrive, NULL);
    assert_int_equal(whorl_barrier_waiting(&barrier), 0);
    for (size_t i = 0; i < count_of(tasks); i++)
        assert_int_equal(whorl_join(tasks[i]), i % 3);
}

static void who_is_cancelled_leaves_it_whole_and_no_place_is_given_twice(void **state)
{
    (void)state;
    whorl_task *tasks[5];
    tasks[0] = start(arrive, NULL);
    tasks[1] = start(arrive, NULL);
    assert_int_equal(whorl_cancel(tasks[0]), 0);
    assert_int_equal(whorl_barrier_waiting(&barrier), 1);
    assert_int_equal(whorl_barrier_is_broken(&barrier), 0);
    tasks[2] = start(arrive, NULL);
    assert_int_equal(whorl_barrier_waiting(&barrier), 2);
    assert_int_equal(whorl_cancel(tasks[2]), 0);
    tasks[3] = start(arrive, NULL);
    tasks[4] = start(arrive, NULL);
    /* Too late: they have met. */
    assert_int_equal(whorl_cancel(tasks[1]), 0);
    static const intptr_t results[] = {-ECANCELED, 0, -ECANCELED, 1, 2};
    for (size_t i = 0; i < count_of(tasks); i++)
        assert_int_equal(whorl_join(tasks[i]), results[i]);
    assert_int_equal(whorl_barrier_is_broken(&barrier), 0);
}

static void aborting_breaks_it_until_it_is_reset(void **state)
{
    (void)state;
    whorl_task *first = start(arrive, NULL);
    whorl_task *second = start(arrive, NULL);
    assert_int_equal(whorl_barrier_abort(&barrier), 0);
    assert_int_equal(whorl_barrier_is_broken(&barrier), 1);
    assert_int_equal(whorl_barrier_waiting(&barrier), 0);
    assert_int_equal(whorl_barrier_wait(&barrier), -EPIPE);
    assert_int_equal(whorl_cancel(second), 0);
    assert_int_equal(whorl_join(first), -EPIPE);
    assert_int_equal(whorl_join(second), -EPIPE);
    assert_int_equal(whorl_barrier_abort(&barrier), 0);
    assert_int_equal(whorl_barrier_wait(&barrier), -EPIPE);
    assert_int_equal(whorl_barrier_reset(&barrier), 0);
    assert_int_equal(whorl_barrier_is_broken(&barrier), 0);
    meet();
}

static void resetting_turns_away_who_waits_and_begins_anew(void **state)
{
    (void)state;
    whorl_task *first = start(arrive, NULL);
    assert_int_equal(whorl_barrier_reset(&barrier), 0);
    assert_int_equal(whorl_barrier_is_broken(&barrier), 0);
    assert_int_equal(whorl_barrier_waiting(&barrier), 0);
    /* A new round, before the old one's task has run. */
    whorl_task *next[] = {start(arrive, NULL), start(arrive, NULL)};
    assert_int_equal(whorl_barrier_wait(&barrier), 2);
    assert_int_equal(whorl_join(first), -EPIPE);
    assert_int_equal(whorl_join(next[0]), 0);
    assert_int_equal(whorl_join(next[1]), 1);
}

static void it_is_for_one_task_or_more(void **state)
{
    (void)state;
    whorl_barrier alone = WHORL_BARRIER_INIT(1), nobody = {0}, minus = WHORL_BARRIER_INIT(-1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_barrier_wait(&alone), 0);
    assert_int_equal(whorl_barrier_wait(&nobody), -EINVAL);
    assert_int_equal(whorl_barrier_wait(&minus), -EINVAL);
    assert_int_equal(whorl_barrier_init(&alone, 0), -EINVAL);
    assert_int_equal(whorl_barrier_init(&alone, -1), -EINVAL);
    assert_int_equal(whorl_barrier_init(&alone, 2), 0);
    assert_int_equal(whorl_barrier_parties(&alone), 2);
}

static void a_cancelled_task_can_abort_and_reset(void **state)
{
    (void)state;
    whorl_task *first = start(arrive, NULL);
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(whorl_barrier_abort(&barrier), 0);
    assert_int_equal(whorl_barrier_wait(&barrier), -ECANCELED);
    assert_int_equal(whorl_barrier_reset(&barrier), 0);
    assert_int_equal(whorl_barrier_is_broken(&barrier), 0);
    assert_int_equal(whorl_uncancel(), 1);
    assert_int_equal(whorl_join(first), -EPIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(when_the_last_has_come_all_go_on_with_their_places),
        as_task(rounds_do_not_mix),
        as_task(who_is_cancelled_leaves_it_whole_and_no_place_is_given_twice),
        as_task(aborting_breaks_it_until_it_is_reset),
        as_task(resetting_turns_away_who_waits_and_begins_anew),
        as_task(it_is_for_one_task_or_more),
        as_task(a_cancelled_task_can_abort_and_reset),
    };
    return run_behaviours("barrier", tests);
}
