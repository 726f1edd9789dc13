/*
 * Joining a queue: when all that was put is done, and who hears of it.
 */
#include "as_task.h"
#include "queue_calls.h"

static void with_nothing_unfinished_a_join_returns_at_once(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT;
    assert_int_equal(whorl_queue_join(&queue), 0);
    assert_int_equal(whorl_queue_put(&queue, item_of(1)), 0);
    assert_int_equal(next_of(&queue), 1);
    assert_int_equal(whorl_queue_task_done(&queue), 0);
    assert_int_equal(whorl_queue_join(&queue), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void every_joiner_waits_until_all_that_was_put_is_done(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiners[3];
    assert_int_equal(whorl_queue_put(&queue, item_of(1)), 0);
    assert_int_equal(whorl_queue_put(&queue, item_of(2)), 0);
    for (int i = 0; i < 3; i++)
        begin_join(&joiners[i], &queue);
    /* To be got is not to be done. */
    assert_int_equal(next_of(&queue), 1);
    assert_int_equal(next_of(&queue), 2);
    assert_int_equal(whorl_queue_task_done(&queue), 0);
    assert_int_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    /* Nor is more of it than before. */
    assert_int_equal(whorl_queue_put(&queue, item_of(3)), 0);
    assert_int_equal(whorl_queue_task_done(&queue), 0);
    assert_int_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    for (int i = 0; i < 3; i++)
        assert_false(joiners[i].ended);
    assert_int_equal(next_of(&queue), 3);
    assert_int_equal(whorl_queue_task_done(&queue), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(end_call(&joiners[i]), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void what_was_handed_over_counts_like_what_was_stored(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    struct call getter, putter, joiner;
    begin_get(&getter, &queue);
    assert_int_equal(whorl_queue_put(&queue, item_of(1)), 0);
    assert_int_equal(whorl_queue_put(&queue, item_of(2)), 0);
    begin_put(&putter, &queue, 3);
    begin_join(&joiner, &queue);
    assert_int_equal(next_of(&queue), 2);
    assert_int_equal(next_of(&queue), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(whorl_yield(), 0);
        assert_false(joiner.ended);
        assert_int_equal(whorl_queue_task_done(&queue), 0);
    }
    assert_int_equal(end_call(&joiner), 0);
    assert_int_equal(end_get(&getter), 1);
    assert_int_equal(end_call(&putter), 0);
    assert_int_equal(whorl_queue_task_done(&queue), -EINVAL);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void more_cannot_be_done_than_was_put(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT;
    assert_int_equal(whorl_queue_task_done(&queue), -EINVAL);
    assert_int_equal(whorl_queue_put(&queue, item_of(1)), 0);
    assert_int_equal(next_of(&queue), 1);
    assert_int_equal(whorl_queue_task_done(&queue), 0);
    assert_int_equal(whorl_queue_task_done(&queue), -EINVAL);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void a_joiner_goes_on_though_more_was_put_since(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiner;
    assert_int_equal(whorl_queue_put(&queue, item_of(1)), 0);
    begin_join(&joiner, &queue);
    assert_int_equal(next_of(&queue), 1);
    assert_int_equal(whorl_queue_task_done(&queue), 0);
    assert_int_equal(whorl_queue_put(&queue, item_of(2)), 0);
    assert_int_equal(end_call(&joiner), 0);
    assert_int_equal(next_of(&queue), 2);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
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
        assert_int_equal(whorl_sleep(WHORL_MS((intptr_t)item % 13)), 0);
        done++;
        assert_int_equal(whorl_queue_task_done(&work), 0);
        got = whorl_queue_get(&work, &item);
    }
    assert_int_equal(got, -ECANCELED);
    return (intptr_t)arg;
}

static void a_join_waits_for_workers_which_are_cancelled_then(void **state)
{
    (void)state;
    whorl_task *workers[WORKERS];
    done = 0;
    for (int i = 0; i < WORKERS; i++)
        workers[i] = whorl_spawn(worker, NULL);
    for (intptr_t i = 0; i < WORK; i++)
        assert_int_equal(whorl_queue_put(&work, item_of(i)), 0);
    assert_int_equal(whorl_queue_join(&work), 0);
    assert_int_equal(done, WORK);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(whorl_cancel(workers[i]), 0);
    assert_int_equal(whorl_gather(workers, WORKERS, NULL, 0), 0);
    assert_int_equal(whorl_queue_destroy(&work), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(with_nothing_unfinished_a_join_returns_at_once),
        as_task(every_joiner_waits_until_all_that_was_put_is_done),
        as_task(what_was_handed_over_counts_like_what_was_stored),
        as_task(more_cannot_be_done_than_was_put),
        as_task(a_joiner_goes_on_though_more_was_put_since),
        as_task(a_join_waits_for_workers_which_are_cancelled_then),
    };
    return run_behaviours("queue, join", tests);
}
