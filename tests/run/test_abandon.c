/*
 * whorl_run_abandon: runs that are left by longjmp, without cmocka, which jumps elsewhere. The
 * function that a jump lands in does nothing before it.
 */
#include "core/child.h"
#include "os/children.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define HOUR WHORL_SECONDS(3600)

static jmp_buf landing;

/* Runs main and, if it is left, gives what whorl_run_abandon does. */
static intptr_t run_and_land(const whorl_config *config, whorl_fn *main, void *arg)
{
    if (setjmp(landing) == 0)
        return whorl_run_with(config, main, arg);
    return whorl_run_abandon();
}

/* The thread sanitizer's longjmp knows the stack of the running fiber alone. */
#define skip_without_longjmp()                                                                     \
    do {                                                                                           \
        if (UNDER_THREAD_SANITIZER)                                                                \
            skip_because("the thread sanitizer's longjmp finds no way out of a fiber");            \
    } while (0)

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

static intptr_t leave(void *arg)
{
    longjmp(landing, 1);
    return (intptr_t)arg;
}

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

/* --- What the engine holds for tasks --- */

static intptr_t wait_for_the_end(void *process)
{
    return whorl_process_wait(process);
}

static intptr_t talk(void *process)
{
    whorl_process_output output;
    return whorl_process_communicate(process, NULL, 0, &output, WHORL_FOREVER);
}

static intptr_t leave_with_children(void *arg)
{
    whorl_process_options options = shell("sleep 300");
    whorl_process *process;
    options.out = options.err = WHORL_PIPE;
    spawn_patient();
    check_equal(whorl_process_spawn(&options, &process), 0);
    whorl_spawn(wait_for_the_end, process);
    whorl_spawn(talk, process);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    return leave(arg);
}

static void children_are_killed_and_awaited(void **state)
{
    (void)state;
    skip_without_longjmp();
    int before = open_descriptors();
    assert_int_equal(run_and_land(NULL, leave_with_children, NULL), -ECANCELED);
    check_no_children();
    assert_int_equal(open_descriptors(), before);
}

static intptr_t wait_for_a_signal(void *arg)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    (void)arg;
    return whorl_signal_wait(&set, NULL);
}

static intptr_t leave_beside_signal_waits(void *arg)
{
    whorl_spawn(wait_for_a_signal, arg);
    whorl_spawn(wait_for_a_signal, arg);
    check_equal(whorl_yield(), 0);
    return leave(arg);
}

static void nothing_is_left_of_waits_for_signals(void **state)
{
    (void)state;
    sigset_t mask;
    skip_without_longjmp();
    int before = open_descriptors();
    assert_int_equal(run_and_land(NULL, leave_beside_signal_waits, NULL), -ECANCELED);
    assert_int_equal(open_descriptors(), before);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_false(sigismember(&mask, SIGUSR1));
}

static int jobs_begun;

static intptr_t block_for_a_while(void *arg)
{
    __atomic_fetch_add(&jobs_begun, 1, __ATOMIC_SEQ_CST);
    nanosleep(&(struct timespec){.tv_nsec = WHORL_MS(20)}, NULL);
    return (intptr_t)arg;
}

static intptr_t give_away(void *arg)
{
    return whorl_to_thread(block_for_a_while, arg);
}

static intptr_t leave_with_jobs(void *arg)
{
    for (int i = 0; i < 50; i++)
        whorl_spawn(give_away, arg);
    while (__atomic_load_n(&jobs_begun, __ATOMIC_SEQ_CST) == 0)
        check_equal(whorl_sleep(WHORL_US(100)), 0);
    return leave(arg);
}

static void jobs_that_no_thread_has_begun_are_taken_back(void **state)
{
    (void)state;
    whorl_config config = {.threads = 1};
    skip_without_longjmp();
    assert_int_equal(run_and_land(&config, leave_with_jobs, NULL), -ECANCELED);
    assert_in_range(jobs_begun, 1, 25);
}

/* The children live until they are killed. */
static intptr_t start_and_talk_to_a_child(void *arg)
{
    const char *const argv[] = {"sleep", "300", NULL};
    whorl_process_options options = {.argv = argv, .in = WHORL_PIPE, .out = WHORL_PIPE, .err = 1};
    whorl_process *process;
    intptr_t error = whorl_process_spawn(&options, &process);
    if (!error)
        error = whorl_process_communicate(process, NULL, 0, NULL, WHORL_FOREVER);
    went_on++;
    return error ? error : (intptr_t)arg;
}

static intptr_t start_and_await_a_child(void *arg)
{
    const char *const argv[] = {"sleep", "300", NULL};
    whorl_process_options options = {.argv = argv, .in = WHORL_PIPE};
    whorl_process *process;
    intptr_t error = whorl_process_spawn(&options, &process);
    if (!error)
        error = whorl_process_wait(process);
    went_on++;
    return error ? error : (intptr_t)arg;
}

/* Leaves at once, and so in the middle of the spawn, or when it waits for the child. */
static intptr_t leave_a_child(void *arg)
{
    whorl_release(whorl_spawn(start_and_talk_to_a_child, NULL));
    whorl_release(whorl_spawn(start_and_await_a_child, NULL));
    check_equal(whorl_yield(), 0);
    if (arg)
        check_equal(whorl_sleep(WHORL_MS(20)), 0);
    return leave(arg);
}

static void processes_leave_neither_child_nor_descriptor(void **state)
{
    (void)state;
    skip_without_longjmp();
    int before = open_descriptors();
    for (intptr_t i = 0; i < 10; i++) {
        went_on = 0;
        assert_int_equal(run_and_land(NULL, leave_a_child, (void *)(i % 2)), -ECANCELED);
        assert_int_equal(open_descriptors(), before);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(went_on, 0);
    }
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
        behaviour(children_are_killed_and_awaited),
        behaviour(nothing_is_left_of_waits_for_signals),
        behaviour(jobs_that_no_thread_has_begun_are_taken_back),
        behaviour(processes_leave_neither_child_nor_descriptor),
    };
    return run_behaviours("abandon", tests);
}
