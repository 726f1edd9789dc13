/*
 * What the engine holds for the tasks of a run that was left by longjmp goes with it: processes,
 * waits for signals, jobs that no thread has begun.
 */
#include "os/children.h"
#include "run/landing.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static int went_on;

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

/* --- Handles --- */

static struct handles {
    whorl_stream *pair[2];
    whorl_listener *listener;
    whorl_datagram *datagram;
    whorl_file *file;
} held;

static intptr_t give_back(void *arg)
{
    struct handles *all = arg;
    went_on++;
    check_equal(whorl_stream_puts(all->pair[0], "words"), -EPERM);
    check_equal(whorl_stream_close(all->pair[0]), -EPERM);
    check_equal(whorl_stream_abort(all->pair[1]), -EPERM);
    check_equal(whorl_stream_fd(all->pair[1]), -EBADF);
    check_equal(whorl_listener_accept(all->listener), -EPERM);
    check_equal(whorl_listener_close(all->listener), -EPERM);
    check_equal(whorl_datagram_send(all->datagram, "words", 5), -EPERM);
    check_equal(whorl_datagram_close(all->datagram), -EPERM);
    check_equal(whorl_datagram_fd(all->datagram), -EBADF);
    check_equal(whorl_file_write(all->file, "words", 5), -EPERM);
    check_equal(whorl_file_close(all->file), -EPERM);
    check_equal(whorl_file_fd(all->file), -EBADF);
    return 0;
}

static intptr_t leave_with_handles(void *arg)
{
    check_equal(whorl_stream_pair(NULL, held.pair), 0);
    check_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &held.listener), 0);
    check_equal(whorl_datagram_open("127.0.0.1", "0", NULL, &held.datagram), 0);
    check_equal(whorl_file_open(path_of("file").text, O_RDWR | O_CREAT, NULL, &held.file), 0);
    check_equal(whorl_defer(give_back, &held), 0);
    return leave(arg);
}

static void handles_are_those_of_another_run_to_what_was_deferred(void **state)
{
    (void)state;
    skip_without_longjmp();
    int before = open_descriptors();
    went_on = 0;
    assert_int_equal(run_and_land(NULL, leave_with_handles, NULL), -ECANCELED);
    assert_int_equal(went_on, 1);
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(children_are_killed_and_awaited),
        behaviour(nothing_is_left_of_waits_for_signals),
        behaviour(jobs_that_no_thread_has_begun_are_taken_back),
        behaviour(processes_leave_neither_child_nor_descriptor),
        behaviour(handles_are_those_of_another_run_to_what_was_deferred),
    };
    return run_behaviours("abandon, what is held", tests);
}
