/*
 * Joining a queue: when all that was put is done, and who hears of it.
 */
#include "queue_calls.h"

static intptr_t join_at_once(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    (void)arg;
    check_equal(whorl_queue_join(&queue), 0);
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    check_equal(next_of(&queue), 1);
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_queue_join(&queue), 0);
    return whorl_queue_destroy(&queue);
}

static void with_nothing_unfinished_a_join_returns_at_once(void **state)
{
    run_checks(join_at_once, state);
}

static intptr_t join_until_done(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiners[3];
    (void)arg;
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    check_equal(whorl_queue_put(&queue, item_of(2)), 0);
    for (int i = 0; i < 3; i++)
        begin_join(&joiners[i], &queue);
    /* To be got is not to be done. */
    check_equal(next_of(&queue), 1);
    check_equal(next_of(&queue), 2);
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    /* Nor is more of it than before. */
    check_equal(whorl_queue_put(&queue, item_of(3)), 0);
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    for (int i = 0; i < 3; i++)
        check(!joiners[i].ended);
    check_equal(next_of(&queue), 3);
    check_equal(whorl_queue_task_done(&queue), 0);
    for (int i = 0; i < 3; i++)
        check_equal(end_call(&joiners[i]), 0);
    return whorl_queue_destroy(&queue);
}

static void every_joiner_waits_until_all_that_was_put_is_done(void **state)
{
    run_checks_with(&virtual_clock, join_until_done, state);
}

static intptr_t count_handed_over(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    struct call getter, putter, joiner;
    (void)arg;
    begin_get(&getter, &queue);
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    check_equal(whorl_queue_put(&queue, item_of(2)), 0);
    begin_put(&putter, &queue, 3);
    begin_join(&joiner, &queue);
    check_equal(next_of(&queue), 2);
    check_equal(next_of(&queue), 3);
    for (int i = 0; i < 3; i++) {
        check_equal(whorl_yield(), 0);
        check(!joiner.ended);
        check_equal(whorl_queue_task_done(&queue), 0);
    }
    check_equal(end_call(&joiner), 0);
    check_equal(end_get(&getter), 1);
    check_equal(end_call(&putter), 0);
    check_equal(whorl_queue_task_done(&queue), -EINVAL);
    return whorl_queue_destroy(&queue);
}

static void what_was_handed_over_counts_like_what_was_stored(void **state)
{
    run_checks(count_handed_over, state);
}

static intptr_t do_too_much(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    (void)arg;
    check_equal(whorl_queue_task_done(&queue), -EINVAL);
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    check_equal(next_of(&queue), 1);
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_queue_task_done(&queue), -EINVAL);
    return whorl_queue_destroy(&queue);
}

static void more_cannot_be_done_than_was_put(void **state)
{
    run_checks(do_too_much, state);
}

static intptr_t put_before_the_joiner_runs(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiner;
    (void)arg;
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    begin_join(&joiner, &queue);
    check_equal(next_of(&queue), 1);
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_queue_put(&queue, item_of(2)), 0);
    check_equal(end_call(&joiner), 0);
    check_equal(next_of(&queue), 2);
    return whorl_queue_destroy(&queue);
}

static void a_joiner_goes_on_though_more_was_put_since(void **state)
{
    run_checks(put_before_the_joiner_runs, state);
}

/* --- Workers on one queue --- */

enum { WORKERS = 5, WORK = 200 };

static whorl_queue work = WHORL_QUEUE_INIT_BOUNDED(7);
static int done;

static intptr_t worker(void *arg)
{
    void *item;
    int got = whorl_queue_get(&work, &item);
    while (got == 0) {
        check_equal(whorl_sleep(WHORL_MS((intptr_t)item % 13)), 0);
        done++;
        check_equal(whorl_queue_task_done(&work), 0);
        got = whorl_queue_get(&work, &item);
    }
    check_equal(got, -ECANCELED);
    return (intptr_t)arg;
}

static intptr_t work_and_join(void *arg)
{
    whorl_task *workers[WORKERS];
    (void)arg;
    done = 0;
    for (int i = 0; i < WORKERS; i++)
        workers[i] = whorl_spawn(worker, NULL);
    for (intptr_t i = 0; i < WORK; i++)
        check_equal(whorl_queue_put(&work, item_of(i)), 0);
    check_equal(whorl_queue_join(&work), 0);
    check_equal(done, WORK);
    for (int i = 0; i < WORKERS; i++)
        check_equal(whorl_cancel(workers[i]), 0);
    check_equal(whorl_gather(workers, WORKERS, NULL, 0), 0);
    return whorl_queue_destroy(&work);
}

static void a_join_waits_for_workers_which_are_cancelled_then(void **state)
{
    run_checks_with(&virtual_clock, work_and_join, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(with_nothing_unfinished_a_join_returns_at_once),
        behaviour(every_joiner_waits_until_all_that_was_put_is_done),
        behaviour(what_was_handed_over_counts_like_what_was_stored),
        behaviour(more_cannot_be_done_than_was_put),
        behaviour(a_joiner_goes_on_though_more_was_put_since),
        behaviour(a_join_waits_for_workers_which_are_cancelled_then),
    };
    return run_behaviours("queue, join", tests);
}
