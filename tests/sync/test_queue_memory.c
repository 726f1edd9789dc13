/*
 * Queues when there is no memory: a put that would have to grow gives -ENOMEM, and nothing is lost;
 * puts that need none go on.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "queue_calls.h"
#include "starve.h"

enum { MOST = 1 << 23 }; /* items: more than fit */

static intptr_t put_until_refused(whorl_queue *queue)
{
    intptr_t count = 0;
    int error = 0;
    while (count < MOST && (error = whorl_queue_try_put(queue, item_of(count))) == 0)
        count++;
    check_equal(error, -ENOMEM);
    return count;
}

static intptr_t grow_too_far(void *arg)
{
    enum whorl_queue_kind kind = *(enum whorl_queue_kind *)arg;
    whorl_queue queue;
    check_equal(whorl_queue_init(&queue, kind, MOST, compare_numbers), 0);
    rlim_t before = leave_memory(SPARE_BYTES);
    intptr_t count = put_until_refused(&queue);
    check(count >= 16);
    check_equal(whorl_queue_put(&queue, item_of(count)), -ENOMEM);
    check_equal(whorl_queue_size(&queue), count);
    check_equal(whorl_queue_is_full(&queue), 0);
    /* What was taken makes room for as much. */
    check_equal(next_of(&queue), kind == WHORL_QUEUE_LIFO ? count - 1 : 0);
    check_equal(whorl_queue_put(&queue, item_of(count)), 0);
    check_equal(whorl_queue_put(&queue, item_of(count)), -ENOMEM);
    /* With memory again, the put that failed works; and none of the others was lost. */
    limit_memory_to(before);
    check_equal(whorl_queue_put(&queue, item_of(count + 1)), 0);
    check_equal(whorl_queue_size(&queue), count + 1);
    if (kind == WHORL_QUEUE_LIFO) {
        check_equal(next_of(&queue), count + 1);
        check_equal(next_of(&queue), count);
        for (intptr_t i = count - 1; i-- > 0;)
            check_equal(next_of(&queue), i);
    } else {
        for (intptr_t i = 1; i <= count + 1; i++)
            check_equal(next_of(&queue), i);
    }
    check_equal(whorl_queue_is_empty(&queue), 1);
    for (intptr_t i = 0; i < count + 2; i++)
        check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_queue_task_done(&queue), -EINVAL);
    return whorl_queue_destroy(&queue);
}

static void a_queue_that_cannot_grow_refuses_a_put_and_loses_nothing(void **state)
{
    (void)state;
    for (int kind = WHORL_QUEUE_FIFO; kind <= WHORL_QUEUE_PRIORITY; kind++) {
        enum whorl_queue_kind that = (enum whorl_queue_kind)kind;
        run_checks_in_child(NULL, grow_too_far, &that);
    }
}

/* --- Puts that need no memory --- */

static intptr_t go_without(void *arg)
{
    static void *slots[100];
    whorl_queue given;
    whorl_queue growing = WHORL_QUEUE_INIT;
    struct call getter, putter;
    (void)arg;
    check_equal(whorl_queue_init_with(&given, WHORL_QUEUE_FIFO, slots, 100, NULL), 0);
    begin_get(&getter, &growing);
    begin_put(&putter, &growing, 9); /* the getter's */
    check_equal(end_get(&getter), 9);
    check_equal(end_call(&putter), 0);
    begin_get(&getter, &growing);
    leave_memory(SPARE_BYTES);
    void *taken = take_heap();
    check_equal(whorl_queue_put(&growing, item_of(1)), 0); /* the getter's */
    check_equal(whorl_queue_put(&growing, item_of(2)), -ENOMEM);
    check_equal(whorl_queue_try_put(&growing, item_of(2)), -ENOMEM);
    check_equal(whorl_queue_size(&growing), 0);
    for (intptr_t i = 0; i < 100; i++)
        check_equal(whorl_queue_put(&given, item_of(i)), 0);
    begin_put(&putter, &given, 100);
    for (intptr_t i = 0; i <= 100; i++)
        check_equal(next_of(&given), i);
    check_equal(end_call(&putter), 0);
    check_equal(end_get(&getter), 1);
    check_equal(whorl_queue_destroy(&given), 0);
    give_heap_back(taken);
    return whorl_queue_destroy(&growing);
}

static void an_item_for_a_getter_or_for_the_programs_array_needs_no_memory(void **state)
{
    if (UNDER_SANITIZER)
        skip_because("a sanitizer cannot run without memory for itself");
    run_checks_in_child(NULL, go_without, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_queue_that_cannot_grow_refuses_a_put_and_loses_nothing),
        behaviour(an_item_for_a_getter_or_for_the_programs_array_needs_no_memory),
    };
    return run_behaviours("queue memory", tests);
}
