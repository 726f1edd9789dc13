/*
 * What is refused: NULL, calls from outside of tasks, tasks of another loop, and destroying what is
 * in use.
 */
#include "kinds.h"

#include <pthread.h>

/* --- NULL, and no task --- */

static int is_true(void *arg)
{
    return arg == NULL;
}

static void check_without_objects(int in_a_task)
{
    int expected = in_a_task ? -EINVAL : -EPERM;
    check_equal(whorl_mutex_lock(NULL), expected);
    check_equal(whorl_mutex_try_lock(NULL), expected);
    check_equal(whorl_mutex_unlock(NULL), expected);
    check_equal(whorl_event_set(NULL), expected);
    check_equal(whorl_event_clear(NULL), expected);
    check_equal(whorl_event_wait(NULL), expected);
    check_equal(whorl_cond_wait(NULL, &mutex), expected);
    check_equal(whorl_cond_wait(&cond, NULL), expected);
    check_equal(whorl_cond_wait_for(NULL, &mutex, is_true, NULL), expected);
    check_equal(whorl_cond_wait_for(&cond, NULL, is_true, NULL), expected);
    check_equal(whorl_cond_notify(NULL, 1), expected);
    check_equal(whorl_cond_notify_all(NULL), expected);
    check_equal(whorl_semaphore_acquire(NULL), expected);
    check_equal(whorl_semaphore_try_acquire(NULL), expected);
    check_equal(whorl_semaphore_release(NULL), expected);
    check_equal(whorl_barrier_wait(NULL), expected);
    check_equal(whorl_barrier_abort(NULL), expected);
    check_equal(whorl_barrier_reset(NULL), expected);
    check_equal(whorl_rwlock_read_lock(NULL), expected);
    check_equal(whorl_rwlock_write_lock(NULL), expected);
    check_equal(whorl_rwlock_try_read_lock(NULL), expected);
    check_equal(whorl_rwlock_try_write_lock(NULL), expected);
    check_equal(whorl_rwlock_read_unlock(NULL), expected);
    check_equal(whorl_rwlock_write_unlock(NULL), expected);
    check_equal(whorl_rwlock_downgrade(NULL), expected);
    check_equal(whorl_once_run(NULL, never_run, NULL), expected);
    check_equal(whorl_once_run(&once, NULL, NULL), expected);
}

/* These may be called from anywhere. */
static void check_objects_from_anywhere(void)
{
    check_equal(whorl_mutex_init(NULL), -EINVAL);
    check_equal(whorl_mutex_destroy(NULL), -EINVAL);
    check_equal(whorl_mutex_is_locked(NULL), -EINVAL);
    check_equal(whorl_event_init(NULL), -EINVAL);
    check_equal(whorl_event_destroy(NULL), -EINVAL);
    check_equal(whorl_event_is_set(NULL), -EINVAL);
    check_equal(whorl_cond_init(NULL), -EINVAL);
    check_equal(whorl_cond_destroy(NULL), -EINVAL);
    check_equal(whorl_semaphore_init(NULL, 1), -EINVAL);
    check_equal(whorl_bounded_semaphore_init(NULL, 1, 1), -EINVAL);
    check_equal(whorl_semaphore_destroy(NULL), -EINVAL);
    check_equal(whorl_semaphore_value(NULL), -EINVAL);
    check_equal(whorl_barrier_init(NULL, 1), -EINVAL);
    check_equal(whorl_barrier_destroy(NULL), -EINVAL);
    check_equal(whorl_barrier_parties(NULL), -EINVAL);
    check_equal(whorl_barrier_waiting(NULL), -EINVAL);
    check_equal(whorl_barrier_is_broken(NULL), -EINVAL);
    check_equal(whorl_rwlock_init(NULL), -EINVAL);
    check_equal(whorl_rwlock_destroy(NULL), -EINVAL);
    check_equal(whorl_once_init(NULL), -EINVAL);
    check_equal(whorl_once_destroy(NULL), -EINVAL);
    check_equal(whorl_once_is_done(NULL), -EINVAL);
    check_equal(whorl_mutex_init(&mutex), 0);
    check_equal(whorl_event_init(&event), 0);
    check_equal(whorl_cond_init(&cond), 0);
    check_equal(whorl_semaphore_init(&semaphore, 1), 0);
    check_equal(whorl_barrier_init(&barrier, 2), 0);
    check_equal(whorl_rwlock_init(&rwlock), 0);
    check_equal(whorl_once_init(&once), 0);
    check_equal(whorl_mutex_is_locked(&mutex), 0);
    check_equal(whorl_event_is_set(&event), 0);
    check_equal(whorl_semaphore_value(&semaphore), 1);
    check_equal(whorl_barrier_parties(&barrier), 2);
    check_equal(whorl_barrier_waiting(&barrier), 0);
    check_equal(whorl_barrier_is_broken(&barrier), 0);
    check_equal(whorl_once_is_done(&once), 0);
}

static intptr_t give_nothing(void *arg)
{
    (void)arg;
    check_without_objects(1);
    check_objects_from_anywhere();
    return 0;
}

static void without_an_object_nothing_is_done(void **state)
{
    (void)state;
    run_checks(give_nothing, NULL);
}

/* Each call that needs a task, on what tasks of another loop hold and wait for, or from none. */
static void check_no_permission(void)
{
    check_equal(whorl_mutex_lock(&mutex), -EPERM);
    check_equal(whorl_mutex_try_lock(&mutex), -EPERM);
    check_equal(whorl_mutex_unlock(&mutex), -EPERM);
    check_equal(whorl_event_set(&event), -EPERM);
    check_equal(whorl_event_clear(&event), -EPERM);
    check_equal(whorl_event_wait(&event), -EPERM);
    check_equal(whorl_cond_wait(&cond, &cond_mutex), -EPERM);
    check_equal(whorl_cond_wait_for(&cond, &cond_mutex, is_true, NULL), -EPERM);
    check_equal(whorl_cond_notify(&cond, 1), -EPERM);
    check_equal(whorl_cond_notify_all(&cond), -EPERM);
    check_equal(whorl_semaphore_acquire(&semaphore), -EPERM);
    check_equal(whorl_semaphore_try_acquire(&semaphore), -EPERM);
    check_equal(whorl_semaphore_release(&semaphore), -EPERM);
    check_equal(whorl_barrier_wait(&barrier), -EPERM);
    check_equal(whorl_barrier_abort(&barrier), -EPERM);
    check_equal(whorl_barrier_reset(&barrier), -EPERM);
    check_equal(whorl_rwlock_read_lock(&rwlock), -EPERM);
    check_equal(whorl_rwlock_write_lock(&rwlock), -EPERM);
    check_equal(whorl_rwlock_try_read_lock(&rwlock), -EPERM);
    check_equal(whorl_rwlock_try_write_lock(&rwlock), -EPERM);
    check_equal(whorl_rwlock_read_unlock(&rwlock), -EPERM);
    check_equal(whorl_rwlock_write_unlock(&rwlock), -EPERM);
    check_equal(whorl_rwlock_downgrade(&rwlock), -EPERM);
    check_equal(whorl_once_run(&once, never_run, NULL), -EPERM);
}

static void outside_a_task_only_looking_is_allowed(void **state)
{
    (void)state;
    check_without_objects(0);
    check_objects_from_anywhere();
    check_no_permission();
}

/* --- Tasks of another loop --- */

static intptr_t act_in_another_loop(void *arg)
{
    (void)arg;
    check_no_permission();
    /* The mutex of the condition was free, so it could be taken; the condition not. */
    check_equal(ask_cond(), -EPERM);
    return 0;
}

static void *run_another_loop(void *arg)
{
    check_equal(whorl_run(act_in_another_loop, arg), 0);
    return NULL;
}

/* The other thread has its way while this one stands still. */
static void let_another_loop_act(void)
{
    pthread_t thread;
    if (check_equal(pthread_create(&thread, NULL, run_another_loop, NULL), 0))
        check_equal(pthread_join(thread, NULL), 0);
}

static intptr_t hold_and_wait(void *arg)
{
    struct asker askers[count_of(kinds)] = {0};
    (void)arg;
    for (size_t i = 0; i < count_of(kinds); i++) {
        /* The kinds share one read-write lock. */
        if (kinds[i].ask == ask_to_write)
            continue;
        kinds[i].close();
        spawn_asker(&askers[i], &kinds[i]);
    }
    let_another_loop_act();
    for (size_t i = 0; i < count_of(kinds); i++) {
        if (kinds[i].ask == ask_to_write)
            continue;
        kinds[i].open();
        join_asker(&askers[i], kinds[i].given, 0);
    }
    return 0;
}

static void tasks_of_another_loop_are_refused(void **state)
{
    (void)state;
    run_checks(hold_and_wait, NULL);
}

static intptr_t be_refused_at_a_lock(void *arg)
{
    (void)arg;
    check_equal(whorl_rwlock_read_lock(&rwlock), -EPERM);
    return whorl_rwlock_read_unlock(&rwlock) + EPERM;
}

static void *read_in_another_loop(void *arg)
{
    check_equal(whorl_run(be_refused_at_a_lock, arg), 0);
    return NULL;
}

static intptr_t read_in_two_loops(void *arg)
{
    pthread_t thread;
    (void)arg;
    close_to_writers();
    if (check_equal(pthread_create(&thread, NULL, read_in_another_loop, NULL), 0))
        check_equal(pthread_join(thread, NULL), 0);
    return whorl_rwlock_read_unlock(&rwlock);
}

static void readers_of_two_loops_do_not_mix(void **state)
{
    (void)state;
    run_checks(read_in_two_loops, NULL);
}

/* --- Destroying --- */

static intptr_t destroy_in_use(void *arg)
{
    const struct kind *kind = arg;
    struct asker asker = {0};
    kind->close();
    spawn_asker(&asker, kind);
    check_equal(kind->destroy(), -EBUSY);
    check_equal(whorl_yield(), 0);
    check_equal(kind->destroy(), -EBUSY);
    /* Nothing has changed. */
    kind->open();
    join_asker(&asker, kind->given, 0);
    check_equal(kind->destroy(), 0);
    check(is_all_zero(kind));
    check_equal(kind->destroy(), 0);
    /* With nobody left who waits. */
    kind->close();
    spawn_asker(&asker, kind);
    check_equal(whorl_cancel(asker.task), 0);
    kind->open();
    check_equal(kind->destroy(), 0);
    join_asker(&asker, -ECANCELED, -ECANCELED);
    check(is_all_zero(kind));
    return 0;
}

static void destroying_is_refused_while_tasks_wait(void **state)
{
    (void)state;
    for (size_t i = 0; i < count_of(kinds); i++)
        run_checks(destroy_in_use, (void *)&kinds[i]);
}

static intptr_t destroy_while_held(void *arg)
{
    (void)arg;
    check_equal(whorl_mutex_lock(&mutex), 0);
    check_equal(whorl_mutex_destroy(&mutex), -EBUSY);
    check_equal(whorl_mutex_unlock(&mutex), 0);
    check_equal(whorl_mutex_destroy(&mutex), 0);
    check_equal(whorl_rwlock_read_lock(&rwlock), 0);
    check_equal(whorl_rwlock_destroy(&rwlock), -EBUSY);
    check_equal(whorl_rwlock_read_unlock(&rwlock), 0);
    check_equal(whorl_rwlock_write_lock(&rwlock), 0);
    check_equal(whorl_rwlock_destroy(&rwlock), -EBUSY);
    check_equal(whorl_rwlock_write_unlock(&rwlock), 0);
    return whorl_rwlock_destroy(&rwlock);
}

static void destroying_is_refused_while_a_task_holds_it(void **state)
{
    (void)state;
    run_checks(destroy_while_held, NULL);
}

/* What the initialisers say is what the functions make. */
static void initialisers_and_functions_agree(void **state)
{
    static const whorl_mutex no_mutex = WHORL_MUTEX_INIT;
    static const whorl_event no_event = WHORL_EVENT_INIT;
    static const whorl_cond no_cond = WHORL_COND_INIT;
    static const whorl_semaphore three = WHORL_SEMAPHORE_INIT(3);
    static const whorl_semaphore of_four = WHORL_BOUNDED_SEMAPHORE_INIT(3, 4);
    static const whorl_barrier five = WHORL_BARRIER_INIT(5);
    static const whorl_rwlock no_rwlock = WHORL_RWLOCK_INIT;
    static const whorl_once no_once = WHORL_ONCE_INIT;
    (void)state;
    check_objects_from_anywhere();
    assert_memory_equal(&mutex, &no_mutex, sizeof mutex);
    assert_memory_equal(&event, &no_event, sizeof event);
    assert_memory_equal(&cond, &no_cond, sizeof cond);
    assert_memory_equal(&rwlock, &no_rwlock, sizeof rwlock);
    assert_memory_equal(&once, &no_once, sizeof once);
    assert_int_equal(whorl_semaphore_init(&semaphore, 3), 0);
    assert_memory_equal(&semaphore, &three, sizeof semaphore);
    assert_int_equal(whorl_bounded_semaphore_init(&semaphore, 3, 4), 0);
    assert_memory_equal(&semaphore, &of_four, sizeof semaphore);
    assert_int_equal(whorl_barrier_init(&barrier, 5), 0);
    assert_memory_equal(&barrier, &five, sizeof barrier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(without_an_object_nothing_is_done),
        behaviour(outside_a_task_only_looking_is_allowed),
        behaviour(tasks_of_another_loop_are_refused),
        behaviour(readers_of_two_loops_do_not_mix),
        behaviour(destroying_is_refused_while_tasks_wait),
        behaviour(destroying_is_refused_while_a_task_holds_it),
        behaviour(initialisers_and_functions_agree),
    };
    return run_behaviours("misuse", tests);
}
