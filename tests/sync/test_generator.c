/*
 * Generators: values handed over one by one, in step with who asks; and loops over them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <string.h>

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static int begun_bodies;
static int last_yielded;

/* Yields 0 to limit - 1, and gives limit. */
static intptr_t count_up(whorl_generator *self, void *limit)
{
    begun_bodies++;
    for (intptr_t i = 0; i < (intptr_t)limit; i++) {
        last_yielded = (int)i;
        int yielded = whorl_generator_yield(self, i);
        if (yielded < 0)
            return yielded;
    }
    return (intptr_t)limit;
}

/* --- Step by step --- */

static intptr_t ask_one_by_one(void *arg)
{
    whorl_generator numbers;
    intptr_t value = 77;
    (void)arg;
    begun_bodies = 0;
    check_equal(whorl_generator_begin(&numbers, count_up, (void *)3), 0);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_yield(), 0);
    check_equal(begun_bodies, 0);
    for (int i = 0; i < 3; i++) {
        check_equal(whorl_generator_next(&numbers, &value), 1);
        check_equal(value, i);
        check_equal(whorl_yield(), 0);
        check_equal(last_yielded, i);
    }
    for (int i = 0; i < 3; i++)
        check_equal(whorl_generator_next(&numbers, &value), 0);
    check_equal(value, 2);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_generator_end(&numbers), 3);
    check_equal(whorl_generator_next(&numbers, &value), 0);
    check_equal(begun_bodies, 1);
    return 0;
}

static void the_body_runs_only_when_the_next_value_is_asked_for(void **state)
{
    (void)state;
    run_checks(ask_one_by_one, NULL);
}

static intptr_t fail_after(whorl_generator *self, void *count)
{
    intptr_t result = count_up(self, count);
    return result < 0 ? result : -EIO;
}

static intptr_t ask_one_that_fails(void *arg)
{
    whorl_generator numbers;
    intptr_t value;
    intptr_t count = (intptr_t)arg;
    check_equal(whorl_generator_begin(&numbers, fail_after, arg), 0);
    for (intptr_t i = 0; i < count; i++)
        check_equal(whorl_generator_next(&numbers, &value), 1);
    check_equal(whorl_generator_next(&numbers, &value), -EIO);
    check_equal(whorl_generator_next(&numbers, &value), -EIO);
    check_equal(whorl_generator_end(&numbers), -EIO);
    check_equal(whorl_generator_end(&numbers), -EIO);
    check_equal(whorl_generator_next(&numbers, &value), -EIO);
    return 0;
}

static void a_body_that_fails_gives_its_error_to_who_asks(void **state)
{
    (void)state;
    run_checks(ask_one_that_fails, (void *)0);
    run_checks(ask_one_that_fails, (void *)3);
}

static intptr_t yield_extremes(whorl_generator *self, void *arg)
{
    check_equal(whorl_generator_yield(self, INTPTR_MIN), 0);
    check_equal(whorl_generator_yield(self, -ECANCELED), 0);
    check_equal(whorl_generator_yield(self, INTPTR_MAX), 0);
    return whorl_generator_yield(self, (intptr_t)arg);
}

static intptr_t ask_for_extremes(void *arg)
{
    static const char text[] = "text";
    const intptr_t expected[] = {INTPTR_MIN, -ECANCELED, INTPTR_MAX, (intptr_t)text};
    whorl_generator each;
    size_t i = 0;
    (void)arg;
    check_equal(whorl_generator_begin(&each, yield_extremes, (void *)text), 0);
    whorl_for_each(intptr_t, value, &each) check_equal(value, expected[i++]);
    check_equal(i, 4);
    check_equal(whorl_generator_end(&each), 0);
    return 0;
}

static void a_value_may_be_any_number_or_pointer(void **state)
{
    (void)state;
    run_checks(ask_for_extremes, NULL);
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

static intptr_t ask_one_that_sleeps(void *arg)
{
    whorl_generator each;
    int64_t begin = whorl_now();
    int expected = 0;
    (void)arg;
    check_equal(whorl_generator_begin(&each, sleep_between, NULL), 0);
    whorl_for_each(int, value, &each)
    {
        check_equal(value, expected++);
        check_equal(whorl_now() - begin, WHORL_SECONDS(2 * expected - 1));
        check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    }
    check_equal(expected, 3);
    return 0;
}

static void the_body_may_wait_between_its_values(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, ask_one_that_sleeps, NULL);
}

static intptr_t zip(void *arg)
{
    whorl_generator one;
    whorl_generator other;
    intptr_t a;
    intptr_t b;
    (void)arg;
    check_equal(whorl_generator_begin(&one, count_up, (void *)5), 0);
    check_equal(whorl_generator_begin(&other, count_up, (void *)9), 0);
    for (int i = 0; i < 5; i++) {
        check_equal(whorl_generator_next(&one, &a), 1);
        check_equal(whorl_generator_next(&other, &b), 1);
        check(a == i && b == i);
    }
    check_equal(whorl_generator_next(&one, &a), 0);
    check_equal(whorl_generator_end(&one), 5);
    check_equal(whorl_generator_next(&other, &b), 1);
    check_equal(b, 5);
    check_equal(whorl_generator_end(&other), -ECANCELED);
    return 0;
}

static void several_are_open_at_once_and_end_in_any_order(void **state)
{
    (void)state;
    run_checks(zip, NULL);
}

/* --- Loops --- */

static intptr_t leave_by_return(whorl_generator *numbers)
{
    whorl_for_each(intptr_t, number, numbers) if (number == 2) return number;
    return -1;
}

static intptr_t leave_by_goto(whorl_generator *numbers)
{
    intptr_t seen = 0;
    whorl_for_each(short, number, numbers)
    {
        seen = number;
        if (number == 2)
            goto out;
    }
out:
    return seen;
}

static intptr_t leave_by_break(whorl_generator *numbers)
{
    intptr_t sum = 0;
    whorl_for_each(int, number, numbers)
    {
        if (number == 3)
            break;
        if (number == 1)
            continue;
        sum += number;
    }
    return sum;
}

static intptr_t leave_loops(void *arg)
{
    static intptr_t (*const loops[])(whorl_generator *) = {leave_by_return, leave_by_goto,
                                                           leave_by_break};
    (void)arg;
    for (size_t i = 0; i < count_of(loops); i++) {
        whorl_generator numbers;
        intptr_t value;
        check_equal(whorl_generator_begin(&numbers, count_up, (void *)100), 0);
        check_equal(loops[i](&numbers), 2);
        check_equal(whorl_generator_next(&numbers, &value), -ECANCELED);
        check_equal(whorl_generator_end(&numbers), -ECANCELED);
    }
    return 0;
}

static void a_loop_that_is_left_ends_its_generator(void **state)
{
    (void)state;
    run_checks(leave_loops, NULL);
}

static intptr_t nest_loops(void *arg)
{
    whorl_generator rows;
    int sum = 0;
    (void)arg;
    begun_bodies = 0;
    check_equal(whorl_generator_begin(&rows, count_up, (void *)10), 0);
    whorl_for_each(int, row, &rows)
    {
        whorl_generator columns;
        check_equal(whorl_generator_begin(&columns, count_up, (void *)100), 0);
        whorl_for_each(int, column, &columns)
        {
            if (column > row)
                break;
            sum++;
        }
    }
    check_equal(sum, 55);
    check_equal(begun_bodies, 11);
    check_equal(whorl_generator_end(&rows), 10);
    return 0;
}

static void loops_nest(void **state)
{
    (void)state;
    run_checks(nest_loops, NULL);
}

/* A generator that filters another. */
static intptr_t yield_even(whorl_generator *self, void *limit)
{
    whorl_generator numbers;
    int error = whorl_generator_begin(&numbers, count_up, limit);
    whorl_for_each(intptr_t, number, &numbers)
    {
        error = number % 2 ? 0 : whorl_generator_yield(self, number);
        if (error < 0)
            return error;
    }
    return whorl_generator_end(&numbers);
}

static intptr_t filter(void *arg)
{
    whorl_generator numbers;
    int sum = 0;
    (void)arg;
    check_equal(whorl_generator_begin(&numbers, yield_even, (void *)10), 0);
    whorl_for_each(int, number, &numbers) sum += number;
    check_equal(sum, 0 + 2 + 4 + 6 + 8);
    check_equal(whorl_generator_end(&numbers), 10);
    check_equal(whorl_generator_begin(&numbers, yield_even, (void *)10), 0);
    whorl_for_each(int, number, &numbers) if (number == 4) break;
    check_equal(whorl_generator_end(&numbers), -ECANCELED);
    return 0;
}

static void generators_nest(void **state)
{
    (void)state;
    run_checks(filter, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_body_runs_only_when_the_next_value_is_asked_for),
        behaviour(a_body_that_fails_gives_its_error_to_who_asks),
        behaviour(a_value_may_be_any_number_or_pointer),
        behaviour(the_body_may_wait_between_its_values),
        behaviour(several_are_open_at_once_and_end_in_any_order),
        behaviour(a_loop_that_is_left_ends_its_generator),
        behaviour(loops_nest),
        behaviour(generators_nest),
    };

    return run_behaviours("generator", tests);
}
