/*
 * Generators: who may ask and who may yield, and what is refused.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "elsewhere.h"

#include <errno.h>

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static intptr_t never(whorl_generator *self, void *arg)
{
    (void)self;
    check_failed("a generator that was refused has run");
    return (intptr_t)arg;
}

static intptr_t sleep_between(whorl_generator *self, void *arg)
{
    (void)arg;
    for (intptr_t i = 0; i < 3; i++) {
        check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
        check_equal(whorl_generator_yield(self, i), 0);
    }
    return 0;
}

static intptr_t ask_once(void *numbers)
{
    intptr_t value = 77;
    int got = whorl_generator_next(numbers, &value);
    return got == 1 ? value : got;
}

static intptr_t ask_from_other_tasks(void *arg)
{
    whorl_generator numbers;
    intptr_t value = 77;
    (void)arg;
    check_equal(whorl_generator_begin(&numbers, sleep_between, NULL), 0);
    whorl_task *first = whorl_spawn(ask_once, &numbers);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_generator_next(&numbers, &value), -EBUSY);
    check_equal(value, 77);
    check_equal(whorl_join(first), 0);
    check_equal(whorl_generator_next(&numbers, &value), 1);
    check_equal(value, 1);
    /* It ends under one who asks, as the owner ends it. */
    first = whorl_spawn(ask_once, &numbers);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_join(first), 2);
    first = whorl_spawn(ask_once, &numbers);
    check_equal(whorl_join(first), 0);
    check_equal(whorl_generator_end(&numbers), 0);
    return 0;
}

static void any_task_may_ask_but_one_at_a_time(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, ask_from_other_tasks, NULL);
}

static whorl_generator *known;

static intptr_t yield_to_it(void *arg)
{
    (void)arg;
    check_equal(whorl_generator_yield(known, 1), -EPERM);
    check_equal(whorl_generator_end(known), -EPERM);
    return 0;
}

static intptr_t be_misused(whorl_generator *self, void *arg)
{
    intptr_t value = 77;
    known = self;
    check_equal(whorl_generator_next(self, &value), -EDEADLK);
    check_equal(whorl_generator_next(arg, &value), -EDEADLK);
    check_equal(whorl_generator_end(self), -EPERM);
    check_equal(value, 77);
    check_equal(whorl_join(whorl_spawn(yield_to_it, NULL)), 0);
    check_equal(whorl_generator_yield(arg, 4), 0); /* the owner's struct names it as well */
    return 0;
}

static intptr_t use_from_elsewhere(void *arg)
{
    intptr_t value = 77;
    (void)arg;
    check_equal(whorl_generator_next(known, &value), -EPERM);
    check_equal(whorl_generator_yield(known, 1), -EPERM);
    check_equal(whorl_generator_end(known), -EPERM);
    check_equal(value, 77);
    return 0;
}

static void begin_outside(void)
{
    whorl_generator numbers;
    intptr_t value;
    check_equal(whorl_generator_begin(&numbers, never, NULL), -EPERM);
    check_equal(whorl_generator_next(&numbers, &value), -EPERM);
    check_equal(whorl_generator_end(&numbers), -EPERM);
}

static intptr_t misuse(void *arg)
{
    whorl_generator numbers;
    intptr_t value = 77;
    (void)arg;
    check_equal(whorl_generator_begin(&numbers, be_misused, &numbers), 0);
    check_equal(whorl_generator_next(&numbers, &value), 1);
    check_equal(whorl_generator_yield(&numbers, 5), -EPERM);
    check_equal(whorl_join(whorl_spawn(yield_to_it, NULL)), 0);
    without_a_loop(use_from_elsewhere);
    in_another_loop(use_from_elsewhere);
    check_equal(value, 4);
    check_equal(whorl_generator_next(&numbers, &value), 0);
    check_equal(whorl_generator_end(&numbers), 0);
    return 0;
}

static void only_its_own_task_yields_and_only_its_owner_ends_it(void **state)
{
    (void)state;
    begin_outside();
    run_checks(misuse, NULL);
}

static intptr_t make_itself_known(whorl_generator *self, void *arg)
{
    known = self;
    check_equal(whorl_generator_yield(self, 1), -ECANCELED);
    return (intptr_t)arg;
}

static intptr_t end_by_what_the_function_knows(void *arg)
{
    whorl_generator numbers;
    intptr_t value = 77;
    (void)arg;
    check_equal(whorl_generator_begin(&numbers, make_itself_known, (void *)6), 0);
    check_equal(whorl_generator_next(&numbers, &value), 1);
    check_equal(whorl_generator_end(known), 6);
    check_equal(whorl_generator_next(&numbers, &value), -EINVAL);
    check_equal(whorl_generator_end(&numbers), -EINVAL);
    return 0;
}

static void its_owner_may_end_it_by_what_its_function_was_given(void **state)
{
    (void)state;
    run_checks(end_by_what_the_function_knows, NULL);
}

static intptr_t use_nothing(void *arg)
{
    whorl_generator numbers;
    intptr_t value = 77;
    (void)arg;
    check_equal(whorl_generator_begin(NULL, never, NULL), -EINVAL);
    check_equal(whorl_generator_begin(&numbers, NULL, NULL), -EINVAL);
    check_equal(whorl_generator_next(&numbers, &value), -EINVAL);
    check_equal(whorl_generator_yield(&numbers, 1), -EINVAL);
    whorl_for_each(int, number, &numbers)
        check_failed("a generator that has not begun has yielded %d", number);
    check_equal(whorl_generator_end(&numbers), -EINVAL);
    check_equal(whorl_generator_next(NULL, &value), -EINVAL);
    check_equal(whorl_generator_next(&numbers, NULL), -EINVAL);
    check_equal(whorl_generator_yield(NULL, 1), -EINVAL);
    check_equal(whorl_generator_end(NULL), -EINVAL);
    check_equal(value, 77);
    return 0;
}

static void null_is_refused_and_a_begin_that_fails_says_so_again(void **state)
{
    (void)state;
    run_checks(use_nothing, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(any_task_may_ask_but_one_at_a_time),
        behaviour(only_its_own_task_yields_and_only_its_owner_ends_it),
        behaviour(its_owner_may_end_it_by_what_its_function_was_given),
        behaviour(null_is_refused_and_a_begin_that_fails_says_so_again),
    };

    return run_behaviours("generator_place", tests);
}
