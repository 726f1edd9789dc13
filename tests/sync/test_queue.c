/*
 * Queues as stores: in which order items come out, how many there may be, and where they lie.
 * Nobody waits here.
 */
#include "as_task.h"
#include "queue_calls.h"

#define numbers(...) (const intptr_t[]){__VA_ARGS__}, count_of(((const intptr_t[]){__VA_ARGS__}))

static whorl_queue unbounded = WHORL_QUEUE_INIT;
static whorl_queue bounded = WHORL_QUEUE_INIT_BOUNDED(3);

static void a_fifo_queue_gives_items_in_the_order_in_which_they_were_put(void **state)
{
    (void)state;
    whorl_queue queue;
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, 0, NULL), 0);
    put_numbers(&queue, numbers(3, 1, 2));
    check_numbers(&queue, numbers(3, 1, 2));
    /* Around the end of its array many times, and growing in the middle of it. */
    intptr_t put = 0, got = 0;
    for (intptr_t i = 1; i < 400; i++) {
        for (intptr_t j = 0; j < i; j++)
            assert_int_equal(whorl_queue_put(&queue, item_of(put++)), 0);
        for (intptr_t j = 0; j < i - 1; j++)
            assert_int_equal(next_of(&queue), got++);
        assert_int_equal(whorl_queue_size(&queue), put - got);
    }
    while (got < put)
        assert_int_equal(next_of(&queue), got++);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void a_lifo_queue_gives_the_last_one_first(void **state)
{
    (void)state;
    whorl_queue queue;
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_LIFO, 0, NULL), 0);
    put_numbers(&queue, numbers(3, 1, 2));
    assert_int_equal(next_of(&queue), 2);
    put_numbers(&queue, numbers(7));
    check_numbers(&queue, numbers(7, 1, 3));
    for (intptr_t i = 0; i < 1000; i++)
        assert_int_equal(whorl_queue_put(&queue, item_of(i)), 0);
    for (intptr_t i = 1000; i-- > 0;)
        assert_int_equal(next_of(&queue), i);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void a_priority_queue_gives_the_lowest_first(void **state)
{
    (void)state;
    whorl_queue queue;
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_PRIORITY, 0, compare_numbers), 0);
    put_numbers(&queue, numbers(5, 3, 8, 1, 9, 2));
    assert_int_equal(next_of(&queue), 1);
    put_numbers(&queue, numbers(4, 0));
    check_numbers(&queue, numbers(0, 2, 3, 4, 5, 8, 9));
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void null_is_an_item_like_another(void **state)
{
    (void)state;
    static const enum whorl_queue_kind kinds[] = {WHORL_QUEUE_FIFO, WHORL_QUEUE_LIFO,
                                                  WHORL_QUEUE_PRIORITY};
    for (size_t i = 0; i < count_of(kinds); i++) {
        whorl_queue queue;
        void *item = &queue;
        assert_int_equal(whorl_queue_init(&queue, kinds[i], 0, compare_numbers), 0);
        assert_int_equal(whorl_queue_put(&queue, NULL), 0);
        assert_int_equal(whorl_queue_size(&queue), 1);
        assert_int_equal(whorl_queue_get(&queue, &item), 0);
        assert_null(item);
        assert_int_equal(whorl_queue_destroy(&queue), 0);
    }
}

static void static_initialisers_make_a_fifo_queue_bounded_or_not(void **state)
{
    (void)state;
    assert_int_equal(whorl_queue_capacity(&unbounded), 0);
    assert_int_equal(whorl_queue_capacity(&bounded), 3);
    put_numbers(&unbounded, numbers(4, 5, 6, 7));
    put_numbers(&bounded, numbers(1, 2, 3));
    assert_int_equal(whorl_queue_try_put(&bounded, item_of(4)), -EAGAIN);
    check_numbers(&bounded, numbers(1, 2, 3));
    check_numbers(&unbounded, numbers(4, 5, 6, 7));
    assert_int_equal(whorl_queue_destroy(&bounded), 0);
    assert_int_equal(whorl_queue_destroy(&unbounded), 0);
}

static void look_at(const whorl_queue *queue, ssize_t size, int is_empty, int is_full)
{
    assert_int_equal(whorl_queue_size(queue), size);
    assert_int_equal(whorl_queue_is_empty(queue), is_empty);
    assert_int_equal(whorl_queue_is_full(queue), is_full);
}

static void size_is_empty_and_is_full_tell_what_is_in_it(void **state)
{
    (void)state;
    whorl_queue queue;
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_LIFO, 2, NULL), 0);
    assert_int_equal(whorl_queue_capacity(&queue), 2);
    look_at(&queue, 0, 1, 0);
    put_numbers(&queue, numbers(1));
    look_at(&queue, 1, 0, 0);
    put_numbers(&queue, numbers(2));
    look_at(&queue, 2, 0, 1);
    check_numbers(&queue, numbers(2, 1));
    look_at(&queue, 0, 1, 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, 0, NULL), 0);
    look_at(&queue, 0, 1, 0);
    for (intptr_t i = 1; i < 100; i++) {
        put_numbers(&queue, &i, 1);
        look_at(&queue, i, 0, 0);
    }
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    look_at(&queue, 0, 1, 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void the_try_forms_do_not_wait(void **state)
{
    (void)state;
    whorl_queue queue;
    void *item = item_of(77);
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, 1, NULL), 0);
    assert_int_equal(whorl_queue_try_get(&queue, &item), -EAGAIN);
    assert_int_equal((intptr_t)item, 77);
    assert_int_equal(whorl_queue_try_put(&queue, item_of(1)), 0);
    assert_int_equal(whorl_queue_try_put(&queue, item_of(2)), -EAGAIN);
    check_numbers(&queue, numbers(1));
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void *slots[WHORL_QUEUE_SLOTS(WHORL_QUEUE_PRIORITY, 40) + 1];

/* Fills it and empties it from every point of a ring;
 * what lies behind its slots stays as it was. */
static void fill_and_empty(whorl_queue *queue, enum whorl_queue_kind kind, intptr_t capacity)
{
    for (intptr_t round = 0; round <= capacity; round++) {
        for (intptr_t i = 0; i < capacity; i++)
            assert_int_equal(whorl_queue_try_put(queue, item_of(i)), 0);
        assert_int_equal(whorl_queue_try_put(queue, item_of(99)), -EAGAIN);
        for (intptr_t i = 0; i < capacity; i++)
            assert_int_equal(next_of(queue), kind == WHORL_QUEUE_LIFO ? capacity - 1 - i : i);
        assert_int_equal(next_of(queue), -EAGAIN);
        put_numbers(queue, numbers(5));
        check_numbers(queue, numbers(5));
    }
}

static void a_bounded_queue_holds_its_capacity_in_its_own_memory_or_the_programs(void **state)
{
    (void)state;
    whorl_queue queue;
    for (int kind = WHORL_QUEUE_FIFO; kind <= WHORL_QUEUE_PRIORITY; kind++) {
        enum whorl_queue_kind that = (enum whorl_queue_kind)kind;
        for (size_t capacity = 1; capacity <= 40; capacity++) {
            void **end = &slots[WHORL_QUEUE_SLOTS(that, capacity)];
            *end = slots;
            assert_int_equal(whorl_queue_init_with(&queue, that, slots, capacity, compare_numbers),
                             0);
            assert_int_equal(whorl_queue_capacity(&queue), (ssize_t)capacity);
            fill_and_empty(&queue, that, (intptr_t)capacity);
            assert_ptr_equal(*end, slots);
            assert_int_equal(whorl_queue_destroy(&queue), 0);
            assert_int_equal(whorl_queue_init(&queue, that, capacity, compare_numbers), 0);
            fill_and_empty(&queue, that, (intptr_t)capacity);
            assert_int_equal(whorl_queue_destroy(&queue), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_fifo_queue_gives_items_in_the_order_in_which_they_were_put),
        as_task(a_lifo_queue_gives_the_last_one_first),
        as_task(a_priority_queue_gives_the_lowest_first),
        as_task(null_is_an_item_like_another),
        as_task(static_initialisers_make_a_fifo_queue_bounded_or_not),
        as_task(size_is_empty_and_is_full_tell_what_is_in_it),
        as_task(the_try_forms_do_not_wait),
        as_task(a_bounded_queue_holds_its_capacity_in_its_own_memory_or_the_programs),
    };
    return run_behaviours("queue", tests);
}
