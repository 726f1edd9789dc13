/* Mutexes: who holds one, who may let go of it, and who is next. */
#include "as_task.h"
#include "start.h"

static whorl_mutex mutex = WHORL_MUTEX_INIT;

static intptr_t count_a_run(void *arg)
{
    return ++*(int *)arg;
}

static void a_free_mutex_is_taken_at_once(void **state)
{
    (void)state;
    int others = 0;
    whorl_task *other = whorl_spawn(count_a_run, &others);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(whorl_mutex_is_locked(&mutex), 0);
        assert_int_equal(i == 1 ? whorl_mutex_try_lock(&mutex) : whorl_mutex_lock(&mutex), 0);
        assert_int_equal(whorl_mutex_is_locked(&mutex), 1);
        assert_int_equal(whorl_mutex_unlock(&mutex), 0);
    }
    assert_int_equal(others, 0);
    assert_int_equal(whorl_join(other), 1);
}

static intptr_t lock_in_turn(void *arg)
{
    int *last = arg;
    assert_int_equal(whorl_mutex_lock(&mutex), 0);
    int mine = ++*last;
    assert_int_equal(whorl_yield(), 0);
    /* Nobody else has been in. */
    assert_int_equal(*last, mine);
    assert_int_equal(whorl_mutex_unlock(&mutex), 0);
    return mine;
}

static void unlocking_hands_it_to_the_first_who_waits(void **state)
{
    (void)state;
    int last = 0;
    assert_int_equal(whorl_mutex_lock(&mutex), 0);
    whorl_task *first = start(lock_in_turn, &last);
    whorl_task *second = start(lock_in_turn, &last);
    assert_int_equal(last, 0);
    assert_int_equal(whorl_mutex_unlock(&mutex), 0);
    /* It is the first one's now, though that has not run. */
    assert_int_equal(last, 0);
    assert_int_equal(whorl_mutex_is_locked(&mutex), 1);
    assert_int_equal(whorl_mutex_try_lock(&mutex), -EBUSY);
    assert_int_equal(whorl_mutex_unlock(&mutex), -EPERM);
    assert_int_equal(lock_in_turn(&last), 3);
    assert_int_equal(whorl_join(first), 1);
    assert_int_equal(whorl_join(second), 2);
    assert_int_equal(whorl_mutex_is_locked(&mutex), 0);
}

static intptr_t unlock_what_is_not_mine(void *arg)
{
    (void)arg;
    assert_int_equal(whorl_mutex_unlock(&mutex), -EPERM);
    assert_int_equal(whorl_mutex_try_lock(&mutex), -EBUSY);
    return whorl_mutex_is_locked(&mutex);
}

static void only_its_holder_unlocks_it_and_locks_it_no_second_time(void **state)
{
    (void)state;
    assert_int_equal(whorl_mutex_unlock(&mutex), -EPERM);
    assert_int_equal(whorl_mutex_lock(&mutex), 0);
    assert_int_equal(whorl_mutex_lock(&mutex), -EDEADLK);
    assert_int_equal(whorl_mutex_try_lock(&mutex), -EBUSY);
    assert_int_equal(whorl_join(whorl_spawn(unlock_what_is_not_mine, NULL)), 1);
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(whorl_mutex_lock(&mutex), -EDEADLK);
    assert_int_equal(whorl_uncancel(), 1);
    assert_int_equal(whorl_mutex_unlock(&mutex), 0);
    assert_int_equal(whorl_mutex_unlock(&mutex), -EPERM);
}

static void a_cancelled_task_can_let_go_and_try(void **state)
{
    (void)state;
    assert_int_equal(whorl_mutex_lock(&mutex), 0);
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(whorl_mutex_lock(&mutex), -EDEADLK);
    assert_int_equal(whorl_mutex_unlock(&mutex), 0);
    assert_int_equal(whorl_mutex_lock(&mutex), -ECANCELED);
    assert_int_equal(whorl_mutex_is_locked(&mutex), 0);
    assert_int_equal(whorl_mutex_try_lock(&mutex), 0);
    assert_int_equal(whorl_mutex_unlock(&mutex), 0);
    assert_int_equal(whorl_uncancel(), 1);
}

/* --- Holders that have ended --- */

static intptr_t lock_and_end(void *arg)
{
    (void)arg;
    return whorl_mutex_lock(&mutex);
}

/* On the stack of the holder that has ended, as it was the last to be given back. */
static intptr_t take_the_place(void *arg)
{
    assert_int_equal((uintptr_t)whorl_self() << 16, (uintptr_t)arg << 16);
    assert_int_equal(whorl_mutex_unlock(&mutex), -EPERM);
    assert_int_equal(whorl_mutex_try_lock(&mutex), -EBUSY);
    whorl_timeout scope;
    assert_int_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    assert_int_equal(whorl_timeout_end(&scope, whorl_mutex_lock(&mutex)), -ETIMEDOUT);
    return 0;
}

static void a_task_in_the_place_of_a_holder_that_ended_is_not_taken_for_it(void **state)
{
    (void)state;
    whorl_task *holder = whorl_spawn(lock_and_end, NULL);
    assert_int_equal(whorl_join(holder), 0);
    assert_int_equal(whorl_mutex_is_locked(&mutex), 1);
    assert_int_equal(whorl_mutex_destroy(&mutex), -EBUSY);
    assert_int_equal(whorl_join(whorl_spawn(take_the_place, holder)), 0);
    assert_int_equal(whorl_mutex_init(&mutex), 0);
}

static intptr_t find_it_held(void *arg)
{
    (void)arg;
    check_equal(whorl_mutex_unlock(&mutex), -EPERM);
    check_equal(whorl_mutex_lock(&mutex), -EPERM);
    check_equal(whorl_mutex_try_lock(&mutex), -EPERM);
    check_equal(whorl_mutex_is_locked(&mutex), 1);
    check_equal(whorl_mutex_destroy(&mutex), -EBUSY);
    check_equal(whorl_mutex_init(&mutex), 0);
    return whorl_mutex_lock(&mutex);
}

static void what_an_earlier_run_left_locked_is_nobodys(void **state)
{
    (void)state;
    /* The main task of each run has the same number, and mostly the same place. */
    for (int i = 0; i < 10; i++) {
        run_checks(i == 0 ? lock_and_end : find_it_held, NULL);
        assert_int_equal(whorl_mutex_is_locked(&mutex), 1);
    }
    assert_int_equal(whorl_mutex_init(&mutex), 0);
}

/* --- In use --- */

static int inside;

static intptr_t go_in_and_out(void *arg)
{
    for (intptr_t i = 0; i < (intptr_t)arg; i++) {
        assert_int_equal(whorl_mutex_lock(&mutex), 0);
        assert_int_equal(++inside, 1);
        assert_int_equal(i % 2 ? whorl_yield() : whorl_sleep(1), 0);
        assert_int_equal(inside--, 1);
        assert_int_equal(whorl_mutex_unlock(&mutex), 0);
    }
    return 0;
}

static void one_task_at_a_time_is_inside(void **state)
{
    (void)state;
    whorl_task *tasks[20];
    for (size_t i = 0; i < count_of(tasks); i++)
        tasks[i] = whorl_spawn(go_in_and_out, (void *)(intptr_t)(50 + i));
    for (size_t i = 0; i < count_of(tasks); i++)
        assert_int_equal(whorl_join(tasks[i]), 0);
    assert_int_equal(whorl_mutex_is_locked(&mutex), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_free_mutex_is_taken_at_once),
        as_task(unlocking_hands_it_to_the_first_who_waits),
        as_task(only_its_holder_unlocks_it_and_locks_it_no_second_time),
        as_task(a_cancelled_task_can_let_go_and_try),
        as_task(a_task_in_the_place_of_a_holder_that_ended_is_not_taken_for_it),
        behaviour(what_an_earlier_run_left_locked_is_nobodys),
        as_task(one_task_at_a_time_is_inside),
    };
    return run_behaviours("mutex", tests);
}
