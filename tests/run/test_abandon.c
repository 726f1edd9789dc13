/*
 * whorl_run_abandon: runs that are left by longjmp, without cmocka, which jumps elsewhere. What the
 * engine holds for tasks is in test_abandon_held.c.
 */
#include "core/child.h"
#include "run/landing.h"

#include <pthread.h>
#include <signal.h>

#define HOUR WHORL_SECONDS(3600)

static bool pipe_is_blocked(void)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    return sigismember(&mask, SIGPIPE);
}

static intptr_t give(void *arg)
{
    check_equal(whorl_yield(), 0);
    return (intptr_t)arg;
}

/* --- Where it may be called --- */

static intptr_t abandon_from_within(void *arg)
{
    check_equal(whorl_run_abandon(), -EBUSY);
    check_equal(whorl_yield(), 0);
    return (intptr_t)arg;
}

static intptr_t abandon_from_two(void *arg)
{
    check_equal(whorl_join(whorl_spawn(abandon_from_within, (void *)3)), 3);
    return abandon_from_within(arg);
}

static void a_run_that_was_not_left_is_let_alone(void **state)
{
    (void)state;
    assert_int_equal(whorl_run_abandon(), -EPERM);
    assert_int_equal(run(abandon_from_two, (void *)4), 4);
    assert_int_equal(whorl_run_abandon(), -EPERM);
}

/* --- The end of a run --- */

static int went_on;

static intptr_t leave_later(void *arg)
{
    check_equal(whorl_sleep(HOUR), 0);
    return leave(arg);
}

static intptr_t sleep_and_go_on(void *arg)
{
    whorl_sleep(2 * HOUR);
    went_on++;
    return (intptr_t)arg;
}

static intptr_t be_left(void *arg)
{
    for (int i = 0; i < 5; i++)
        whorl_release(whorl_spawn(sleep_and_go_on, arg));
    whorl_join(whorl_spawn(leave_later, arg));
    went_on++;
    return 0;
}

static void nobody_goes_on_and_the_thread_can_run_again(void **state)
{
    (void)state;
    whorl_config config = {.clock = WHORL_CLOCK_VIRTUAL};
    skip_without_longjmp();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(run_and_land(&config, be_left, NULL), -ECANCELED);
        assert_false(pipe_is_blocked());
        assert_null(whorl_self());
        assert_int_equal(run_and_land(NULL, leave, NULL), -ECANCELED);
        assert_int_equal(run(give, (void *)7), 7);
    }
    assert_int_equal(went_on, 0);
}

static intptr_t leave_when_cancelled(void *arg)
{
    int error = whorl_sleep(WHORL_FOREVER);
    return error == -ECANCELED ? leave(arg) : error;
}

static intptr_t nap_until_cancelled(void *arg)
{
    while (whorl_sleep(WHORL_MS(1)) == 0)
        continue;
    return leave(arg);
}

static int come_to_an_end(void *arg)
{
    whorl_config config = {.limit = WHORL_MS(5)};
    (void)arg;
    check_equal(run_and_land(&config, nap_until_cancelled, NULL), -ETIMEDOUT);
    check_equal(run_and_land(NULL, leave_when_cancelled, NULL), -EDEADLK);
    return 0;
}

static void what_it_had_come_to_is_told(void **state)
{
    (void)state;
    skip_without_longjmp();
    run_in_child(come_to_an_end, NULL);
}

/* --- What is deferred --- */

static const whorl_local user = WHORL_LOCAL_INIT("user", "nobody");
static whorl_task *sleeper;
static char order[16];

static intptr_t sign(void *arg)
{
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    strcat(order, arg);
    return 0;
}

static intptr_t look_around(void *arg)
{
    check_text(whorl_local_get(&user), "ada");
    check_text(whorl_name(whorl_self()), "leaver");
    /* Its spawner's frame, and the memory of a task that is over, are as they were. */
    check_equal(*(int *)arg, 12345);
    check_equal(whorl_cancel(sleeper), -EPERM);
    check_equal(whorl_join(sleeper), -EPERM);
    return sign("1");
}

static intptr_t defer_and_leave(void *arg)
{
    check_equal(whorl_local_set(&user, "ada"), 0);
    check_equal(whorl_set_name(whorl_self(), "leaver"), 0);
    check_equal(whorl_defer(sign, "2"), 0);
    check_equal(whorl_defer(look_around, arg), 0);
    return leave(arg);
}

static intptr_t defer_and_sleep(void *arg)
{
    check_equal(whorl_defer(sign, arg), 0);
    check_equal(whorl_local_set(&user, "grace"), 0);
    return whorl_sleep(WHORL_FOREVER);
}

static intptr_t leave_with_handlers(void *arg)
{
    int own = 12345;
    sleeper = whorl_spawn(defer_and_sleep, arg);
    whorl_spawn(sleep_and_go_on, arg);
    check_equal(whorl_yield(), 0);
    return whorl_join(whorl_spawn(defer_and_leave, &own));
}

static void what_tasks_have_deferred_runs_in_its_order(void **state)
{
    (void)state;
    whorl_config config = {.clock = WHORL_CLOCK_VIRTUAL};
    skip_without_longjmp();
    order[0] = '\0';
    assert_int_equal(run_and_land(&config, leave_with_handlers, "+"), -ECANCELED);
    assert_int_equal(strlen(order), 3);
    assert_true(strchr(order, '1') < strchr(order, '2'));
    assert_non_null(strchr(order, '+'));
    assert_int_equal(went_on, 0);
}

static int left_again;

static intptr_t sign_and_leave(void *arg)
{
    sign(arg);
    left_again++;
    return leave(arg);
}

static intptr_t leave_with_handlers_that_leave(void *arg)
{
    check_equal(whorl_local_set(&user, "ada"), 0);
    check_equal(whorl_defer(sign, "3"), 0);
    check_equal(whorl_defer(sign_and_leave, "2"), 0);
    check_equal(whorl_defer(sign_and_leave, "1"), 0);
    return leave(arg);
}

/* Lands twice more than run_and_land does. */
static void a_handler_may_be_left_too_and_the_others_run(void **state)
{
    (void)state;
    skip_without_longjmp();
    order[0] = '\0';
    assert_int_equal(run_and_land(NULL, leave_with_handlers_that_leave, NULL), -ECANCELED);
    assert_string_equal(order, "123");
    assert_int_equal(left_again, 2);
    assert_int_equal(run(give, (void *)7), 7);
}

static intptr_t sign_at_once(void *arg)
{
    strcat(order, arg);
    return 0;
}

static intptr_t sign_at_the_end(void *arg)
{
    check_equal(whorl_defer(sign_at_once, arg), 0);
    return whorl_sleep(WHORL_FOREVER);
}

static intptr_t leave_at_the_end(void *arg)
{
    check_equal(whorl_defer(leave, arg), 0);
    return whorl_sleep(WHORL_FOREVER);
}

static intptr_t leave_a_crowd_with_handlers(void *arg)
{
    for (int i = 0; i < 3; i++) {
        whorl_spawn(sign_at_the_end, arg);
        whorl_spawn(leave_at_the_end, arg);
    }
    check_equal(whorl_yield(), 0);
    return leave(arg);
}

/* Each time before others have begun. */
static void a_handler_that_is_left_takes_none_from_other_tasks(void **state)
{
    (void)state;
    skip_without_longjmp();
    order[0] = '\0';
    assert_int_equal(run_and_land(NULL, leave_a_crowd_with_handlers, "+"), -ECANCELED);
    assert_string_equal(order, "+++");
    assert_int_equal(run(give, (void *)7), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_run_that_was_not_left_is_let_alone),
        behaviour(nobody_goes_on_and_the_thread_can_run_again),
        behaviour(what_it_had_come_to_is_told),
        behaviour(what_tasks_have_deferred_runs_in_its_order),
        behaviour(a_handler_may_be_left_too_and_the_others_run),
        behaviour(a_handler_that_is_left_takes_none_from_other_tasks),
    };
    return run_behaviours("abandon", tests);
}
