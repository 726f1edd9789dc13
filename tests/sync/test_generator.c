/*
 * Generators: values handed over one by one, in step with who asks; and loops over them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"

#include <errno.h>
#include <string.h>

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

static void the_body_runs_only_when_the_next_value_is_asked_for(void **state)
{
    (void)state;
    whorl_generator numbers;
    intptr_t value = 77;
    begun_bodies = 0;
    assert_int_equal(whorl_generator_begin(&numbers, count_up, (void *)3), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_yield(), 0);
    assert_int_equal(begun_bodies, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(whorl_generator_next(&numbers, &value), 1);
        assert_int_equal(value, i);
        assert_int_equal(whorl_yield(), 0);
        assert_int_equal(last_yielded, i);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_generator_next(&numbers, &value), 0);
    assert_int_equal(value, 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_generator_end(&numbers), 3);
    assert_int_equal(whorl_generator_next(&numbers, &value), 0);
    assert_int_equal(begun_bodies, 1);
}

static intptr_t fail_after(whorl_generator *self, void *count)
{
    intptr_t result = count_up(self, count);
    return result < 0 ? result : -EIO;
}

static void ask_one_that_fails(intptr_t count)
{
    whorl_generator numbers;
    intptr_t value;
    assert_int_equal(whorl_generator_begin(&numbers, fail_after, (void *)count), 0);
    for (intptr_t i = 0; i < count; i++)
        assert_int_equal(whorl_generator_next(&numbers, &value), 1);
    assert_int_equal(whorl_generator_next(&numbers, &value), -EIO);
    assert_int_equal(whorl_generator_next(&numbers, &value), -EIO);
    assert_int_equal(whorl_generator_end(&numbers), -EIO);
    assert_int_equal(whorl_generator_end(&numbers), -EIO);
    assert_int_equal(whorl_generator_next(&numbers, &value), -EIO);
}

static void a_body_that_fails_gives_its_error_to_who_asks(void **state)
{
    (void)state;
    ask_one_that_fails(0);
    ask_one_that_fails(3);
}

static intptr_t yield_extremes(whorl_generator *self, void *arg)
{
    assert_int_equal(whorl_generator_yield(self, INTPTR_MIN), 0);
    assert_int_equal(whorl_generator_yield(self, -ECANCELED), 0);
    assert_int_equal(whorl_generator_yield(self, INTPTR_MAX), 0);
    return whorl_generator_yield(self, (intptr_t)arg);
}

static void a_value_may_be_any_number_or_pointer(void **state)
{
    (void)state;
    static const char text[] = "text";
    const intptr_t expected[] = {INTPTR_MIN, -ECANCELED, INTPTR_MAX, (intptr_t)text};
    whorl_generator each;
    size_t i = 0;
    assert_int_equal(whorl_generator_begin(&each, yield_extremes, (void *)text), 0);
    whorl_for_each(intptr_t, value, &each) assert_int_equal(value, expected[i++]);
    assert_int_equal(i, 4);
    assert_int_equal(whorl_generator_end(&each), 0);
}

static intptr_t sleep_between(whorl_generator *self, void *arg)
{
    (void)arg;
    for (intptr_t i = 0; i < 3; i++) {
        assert_int_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
        assert_int_equal(whorl_generator_yield(self, i), 0);
    }
    return 0;
}

static void the_body_may_wait_between_its_values(void **state)
{
    (void)state;
    whorl_generator each;
    int64_t begin = whorl_now();
    int expected = 0;
    assert_int_equal(whorl_generator_begin(&each, sleep_between, NULL), 0);
    whorl_for_each(int, value, &each)
    {
        assert_int_equal(value, expected++);
        assert_int_equal(whorl_now() - begin, WHORL_SECONDS(2 * expected - 1));
        assert_int_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    }
    assert_int_equal(expected, 3);
}

static void several_are_open_at_once_and_end_in_any_order(void **state)
{
    (void)state;
    whorl_generator one;
    whorl_generator other;
    intptr_t a;
    intptr_t b;
    assert_int_equal(whorl_generator_begin(&one, count_up, (void *)5), 0);
    assert_int_equal(whorl_generator_begin(&other, count_up, (void *)9), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(whorl_generator_next(&one, &a), 1);
        assert_int_equal(whorl_generator_next(&other, &b), 1);
        assert_true(a == i && b == i);
    }
    assert_int_equal(whorl_generator_next(&one, &a), 0);
    assert_int_equal(whorl_generator_end(&one), 5);
    assert_int_equal(whorl_generator_next(&other, &b), 1);
    assert_int_equal(b, 5);
    assert_int_equal(whorl_generator_end(&other), -ECANCELED);
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

static void a_loop_that_is_left_ends_its_generator(void **state)
{
    (void)state;
    static intptr_t (*const loops[])(whorl_generator *) = {leave_by_return, leave_by_goto,
                                                           leave_by_break};
    for (size_t i = 0; i < count_of(loops); i++) {
        whorl_generator numbers;
        intptr_t value;
        assert_int_equal(whorl_generator_begin(&numbers, count_up, (void *)100), 0);
        assert_int_equal(loops[i](&numbers), 2);
        assert_int_equal(whorl_generator_next(&numbers, &value), -ECANCELED);
        assert_int_equal(whorl_generator_end(&numbers), -ECANCELED);
    }
}

static void loops_nest(void **state)
{
    (void)state;
    whorl_generator rows;
    int sum = 0;
    begun_bodies = 0;
    assert_int_equal(whorl_generator_begin(&rows, count_up, (void *)10), 0);
    whorl_for_each(int, row, &rows)
    {
        whorl_generator columns;
        assert_int_equal(whorl_generator_begin(&columns, count_up, (void *)100), 0);
        whorl_for_each(int, column, &columns)
        {
            if (column > row)
                break;
            sum++;
        }
    }
    assert_int_equal(sum, 55);
    assert_int_equal(begun_bodies, 11);
    assert_int_equal(whorl_generator_end(&rows), 10);
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

static void generators_nest(void **state)
{
    (void)state;
    whorl_generator numbers;
    int sum = 0;
    assert_int_equal(whorl_generator_begin(&numbers, yield_even, (void *)10), 0);
    whorl_for_each(int, number, &numbers) sum += number;
    assert_int_equal(sum, 0 + 2 + 4 + 6 + 8);
    assert_int_equal(whorl_generator_end(&numbers), 10);
    assert_int_equal(whorl_generator_begin(&numbers, yield_even, (void *)10), 0);
    whorl_for_each(int, number, &numbers) if (number == 4) break;
    assert_int_equal(whorl_generator_end(&numbers), -ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(the_body_runs_only_when_the_next_value_is_asked_for),
        as_task(a_body_that_fails_gives_its_error_to_who_asks),
        as_task(a_value_may_be_any_number_or_pointer),
        as_task(the_body_may_wait_between_its_values),
        as_task(several_are_open_at_once_and_end_in_any_order),
        as_task(a_loop_that_is_left_ends_its_generator),
        as_task(loops_nest),
        as_task(generators_nest),
    };

    return run_behaviours("generator", tests);
}
