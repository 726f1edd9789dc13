/* Semaphores, bounded and not: permits taken, given back, and given beyond the bound. */
#include "as_task.h"
#include "start.h"

static whorl_semaphore semaphore = WHORL_SEMAPHORE_INIT(2);
static whorl_semaphore bounded = WHORL_BOUNDED_SEMAPHORE_INIT(1, 2);

static intptr_t take(void *arg)
{
    return whorl_semaphore_acquire(arg);
}

static void a_permit_given_back_is_the_first_waiters(void **state)
{
    (void)state;
    assert_int_equal(whorl_semaphore_value(&semaphore), 2);
    assert_int_equal(whorl_semaphore_acquire(&semaphore), 0);
    assert_int_equal(whorl_semaphore_value(&semaphore), 1);
    assert_int_equal(whorl_semaphore_try_acquire(&semaphore), 0);
    assert_int_equal(whorl_semaphore_value(&semaphore), 0);
    assert_int_equal(whorl_semaphore_try_acquire(&semaphore), -EAGAIN);
    whorl_task *waiter = start(take, &semaphore);
    assert_int_equal(whorl_semaphore_release(&semaphore), 0);
    /* It is the waiter's already. */
    assert_int_equal(whorl_semaphore_value(&semaphore), 0);
    assert_int_equal(whorl_semaphore_try_acquire(&semaphore), -EAGAIN);
    assert_int_equal(whorl_is_done(waiter), 0);
    assert_int_equal(whorl_join(waiter), 0);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(whorl_semaphore_release(&semaphore), 0);
        assert_int_equal(whorl_semaphore_value(&semaphore), i);
    }
    assert_int_equal(whorl_semaphore_acquire(&semaphore), 0);
}

static void releasing_above_the_bound_overflows_and_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(whorl_semaphore_release(&bounded), 0);
    assert_int_equal(whorl_semaphore_release(&bounded), -EOVERFLOW);
    assert_int_equal(whorl_semaphore_value(&bounded), 2);
    assert_int_equal(whorl_semaphore_acquire(&bounded), 0);
    assert_int_equal(whorl_semaphore_acquire(&bounded), 0);
    whorl_task *waiter = start(take, &bounded);
    assert_int_equal(whorl_semaphore_release(&bounded), 0);
    assert_int_equal(whorl_semaphore_release(&bounded), 0);
    assert_int_equal(whorl_semaphore_release(&bounded), 0);
    assert_int_equal(whorl_semaphore_release(&bounded), -EOVERFLOW);
    assert_int_equal(whorl_join(waiter), 0);
}

static void without_a_bound_the_largest_number_is_it(void **state)
{
    (void)state;
    whorl_semaphore full = WHORL_SEMAPHORE_INIT(WHORL_SEMAPHORE_MAX - 1);
    assert_int_equal(whorl_semaphore_release(&full), 0);
    assert_int_equal(whorl_semaphore_release(&full), -EOVERFLOW);
    assert_int_equal(whorl_semaphore_value(&full), WHORL_SEMAPHORE_MAX);
    /* All zero: no permits, and no bound. */
    whorl_semaphore empty = {0};
    assert_int_equal(whorl_semaphore_try_acquire(&empty), -EAGAIN);
    assert_int_equal(whorl_semaphore_release(&empty), 0);
    assert_int_equal(whorl_semaphore_release(&empty), 0);
    empty.value = WHORL_SEMAPHORE_MAX;
    assert_int_equal(whorl_semaphore_release(&empty), -EOVERFLOW);
}

static void a_cancelled_task_can_give_and_try(void **state)
{
    (void)state;
    assert_int_equal(whorl_semaphore_init(&semaphore, 0), 0);
    whorl_task *waiter = start(take, &semaphore);
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(whorl_semaphore_release(&semaphore), 0);
    assert_int_equal(whorl_semaphore_release(&semaphore), 0);
    assert_int_equal(whorl_semaphore_acquire(&semaphore), -ECANCELED);
    assert_int_equal(whorl_semaphore_value(&semaphore), 1);
    assert_int_equal(whorl_semaphore_try_acquire(&semaphore), 0);
    assert_int_equal(whorl_uncancel(), 1);
    assert_int_equal(whorl_join(waiter), 0);
}

static void it_is_made_with_a_number_within_bounds(void **state)
{
    whorl_semaphore made;
    (void)state;
    assert_int_equal(whorl_semaphore_init(&made, -1), -EINVAL);
    assert_int_equal(whorl_bounded_semaphore_init(&made, -1, 1), -EINVAL);
    assert_int_equal(whorl_bounded_semaphore_init(&made, 0, 0), -EINVAL);
    assert_int_equal(whorl_bounded_semaphore_init(&made, 3, 2), -EINVAL);
    assert_int_equal(whorl_bounded_semaphore_init(&made, 2, 2), 0);
    assert_int_equal(whorl_semaphore_value(&made), 2);
    assert_int_equal(whorl_semaphore_init(&made, 5), 0);
    assert_int_equal(whorl_semaphore_value(&made), 5);
    assert_int_equal(whorl_semaphore_destroy(&made), 0);
    assert_int_equal(whorl_semaphore_value(&made), 0);
}

/* --- At most so many at once --- */

static int inside, most;

static intptr_t go_in_and_out(void *arg)
{
    whorl_semaphore *door = arg;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(whorl_semaphore_acquire(door), 0);
        inside++;
        most = inside > most ? inside : most;
        assert_int_equal(whorl_sleep(1 + i % 3), 0);
        inside--;
        assert_int_equal(whorl_semaphore_release(door), 0);
    }
    return 0;
}

static void as_many_as_it_has_permits_are_inside(void **state)
{
    (void)state;
    whorl_semaphore door = WHORL_BOUNDED_SEMAPHORE_INIT(7, 7);
    whorl_task *tasks[30];
    for (size_t i = 0; i < count_of(tasks); i++)
        tasks[i] = whorl_spawn(go_in_and_out, &door);
    for (size_t i = 0; i < count_of(tasks); i++)
        assert_int_equal(whorl_join(tasks[i]), 0);
    assert_int_equal(most, 7);
    assert_int_equal(whorl_semaphore_value(&door), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_permit_given_back_is_the_first_waiters),
        as_task(releasing_above_the_bound_overflows_and_changes_nothing),
        as_task(without_a_bound_the_largest_number_is_it),
        as_task(a_cancelled_task_can_give_and_try),
        behaviour(it_is_made_with_a_number_within_bounds),
        as_task(as_many_as_it_has_permits_are_inside),
    };
    return run_behaviours("semaphore", tests);
}
