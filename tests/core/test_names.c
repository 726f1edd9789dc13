/*
 * Names of tasks: defaults counted by the loop, copies that are cut at WHORL_NAME_MAX bytes, and
 * what a program may do with them.
 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LONG_NAME "0123456789-0123456789-0123456789-0123456789"

_Static_assert(WHORL_NAME_MAX == 31, "the texts below are cut at 31 bytes");

static intptr_t check_own_name(void *arg)
{
    check_text(whorl_name(whorl_self()), arg);
    check_equal(whorl_yield(), 0);
    check_text(whorl_name(whorl_self()), arg);
    return 0;
}

static void the_main_task_is_named_main_unless_configured(void **state)
{
    char name[] = "keeper";

    (void)state;
    run_checks(check_own_name, "main");
    run_checks_with(&(whorl_config){.name = name}, check_own_name, "keeper");
    run_checks_with(&(whorl_config){.name = LONG_NAME}, check_own_name,
                    "0123456789-0123456789-012345678");
}

/* The number N of a name "task-N", or -1 when the name is not of that form. */
static long number_of(whorl_task *task)
{
    const char *name = whorl_name(task);
    long number = -1;
    char end;

    if (name == NULL || sscanf(name, "task-%ld%c", &number, &end) != 1)
        return -1;
    return number;
}

static intptr_t idle(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t spawn_nameless_tasks(void *arg)
{
    whorl_task *tasks[20];
    long before = -1;

    (void)arg;
    for (size_t i = 0; i < count_of(tasks); i++) {
        whorl_spawn_options options = {.stack_size = 0};

        tasks[i] = i % 2 == 0 ? whorl_spawn(idle, NULL) : whorl_spawn_with(&options, idle, NULL);
        check(number_of(tasks[i]) >= 0);
        if (i > 0)
            check_equal(number_of(tasks[i]), before + 1);
        before = number_of(tasks[i]);
    }
    for (size_t i = 0; i < count_of(tasks); i++)
        check_equal(whorl_join(tasks[i]), 0);
    return before;
}

static void default_names_are_counted_by_the_loop(void **state)
{
    (void)state;
    assert_int_equal(run(spawn_nameless_tasks, NULL), run(spawn_nameless_tasks, NULL));
}

static whorl_task *spawn_named(const char *name, whorl_fn *fn, void *arg)
{
    whorl_spawn_options options = {.name = name};

    return whorl_spawn_with(&options, fn, arg);
}

static intptr_t spawn_with_names(void *arg)
{
    char name[64] = "mine";
    whorl_task *task = spawn_named(name, check_own_name, "mine");
    whorl_task *cut = spawn_named(LONG_NAME, check_own_name, "0123456789-0123456789-012345678");
    whorl_task *whole = spawn_named("0123456789-0123456789-012345678", check_own_name,
                                    "0123456789-0123456789-012345678");
    whorl_task *empty = spawn_named("", idle, arg);

    memset(name, 'x', sizeof name - 1);
    check_text(whorl_name(task), "mine");
    check_equal(strlen(whorl_name(cut)), WHORL_NAME_MAX);
    check_text(whorl_name(empty), "");
    check_equal(whorl_join(task), 0);
    check_equal(whorl_join(cut), 0);
    check_equal(whorl_join(whole), 0);
    check_equal(whorl_release(empty), 0);
    return 0;
}

static void a_name_is_copied_and_cut(void **state)
{
    (void)state;
    run_checks(spawn_with_names, NULL);
}

static intptr_t rename_tasks(void *arg)
{
    whorl_task *task = spawn_named("before", idle, arg);
    whorl_task *self = whorl_self();

    check_equal(whorl_set_name(task, NULL), -EINVAL);
    check_text(whorl_name(task), "before");
    check_equal(whorl_set_name(task, "after"), 0);
    check_text(whorl_name(task), "after");
    check_equal(whorl_set_name(task, LONG_NAME), 0);
    check_text(whorl_name(task), "0123456789-0123456789-012345678");
    check_equal(whorl_set_name(task, ""), 0);
    check_text(whorl_name(task), "");
    check_equal(whorl_set_name(self, "myself"), 0);
    check_text(whorl_name(whorl_self()), "myself");
    check_equal(whorl_yield(), 0);
    check_equal(whorl_is_done(task), 1);
    check_equal(whorl_set_name(task, "ended"), 0);
    check_text(whorl_name(task), "ended");
    check_equal(whorl_join(task), 0);
    check(whorl_name(task) == NULL);
    check_equal(whorl_set_name(task, "gone"), -EINVAL);
    return 0;
}

static void a_task_can_be_renamed_while_its_handle_is_valid(void **state)
{
    (void)state;
    run_checks(rename_tasks, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_main_task_is_named_main_unless_configured),
        behaviour(default_names_are_counted_by_the_loop),
        behaviour(a_name_is_copied_and_cut),
        behaviour(a_task_can_be_renamed_while_its_handle_is_valid),
    };

    return run_behaviours("names", tests);
}
