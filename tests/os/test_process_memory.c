/*
 * Processes when there is no memory: nothing is started, or what was read so far is kept. Each case
 * has a child of its own, whose address space is limited.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/children.h"
#include "starve.h"

enum { OUTPUT = 48 << 20, SPARE = 8 << 20 };

static void skip_under_sanitizers(void)
{
    if (UNDER_SANITIZER)
        skip_because("a sanitizer's malloc has all its address space before it is limited");
}

static intptr_t read_too_much(void *arg)
{
    whorl_process_options options = shell("head -c 50331648 /dev/zero; exit 3");
    whorl_process_output output;
    whorl_process *process;
    (void)arg;
    options.out = WHORL_PIPE;
    check_equal(whorl_process_spawn(&options, &process), 0);
    rlim_t before = leave_memory(SPARE);
    check_equal(whorl_process_communicate(process, NULL, 0, &output, LONG_ENOUGH), -ENOMEM);
    check(output.out == NULL && output.out_len == 0);
    limit_memory_to(before);
    check_equal(whorl_process_communicate(process, NULL, 0, &output, LONG_ENOUGH), 3);
    check_equal(output.out_len, OUTPUT);
    free(output.out);
    return whorl_process_free(process);
}

static void output_without_memory_is_kept_as_far_as_it_was_read(void **state)
{
    (void)state;
    skip_under_sanitizers();
    run_checks_in_child(NULL, read_too_much, NULL);
}

static intptr_t spawn_without_memory(void *arg)
{
    int descriptors = open_descriptors();
    (void)arg;
    whorl_process_options options = shell("exit 3");
    whorl_process *process;
    options.in = options.out = options.err = WHORL_PIPE;
    rlim_t before = leave_memory(SPARE);
    void *taken = take_heap();
    int error = whorl_process_spawn(&options, &process);
    give_heap_back(taken);
    check_equal(error, -ENOMEM);
    check(process == NULL);
    limit_memory_to(before);
    check_equal(open_descriptors(), descriptors);
    check_no_children();
    return whorl_process_run(&shell("exit 3"), NULL, 0, NULL, LONG_ENOUGH) == 3 ? 0 : -1;
}

static void without_memory_there_is_no_child(void **state)
{
    (void)state;
    skip_under_sanitizers();
    run_checks_in_child(NULL, spawn_without_memory, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(output_without_memory_is_kept_as_far_as_it_was_read),
        behaviour(without_memory_there_is_no_child),
    };
    return run_behaviours("process memory", tests);
}
