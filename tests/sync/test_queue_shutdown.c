/*
 * Shutting a queue down, gracefully and at once: what becomes of its items, and of those who wait.
 */
#include "queue_calls.h"

#include <stdlib.h>

static const enum whorl_queue_ending endings[] = {WHORL_QUEUE_GRACEFUL, WHORL_QUEUE_IMMEDIATE};

static intptr_t shut_gracefully(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    void *item = item_of(77);
    (void)arg;
    put_numbers(&queue, (const intptr_t[]){1, 2, 3}, 3);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    check_equal(whorl_queue_put(&queue, item_of(4)), -EPIPE);
    check_equal(whorl_queue_try_put(&queue, item_of(4)), -EPIPE);
    check_equal(whorl_queue_size(&queue), 3);
    check_equal(next_of(&queue), 1);
    check_equal(whorl_queue_get(&queue, &item), 0);
    check_equal((intptr_t)item, 2);
    check_equal(next_of(&queue), 3);
    check_equal(whorl_queue_get(&queue, &item), -EPIPE);
    check_equal(whorl_queue_try_get(&queue, &item), -EPIPE);
    check_equal((intptr_t)item, 2);
    return whorl_queue_destroy(&queue);
}

static void after_a_graceful_shutdown_what_is_in_it_can_be_got(void **state)
{
    run_checks(shut_gracefully, state);
}

static intptr_t shut_at_once(void *arg)
{
    whorl_queue queue;
    void *item = item_of(77);
    (void)arg;
    for (int kind = WHORL_QUEUE_FIFO; kind <= WHORL_QUEUE_PRIORITY; kind++) {
        check_equal(whorl_queue_init(&queue, (enum whorl_queue_kind)kind, 3, compare_numbers), 0);
        put_numbers(&queue, (const intptr_t[]){1, 2, 3}, 3);
        check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
        check_equal(whorl_queue_size(&queue), 0);
        check_equal(whorl_queue_put(&queue, item_of(4)), -EPIPE);
        check_equal(whorl_queue_try_put(&queue, item_of(4)), -EPIPE);
        check_equal(whorl_queue_get(&queue, &item), -EPIPE);
        check_equal(whorl_queue_try_get(&queue, &item), -EPIPE);
        check_equal((intptr_t)item, 77);
        check_equal(whorl_queue_destroy(&queue), 0);
    }
    return 0;
}

static void an_immediate_shutdown_empties_it(void **state)
{
    run_checks(shut_at_once, state);
}

static intptr_t shut_with_getters(void *arg)
{
    struct call getters[3];
    (void)arg;
    for (size_t i = 0; i < count_of(endings); i++) {
        whorl_queue queue = WHORL_QUEUE_INIT;
        for (int j = 0; j < 3; j++)
            begin_get(&getters[j], &queue);
        check_equal(whorl_queue_put(&queue, item_of(5)), 0);
        check_equal(whorl_queue_shutdown(&queue, endings[i]), 0);
        /* The first has his item. */
        check_equal(end_get(&getters[0]), 5);
        check_equal(end_get(&getters[1]), -EPIPE);
        check_equal(end_get(&getters[2]), -EPIPE);
        check_equal(getters[1].item, -1);
        check_equal(whorl_queue_destroy(&queue), 0);
    }
    return 0;
}

static void getters_that_wait_are_turned_away(void **state)
{
    run_checks(shut_with_getters, state);
}

static intptr_t shut_with_putters(void *arg)
{
    struct call putters[3];
    (void)arg;
    for (size_t i = 0; i < count_of(endings); i++) {
        whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
        check_equal(whorl_queue_put(&queue, item_of(9)), 0);
        for (int j = 0; j < 3; j++)
            begin_put(&putters[j], &queue, j);
        check_equal(next_of(&queue), 9);
        check_equal(whorl_queue_shutdown(&queue, endings[i]), 0);
        check_equal(next_of(&queue), endings[i] == WHORL_QUEUE_GRACEFUL ? 0 : -EPIPE);
        check_equal(next_of(&queue), -EPIPE);
        check_equal(end_call(&putters[0]), 0);
        check_equal(end_call(&putters[1]), -EPIPE);
        check_equal(end_call(&putters[2]), -EPIPE);
        check_equal(whorl_queue_destroy(&queue), 0);
    }
    return 0;
}

static void putters_that_wait_are_turned_away_and_keep_their_items(void **state)
{
    run_checks(shut_with_putters, state);
}

/* In the order of a cancel and a shutdown, whichever is first. */
static intptr_t shut_and_cancel(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(endings); i++) {
        whorl_queue queue = WHORL_QUEUE_INIT;
        struct call before, after;
        begin_get(&before, &queue);
        begin_get(&after, &queue);
        check_equal(whorl_cancel(before.task), 0);
        check_equal(whorl_queue_shutdown(&queue, endings[i]), 0);
        check_equal(whorl_cancel(after.task), 0);
        check_equal(end_get(&before), -ECANCELED);
        check_equal(end_get(&after), -EPIPE);
        check_equal(whorl_queue_destroy(&queue), 0);
    }
    return 0;
}

static void a_cancel_and_a_shutdown_end_a_wait_once(void **state)
{
    run_checks(shut_and_cancel, state);
}

static intptr_t shut_with_joiners(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiners[2];
    (void)arg;
    put_numbers(&queue, (const intptr_t[]){1, 2, 3}, 3);
    check_equal(next_of(&queue), 1);
    begin_join(&joiners[0], &queue);
    begin_join(&joiners[1], &queue);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    check_equal(whorl_yield(), 0);
    /* What was got before is still unfinished. */
    check(!joiners[0].ended && !joiners[1].ended);
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(end_call(&joiners[0]), 0);
    check_equal(end_call(&joiners[1]), 0);
    check_equal(whorl_queue_task_done(&queue), -EINVAL);
    check_equal(whorl_queue_join(&queue), 0);
    return whorl_queue_destroy(&queue);
}

static void what_an_immediate_shutdown_drops_counts_as_done(void **state)
{
    run_checks(shut_with_joiners, state);
}

static intptr_t shut_with_all_dropped(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiner;
    (void)arg;
    put_numbers(&queue, (const intptr_t[]){1, 2}, 2);
    begin_join(&joiner, &queue);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    check_equal(end_call(&joiner), 0);
    return whorl_queue_destroy(&queue);
}

static void joiners_go_on_when_all_that_was_unfinished_is_dropped(void **state)
{
    run_checks(shut_with_all_dropped, state);
}

static intptr_t shut_after_early_work(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiner;
    (void)arg;
    put_numbers(&queue, (const intptr_t[]){1, 2}, 2);
    check_equal(whorl_queue_task_done(&queue), 0);
    begin_join(&joiner, &queue);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    check_equal(end_call(&joiner), 0);
    check_equal(whorl_queue_task_done(&queue), -EINVAL);
    return whorl_queue_destroy(&queue);
}

static void what_was_done_before_it_was_got_is_not_done_again_when_it_is_dropped(void **state)
{
    run_checks(shut_after_early_work, state);
}

static intptr_t join_after_graceful(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiner;
    (void)arg;
    put_numbers(&queue, (const intptr_t[]){1, 2}, 2);
    begin_join(&joiner, &queue);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    for (int i = 0; i < 2; i++) {
        check_equal(next_of(&queue), i + 1);
        check_equal(whorl_yield(), 0);
        check(!joiner.ended);
        check_equal(whorl_queue_task_done(&queue), 0);
    }
    check_equal(end_call(&joiner), 0);
    return whorl_queue_destroy(&queue);
}

static void joiners_wait_on_after_a_graceful_shutdown(void **state)
{
    run_checks(join_after_graceful, state);
}

static intptr_t shut_again(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    (void)arg;
    put_numbers(&queue, (const intptr_t[]){1, 2}, 2);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    check_equal(whorl_queue_size(&queue), 2);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    check_equal(whorl_queue_size(&queue), 0);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    check_equal(whorl_queue_join(&queue), 0);
    return whorl_queue_destroy(&queue);
}

static void one_shutdown_can_follow_on_another(void **state)
{
    run_checks(shut_again, state);
}

/* As the header shows; the sanitizers tell of memory that is lost. */
static intptr_t free_what_is_left(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(5);
    struct call joiner;
    void *item;
    int freed = 0;
    (void)arg;
    for (int i = 0; i < 5; i++)
        check_equal(whorl_queue_put(&queue, malloc(10)), 0);
    begin_join(&joiner, &queue);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    while (whorl_queue_try_get(&queue, &item) == 0) {
        free(item);
        freed++;
        check_equal(whorl_queue_task_done(&queue), 0);
    }
    check_equal(freed, 5);
    check_equal(end_call(&joiner), 0);
    return whorl_queue_destroy(&queue);
}

static void a_program_can_take_its_items_out_instead_of_dropping_them(void **state)
{
    run_checks(free_what_is_left, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(after_a_graceful_shutdown_what_is_in_it_can_be_got),
        behaviour(an_immediate_shutdown_empties_it),
        behaviour(getters_that_wait_are_turned_away),
        behaviour(putters_that_wait_are_turned_away_and_keep_their_items),
        behaviour(a_cancel_and_a_shutdown_end_a_wait_once),
        behaviour(what_an_immediate_shutdown_drops_counts_as_done),
        behaviour(joiners_go_on_when_all_that_was_unfinished_is_dropped),
        behaviour(what_was_done_before_it_was_got_is_not_done_again_when_it_is_dropped),
        behaviour(joiners_wait_on_after_a_graceful_shutdown),
        behaviour(one_shutdown_can_follow_on_another),
        behaviour(a_program_can_take_its_items_out_instead_of_dropping_them),
    };
    return run_behaviours("queue, shutdown", tests);
}
