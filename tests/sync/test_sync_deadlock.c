/*
 * Deadlocks among tasks that share things: the report names what each waits for, and who holds it;
 * then all are cancelled, and what can end ends.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/stuck.h"

static whorl_mutex left, right;
static whorl_event event;
static whorl_cond cond;
static whorl_semaphore semaphore;
static whorl_barrier barrier;
static whorl_rwlock rwlock;
static whorl_once once;

static void begin(void)
{
    check_equal(whorl_mutex_init(&left), 0);
    check_equal(whorl_mutex_init(&right), 0);
    check_equal(whorl_event_init(&event), 0);
    check_equal(whorl_cond_init(&cond), 0);
    check_equal(whorl_semaphore_init(&semaphore, 0), 0);
    check_equal(whorl_barrier_init(&barrier, 2), 0);
    check_equal(whorl_rwlock_init(&rwlock), 0);
    check_equal(whorl_once_init(&once), 0);
}

/* --- Two mutexes in two orders --- */

static intptr_t lock_both(whorl_mutex *first, whorl_mutex *second)
{
    check_equal(whorl_mutex_lock(first), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_mutex_lock(second), -ECANCELED);
    check_equal(whorl_mutex_unlock(first), 0);
    cleaned++;
    return 0;
}

static intptr_t lock_left_first(void *arg)
{
    (void)arg;
    return lock_both(&left, &right);
}

static intptr_t lock_crosswise(void *arg)
{
    (void)arg;
    begin();
    spawn("ann", lock_left_first);
    return lock_both(&right, &left);
}

static void the_report_names_the_holders_of_mutexes(void **state)
{
    const struct scene scene = {lock_crosswise, {.name = "olga"}, -EDEADLK, 2};
    struct child child;
    (void)state;
    watch(&scene, &child);
    assert_true(is_told(&child, "olga", "a mutex, held by ann"));
    assert_true(is_told(&child, "ann", "a mutex, held by olga"));
}

/* --- A holder that has ended --- */

static intptr_t lock_and_end(void *arg)
{
    (void)arg;
    return whorl_mutex_lock(&left);
}

static intptr_t wait_for_the_dead(void *arg)
{
    (void)arg;
    begin();
    whorl_task *ann = spawn("ann", lock_and_end);
    check_equal(whorl_join(ann), 0);
    /* The next in its place is not named. */
    spawn("bob", wait_for_main);
    main_task = whorl_self();
    check_equal(whorl_mutex_lock(&left), -ECANCELED);
    return 0;
}

static void a_holder_that_has_ended_is_waited_for_in_vain(void **state)
{
    const struct scene scene = {wait_for_the_dead, {.name = "olga"}, -EDEADLK, 1};
    struct child child;
    (void)state;
    watch(&scene, &child);
    assert_non_null(strstr(child.text, " olga waits for a mutex\n"));
    assert_null(strstr(child.text, "held by"));
}

/* --- The others --- */

static intptr_t wait_for_event(void *arg)
{
    (void)arg;
    check_equal(whorl_event_wait(&event), -ECANCELED);
    cleaned++;
    return 1;
}

static intptr_t wait_for_notify(void *arg)
{
    (void)arg;
    check_equal(whorl_mutex_lock(&left), 0);
    check_equal(whorl_cond_wait(&cond, &left), -ECANCELED);
    check_equal(whorl_mutex_unlock(&left), 0);
    return ++cleaned;
}

static intptr_t wait_for_a_permit(void *arg)
{
    (void)arg;
    check_equal(whorl_semaphore_acquire(&semaphore), -ECANCELED);
    return ++cleaned;
}

static intptr_t wait_for_a_second(void *arg)
{
    (void)arg;
    check_equal(whorl_barrier_wait(&barrier), -ECANCELED);
    return ++cleaned;
}

static intptr_t wait_to_read(void *arg)
{
    (void)arg;
    check_equal(whorl_rwlock_read_lock(&rwlock), -ECANCELED);
    return ++cleaned;
}

static intptr_t wait_to_write(void *arg)
{
    (void)arg;
    check_equal(whorl_rwlock_write_lock(&rwlock), -ECANCELED);
    return ++cleaned;
}

static intptr_t wait_for_a_run(void *arg)
{
    check_equal(whorl_once_run(&once, wait_for_event, arg), -ECANCELED);
    return ++cleaned;
}

static intptr_t run_into_all(void *arg)
{
    check_equal(whorl_rwlock_write_lock(&rwlock), 0);
    spawn("ann", wait_for_event);
    spawn("bob", wait_for_notify);
    spawn("cat", wait_for_a_permit);
    spawn("dan", wait_for_a_second);
    spawn("eve", wait_to_read);
    spawn("fay", wait_to_write);
    spawn("gus", wait_for_a_run);
    check_equal(whorl_once_run(&once, wait_for_event, arg), 1);
    check_equal(whorl_rwlock_write_unlock(&rwlock), 0);
    return 0;
}

static intptr_t get_stuck_in_all(void *arg)
{
    begin();
    check_equal(run_into_all(arg), 0);
    return ++cleaned;
}

static void the_report_says_what_each_waits_for(void **state)
{
    const struct scene scene = {get_stuck_in_all, {.name = "olga"}, -EDEADLK, 9};
    struct child child;
    (void)state;
    watch(&scene, &child);
    assert_true(is_told(&child, "ann", "an event"));
    assert_true(is_told(&child, "bob", "a condition"));
    assert_true(is_told(&child, "cat", "a semaphore"));
    assert_true(is_told(&child, "dan", "a barrier"));
    assert_true(is_told(&child, "eve", "a read-write lock, to read, held by olga"));
    assert_true(is_told(&child, "fay", "a read-write lock, to write, held by olga"));
    assert_true(is_told(&child, "gus", "a once, run by olga"));
}

/* --- Back to a mutex whose holder has ended --- */

static intptr_t wait_and_lose_the_mutex(void *arg)
{
    (void)arg;
    check_equal(whorl_mutex_lock(&left), 0);
    whorl_cond_wait(&cond, &left);
    check_failed("nobody gives the mutex back");
    return 0;
}

static intptr_t take_the_mutex_away(void *arg)
{
    (void)arg;
    begin();
    spawn("ann", wait_and_lose_the_mutex);
    check_equal(whorl_yield(), 0);
    whorl_task *bob = spawn("bob", lock_and_end);
    check_equal(whorl_join(bob), 0);
    return whorl_cond_notify_all(&cond);
}

static void who_waits_for_its_mutex_again_in_vain_is_given_up(void **state)
{
    const struct scene scene = {take_the_mutex_away, {.name = "olga"}, -EDEADLK, 0};
    struct child child;
    (void)state;
    watch(&scene, &child);
    assert_true(is_told(&child, "ann", "a mutex again"));
    assert_non_null(strstr(child.text, "given up"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_report_names_the_holders_of_mutexes),
        behaviour(a_holder_that_has_ended_is_waited_for_in_vain),
        behaviour(the_report_says_what_each_waits_for),
        behaviour(who_waits_for_its_mutex_again_in_vain_is_given_up),
    };
    return run_behaviours("deadlocks of locks", tests);
}
