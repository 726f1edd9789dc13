/*
 * Channels and generators when there is no memory: -ENOMEM, and nothing has changed; and what was
 * taken is given back. Address space is limited by RLIMIT_AS, in a forked child.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "starve.h"

enum { GENERATORS = 4096 };

/* --- Channels --- */

static int ask_for_too_large_a_buffer(void *arg)
{
    whorl_channel channel = WHORL_CHANNEL_INIT_RENDEZVOUS(int);
    size_t volatile most = SIZE_MAX;
    (void)arg;
    check_equal(whorl_channel_init(&channel, most / 2, 3), -ENOMEM); /* overflows */
    rlim_t before = leave_memory(SPARE_BYTES);
    check_equal(whorl_channel_init(&channel, 1 << 20, 1 << 10), -ENOMEM);
    limit_memory_to(before);
    check_equal(whorl_channel_capacity(&channel), 0);
    check_equal(whorl_channel_init(&channel, 1 << 20, 1 << 5), 0);
    check_equal(whorl_channel_destroy(&channel), 0);
    return 0;
}

static void a_channel_too_large_for_memory_is_as_it_was(void **state)
{
    run_in_child(ask_for_too_large_a_buffer, state);
}

/* --- Generators --- */

static whorl_generator generators[GENERATORS];

static intptr_t yield_once(whorl_generator *self, void *arg)
{
    return whorl_generator_yield(self, (intptr_t)arg);
}

static void check_refused(whorl_generator *generator)
{
    intptr_t value = 77;
    check_equal(whorl_generator_next(generator, &value), -ENOMEM);
    check_equal(whorl_generator_end(generator), -ENOMEM);
    check_equal(value, 77);
}

/* Begins as many as there are stacks for, and gives how many. */
static int begin_until_refused(void)
{
    int count = 0;
    int error = 0;
    while (count < GENERATORS) {
        error = whorl_generator_begin(&generators[count], yield_once, (void *)4);
        if (error)
            break;
        count++;
    }
    if (check(count > 0 && count < GENERATORS) && check_equal(error, -ENOMEM))
        check_refused(&generators[count]);
    return count;
}

static void use_and_end(int count)
{
    for (int i = 0; i < count; i++) {
        intptr_t value = -1;
        check_equal(whorl_generator_next(&generators[i], &value), 1);
        check_equal(value, 4);
        check_equal(whorl_generator_end(&generators[i]), -ECANCELED);
    }
}

static intptr_t exhaust_stacks(void *arg)
{
    rlim_t before = leave_memory(SPARE_BYTES);
    (void)arg;
    int first = begin_until_refused();
    use_and_end(first);
    int second = begin_until_refused();
    check(second >= first);
    use_and_end(second);
    limit_memory_to(before);
    return 0;
}

static void without_a_stack_no_generator_begins(void **state)
{
    if (UNDER_THREAD_SANITIZER)
        skip_because("the thread sanitizer itself dies when it has no memory for a fiber");
    run_checks_in_child(&(whorl_config){.stack_size = 1 << 20}, exhaust_stacks, state);
}

static intptr_t exhaust_heap(void *arg)
{
    (void)arg;
    rlim_t before = leave_memory(0);
    void *taken = take_heap();
    int error = whorl_generator_begin(&generators[0], yield_once, NULL);
    give_heap_back(taken);
    limit_memory_to(before);
    check_equal(error, -ENOMEM);
    check_refused(&generators[0]);
    check_equal(whorl_generator_begin(&generators[0], yield_once, (void *)4), 0);
    use_and_end(1);
    return 0;
}

static void without_heap_no_generator_begins(void **state)
{
    if (UNDER_SANITIZER)
        skip_because("a sanitizer's heap is not limited by the address space");
    run_checks_in_child(NULL, exhaust_heap, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_channel_too_large_for_memory_is_as_it_was),
        behaviour(without_a_stack_no_generator_begins),
        behaviour(without_heap_no_generator_begins),
    };

    return run_behaviours("sync_memory", tests);
}
