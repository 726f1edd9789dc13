/*
 * Spawning when there is no memory: NULL and -ENOMEM, nothing changed, the run goes on; and pools
 * that give back what they held.
 *
 * Address space is limited by RLIMIT_AS in a forked child, the number of guard pages by the
 * kernel's vm.max_map_count when guards are made by mprotect(2).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "starve.h"

enum { LIVE_MAX = 70000, ROOM = 96 << 20 };

static whorl_task *live[LIVE_MAX];
static int bodies;

static intptr_t count_a_body(void *arg)
{
    bodies++;
    return (intptr_t)arg;
}

static whorl_task *spawn_and_tell(size_t stack_size, int *error)
{
    whorl_spawn_options options = {.stack_size = stack_size, .error = error};

    *error = 1;
    return whorl_spawn_with(&options, count_a_body, (void *)3);
}

static intptr_t ask_for_one_too_large(void *arg)
{
    rlim_t before = leave_memory(ROOM);
    long size = status_figure("VmSize:");
    whorl_task *task;
    int error;

    (void)arg;
    bodies = 0;
    for (int i = 0; i < 100; i++) {
        check(spawn_and_tell(WHORL_STACK_MAX, &error) == NULL);
        check_equal(error, -ENOMEM);
    }
    check(status_figure("VmSize:") <= size + (ROOM >> 10));
    check_equal(whorl_yield(), 0);
    check_equal(bodies, 0);
    task = whorl_spawn(count_a_body, (void *)4);
    check(task != NULL);
    check_equal(whorl_join(task), 4);
    limit_memory_to(before);
    task = spawn_and_tell(WHORL_STACK_MAX, &error);
    check_equal(error, 0);
    check_equal(whorl_join(task), 3);
    return 0;
}

static void a_stack_too_large_for_memory_is_refused(void **state)
{
    run_checks_in_child(NULL, ask_for_one_too_large, state);
}

/* Spawns tasks until one is refused, and gives how many there are. */
static int spawn_until_refused(size_t stack_size)
{
    int count = 0;
    int error = 0;

    while (count < LIVE_MAX) {
        live[count] = spawn_and_tell(stack_size, &error);
        if (live[count] == NULL)
            break;
        check_equal(error, 0);
        count++;
    }
    if (count < LIVE_MAX)
        check_equal(error, -ENOMEM);
    return count;
}

static void join_live(int count)
{
    for (int i = 0; i < count; i++)
        check_equal(whorl_join(live[i]), 3);
}

static intptr_t exhaust_memory(void *arg)
{
    rlim_t before = leave_memory(ROOM);
    int count = spawn_until_refused(1 << 20);
    int second;
    int error;

    (void)arg;
    check(count > 0 && count < LIVE_MAX);
    check(whorl_spawn_with(&(whorl_spawn_options){.stack_size = 1 << 20}, count_a_body, NULL) ==
          NULL);
    check(spawn_and_tell(1 << 20, &error) == NULL);
    bodies = 0;
    check_equal(whorl_yield(), 0);
    check_equal(bodies, count);
    join_live(count);
    /* All of them came back to the pool: as many fit in once more. */
    second = spawn_until_refused(1 << 20);
    check(second >= count);
    join_live(second);
    limit_memory_to(before);
    return 0;
}

static void a_run_goes_on_when_memory_is_used_up(void **state)
{
    if (UNDER_THREAD_SANITIZER)
        skip_because("the thread sanitizer itself dies when it has no memory for a fiber");
    run_checks_in_child(NULL, exhaust_memory, state);
}

static intptr_t exhaust_maps(void *arg)
{
    int count = spawn_until_refused(WHORL_STACK_MIN);
    int second;

    (void)arg;
    printf("%d tasks with guards by mprotect\n", count);
    check(count > 1000);
    bodies = 0;
    check_equal(whorl_yield(), 0);
    check_equal(bodies, count);
    join_live(count);
    second = spawn_until_refused(WHORL_STACK_MIN);
    check(second >= count);
    join_live(second);
    return 0;
}

static int run_maps(void *arg)
{
    whorl_config config = {
        .without = WHORL_FEATURE_GUARD_INSTALL,
        .stack_size = WHORL_STACK_MIN,
        .pooled_stacks = LIVE_MAX,
    };

    return (int)whorl_run_with(&config, exhaust_maps, arg);
}

static long max_map_count(void)
{
    char text[32] = {0};

    if (read_whole("/proc/sys/vm/max_map_count", text, sizeof text - 1) <= 0)
        return -1;
    return strtol(text, NULL, 10);
}

static void guards_by_mprotect_end_at_the_map_limit_in_good_order(void **state)
{
    long limit = max_map_count();

    if (UNDER_SANITIZER)
        skip_because("a sanitizer needs maps of its own when there are none left");
    if (limit < 0 || limit > 2 * LIVE_MAX)
        skip_because("vm.max_map_count is %ld: too many tasks before it is reached", limit);
    run_in_child(run_maps, state);
}

static intptr_t spawn_a_crowd(void *arg)
{
    int count = (int)(intptr_t)arg;
    int error;

    for (int i = 0; i < count; i++) {
        live[i] = spawn_and_tell(0, &error);
        check_equal(error, 0);
    }
    join_live(count);
    return 0;
}

static long resident_after(long count)
{
    whorl_task *task = whorl_spawn(spawn_a_crowd, (void *)count);

    check(task != NULL);
    check_equal(whorl_join(task), 0);
    /* A turn gives a few stacks back, so as not to keep the loop. */
    for (int i = 0; i < 1000; i++)
        check_equal(whorl_yield(), 0);
    return status_figure("VmRSS:");
}

static intptr_t grow_and_shrink(void *arg)
{
    long small = resident_after(1000);
    long large = resident_after(20000);

    (void)arg;
    printf("resident after 1000 tasks %ld KiB, after 20000 tasks %ld KiB\n", small, large);
    /* Kept warm, the 20,000 would hold a page each: 80,000 KiB. */
    check(large - small < 40000);
    return 0;
}

static void stacks_past_the_pools_limit_go_back_to_the_system(void **state)
{
    (void)state;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer's own memory hides the stacks'");
    run_checks_with(&(whorl_config){.pooled_stacks = 100}, grow_and_shrink, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_stack_too_large_for_memory_is_refused),
        behaviour(a_run_goes_on_when_memory_is_used_up),
        behaviour(guards_by_mprotect_end_at_the_map_limit_in_good_order),
        behaviour(stacks_past_the_pools_limit_go_back_to_the_system),
    };

    return run_behaviours("memory", tests);
}
