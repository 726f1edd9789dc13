/*
 * Priority queues under load: the lowest comes out first, and of equals the one that was put first,
 * however many there are and whoever puts and gets.
 */
#include "as_task.h"
#include "queue_calls.h"

#include <stdlib.h>

struct job {
    int urgency; /* the lower, the sooner */
    long number; /* in the order of putting */
};

static int compare_urgency(const void *a, const void *b)
{
    const struct job *one = a, *other = b;
    return one->urgency - other->urgency;
}

/* For qsort, which is not stable; so the order of putting is told. */
static int compare_jobs(const void *a, const void *b)
{
    const struct job *one = a, *other = b;
    if (one->urgency != other->urgency)
        return one->urgency - other->urgency;
    return (one->number > other->number) - (one->number < other->number);
}

enum { JOBS = 20000, FEW = 100 };

static struct job jobs[JOBS];
static struct job sorted[JOBS];
static whorl_queue queue;

static void draw_jobs(int urgencies, uint64_t stream)
{
    random_source source = random_from_seed(stream);
    for (int i = 0; i < JOBS; i++)
        jobs[i] = sorted[i] = (struct job){(int)random_below(&source, (uint64_t)urgencies), i};
    qsort(sorted, JOBS, sizeof *sorted, compare_jobs);
}

static void twenty_thousand_items_come_out_in_stable_order(void **state)
{
    (void)state;
    static const int urgencies[] = {1, 2, 10, JOBS, 1 << 30};
    for (size_t i = 0; i < count_of(urgencies); i++) {
        draw_jobs(urgencies[i], i);
        assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_PRIORITY, 0, compare_urgency), 0);
        for (int j = 0; j < JOBS; j++)
            assert_int_equal(whorl_queue_put(&queue, &jobs[j]), 0);
        for (int j = 0; j < JOBS; j++) {
            void *item = NULL;
            assert_int_equal(whorl_queue_get(&queue, &item), 0);
            assert_ptr_equal(item, &jobs[sorted[j].number]);
        }
        assert_int_equal(whorl_queue_destroy(&queue), 0);
    }
}

/* Which of the `count` jobs that are put comes first, or -1; by looking at each. */
static int lowest_of(const bool *is_in, int count)
{
    int lowest = -1;
    for (int i = 0; i < count; i++)
        if (is_in[i] && (lowest < 0 || compare_jobs(&jobs[i], &jobs[lowest]) < 0))
            lowest = i;
    return lowest;
}

/* Puts and gets in a random order, a queue that is small and one that grows. */
static void puts_and_gets_in_any_order_give_the_first_of_the_lowest(void **state)
{
    (void)state;
    random_source source = random_from_seed(100);
    for (long round = test_rounds(200); round > 0; round--) {
        bool is_in[FEW] = {false};
        int put = 0;
        draw_jobs(1 + (int)random_below(&source, 9), (uint64_t)round + 1000);
        assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_PRIORITY, 0, compare_urgency), 0);
        while (put < FEW || !whorl_queue_is_empty(&queue)) {
            void *item = NULL;
            if (put < FEW && random_below(&source, 5) < 3) {
                is_in[put] = true;
                assert_int_equal(whorl_queue_try_put(&queue, &jobs[put++]), 0);
                continue;
            }
            int lowest = lowest_of(is_in, put);
            assert_int_equal(whorl_queue_try_get(&queue, &item), lowest < 0 ? -EAGAIN : 0);
            if (lowest < 0)
                continue;
            assert_ptr_equal(item, &jobs[lowest]);
            is_in[lowest] = false;
        }
        assert_int_equal(whorl_queue_destroy(&queue), 0);
    }
}

/* --- Producers and consumers on a bounded queue --- */

enum { PRODUCERS = 20, CONSUMERS = 7, EACH = 100, LOAD = PRODUCERS * EACH };

static bool is_stored[LOAD];
static long handled;

/* The engine's order of puts is that of this program, as a put that does not wait lets nobody in
 * between; so it tries, and sleeps while the queue is full. */
static intptr_t produce(void *arg)
{
    int first = (int)(intptr_t)arg * EACH;
    for (int i = first; i < first + EACH; i++) {
        int error = whorl_queue_try_put(&queue, &jobs[i]);
        while (error == -EAGAIN) {
            assert_int_equal(whorl_sleep(WHORL_MS(1 + i % 3)), 0);
            error = whorl_queue_try_put(&queue, &jobs[i]);
        }
        assert_int_equal(error, 0);
        jobs[i].number = handled++;
        is_stored[i] = true;
        if (i % 5 == 0)
            assert_int_equal(whorl_sleep(WHORL_MS(1 + i % 7)), 0);
    }
    return 0;
}

static intptr_t consume(void *arg)
{
    void *item;
    (void)arg;
    for (;;) {
        int got = whorl_queue_try_get(&queue, &item);
        if (got == -EPIPE)
            return 0;
        if (got == 0) {
            int lowest = lowest_of(is_stored, LOAD);
            assert_true(lowest >= 0 && item == &jobs[lowest]);
            is_stored[(struct job *)item - jobs] = false;
            assert_int_equal(whorl_queue_task_done(&queue), 0);
        }
        assert_int_equal(whorl_sleep(WHORL_MS(2)), 0);
    }
}

static void the_order_holds_with_many_producers_and_consumers(void **state)
{
    (void)state;
    static void *slots[WHORL_QUEUE_SLOTS(WHORL_QUEUE_PRIORITY, 50)];
    whorl_group producers, consumers;
    draw_jobs(10, 7);
    handled = 0;
    assert_int_equal(
        whorl_queue_init_with(&queue, WHORL_QUEUE_PRIORITY, slots, 50, compare_urgency), 0);
    assert_int_equal(whorl_group_init(&consumers), 0);
    for (intptr_t i = 0; i < CONSUMERS; i++)
        assert_int_equal(whorl_group_spawn(&consumers, consume, NULL), 0);
    assert_int_equal(whorl_group_init(&producers), 0);
    for (intptr_t i = 0; i < PRODUCERS; i++)
        assert_int_equal(whorl_group_spawn(&producers, produce, (void *)i), 0);
    assert_int_equal(whorl_group_wait(&producers, 0), 0);
    assert_int_equal(whorl_queue_join(&queue), 0);
    assert_int_equal(handled, LOAD);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    assert_int_equal(whorl_group_wait(&consumers, 0), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

/* An item that waits outside takes part in the order only when it is in. */
static void items_of_putters_that_wait_come_in_by_their_turn(void **state)
{
    (void)state;
    struct call putters[3];
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_PRIORITY, 2, compare_numbers), 0);
    put_numbers(&queue, (const intptr_t[]){6, 5}, 2);
    begin_put(&putters[0], &queue, 7);
    begin_put(&putters[1], &queue, 1);
    begin_put(&putters[2], &queue, 2);
    assert_int_equal(next_of(&queue), 5);
    assert_int_equal(next_of(&queue), 6);
    assert_int_equal(next_of(&queue), 1);
    assert_int_equal(next_of(&queue), 2);
    assert_int_equal(next_of(&queue), 7);
    for (int i = 0; i < 3; i++)
        assert_int_equal(end_call(&putters[i]), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(twenty_thousand_items_come_out_in_stable_order),
        as_task(puts_and_gets_in_any_order_give_the_first_of_the_lowest),
        as_task(the_order_holds_with_many_producers_and_consumers),
        as_task(items_of_putters_that_wait_come_in_by_their_turn),
    };
    return run_behaviours("queue, priority", tests);
}
