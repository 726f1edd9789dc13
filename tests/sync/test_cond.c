/* Conditions: whom a notify lets go on, with which mutex, and waiting for a predicate. */
#include "start.h"

static whorl_mutex mutex = WHORL_MUTEX_INIT;
static whorl_cond cond = WHORL_COND_INIT;
static int went_on;

/* Gives which of all that went on it was, or -errno. */
static intptr_t wait_for_notify(void *arg)
{
    (void)arg;
    check_equal(whorl_mutex_lock(&mutex), 0);
    int error = whorl_cond_wait(&cond, &mutex);
    int turn = ++went_on;
    check_equal(whorl_mutex_is_locked(&mutex), 1);
    check_equal(whorl_yield(), 0);
    /* The mutex was this task's all the time. */
    check_equal(went_on, turn);
    check_equal(whorl_mutex_unlock(&mutex), 0);
    return error ? error : turn;
}

static void start_waiters(whorl_task **tasks, size_t n)
{
    went_on = 0;
    for (size_t i = 0; i < n; i++)
        tasks[i] = start(wait_for_notify, NULL);
    check_equal(whorl_mutex_is_locked(&mutex), 0);
}

static intptr_t notify_some(void *arg)
{
    whorl_task *tasks[6];
    (void)arg;
    start_waiters(tasks, 6);
    check_equal(whorl_cond_notify(&cond, 0), 0);
    check_equal(whorl_sleep(1), 0);
    check_equal(went_on, 0);
    check_equal(whorl_cond_notify(&cond, 1), 0);
    check_equal(whorl_sleep(1), 0);
    check_equal(went_on, 1);
    check_equal(whorl_cond_notify(&cond, 2), 0);
    check_equal(whorl_sleep(1), 0);
    check_equal(went_on, 3);
    check_equal(whorl_cond_notify_all(&cond), 0);
    for (int i = 0; i < 6; i++)
        check_equal(whorl_join(tasks[i]), i + 1);
    return whorl_mutex_is_locked(&mutex);
}

static void a_notify_lets_as_many_go_on_as_it_says_in_their_order(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, notify_some, NULL);
}

static intptr_t notify_with_the_mutex(void *arg)
{
    whorl_task *tasks[2];
    (void)arg;
    start_waiters(tasks, 2);
    check_equal(whorl_mutex_lock(&mutex), 0);
    check_equal(whorl_cond_notify(&cond, 9), 0);
    check_equal(whorl_cond_destroy(&cond), 0);
    check_equal(whorl_sleep(1), 0);
    check_equal(went_on, 0);
    check_equal(whorl_mutex_unlock(&mutex), 0);
    check_equal(whorl_mutex_is_locked(&mutex), 1);
    check_equal(whorl_join(tasks[0]), 1);
    return whorl_join(tasks[1]) - 2;
}

static void who_is_notified_waits_for_the_mutex_and_needs_the_condition_no_more(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, notify_with_the_mutex, NULL);
}

static intptr_t notify_nobody(void *arg)
{
    whorl_task *task;
    (void)arg;
    check_equal(whorl_cond_notify(&cond, 1), 0);
    check_equal(whorl_cond_notify_all(&cond), 0);
    start_waiters(&task, 1);
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_is_done(task), 0);
    check_equal(whorl_cond_notify_all(&cond), 0);
    return whorl_join(task) - 1;
}

static void a_notify_for_which_nobody_waits_leaves_nothing(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, notify_nobody, NULL);
}

static intptr_t misuse(void *arg)
{
    whorl_mutex other = WHORL_MUTEX_INIT;
    whorl_task *task;
    (void)arg;
    check_equal(whorl_cond_wait(&cond, &mutex), -EPERM);
    start_waiters(&task, 1);
    check_equal(whorl_mutex_lock(&other), 0);
    check_equal(whorl_cond_wait(&cond, &mutex), -EPERM);
    check_equal(whorl_cond_wait(&cond, &other), -EINVAL);
    check_equal(whorl_cond_wait_for(&cond, &other, NULL, NULL), -EINVAL);
    check_equal(whorl_mutex_is_locked(&other), 1);
    check_equal(whorl_cond_notify(&cond, 1), 0);
    check_equal(whorl_join(task), 1);
    /* Without others any mutex will do. */
    whorl_timeout scope;
    check_equal(whorl_timeout_begin(&scope, 1), 0);
    check_equal(whorl_timeout_end(&scope, whorl_cond_wait(&cond, &other)), -ETIMEDOUT);
    check_equal(whorl_cond_wait_for(&cond, &other, NULL, NULL), -EINVAL);
    return whorl_mutex_unlock(&other);
}

static void waiting_needs_the_mutex_and_the_same_for_all(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, misuse, NULL);
}

/* --- Predicates --- */

static int stock, asked;

static int is_in_stock(void *arg)
{
    asked++;
    check_equal(whorl_mutex_is_locked(&mutex), 1);
    return stock >= *(int *)arg;
}

static intptr_t fetch(void *arg)
{
    check_equal(whorl_mutex_lock(&mutex), 0);
    int error = whorl_cond_wait_for(&cond, &mutex, is_in_stock, arg);
    if (!error)
        stock -= *(int *)arg;
    check_equal(whorl_mutex_unlock(&mutex), 0);
    return error;
}

static intptr_t deliver(void *arg)
{
    int three = 3, one = 1;
    (void)arg;
    stock = 1;
    asked = 0;
    check_equal(fetch(&one), 0);
    check_equal(asked, 1);
    whorl_task *much = start(fetch, &three);
    whorl_task *little = start(fetch, &one);
    check_equal(asked, 3);
    for (int i = 0; i < 4; i++) {
        check_equal(whorl_is_done(much), 0);
        stock++;
        check_equal(whorl_cond_notify_all(&cond), 0);
        check_equal(whorl_sleep(1), 0);
        check_equal(whorl_is_done(little), 1);
        check_equal(stock, i < 3 ? i : 0);
    }
    check_equal(whorl_join(much), 0);
    return whorl_join(little);
}

static void a_predicate_is_asked_with_the_mutex_held_until_it_holds(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, deliver, NULL);
}

static int always(void *arg)
{
    ++*(int *)arg;
    return -1;
}

static intptr_t ask_when_cancelled(void *arg)
{
    int times = 0;
    (void)arg;
    check_equal(whorl_mutex_lock(&mutex), 0);
    check_equal(whorl_cond_wait_for(&cond, &mutex, always, &times), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_cond_wait_for(&cond, &mutex, always, &times), -ECANCELED);
    check_equal(times, 1);
    check_equal(whorl_uncancel(), 1);
    return whorl_mutex_unlock(&mutex);
}

static void a_cancelled_task_does_not_come_to_ask(void **state)
{
    (void)state;
    run_checks(ask_when_cancelled, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_notify_lets_as_many_go_on_as_it_says_in_their_order),
        behaviour(who_is_notified_waits_for_the_mutex_and_needs_the_condition_no_more),
        behaviour(a_notify_for_which_nobody_waits_leaves_nothing),
        behaviour(waiting_needs_the_mutex_and_the_same_for_all),
        behaviour(a_predicate_is_asked_with_the_mutex_held_until_it_holds),
        behaviour(a_cancelled_task_does_not_come_to_ask),
    };
    return run_behaviours("condition", tests);
}
