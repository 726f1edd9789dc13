/*
 * Talking to a process: any amount both ways at once, within limits of time and memory; what was
 * said and heard is kept when an exchange is cut short.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"
#include "os/children.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define MEBIBYTE ((size_t)1 << 20)

enum { LARGE = 4 << 20 };

static char *letters; /* LARGE bytes that do not repeat soon */

static void make_letters(void)
{
    random_source source = random_from_seed(1);
    letters = malloc(LARGE);
    assert_non_null(letters);
    for (size_t i = 0; i < LARGE; i++)
        letters[i] = (char)('a' + random_below(&source, 26));
}

static void drop_output(whorl_process_output *output)
{
    free(output->out);
    free(output->err);
}

static bool is_empty(const whorl_process_output *output)
{
    return !output->out && !output->err && output->out_len == 0 && output->err_len == 0;
}

/* --- Amounts --- */

static intptr_t send_through_cat(void *arg)
{
    static const size_t sizes[] = {0, 1, 4094, 4095, 4096, 65536, 65537, LARGE};
    (void)arg;
    for (size_t i = 0; i < count_of(sizes); i++) {
        whorl_process_output output;
        whorl_process_options options = shell("exec cat");
        options.in = options.out = WHORL_PIPE;
        check_equal(whorl_process_run(&options, letters, sizes[i], &output, LONG_ENOUGH), 0);
        check_equal(output.out_len, sizes[i]);
        check(memcmp(output.out, letters, sizes[i]) == 0 && output.out[sizes[i]] == '\0');
        check(output.err == NULL && output.err_len == 0);
        drop_output(&output);
    }
    return check_no_children() ? 0 : -1;
}

static void megabytes_go_in_and_out_at_once(void **state)
{
    (void)state;
    make_letters();
    run_checks(send_through_cat, NULL);
    run_checks_with(&(whorl_config){.without = UINT64_MAX}, send_through_cat, NULL);
    run_checks_with(&(whorl_config){.entries = 4, .completions = 4}, send_through_cat, NULL);
    free(letters);
}

static intptr_t fill_both(void *arg)
{
    whorl_process_options options =
        shell("head -c 3000000 /dev/zero >&2; cat; head -c 2000000 /dev/zero");
    whorl_process_output output;
    (void)arg;
    options.in = options.out = options.err = WHORL_PIPE;
    check_equal(whorl_process_run(&options, letters, MEBIBYTE, &output, LONG_ENOUGH), 0);
    check_equal(output.out_len, MEBIBYTE + 2000000);
    check_equal(output.err_len, 3000000);
    drop_output(&output);
    return 0;
}

static void neither_pipe_waits_for_the_other(void **state)
{
    (void)state;
    make_letters();
    run_checks(fill_both, NULL);
    free(letters);
}

static intptr_t talk_to_the_deaf(void *arg)
{
    whorl_process_output output;
    whorl_process_options options = shell("exec <&-; echo done; exit 3");
    (void)arg;
    options.in = options.out = WHORL_PIPE;
    check_equal(whorl_process_run(&options, letters, LARGE, &output, LONG_ENOUGH), 3);
    check_text(output.out, "done\n");
    drop_output(&output);
    options = shell("head -c 5");
    options.in = options.out = WHORL_PIPE;
    check_equal(whorl_process_run(&options, letters, LARGE, &output, LONG_ENOUGH), 0);
    check_equal(output.out_len, 5);
    drop_output(&output);
    return 0;
}

static void a_child_that_closes_its_input_early_is_no_error(void **state)
{
    (void)state;
    make_letters();
    run_checks(talk_to_the_deaf, NULL);
    free(letters);
}

/* --- Limits --- */

static intptr_t say_too_much(void *arg)
{
    whorl_process_options options = shell("printf 12345");
    whorl_process_output output = {0};
    (void)arg;
    options.out = WHORL_PIPE;
    options.output_max = 5;
    check_equal(whorl_process_run(&options, NULL, 0, &output, LONG_ENOUGH), 0);
    check_text(output.out, "12345");
    drop_output(&output);
    options.output_max = 4;
    check_equal(whorl_process_run(&options, NULL, 0, &output, LONG_ENOUGH), -EMSGSIZE);
    check(is_empty(&output));
    options.output_max = SIZE_MAX;
    check_equal(whorl_process_run(&options, NULL, 0, NULL, LONG_ENOUGH), 0);

    options = shell("cat /dev/zero >&2");
    options.err = WHORL_PIPE;
    options.output_max = 100000;
    whorl_process *process;
    check_equal(whorl_process_spawn(&options, &process), 0);
    for (int i = 0; i < 2; i++)
        check_equal(whorl_process_communicate(process, NULL, 0, &output, LONG_ENOUGH), -EMSGSIZE);
    check(is_empty(&output));
    return whorl_process_free(process);
}

static void output_beyond_the_maximum_is_an_error(void **state)
{
    (void)state;
    run_checks(say_too_much, NULL);
}

/* Each call has its limit run out while the child waits for what only the test can give. */
static intptr_t be_cut_short(void *arg)
{
    whorl_process_options options = shell("printf begun; read go <gate; cat >&2");
    test_path directory = path_of("");
    test_path gate = path_of("gate");
    whorl_process *process;
    whorl_process_output output = {.out = letters};
    (void)arg;
    check_equal(mkfifo(gate.text, 0600), 0);
    options.cwd = directory.text;
    options.in = options.out = options.err = WHORL_PIPE;
    check_equal(whorl_process_spawn(&options, &process), 0);
    for (int i = 0; i < 20; i++)
        check_equal(whorl_process_communicate(process, letters, LARGE, &output, WHORL_US(100 * i)),
                    -ETIMEDOUT);
    check(is_empty(&output) && is_alive(whorl_process_pid(process)));
    int fd = open(gate.text, O_RDWR | O_CLOEXEC);
    check_equal(write(fd, "go\n", 3), 3);
    check_equal(whorl_process_communicate(process, letters, LARGE, &output, LONG_ENOUGH), 0);
    check_text(output.out, "begun");
    check_equal(output.err_len, LARGE);
    check(memcmp(output.err, letters, LARGE) == 0);
    drop_output(&output);
    check_equal(close(fd), 0);
    /* All has been said. */
    check_equal(whorl_process_communicate(process, letters, LARGE, &output, LONG_ENOUGH), 0);
    check(is_empty(&output));
    return whorl_process_free(process);
}

static void an_exchange_that_ran_out_of_time_goes_on_where_it_stopped(void **state)
{
    (void)state;
    make_letters();
    run_checks(be_cut_short, NULL);
    free(letters);
}

struct exchange {
    whorl_process *process;
    whorl_process_output output;
};

static intptr_t communicate(void *arg)
{
    struct exchange *exchange = arg;
    return whorl_process_communicate(exchange->process, letters, LARGE, &exchange->output,
                                     WHORL_FOREVER);
}

static intptr_t be_cancelled(void *arg)
{
    whorl_process_options options = shell("exec cat");
    struct exchange exchange = {0};
    int cancelled = 0;
    intptr_t result = -ECANCELED;
    (void)arg;
    options.in = options.out = WHORL_PIPE;
    check_equal(whorl_process_spawn(&options, &exchange.process), 0);
    for (int i = 0; result == -ECANCELED; i++) {
        whorl_task *task = whorl_spawn(communicate, &exchange);
        for (int turn = 0; turn < i; turn++)
            check_equal(whorl_yield(), 0);
        if (i < 200)
            whorl_cancel(task);
        result = whorl_join(task);
        cancelled += result == -ECANCELED;
    }
    printf("%d times cancelled\n", cancelled);
    check_equal(result, 0);
    check_equal(exchange.output.out_len, LARGE);
    check(memcmp(exchange.output.out, letters, LARGE) == 0);
    drop_output(&exchange.output);
    return whorl_process_free(exchange.process);
}

static void an_exchange_that_was_cancelled_at_any_point_loses_no_byte(void **state)
{
    (void)state;
    make_letters();
    for (long i = test_rounds(5); i > 0; i--)
        run_checks(be_cancelled, NULL);
    run_checks_with(&(whorl_config){.without = UINT64_MAX}, be_cancelled, NULL);
    free(letters);
}

/* The grandchild has the pipe until its own input ends. */
static intptr_t wait_for_a_grandchild(void *arg)
{
    whorl_process_options options = shell("exec 3<&0; cat <&3 & echo $!; exit 5");
    pair input = pipe_pair();
    whorl_process *process;
    whorl_process_output output;
    (void)arg;
    options.in = input.ends[0];
    options.out = WHORL_PIPE;
    check_equal(whorl_process_spawn(&options, &process), 0);
    check_equal(whorl_process_wait(process), 5);
    check_equal(whorl_process_communicate(process, NULL, 0, &output, WHORL_MS(1)), -ETIMEDOUT);
    check_equal(write(input.ends[1], "late\n", 5), 5);
    close_pair(&input);
    check_equal(whorl_process_communicate(process, NULL, 0, &output, LONG_ENOUGH), 5);
    check(output.out_len > 5 && strcmp(output.out + output.out_len - 5, "late\n") == 0);
    drop_output(&output);
    return whorl_process_free(process);
}

static void grandchildren_that_hold_the_pipes_are_waited_for_until_the_limit(void **state)
{
    (void)state;
    run_checks(wait_for_a_grandchild, NULL);
}

/* --- Misuse --- */

static intptr_t misuse(void *arg)
{
    whorl_process *process = spawn_patient();
    whorl_process *mute;
    struct exchange exchange = {.process = process};
    whorl_process_output output = {.out = letters};
    (void)arg;
    check_equal(whorl_process_spawn(&shell("true"), &mute), 0);
    check_equal(whorl_process_communicate(NULL, "x", 1, &output, 1), -EINVAL);
    check(is_empty(&output));
    check_equal(whorl_process_communicate(process, NULL, 1, NULL, 1), -EINVAL);
    check_equal(whorl_process_communicate(mute, "x", 1, NULL, 1), -EINVAL);
    check_equal(whorl_process_communicate(mute, NULL, 0, NULL, LONG_ENOUGH), 0);
    check_equal(whorl_process_free(mute), 0);

    whorl_task *task = whorl_spawn(communicate, &exchange);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_process_communicate(process, NULL, 0, NULL, 1), -EBUSY);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    return whorl_process_free(process);
}

static void misuse_is_refused(void **state)
{
    (void)state;
    make_letters();
    run_checks(misuse, NULL);
    free(letters);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(megabytes_go_in_and_out_at_once),
        behaviour(neither_pipe_waits_for_the_other),
        behaviour(a_child_that_closes_its_input_early_is_no_error),
        behaviour(output_beyond_the_maximum_is_an_error),
        behaviour(an_exchange_that_ran_out_of_time_goes_on_where_it_stopped),
        behaviour(an_exchange_that_was_cancelled_at_any_point_loses_no_byte),
        behaviour(grandchildren_that_hold_the_pipes_are_waited_for_until_the_limit),
        behaviour(misuse_is_refused),
    };
    return run_behaviours("process communicate", tests);
}
