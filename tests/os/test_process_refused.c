/*
 * Processes to which memory is refused piece by piece, or the wait for their end: what was begun is
 * taken back, and a child never outlives its process.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "core/forbid.h"
#include "os/children.h"
#include "refused_memory.h"

/* --- Memory --- */

static intptr_t spawn_with_pipes(void *arg)
{
    whorl_process_options options = shell("exit 3");
    whorl_process *process = (whorl_process *)&options;
    int descriptors = open_descriptors();
    (void)arg;
    options.in = options.out = options.err = WHORL_PIPE;
    int error = whorl_process_spawn(&options, &process);
    if (error) {
        check(process == NULL);
        check_equal(open_descriptors(), descriptors);
        return check_no_children() ? error : 1;
    }
    check_equal(whorl_process_wait(process), 3);
    return whorl_process_free(process);
}

/* The process, its end's place among what is deferred, and the environment. */
static intptr_t refuse_a_spawn(void *arg)
{
    check_equal(spawn_with_pipes(arg), 0); /* so that the pool of threads is there */
    check(refuse_each_in_turn(spawn_with_pipes, arg) >= 2);
    return check_no_children() ? 0 : 1;
}

static void whatever_memory_is_refused_there_is_no_child(void **state)
{
    (void)state;
    run_checks(refuse_a_spawn, NULL);
}

static intptr_t refuse_a_first_spawn(void *arg)
{
    return refuse_each_in_turn(spawn_with_pipes, arg) >= 3 ? 0 : 1;
}

static void nor_is_there_when_its_thread_is_the_first(void **state)
{
    (void)state;
    run_checks(refuse_a_first_spawn, NULL);
}

static intptr_t talk(void *arg)
{
    whorl_process_options options = shell("cat; echo error >&2");
    whorl_process_output output;
    (void)arg;
    options.in = options.out = options.err = WHORL_PIPE;
    int code = whorl_process_run(&options, "input", 5, &output, LONG_ENOUGH);
    check_text(output.out ? output.out : "", code ? "" : "input");
    check_text(output.err ? output.err : "", code ? "" : "error\n");
    free(output.out);
    free(output.err);
    return check_no_children() ? code : 1;
}

static intptr_t refuse_a_talk(void *arg)
{
    return refuse_each_in_turn(talk, arg) >= 4 ? 0 : 1;
}

static void an_exchange_without_memory_leaves_no_child(void **state)
{
    (void)state;
    run_checks(refuse_a_talk, NULL);
}

/* --- Descriptors of processes --- */

static intptr_t spawn_where_pidfds_are_forbidden(void *arg)
{
    whorl_process *process;
    int before = open_descriptors();
    check_equal(forbid_call(SYS_pidfd_open, EPERM), 0);
    check_equal(whorl_process_spawn(&shell("exit 3"), &process), -EPERM);
    check(process == NULL);
    check_equal(open_descriptors(), before);
    return check_no_children() ? (intptr_t)arg : 1;
}

static void where_a_child_cannot_be_watched_there_is_none(void **state)
{
    (void)state;
    run_checks_in_child(NULL, spawn_where_pidfds_are_forbidden, NULL);
}

/* --- Waits --- */

static bool waits_are_refused;

int __real_whorl_op_await(whorl_op *op);
int __wrap_whorl_op_await(whorl_op *op);
int __wrap_whorl_op_await(whorl_op *op)
{
    return waits_are_refused ? -ENOMEM : __real_whorl_op_await(op);
}

static intptr_t free_without_a_wait(void *arg)
{
    whorl_process *process;
    (void)arg;
    check_equal(whorl_process_spawn(&shell("exec sleep 1000"), &process), 0);
    waits_are_refused = true;
    check_equal(whorl_process_wait(process), -ENOMEM);
    check(is_alive(whorl_process_pid(process)));
    check_equal(whorl_process_free(process), 0);
    waits_are_refused = false;
    return check_no_children() ? 0 : 1;
}

static void a_child_is_reaped_though_the_loop_cannot_wait(void **state)
{
    (void)state;
    run_checks(free_without_a_wait, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(whatever_memory_is_refused_there_is_no_child),
        behaviour(nor_is_there_when_its_thread_is_the_first),
        behaviour(an_exchange_without_memory_leaves_no_child),
        behaviour(where_a_child_cannot_be_watched_there_is_none),
        behaviour(a_child_is_reaped_though_the_loop_cannot_wait),
    };
    return run_behaviours("process refused", tests);
}
