/*
 * Running a main task: its result, its configuration's bounds, one loop a thread, and that nothing
 * is left when it is over. And what is said of the library: version and features.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FEATURES = KNOWN_FEATURES, RUNS = 1000, THREADS = 4 };

#define ALL_FEATURES ((UINT64_C(1) << FEATURES) - 1)

static intptr_t give_back(void *arg)
{
    return (intptr_t)arg;
}

static void the_main_tasks_result_is_the_runs(void **state)
{
    static const intptr_t results[] = {0, 1, 42, INTPTR_MAX, -1, -ECANCELED, -ENOENT, INTPTR_MIN};
    int object;

    (void)state;
    for (size_t i = 0; i < count_of(results); i++)
        assert_int_equal(whorl_run(give_back, (void *)results[i]), results[i]);
    assert_ptr_equal(whorl_run(give_back, &object), &object);
    assert_int_equal(whorl_run_with(NULL, give_back, (void *)7), 7);
    assert_int_equal(whorl_run_with(&(whorl_config){0}, give_back, (void *)8), 8);
}

static void a_run_without_a_main_function_is_refused(void **state)
{
    (void)state;
    assert_int_equal(whorl_run(NULL, NULL), -EINVAL);
    assert_int_equal(whorl_run_with(NULL, NULL, NULL), -EINVAL);
    assert_int_equal(whorl_run_with(&(whorl_config){0}, NULL, NULL), -EINVAL);
}

static intptr_t set_flag(void *arg)
{
    *(int *)arg = 1;
    return 0;
}

static void a_configuration_out_of_bounds_is_refused_before_main_starts(void **state)
{
    static const whorl_config bad[] = {
        {.stack_size = 1},
        {.stack_size = WHORL_STACK_MIN - 1},
        {.stack_size = WHORL_STACK_MAX + 1},
        {.stack_size = SIZE_MAX},
        {.entries = 32769},
        {.entries = UINT32_MAX},
        {.completions = 65537},
        {.completions = UINT32_MAX},
    };
    int started = 0;

    (void)state;
    for (size_t i = 0; i < count_of(bad); i++) {
        assert_int_equal(whorl_run_with(&bad[i], set_flag, &started), -EINVAL);
        assert_int_equal(started, 0);
    }
}

static intptr_t add_up(void *arg)
{
    (void)arg;
    return whorl_yield() == 0 ? 5 : -EIO;
}

static intptr_t spawn_join_sleep(void *arg)
{
    whorl_task *task = whorl_spawn(add_up, NULL);
    whorl_op op = whorl_op_nop();

    (void)arg;
    check(task != NULL);
    check_equal(whorl_sleep(WHORL_US(10)), 0);
    check_equal(whorl_op_await(&op), 0);
    check_equal(whorl_join(task), 5);
    return 0;
}

static void a_configuration_at_its_bounds_runs(void **state)
{
    static const whorl_config good[] = {
        {.stack_size = WHORL_STACK_MIN + (UNDER_SANITIZER ? WHORL_STACK_MIN : 0)},
        {.stack_size = 65537},
        {.stack_size = WHORL_STACK_MAX},
        {.entries = 1},
        {.entries = 32768, .completions = 65536},
        {.entries = 3, .completions = 5},
        {.entries = 256, .completions = 1},
        {.entries = 1, .completions = 1},
        {.entries = 4096, .completions = 7},
        {.pooled_stacks = 1},
        {.pooled_stacks = UINT32_MAX},
        {.drain_warning = -1},
        {.drain_warning = WHORL_FOREVER},
    };

    (void)state;
    for (size_t i = 0; i < count_of(good); i++)
        run_checks_with(&good[i], spawn_join_sleep, NULL);
}

static intptr_t check_features_without(void *arg)
{
    uint64_t without = *(uint64_t *)arg;
    int64_t features = whorl_features();

    check(features >= 0);
    check_equal((uint64_t)features & without, 0);
    check_equal((uint64_t)features & ~ALL_FEATURES, 0);
    return spawn_join_sleep(NULL);
}

static void a_run_goes_on_without_each_feature(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit <= FEATURES; bit++) {
        uint64_t without = bit < FEATURES ? UINT64_C(1) << bit : ALL_FEATURES;

        run_checks_with(&(whorl_config){.without = without}, check_features_without, &without);
    }
}

static intptr_t give_features(void *arg)
{
    (void)arg;
    return (intptr_t)whorl_features();
}

static void features_are_the_same_inside_and_outside(void **state)
{
    int64_t outside = whorl_features();

    (void)state;
    assert_true(outside >= 0);
    assert_int_equal(run(give_features, NULL), outside);
    assert_int_equal(run_with(&(whorl_config){.without = ALL_FEATURES}, give_features, NULL), 0);
    assert_int_equal(whorl_features(), outside);
}

static void a_feature_has_a_name_and_others_have_none(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        const char *name = whorl_feature_name(UINT64_C(1) << bit);

        assert_int_equal(name != NULL, bit < FEATURES);
        for (unsigned other = 0; other < bit && name != NULL; other++)
            assert_string_not_equal(name, whorl_feature_name(UINT64_C(1) << other));
    }
    assert_null(whorl_feature_name(0));
    assert_null(whorl_feature_name(3));
    assert_null(whorl_feature_name(ALL_FEATURES));
    assert_null(whorl_feature_name(UINT64_MAX));
    assert_string_equal(whorl_feature_name(WHORL_FEATURE_DEFER_TASKRUN), "defer_taskrun");
    assert_string_equal(whorl_feature_name(WHORL_FEATURE_GUARD_INSTALL), "guard_install");
    assert_string_equal(whorl_feature_name(WHORL_FEATURE_OP_FTRUNCATE), "op_ftruncate");
}

static void a_feature_tells_its_kernel_and_what_is_done_without_it(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < FEATURES; bit++) {
        const whorl_feature_info *info = whorl_feature(UINT64_C(1) << bit);

        assert_non_null(info);
        assert_string_equal(info->name, whorl_feature_name(UINT64_C(1) << bit));
        assert_true(strtod(info->kernel, NULL) >= 5);
        assert_true(strlen(info->fallback) > 0);
    }
    assert_string_equal(whorl_feature(WHORL_FEATURE_NO_SQARRAY)->kernel, "6.6");
    assert_null(whorl_feature(0));
    assert_null(whorl_feature(3));
    assert_null(whorl_feature(UINT64_C(1) << FEATURES));
}

static void the_version_is_that_of_the_headers(void **state)
{
    char expected[32];

    (void)state;
    snprintf(expected, sizeof expected, "%d.%d.%d", WHORL_VERSION_MAJOR, WHORL_VERSION_MINOR,
             WHORL_VERSION_PATCH);
    assert_string_equal(whorl_version(), expected);
}

static intptr_t run_within(void *arg)
{
    int started = 0;

    (void)arg;
    check_equal(whorl_run(set_flag, &started), -EBUSY);
    check_equal(whorl_run_with(&(whorl_config){.entries = 8}, set_flag, &started), -EBUSY);
    check_equal(started, 0);
    return spawn_join_sleep(NULL);
}

static intptr_t run_within_a_child_task(void *arg)
{
    whorl_task *task = whorl_spawn(run_within, arg);

    check(task != NULL);
    return whorl_join(task);
}

static void a_run_within_a_run_is_refused_and_harms_nothing(void **state)
{
    (void)state;
    run_checks(run_within, NULL);
    run_checks(run_within_a_child_task, NULL);
}

static void *loop_of_this_thread(void *arg)
{
    for (int i = 0; i < 50; i++) {
        if (whorl_run(spawn_join_sleep, NULL) != 0)
            return NULL;
    }
    return arg;
}

static void each_thread_runs_its_own_loop(void **state)
{
    pthread_t threads[THREADS];
    void *result;

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, loop_of_this_thread, threads), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, threads);
    }
}

static intptr_t run_a_thread_from_a_task(void *arg)
{
    pthread_t thread;
    void *result = NULL;

    check_equal(pthread_create(&thread, NULL, loop_of_this_thread, arg), 0);
    check_equal(pthread_join(thread, &result), 0);
    check(result == arg);
    check(whorl_self() != NULL);
    return spawn_join_sleep(NULL);
}

static void a_thread_made_by_a_task_runs_its_own_loop(void **state)
{
    (void)state;
    run_checks(run_a_thread_from_a_task, state);
}

static int count_maps(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int count = 0;
    int byte;

    assert_non_null(maps);
    while ((byte = getc(maps)) != EOF)
        count += byte == '\n';
    fclose(maps);
    return count;
}

static void a_thousand_runs_leave_no_descriptor_and_no_map(void **state)
{
    int descriptors;
    int maps;

    (void)state;
    for (int i = 0; i < 10; i++)
        run_checks(spawn_join_sleep, NULL);
    descriptors = open_descriptors();
    maps = count_maps();
    for (int i = 0; i < RUNS; i++)
        run_checks(spawn_join_sleep, NULL);
    assert_int_equal(open_descriptors(), descriptors);
    assert_in_range(count_maps(), 0, maps + RUNS / 20);
}

static intptr_t check_sigpipe_is_blocked(void *arg)
{
    sigset_t mask;

    (void)arg;
    check_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    check_equal(sigismember(&mask, SIGPIPE), 1);
    return 0;
}

static void a_run_gives_the_threads_signals_back_as_they_were(void **state)
{
    struct sigaction action;
    struct sigaction after;
    sigset_t before_mask;
    sigset_t after_mask;

    (void)state;
    assert_int_equal(sigaction(SIGSEGV, NULL, &action), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before_mask), 0);
    run_checks(check_sigpipe_is_blocked, NULL);
    assert_int_equal(sigaction(SIGSEGV, NULL, &after), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after_mask), 0);
    assert_true(after.sa_sigaction == action.sa_sigaction);
    assert_int_equal(after.sa_flags & SA_SIGINFO, action.sa_flags & SA_SIGINFO);
    for (int number = 1; number < SIGRTMAX; number++)
        assert_int_equal(sigismember(&after_mask, number), sigismember(&before_mask, number));
}

static void the_alternate_signal_stack_is_given_back(void **state)
{
    static char memory[65536];
    stack_t mine = {.ss_sp = memory, .ss_size = sizeof memory};
    stack_t before;
    stack_t after;

    (void)state;
    assert_int_equal(sigaltstack(&mine, &before), 0);
    run_checks(spawn_join_sleep, NULL);
    assert_int_equal(sigaltstack(&before, &after), 0);
    assert_ptr_equal(after.ss_sp, memory);
    assert_int_equal(after.ss_size, sizeof memory);
    assert_int_equal(after.ss_flags & SS_DISABLE, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_main_tasks_result_is_the_runs),
        behaviour(a_run_without_a_main_function_is_refused),
        behaviour(a_configuration_out_of_bounds_is_refused_before_main_starts),
        behaviour(a_configuration_at_its_bounds_runs),
        behaviour(a_run_goes_on_without_each_feature),
        behaviour(features_are_the_same_inside_and_outside),
        behaviour(a_feature_has_a_name_and_others_have_none),
        behaviour(a_feature_tells_its_kernel_and_what_is_done_without_it),
        behaviour(the_version_is_that_of_the_headers),
        behaviour(a_run_within_a_run_is_refused_and_harms_nothing),
        behaviour(each_thread_runs_its_own_loop),
        behaviour(a_thread_made_by_a_task_runs_its_own_loop),
        behaviour(a_thousand_runs_leave_no_descriptor_and_no_map),
        behaviour(a_run_gives_the_threads_signals_back_as_they_were),
        behaviour(the_alternate_signal_stack_is_given_back),
    };

    return run_behaviours("run", tests);
}
