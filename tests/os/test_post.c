/*
 * Posting calls to a loop: each runs as a task of its own, in order, once; from threads, from tasks
 * of this loop and another, and from signal handlers. A handle may outlive its loop.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/threads.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static whorl_loop *held;
static whorl_task *main_task;
static atomic_int ran;
static pthread_t loops_thread;

static intptr_t count(void *arg)
{
    atomic_fetch_add(&ran, 1);
    return (intptr_t)arg;
}

static intptr_t never(void *arg)
{
    check_failed("this must not run");
    return (intptr_t)arg;
}

static intptr_t cancel_main(void *arg)
{
    (void)arg;
    return whorl_cancel(main_task);
}

/* --- What it runs as --- */

static intptr_t look_around(void *arg)
{
    check(pthread_equal(pthread_self(), loops_thread));
    check(whorl_self() != NULL && whorl_self() != main_task);
    check_equal(whorl_cancelling(whorl_self()), 0);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_release(whorl_self()), -EINVAL); /* nobody has its handle */
    atomic_fetch_add(&ran, 1);
    return (intptr_t)arg;
}

static void *post_from_a_thread(void *arg)
{
    check(whorl_self() == NULL);
    check_equal(whorl_post(held, look_around, arg), 0);
    return NULL;
}

static intptr_t wait_for_a_post(void *arg)
{
    loops_thread = pthread_self();
    main_task = whorl_self();
    held = whorl_loop_hold();
    check(held != NULL);
    pthread_t thread = start(post_from_a_thread, (void *)-EIO);
    yield_until(&ran, 1);
    finish(thread);
    check_equal(whorl_loop_drop(held), 0);
    return (intptr_t)arg;
}

static void a_posted_call_runs_as_a_task_of_the_loop_and_its_result_is_dropped(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    run_checks(wait_for_a_post, NULL);
}

/* --- Order --- */

enum { ROW = 3000 };

static int order[ROW];

static intptr_t note_order(void *arg)
{
    order[atomic_fetch_add(&ran, 1)] = (int)(intptr_t)arg;
    return 0;
}

static void *post_a_row(void *arg)
{
    whorl_posted *posted = arg;
    for (int i = 0; i < ROW; i++)
        check_equal(i % 2 ? whorl_post(held, note_order, (void *)(intptr_t)i)
                          : whorl_post_with(held, &posted[i], note_order, (void *)(intptr_t)i),
                    0);
    return NULL;
}

static intptr_t take_a_row(void *arg)
{
    (void)arg;
    static whorl_posted posted[ROW];
    held = whorl_loop_hold();
    pthread_t thread = start(post_a_row, posted);
    yield_until(&ran, ROW);
    finish(thread);
    for (int i = 0; i < ROW; i++)
        check_equal(order[i], i);
    return whorl_loop_drop(held);
}

static void what_one_thread_posts_begins_in_that_order(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    run_checks(take_a_row, NULL);
}

/* --- From tasks --- */

static intptr_t post_to_oneself(void *arg)
{
    (void)arg;
    held = whorl_loop_hold();
    check_equal(whorl_post(held, count, NULL), 0);
    check_equal(atomic_load(&ran), 0); /* it does not run at once */
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_post(held, count, NULL), 0); /* is no waiting point */
    check_equal(whorl_uncancel(), 1);
    yield_until(&ran, 2);
    return whorl_loop_drop(held);
}

static void a_task_posts_to_its_own_loop(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    run_checks(post_to_oneself, NULL);
}

/* --- The caller's memory --- */

static whorl_posted again;

static intptr_t post_again(void *arg)
{
    intptr_t left = (intptr_t)arg;
    memset(&again, 0xee, sizeof again);
    atomic_fetch_add(&ran, 1);
    return left > 0 ? whorl_post_with(held, &again, post_again, (void *)(left - 1)) : 0;
}

static intptr_t post_with_the_same_memory(void *arg)
{
    (void)arg;
    held = whorl_loop_hold();
    check_equal(whorl_post_with(held, &again, post_again, (void *)99), 0);
    yield_until(&ran, 100);
    return whorl_loop_drop(held);
}

static void posted_memory_is_the_callers_when_the_call_begins(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    run_checks(post_with_the_same_memory, NULL);
}

/* --- Refusals, and the end --- */

static intptr_t give_nonsense(void *arg)
{
    whorl_posted posted;
    held = whorl_loop_hold();
    check_equal(whorl_post(NULL, never, NULL), -EINVAL);
    check_equal(whorl_post(held, NULL, NULL), -EINVAL);
    check_equal(whorl_post_with(NULL, &posted, never, NULL), -EINVAL);
    check_equal(whorl_post_with(held, NULL, never, NULL), -EINVAL);
    check_equal(whorl_post_with(held, &posted, NULL, NULL), -EINVAL);
    check_equal(whorl_loop_drop(NULL), -EINVAL);
    check_equal(whorl_loop_drop(held), 0);
    return (intptr_t)arg;
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    run_checks(give_nonsense, NULL);
}

static void *post_after_the_end(void *arg)
{
    whorl_posted posted;
    check_equal(whorl_post(held, never, arg), -ESHUTDOWN);
    check_equal(whorl_post_with(held, &posted, never, arg), -ESHUTDOWN);
    check_equal(whorl_loop_drop(held), 0);
    return NULL;
}

static intptr_t hold_thrice(void *arg)
{
    held = whorl_loop_hold();
    check(whorl_loop_hold() == held && whorl_loop_hold() == held);
    check_equal(whorl_loop_drop(held), 0);
    return (intptr_t)arg;
}

static void a_handle_outlives_its_loop_and_refuses_then(void **state)
{
    (void)state;
    run_checks(hold_thrice, NULL);
    assert_int_equal(whorl_post(held, never, NULL), -ESHUTDOWN);
    assert_int_equal(whorl_loop_drop(held), 0);
    finish(start(post_after_the_end, NULL));
}

static intptr_t fork_and_post(void *arg)
{
    held = whorl_loop_hold();
    pid_t child = fork();
    if (child == 0) {
        whorl_posted posted;
        whorl_submission submission;
        check_equal(whorl_post(held, never, arg), -ESHUTDOWN);
        check_equal(whorl_post_with(held, &posted, never, arg), -ESHUTDOWN);
        check_equal(whorl_submit_threadsafe(held, &submission, never, arg), -ESHUTDOWN);
        check_equal(whorl_loop_drop(held), 0);
        _exit(failed_checks() != 0);
    }
    int status;
    check_equal(waitpid(child, &status, 0), child);
    check_equal(status, 0);
    check_equal(whorl_post(held, count, arg), 0); /* here it goes on */
    check_equal(whorl_sleep(WHORL_US(1)), 0);
    return whorl_loop_drop(held);
}

static void a_forked_child_cannot_post(void **state)
{
    (void)state;
    run_checks(fork_and_post, NULL);
}

static void outside_a_task_there_is_no_loop_to_hold(void **state)
{
    (void)state;
    assert_null(whorl_loop_hold());
    run_checks(count, NULL);
    assert_null(whorl_loop_hold());
}

/* --- From signal handlers --- */

enum { SIGNALS = UNDER_THREAD_SANITIZER ? 200 : 2000 };

static whorl_posted by_handler[SIGNALS];
static atomic_int handled;

static void post_in_a_handler(int signal_number)
{
    (void)signal_number;
    int i = atomic_fetch_add(&handled, 1);
    if (i < SIGNALS && whorl_post_with(held, &by_handler[i], count, NULL) != 0)
        abort();
}

static struct sigaction handle_with(int signal_number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler}, former;
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, &former);
    return former;
}

/* Signals of one thread interrupt the posts of another. While one is handled it is blocked; of two,
 * each may interrupt the other's handler, and no more are nested than a stack has room for. */
static void *post_and_be_interrupted(void *arg)
{
    int posts = 0;
    (void)arg;
    while (atomic_load(&handled) < SIGNALS) {
        check_equal(whorl_post(held, count, NULL), 0);
        posts++;
        if (posts > 100000)
            sched_yield();
    }
    return (void *)(intptr_t)posts;
}

/* A signal that comes just as the thread sanitizer begins with an earlier one's handler has its
 * runtime leave all signals blocked (LLVM's issue 134358): with it, each awaits the one before. */
static void *interrupt(void *arg)
{
    const pthread_t *target = arg;
    for (int i = 0; atomic_load(&handled) < SIGNALS; i++) {
        pthread_kill(*target, i % 2 ? SIGUSR2 : SIGUSR1);
        if (UNDER_THREAD_SANITIZER)
            await_number(&handled, i + 1);
    }
    return NULL;
}

static intptr_t take_from_handlers(void *arg)
{
    (void)arg;
    held = whorl_loop_hold();
    pthread_t poster = start(post_and_be_interrupted, NULL);
    pthread_t interrupter = start(interrupt, &poster);
    yield_until(&handled, SIGNALS);
    finish(interrupter);
    int posts = (int)(intptr_t)finish(poster);
    yield_until(&ran, SIGNALS + posts);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(atomic_load(&ran), SIGNALS + posts);
    print_message("%d signals among %d posts\n", SIGNALS, posts);
    return whorl_loop_drop(held);
}

static void handlers_post_while_they_interrupt_posts(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    atomic_store(&handled, 0);
    struct sigaction former1 = handle_with(SIGUSR1, post_in_a_handler);
    struct sigaction former2 = handle_with(SIGUSR2, post_in_a_handler);
    run_checks(take_from_handlers, NULL);
    sigaction(SIGUSR1, &former1, NULL);
    sigaction(SIGUSR2, &former2, NULL);
}

static void cancel_in_a_handler(int signal_number)
{
    (void)signal_number;
    if (whorl_post_with(held, &by_handler[0], cancel_main, NULL) != 0)
        abort();
}

static void *interrupt_the_sleeper(void *arg)
{
    pause_for(WHORL_MS(2));
    pthread_kill(loops_thread, SIGUSR1);
    return arg;
}

static intptr_t sleep_until_a_signal(void *arg)
{
    main_task = whorl_self();
    loops_thread = pthread_self();
    held = whorl_loop_hold();
    check_equal(raise(SIGUSR1), 0); /* in the loop's own thread, while it runs */
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    pthread_t thread = start(interrupt_the_sleeper, arg);
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    finish(thread);
    return whorl_loop_drop(held);
}

static void a_handler_on_the_loops_thread_wakes_the_loop(void **state)
{
    (void)state;
    struct sigaction former = handle_with(SIGUSR1, cancel_in_a_handler);
    run_checks(sleep_until_a_signal, NULL);
    sigaction(SIGUSR1, &former, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_posted_call_runs_as_a_task_of_the_loop_and_its_result_is_dropped),
        behaviour(what_one_thread_posts_begins_in_that_order),
        behaviour(a_task_posts_to_its_own_loop),
        behaviour(posted_memory_is_the_callers_when_the_call_begins),
        behaviour(nonsense_is_refused),
        behaviour(a_handle_outlives_its_loop_and_refuses_then),
        behaviour(a_forked_child_cannot_post),
        behaviour(outside_a_task_there_is_no_loop_to_hold),
        behaviour(handlers_post_while_they_interrupt_posts),
        behaviour(a_handler_on_the_loops_thread_wakes_the_loop),
    };

    return run_behaviours("post", tests);
}
