/*
 * Shutting a queue down, gracefully and at once: what becomes of its items, and of those who wait.
 */
#include "as_task.h"
#include "queue_calls.h"

#include <stdlib.h>

static const enum whorl_queue_ending endings[] = {WHORL_QUEUE_GRACEFUL, WHORL_QUEUE_IMMEDIATE};

static void after_a_graceful_shutdown_what_is_in_it_can_be_got(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT;
    void *item = item_of(77);
    put_numbers(&queue, (const intptr_t[]){1, 2, 3}, 3);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    assert_int_equal(whorl_queue_put(&queue, item_of(4)), -EPIPE);
    assert_int_equal(whorl_queue_try_put(&queue, item_of(4)), -EPIPE);
    assert_int_equal(whorl_queue_size(&queue), 3);
    assert_int_equal(next_of(&queue), 1);
    assert_int_equal(whorl_queue_get(&queue, &item), 0);
    assert_int_equal((intptr_t)item, 2);
    assert_int_equal(next_of(&queue), 3);
    assert_int_equal(whorl_queue_get(&queue, &item), -EPIPE);
    assert_int_equal(whorl_queue_try_get(&queue, &item), -EPIPE);
    assert_int_equal((intptr_t)item, 2);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void an_immediate_shutdown_empties_it(void **state)
{
    (void)state;
    whorl_queue queue;
    void *item = item_of(77);
    for (int kind = WHORL_QUEUE_FIFO; kind <= WHORL_QUEUE_PRIORITY; kind++) {
        assert_int_equal(whorl_queue_init(&queue, (enum whorl_queue_kind)kind, 3, compare_numbers),
                         0);
        put_numbers(&queue, (const intptr_t[]){1, 2, 3}, 3);
        assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
        assert_int_equal(whorl_queue_size(&queue), 0);
        assert_int_equal(whorl_queue_put(&queue, item_of(4)), -EPIPE);
        assert_int_equal(whorl_queue_try_put(&queue, item_of(4)), -EPIPE);
        assert_int_equal(whorl_queue_get(&queue, &item), -EPIPE);
        assert_int_equal(whorl_queue_try_get(&queue, &item), -EPIPE);
        assert_int_equal((intptr_t)item, 77);
        assert_int_equal(whorl_queue_destroy(&queue), 0);
    }
}

static void getters_that_wait_are_turned_away(void **state)
{
    (void)state;
    struct call getters[3];
    for (size_t i = 0; i < count_of(endings); i++) {
        whorl_queue queue = WHORL_QUEUE_INIT;
        for (int j = 0; j < 3; j++)
            begin_get(&getters[j], &queue);
        assert_int_equal(whorl_queue_put(&queue, item_of(5)), 0);
        assert_int_equal(whorl_queue_shutdown(&queue, endings[i]), 0);
        /* The first has his item. */
        assert_int_equal(end_get(&getters[0]), 5);
        assert_int_equal(end_get(&getters[1]), -EPIPE);
        assert_int_equal(end_get(&getters[2]), -EPIPE);
        assert_int_equal(getters[1].item, -1);
        assert_int_equal(whorl_queue_destroy(&queue), 0);
    }
}

static void putters_that_wait_are_turned_away_and_keep_their_items(void **state)
{
    (void)state;
    struct call putters[3];
    for (size_t i = 0; i < count_of(endings); i++) {
        whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
        assert_int_equal(whorl_queue_put(&queue, item_of(9)), 0);
        for (int j = 0; j < 3; j++)
            begin_put(&putters[j], &queue, j);
        assert_int_equal(next_of(&queue), 9);
        assert_int_equal(whorl_queue_shutdown(&queue, endings[i]), 0);
        assert_int_equal(next_of(&queue), endings[i] == WHORL_QUEUE_GRACEFUL ? 0 : -EPIPE);
        assert_int_equal(next_of(&queue), -EPIPE);
        assert_int_equal(end_call(&putters[0]), 0);
        assert_int_equal(end_call(&putters[1]), -EPIPE);
        assert_int_equal(end_call(&putters[2]), -EPIPE);
        assert_int_equal(whorl_queue_destroy(&queue), 0);
    }
}

/* In the order of a cancel and a shutdown, whichever is first. */
static void a_cancel_and_a_shutdown_end_a_wait_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < count_of(endings); i++) {
        whorl_queue queue = WHORL_QUEUE_INIT;
        struct call before, after;
        begin_get(&before, &queue);
        begin_get(&after, &queue);
        assert_int_equal(whorl_cancel(before.task), 0);
        assert_int_equal(whorl_queue_shutdown(&queue, endings[i]), 0);
        assert_int_equal(whorl_cancel(after.task), 0);
        assert_int_equal(end_get(&before), -ECANCELED);
        assert_int_equal(end_get(&after), -EPIPE);
        assert_int_equal(whorl_queue_destroy(&queue), 0);
    }
}

static void what_an_immediate_shutdown_drops_counts_as_done(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiners[2];
    put_numbers(&queue, (const intptr_t[]){1, 2, 3}, 3);
    assert_int_equal(next_of(&queue), 1);
    begin_join(&joiners[0], &queue);
    begin_join(&joiners[1], &queue);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    assert_int_equal(whorl_yield(), 0);
    /* What was got before is still unfinished. */
    assert_true(!joiners[0].ended && !joiners[1].ended);
    assert_int_equal(whorl_queue_task_done(&queue), 0);
    assert_int_equal(end_call(&joiners[0]), 0);
    assert_int_equal(end_call(&joiners[1]), 0);
    assert_int_equal(whorl_queue_task_done(&queue), -EINVAL);
    assert_int_equal(whorl_queue_join(&queue), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void joiners_go_on_when_all_that_was_unfinished_is_dropped(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiner;
    put_numbers(&queue, (const intptr_t[]){1, 2}, 2);
    begin_join(&joiner, &queue);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    assert_int_equal(end_call(&joiner), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void what_was_done_before_it_was_got_is_not_done_again_when_it_is_dropped(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiner;
    put_numbers(&queue, (const intptr_t[]){1, 2}, 2);
    assert_int_equal(whorl_queue_task_done(&queue), 0);
    begin_join(&joiner, &queue);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    assert_int_equal(end_call(&joiner), 0);
    assert_int_equal(whorl_queue_task_done(&queue), -EINVAL);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void joiners_wait_on_after_a_graceful_shutdown(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiner;
    put_numbers(&queue, (const intptr_t[]){1, 2}, 2);
    begin_join(&joiner, &queue);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(next_of(&queue), i + 1);
        assert_int_equal(whorl_yield(), 0);
        assert_false(joiner.ended);
        assert_int_equal(whorl_queue_task_done(&queue), 0);
    }
    assert_int_equal(end_call(&joiner), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void one_shutdown_can_follow_on_another(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT;
    put_numbers(&queue, (const intptr_t[]){1, 2}, 2);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    assert_int_equal(whorl_queue_size(&queue), 2);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    assert_int_equal(whorl_queue_size(&queue), 0);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    assert_int_equal(whorl_queue_join(&queue), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

/* As the header shows; the sanitizers tell of memory that is lost. */
static void a_program_can_take_its_items_out_instead_of_dropping_them(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(5);
    struct call joiner;
    void *item;
    int freed = 0;
    for (int i = 0; i < 5; i++)
        assert_int_equal(whorl_queue_put(&queue, malloc(10)), 0);
    begin_join(&joiner, &queue);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    while (whorl_queue_try_get(&queue, &item) == 0) {
        free(item);
        freed++;
        assert_int_equal(whorl_queue_task_done(&queue), 0);
    }
    assert_int_equal(freed, 5);
    assert_int_equal(end_call(&joiner), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(after_a_graceful_shutdown_what_is_in_it_can_be_got),
        as_task(an_immediate_shutdown_empties_it),
        as_task(getters_that_wait_are_turned_away),
        as_task(putters_that_wait_are_turned_away_and_keep_their_items),
        as_task(a_cancel_and_a_shutdown_end_a_wait_once),
        as_task(what_an_immediate_shutdown_drops_counts_as_done),
        as_task(joiners_go_on_when_all_that_was_unfinished_is_dropped),
        as_task(what_was_done_before_it_was_got_is_not_done_again_when_it_is_dropped),
        as_task(joiners_wait_on_after_a_graceful_shutdown),
        as_task(one_shutdown_can_follow_on_another),
        as_task(a_program_can_take_its_items_out_instead_of_dropping_them),
    };
    return run_behaviours("queue, shutdown", tests);
}
