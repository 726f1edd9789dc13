/*
 * Processes when there is no memory: nothing is started, or what was read so far is kept. Each case
 * has a child of its own, whose address space is limited.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "os/children.h"

#include <stdio.h>
#include <sys/resource.h>

enum { OUTPUT = 48 << 20, SPARE = 8 << 20 };

/* Leaves `spare` bytes of address space. */
static void limit_memory(size_t spare)
{
    char text[4096] = "";
    struct rlimit limit;
    check(read_whole("/proc/self/status", text, sizeof text - 1) > 0);
    const char *size = strstr(text, "VmSize:");
    check_equal(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = spare + (size ? strtoul(size + 7, NULL, 10) << 10 : 0);
    check_equal(setrlimit(RLIMIT_AS, &limit), 0);
}

static void lift_limit(void)
{
    struct rlimit limit;
    check_equal(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    check_equal(setrlimit(RLIMIT_AS, &limit), 0);
}

static void run_in_child(int (*body)(void *arg))
{
    struct child child;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer's malloc has all its address space before it is limited");
    assert_int_equal(child_run(body, NULL, &child), 0);
    assert_true(child_exited(&child, 0));
}

static intptr_t read_too_much(void *arg)
{
    whorl_process_options options = shell("head -c 50331648 /dev/zero; exit 3");
    whorl_process_output output;
    whorl_process *process;
    (void)arg;
    options.out = WHORL_PIPE;
    check_equal(whorl_process_spawn(&options, &process), 0);
    limit_memory(SPARE);
    check_equal(whorl_process_communicate(process, NULL, 0, &output, LONG_ENOUGH), -ENOMEM);
    check(output.out == NULL && output.out_len == 0);
    lift_limit();
    check_equal(whorl_process_communicate(process, NULL, 0, &output, LONG_ENOUGH), 3);
    check_equal(output.out_len, OUTPUT);
    free(output.out);
    return whorl_process_free(process);
}

static int read_in_little_memory(void *arg)
{
    return (int)whorl_run(read_too_much, arg);
}

static void output_without_memory_is_kept_as_far_as_it_was_read(void **state)
{
    (void)state;
    run_in_child(read_in_little_memory);
}

/* All that malloc has, as a list. */
static void **use_up(void)
{
    void **all = NULL;
    for (size_t size = (size_t)1 << 20; size >= sizeof(void *); size /= 2) {
        void **piece;
        while ((piece = malloc(size)) != NULL) {
            *piece = all;
            all = piece;
        }
    }
    return all;
}

static void give_back(void **all)
{
    while (all) {
        void **next = *all;
        free(all);
        all = next;
    }
}

static intptr_t spawn_without_memory(void *arg)
{
    int before = open_descriptors();
    (void)arg;
    whorl_process_options options = shell("exit 3");
    whorl_process *process;
    options.in = options.out = options.err = WHORL_PIPE;
    limit_memory(SPARE);
    void **all = use_up();
    int error = whorl_process_spawn(&options, &process);
    give_back(all);
    check_equal(error, -ENOMEM);
    check(process == NULL);
    lift_limit();
    check_equal(open_descriptors(), before);
    check_no_children();
    return whorl_process_run(&shell("exit 3"), NULL, 0, NULL, LONG_ENOUGH) == 3 ? 0 : -1;
}

static int spawn_in_no_memory(void *arg)
{
    return (int)whorl_run(spawn_without_memory, arg);
}

static void without_memory_there_is_no_child(void **state)
{
    (void)state;
    run_in_child(spawn_in_no_memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(output_without_memory_is_kept_as_far_as_it_was_read),
        behaviour(without_memory_there_is_no_child),
    };
    return run_behaviours("process memory", tests);
}
