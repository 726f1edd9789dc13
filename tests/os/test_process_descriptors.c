/*
 * The descriptors of a process that is started: those that it was to get, in their places, and no
 * others, whatever of the program's own is open or closed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/children.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

static intptr_t redirect(void *arg)
{
    test_path path = path_of("out");
    int fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    pair input = pipe_pair();
    whorl_process_options options = shell("cat; echo error >&2");
    char text[64] = "";
    (void)arg;
    check_equal(write(input.ends[1], "input\n", 6), 6);
    check_equal(close(input.ends[1]), 0);
    options.in = input.ends[0];
    options.out = fd;
    options.err = WHORL_STDOUT;
    check_equal(whorl_process_run(&options, NULL, 0, NULL, LONG_ENOUGH), 0);
    check(is_open(fd) && is_open(input.ends[0])); /* they stay the program's */
    check_equal(read_whole(path.text, text, sizeof text - 1), 12);
    check_text(text, "input\nerror\n");
    check_equal(close(fd) | close(input.ends[0]), 0);

    options = shell("cat; ls -l /proc/self/fd/0 | sed 's/.*-> //'; echo lost >&2");
    options.in = options.err = WHORL_NULL;
    check_equal(says(options, "/dev/null\n"), 0);
    options = shell("echo both; echo ways >&2");
    options.err = WHORL_STDOUT;
    check_equal(says(options, "both\nways\n"), 0);

    options = shell("true");
    options.out = 999999;
    check_equal(fail_to_spawn(options), -EBADF);
    return 0;
}

static void descriptors_go_where_they_are_sent(void **state)
{
    (void)state;
    run_checks(redirect, NULL);
}

static intptr_t look_at_open_ones(void *arg)
{
    whorl_process *other = spawn_patient();
    /* ls has its own descriptor of the directory, as 3. */
    whorl_process_options options = shell("exec ls /proc/self/fd");
    (void)arg;
    options.in = options.err = WHORL_PIPE;
    check_equal(says(options, "0\n1\n2\n3\n"), 0);
    check_equal(whorl_process_free(other), 0);
    return 0;
}

static void a_child_gets_no_other_descriptor_of_whorls(void **state)
{
    (void)state;
    /* What the test program itself has inherited. */
    assert_int_equal(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC), 0);
    run_checks(look_at_open_ones, NULL);
}

static int closed[3]; /* copies of 0, 1 and 2 while those are closed */

/* Runs fn(arg) without the descriptors of the set `which`. */
static intptr_t run_without(unsigned which, whorl_fn *fn, void *arg)
{
    fflush(NULL);
    for (int fd = 0; fd < 3; fd++) {
        closed[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
        if (which >> fd & 1)
            close(fd);
    }
    intptr_t result = whorl_run(fn, arg);
    for (int fd = 0; fd < 3; fd++) {
        dup2(closed[fd], fd);
        close(closed[fd]);
    }
    return result;
}

static intptr_t talk_through_all(void *arg)
{
    whorl_process_options options = shell("cat; echo error >&2");
    whorl_process_output output;
    (void)arg;
    options.in = options.out = options.err = WHORL_PIPE;
    int code = whorl_process_run(&options, "input", 5, &output, LONG_ENOUGH);
    check_text(output.out, "input");
    check_text(output.err, "error\n");
    free(output.out);
    free(output.err);
    options = shell("exec >&2; cat; [ -e /proc/self/fd/0 ]");
    options.in = options.out = WHORL_NULL;
    options.err = WHORL_PIPE;
    return code ? code : whorl_process_run(&options, NULL, 0, NULL, LONG_ENOUGH);
}

static void closed_descriptors_of_the_program_are_no_obstacle(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 8; which++)
        check_equal(run_without(which, talk_through_all, NULL), 0);
}

/* The program's own 1 and 2 are pipes here, and the child gets them crosswise. */
static intptr_t cross(void *arg)
{
    pair out = pipe_pair();
    pair err = pipe_pair();
    whorl_process_options options = shell("echo out; echo err >&2");
    char text[2][16] = {"", ""};
    (void)arg;
    check_equal(dup2(out.ends[1], 1), 1);
    check_equal(dup2(err.ends[1], 2), 2);
    options.out = 2;
    options.err = 1;
    int code = whorl_process_run(&options, NULL, 0, NULL, LONG_ENOUGH);
    dup2(closed[1], 1);
    dup2(closed[2], 2);
    check_equal(read(out.ends[0], text[0], 15), 4);
    check_equal(read(err.ends[0], text[1], 15), 4);
    check_text(text[0], "err\n");
    check_text(text[1], "out\n");
    close_pair(&out);
    close_pair(&err);
    return code;
}

static void out_and_err_may_change_places(void **state)
{
    (void)state;
    check_equal(run_without(0, cross, NULL), 0);
}

static intptr_t give_its_own(void *arg)
{
    whorl_process_options options = shell("exit 3");
    (void)arg;
    check_equal(fcntl(1, F_SETFD, FD_CLOEXEC), 0);
    options.out = 1;
    options.argv = (const char *const[]){"sh", "-c", "[ -e /proc/self/fd/1 ]", NULL};
    int code = whorl_process_run(&options, NULL, 0, NULL, LONG_ENOUGH);
    check_equal(fcntl(1, F_SETFD, 0), 0);
    options.out = 0;
    options.err = 1;
    check_equal(close(1), 0);
    check_equal(fail_to_spawn(options), -EBADF);
    return code;
}

static void a_descriptor_in_its_own_place_loses_its_mark(void **state)
{
    (void)state;
    check_equal(run_without(0, give_its_own, NULL), 0);
}

static intptr_t use_up_descriptors(void *arg)
{
    whorl_process_options options = shell("true");
    struct rlimit limit, low;
    (void)arg;
    options.in = options.out = options.err = WHORL_PIPE;
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int next = fcntl(0, F_DUPFD_CLOEXEC, 3);
    close(next);
    /* Three pipes and the pidfd. */
    for (int room = 0; room < 7; room++) {
        low = (struct rlimit){(rlim_t)(next + room), limit.rlim_max};
        check_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        check_equal(fail_to_spawn(options), -EMFILE);
    }
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return whorl_process_run(&options, NULL, 0, NULL, LONG_ENOUGH);
}

static void without_descriptors_there_is_no_child(void **state)
{
    (void)state;
    run_checks(use_up_descriptors, NULL);
}

/* The first end of a pipe is 0, from where it cannot be moved away. */
static intptr_t use_up_all_but_zero(void *arg)
{
    whorl_process_options options = shell("true");
    struct rlimit limit, low;
    (void)arg;
    options.in = options.out = options.err = WHORL_PIPE;
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int next = fcntl(2, F_DUPFD_CLOEXEC, 3);
    close(next);
    close(0);
    for (int room = 0; room < 6; room++) {
        low = (struct rlimit){(rlim_t)(next + room), limit.rlim_max};
        check_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        check_equal(fail_to_spawn(options), -EMFILE);
        check_equal(fcntl(0, F_GETFD), -1);
    }
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return whorl_process_run(&options, NULL, 0, NULL, LONG_ENOUGH);
}

static void without_descriptors_to_move_pipes_to_there_is_no_child(void **state)
{
    (void)state;
    check_equal(run_without(0, use_up_all_but_zero, NULL), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(descriptors_go_where_they_are_sent),
        behaviour(a_child_gets_no_other_descriptor_of_whorls),
        behaviour(closed_descriptors_of_the_program_are_no_obstacle),
        behaviour(out_and_err_may_change_places),
        behaviour(a_descriptor_in_its_own_place_loses_its_mark),
        behaviour(without_descriptors_there_is_no_child),
        behaviour(without_descriptors_to_move_pipes_to_there_is_no_child),
    };
    return run_behaviours("process descriptors", tests);
}
