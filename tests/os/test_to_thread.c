/*
 * Giving functions to threads: their results, their order, how many run at once, how many threads
 * there are and until when, and what a function finds on its thread.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/threads.h"

#include <dirent.h>
#include <signal.h>

enum { DEFAULT_MOST = 32 };

static atomic_int begun, may_end, running, most_running;
static pthread_t loops_thread;

static void reset(void)
{
    atomic_store(&begun, 0);
    atomic_store(&may_end, 0);
    atomic_store(&running, 0);
    atomic_store(&most_running, 0);
}

static int threads_of_this_process(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    if (!tasks)
        abort();
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* --- What it gives --- */

static intptr_t look_around(void *arg)
{
    char name[16];
    sigset_t blocked;
    check(!pthread_equal(pthread_self(), loops_thread));
    check_equal(pthread_getname_np(pthread_self(), name, sizeof name), 0);
    check_text(name, "whorl-thread");
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    check(sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGTERM) &&
          sigismember(&blocked, SIGALRM) && sigismember(&blocked, SIGUSR1));
    check(whorl_self() == NULL);
    check_equal(whorl_yield(), -EPERM);
    check_equal(whorl_sleep(1), -EPERM);
    check_equal(whorl_to_thread(look_around, arg), -EPERM);
    return (intptr_t)arg;
}

static intptr_t give_a_few(void *arg)
{
    sigset_t before, after;
    loops_thread = pthread_self();
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    for (intptr_t i = -10; i <= 10; i++)
        check_equal(whorl_to_thread(look_around, (void *)i), i);
    check_equal(whorl_to_thread(look_around, &before), (intptr_t)&before); /* a pointer fits */
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (int i = 1; i < NSIG; i++)
        check_equal(sigismember(&after, i), sigismember(&before, i));
    check_equal(whorl_to_thread(NULL, arg), -EINVAL);
    return 0;
}

static void a_function_runs_on_a_thread_and_its_result_comes_back(void **state)
{
    (void)state;
    run_checks(give_a_few, NULL);
}

static void outside_a_task_it_is_refused(void **state)
{
    (void)state;
    assert_int_equal(whorl_to_thread(look_around, NULL), -EPERM);
}

/* --- Others go on --- */

static intptr_t block(void *arg)
{
    int now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);
    while (most < now && !atomic_compare_exchange_weak(&most_running, &most, now))
        continue;
    atomic_fetch_add(&begun, 1);
    await_number(&may_end, 1);
    atomic_fetch_sub(&running, 1);
    return (intptr_t)arg;
}

static intptr_t give_blocker(void *arg)
{
    return whorl_to_thread(block, arg);
}

static intptr_t go_on_meanwhile(void *arg)
{
    whorl_task *task = whorl_spawn(give_blocker, (void *)5);
    pair both = pipe_pair();
    char byte;
    yield_until(&begun, 1);
    for (int i = 0; i < 10; i++) {
        check_equal(whorl_sleep(WHORL_US(1)), 0);
        check_equal(whorl_write(both.ends[1], "x", 1), 1);
        check_equal(whorl_read(both.ends[0], &byte, 1), 1);
    }
    check_equal(whorl_is_done(task), 0);
    atomic_store(&may_end, 1);
    check_equal(whorl_join(task), 5);
    close_pair(&both);
    return (intptr_t)arg;
}

static void other_tasks_go_on_while_a_function_blocks(void **state)
{
    (void)state;
    reset();
    run_checks(go_on_meanwhile, NULL);
}

/* --- How many --- */

enum { CROWD = 100 };

static intptr_t crowd_in(void *arg)
{
    const whorl_config *config = arg;
    whorl_task *tasks[CROWD];
    int most = (int)config->threads, before = threads_of_this_process();
    for (int i = 0; i < CROWD; i++)
        tasks[i] = whorl_spawn(give_blocker, (void *)(intptr_t)i);
    yield_until(&begun, most);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    check_equal(atomic_load(&begun), most);
    check_equal(threads_of_this_process() - before, most);
    atomic_store(&may_end, 1);
    for (int i = 0; i < CROWD; i++)
        check_equal(whorl_join(tasks[i]), i);
    check_equal(atomic_load(&most_running), most);
    check_equal(threads_of_this_process() - before, most);
    return 0;
}

static void never_more_run_at_once_than_is_configured(void **state)
{
    (void)state;
    for (unsigned most = 1; most <= 16; most *= 4) {
        whorl_config config = {.threads = most, .thread_idle = WHORL_SECONDS(1000)};
        int before = threads_of_this_process();
        reset();
        run_checks_with(&config, crowd_in, &config);
        assert_int_equal(threads_of_this_process(), before); /* all were joined */
    }
}

static void by_default_as_many_run_as_processors_and_four_but_at_most_32(void **state)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    (void)state;
    whorl_config config = {.threads = (unsigned)processors + 4};
    if (config.threads > DEFAULT_MOST)
        config.threads = DEFAULT_MOST;
    reset();
    run_checks_with(NULL, crowd_in, &config);
}

static intptr_t give_back(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t give_one_after_another(void *arg)
{
    int before = threads_of_this_process();
    for (intptr_t i = 0; i < 500; i++) {
        check_equal(whorl_to_thread(give_back, (void *)i), i);
        check_equal(threads_of_this_process() - before, 1);
    }
    return (intptr_t)arg;
}

static void a_thread_is_made_only_when_none_is_idle(void **state)
{
    (void)state;
    run_checks(give_one_after_another, NULL);
}

/* --- Order --- */

enum { ROW = 1000 };

static int order[ROW];

static intptr_t note_order(void *arg)
{
    order[atomic_fetch_add(&begun, 1)] = (int)(intptr_t)arg;
    return 0;
}

static intptr_t give_note(void *arg)
{
    return whorl_to_thread(note_order, arg);
}

static intptr_t give_a_row(void *arg)
{
    whorl_task *tasks[ROW];
    for (int i = 0; i < ROW; i++)
        tasks[i] = whorl_spawn(give_note, (void *)(intptr_t)i);
    for (int i = 0; i < ROW; i++)
        check_equal(whorl_join(tasks[i]), 0);
    for (int i = 0; i < ROW; i++)
        check_equal(order[i], i);
    return (intptr_t)arg;
}

static void first_come_first_served(void **state)
{
    whorl_config config = {.threads = 1};
    (void)state;
    reset();
    run_checks_with(&config, give_a_row, NULL);
}

enum { MANY = 10000, TASKS = 100 };

static intptr_t give_many(void *arg)
{
    (void)arg;
    for (intptr_t i = 0; i < MANY / TASKS; i++)
        check_equal(whorl_to_thread(give_back, (void *)i), i);
    return 0;
}

static intptr_t give_ten_thousand(void *arg)
{
    whorl_task *tasks[TASKS];
    for (int i = 0; i < TASKS; i++)
        tasks[i] = whorl_spawn(give_many, arg);
    return whorl_gather(tasks, TASKS, NULL, 0);
}

static void ten_thousand_functions_of_a_hundred_tasks_all_run(void **state)
{
    (void)state;
    run_checks(give_ten_thousand, NULL);
}

/* --- Idling away --- */

static intptr_t idle_away(void *arg)
{
    whorl_task *tasks[8];
    int before = threads_of_this_process();
    for (int round = 1; round <= 2; round++) {
        reset();
        for (int i = 0; i < 8; i++)
            tasks[i] = whorl_spawn(give_blocker, arg);
        yield_until(&begun, 8);
        check_equal(threads_of_this_process() - before, 8);
        atomic_store(&may_end, 1);
        check_equal(whorl_gather(tasks, 8, NULL, 0), 0);
        while (threads_of_this_process() > before)
            check_equal(whorl_sleep(WHORL_MS(1)), 0);
    }
    return 0;
}

static void threads_that_nobody_needs_end(void **state)
{
    whorl_config config = {.threads = 8, .thread_idle = WHORL_MS(1)};
    (void)state;
    run_checks_with(&config, idle_away, NULL);
}

/* One thread has ended, the other is at work, when a third is made. */
static intptr_t idle_beside_one_at_work(void *arg)
{
    int before = threads_of_this_process();
    whorl_task *busy = whorl_spawn(give_blocker, arg);
    yield_until(&begun, 1);
    for (intptr_t i = 1; i <= 3; i++) {
        check_equal(whorl_to_thread(give_back, (void *)i), i);
        while (threads_of_this_process() > before + 1)
            check_equal(whorl_sleep(WHORL_MS(1)), 0);
    }
    atomic_store(&may_end, 1);
    return whorl_gather(&busy, 1, NULL, 0);
}

static void a_thread_at_work_stays_while_others_end(void **state)
{
    whorl_config config = {.threads = 2, .thread_idle = WHORL_MS(1)};
    (void)state;
    reset();
    run_checks_with(&config, idle_beside_one_at_work, NULL);
}

/* Threads end just when they are needed. */
static intptr_t meet_the_limit(void *arg)
{
    for (intptr_t i = 0; i < (intptr_t)arg; i++) {
        check_equal(whorl_to_thread(give_back, (void *)i), i);
        if (i % 2)
            check_equal(whorl_sleep(WHORL_US(50)), 0);
    }
    return 0;
}

static void a_thread_that_ends_when_it_is_needed_loses_nothing(void **state)
{
    (void)state;
    for (int limit = 1; limit <= 100; limit *= 10) {
        whorl_config config = {.threads = 2, .thread_idle = WHORL_US(limit)};
        run_checks_with(&config, meet_the_limit, (void *)(intptr_t)test_rounds(1000));
    }
}

/* --- Posting from there --- */

static whorl_loop *held;

static intptr_t count(void *arg)
{
    atomic_fetch_add(&begun, 1);
    return (intptr_t)arg;
}

static intptr_t post_from_there(void *arg)
{
    return whorl_post(held, count, arg);
}

static intptr_t give_a_poster(void *arg)
{
    held = whorl_loop_hold();
    check_equal(whorl_to_thread(post_from_there, arg), 0);
    yield_until(&begun, 1);
    return whorl_loop_drop(held);
}

static void a_function_on_a_thread_may_post(void **state)
{
    (void)state;
    reset();
    run_checks(give_a_poster, NULL);
}

/* --- Loops on threads --- */

enum { LOOPS = 4, DEPTH = 3 };

static intptr_t run_on_a_thread(void *depth);

/* In a loop of its own: a child, a post to the first loop, and the next loop on a thread of this
 * one. */
static intptr_t live_there(void *depth)
{
    whorl_process_options options = {.argv = (const char *const[]){"true", NULL}};
    check_equal(whorl_process_run(&options, NULL, 0, NULL, WHORL_SECONDS(300)), 0);
    check_equal(whorl_sleep(WHORL_US(100)), 0);
    check_equal(whorl_post(held, count, NULL), 0);
    if ((intptr_t)depth == 1)
        return 1;
    return 1 + whorl_to_thread(run_on_a_thread, (void *)((intptr_t)depth - 1));
}

static intptr_t run_on_a_thread(void *depth)
{
    return whorl_run(live_there, depth);
}

static intptr_t give_a_loop(void *depth)
{
    return whorl_to_thread(run_on_a_thread, depth);
}

static intptr_t give_loops(void *arg)
{
    whorl_task *tasks[LOOPS];
    (void)arg;
    held = whorl_loop_hold();
    for (int i = 0; i < LOOPS; i++)
        tasks[i] = whorl_spawn(give_a_loop, (void *)DEPTH);
    for (int i = 0; i < LOOPS; i++)
        check_equal(whorl_join(tasks[i]), DEPTH);
    yield_until(&begun, LOOPS * DEPTH);
    return whorl_loop_drop(held);
}

static void a_function_on_a_thread_may_run_a_loop_of_its_own(void **state)
{
    (void)state;
    reset();
    run_checks(give_loops, NULL);
}

/* --- Configurations --- */

static void nonsense_is_refused(void **state)
{
    const whorl_config nonsense[] = {{.threads = WHORL_THREADS_MAX + 1}, {.thread_idle = -1}};
    (void)state;
    for (size_t i = 0; i < count_of(nonsense); i++)
        assert_int_equal(whorl_run_with(&nonsense[i], count, NULL), -EINVAL);
    whorl_config most = {.threads = WHORL_THREADS_MAX};
    run_checks_with(&most, give_a_few, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_function_runs_on_a_thread_and_its_result_comes_back),
        behaviour(outside_a_task_it_is_refused),
        behaviour(other_tasks_go_on_while_a_function_blocks),
        behaviour(never_more_run_at_once_than_is_configured),
        behaviour(by_default_as_many_run_as_processors_and_four_but_at_most_32),
        behaviour(a_thread_is_made_only_when_none_is_idle),
        behaviour(first_come_first_served),
        behaviour(ten_thousand_functions_of_a_hundred_tasks_all_run),
        behaviour(threads_that_nobody_needs_end),
        behaviour(a_thread_at_work_stays_while_others_end),
        behaviour(a_thread_that_ends_when_it_is_needed_loses_nothing),
        behaviour(a_function_on_a_thread_may_post),
        behaviour(a_function_on_a_thread_may_run_a_loop_of_its_own),
        behaviour(nonsense_is_refused),
    };

    return run_behaviours("to_thread", tests);
}
