/*
 * Errors of a group: who is told to stop, who is awaited, what the group comes to, and the list of
 * all that went wrong.
 */
#include "group_plans.h"

#include <errno.h>

static intptr_t fail_a_child(void *arg)
{
    whorl_group group;
    whorl_shield shield;
    whorl_timeout timeout;
    int64_t start = whorl_now();
    (void)arg;
    whorl_group_init(&group);
    spawn(&group, "soon", follow, &fails_soon);
    spawn(&group, "late", follow, &fine_late);
    spawn(&group, "on", go_on, &fine_late);
    check_equal(whorl_timeout_begin(&timeout, WHORL_SECONDS(50)), 0);
    check_equal(whorl_sleep(FAR), -ECANCELED);
    check_equal(seconds_since(start), 2);
    check_equal(whorl_yield(), -ECANCELED);
    /* It is no cancel that could be taken back, and no timeout, but a shield hides it. */
    check_equal(whorl_cancelling(whorl_self()), 0);
    check_equal(whorl_uncancel(), 0);
    check_equal(whorl_yield(), -ECANCELED);
    check_equal(whorl_timeout_end(&timeout, -ECANCELED), -ECANCELED);
    check_equal(whorl_shield_begin(&shield, FAR), 0);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_shield_end(&shield, 0), 0);
    check_equal(whorl_group_spawn(&group, follow, NULL), -ESHUTDOWN);
    check_equal(whorl_group_spawn_limited(&group, 9, follow, NULL), -ESHUTDOWN);
    check_equal(whorl_group_live(&group), 1);
    check_equal(whorl_group_wait(&group, -ECANCELED), -EIO);
    check_equal(seconds_since(start), 10);
    check_equal(whorl_yield(), 0);
    return 0;
}

static void the_first_error_stops_the_children_and_the_body(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, fail_a_child, NULL);
}

static intptr_t fail_while_the_owner_waits(void *arg)
{
    whorl_group group;
    int64_t start = whorl_now();
    (void)arg;
    whorl_group_init(&group);
    spawn(&group, "soon", follow, &fails_soon);
    spawn(&group, "late", follow, &fine_late);
    check_equal(whorl_group_wait(&group, 0), -EIO);
    check_equal(seconds_since(start), 2);
    check_equal(whorl_cancelling(whorl_self()), 0);
    /* While the body runs. */
    whorl_group_init(&group);
    spawn(&group, "soon", follow, &fails_soon);
    check_equal(whorl_sleep(WHORL_SECONDS(3)), -ECANCELED);
    check_equal(whorl_group_wait(&group, 7), -EIO);
    return 0;
}

static void an_error_is_the_groups_result_whenever_it_comes(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, fail_while_the_owner_waits, NULL);
}

static void check_error(const whorl_group_error *error, int value, const char *name)
{
    check_equal(error->error, value);
    check_text(error->name, name);
}

static intptr_t list_errors(void *arg)
{
    static const struct plan failing = {3, -EBADF};
    whorl_group_error errors[5] = {{.error = 77}, {.error = 77}, {.error = 77}, {.error = 77}};
    whorl_group group;
    for (size_t room = 0; room <= 5; room++) {
        size_t count = room;
        whorl_group_init(&group);
        spawn(&group, "fine", follow, &fine_soon);
        spawn(&group, "third", go_on, &failing);
        spawn(&group, "lost", follow, &fails_late);
        spawn(&group, "second", go_on, &fails_soon);
        spawn(&group, "first", follow, &fails_soon);
        check_equal(whorl_group_wait_errors(&group, 0, room ? errors : NULL, &count), -EIO);
        check_equal(count, 3);
        if (room < 3)
            check_equal(errors[room].error, 77);
    }
    check_error(&errors[0], -EIO, "first");
    check_error(&errors[1], -EIO, "second");
    check_error(&errors[2], -EBADF, "third");
    check_equal(errors[3].error, 77);
    /* Without any. */
    size_t count = 5;
    whorl_group_init(&group);
    spawn(&group, "fine", follow, &fine_soon);
    check_equal(whorl_group_wait_errors(&group, 0, errors, &count), 0);
    check_equal(count, 0);
    return (intptr_t)arg;
}

static void every_error_is_listed_in_the_order_of_time(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, list_errors, NULL);
}

static intptr_t fail_the_body(void *arg)
{
    static const struct plan failing = {1, -EBADF};
    whorl_group_error errors[3];
    size_t count = 3;
    whorl_group group;
    int64_t start = whorl_now();
    (void)arg;
    /* The body first, a child while it is being cancelled for that. */
    check_equal(whorl_set_name(whorl_self(), "owner"), 0);
    whorl_group_init(&group);
    spawn(&group, "child", go_on, &failing);
    spawn(&group, "late", follow, &fine_late);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_group_wait_errors(&group, -EPROTO, errors, &count), -EPROTO);
    check_equal(count, 2);
    check_error(&errors[0], -EPROTO, "owner");
    check_error(&errors[1], -EBADF, "child");
    check_equal(seconds_since(start), 1);
    /* A child first, and the body that was stopped for it then; a child last. */
    count = 3;
    whorl_group_init(&group);
    spawn(&group, "soon", follow, &fails_soon);
    spawn(&group, "last", go_on, &failing);
    check_equal(whorl_sleep(FAR), -ECANCELED);
    check_equal(whorl_group_wait_errors(&group, -EPROTO, errors, &count), -EIO);
    check_equal(count, 3);
    check_error(&errors[0], -EIO, "soon");
    check_error(&errors[1], -EPROTO, "owner");
    check_error(&errors[2], -EBADF, "last");
    return 0;
}

static void the_bodys_error_is_one_among_the_others(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, fail_the_body, NULL);
}

static intptr_t cancel_oneself(void *arg)
{
    check_equal(whorl_cancel(whorl_self()), 0);
    return follow(arg);
}

static intptr_t cancel_without_an_error(void *arg)
{
    whorl_group_error error;
    whorl_group group;
    size_t count = 1;
    int64_t start = whorl_now();
    (void)arg;
    whorl_group_init(&group);
    spawn(&group, "self", cancel_oneself, &fine_soon);
    spawn(&group, "late", follow, &fine_late);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_group_spawn(&group, follow, (void *)&fine_soon), 0);
    check_equal(whorl_group_wait_errors(&group, 0, &error, &count), 0);
    check_equal(count, 0);
    check_equal(seconds_since(start), 8);
    /* A body that comes to -ECANCELED of itself cancels the children, and says so. */
    whorl_group_init(&group);
    spawn(&group, "late", follow, &fine_late);
    count = 1;
    check_equal(whorl_group_wait_errors(&group, -ECANCELED, &error, &count), -ECANCELED);
    check_equal(seconds_since(start), 8);
    /* An error of a child that a cancelled group stops is an error all the same. */
    whorl_group_init(&group);
    spawn(&group, "on", go_on, &fails_late);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_group_cancel(&group), 0);
    count = 1;
    check_equal(whorl_group_wait_errors(&group, 0, &error, &count), -EPIPE);
    check_error(&error, -EPIPE, "on");
    return 0;
}

static void a_childs_own_cancel_is_no_error(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_without_an_error, NULL);
}

static intptr_t never_begun(void *arg)
{
    check_failed("a child was spawned into a group that was cancelled");
    return (intptr_t)arg;
}

/* Goes on after its cancel, spawns, and says what came of it. */
static intptr_t spawn_too_late(void *arg)
{
    check_equal(whorl_sleep(WHORL_SECONDS(9)), -ECANCELED);
    return whorl_group_spawn(arg, never_begun, NULL);
}

static intptr_t turn_a_child_away(void *arg)
{
    whorl_group group;
    whorl_group_error errors[2];
    (void)arg;
    for (int failing = 0; failing < 2; failing++) {
        size_t count = 2;
        check_equal(whorl_group_init(&group), 0);
        check_equal(whorl_group_spawn(&group, spawn_too_late, &group), 0);
        check_equal(whorl_yield(), 0);
        if (!failing)
            check_equal(whorl_group_cancel(&group), 0);
        check_equal(whorl_group_wait_errors(&group, failing ? -EIO : 0, errors, &count),
                    failing ? -EIO : 0);
        check_equal(count, failing);
    }
    return 0;
}

static void a_child_that_the_group_turned_away_has_not_failed(void **state)
{
    (void)state;
    run_checks(turn_a_child_away, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_first_error_stops_the_children_and_the_body),
        behaviour(an_error_is_the_groups_result_whenever_it_comes),
        behaviour(every_error_is_listed_in_the_order_of_time),
        behaviour(the_bodys_error_is_one_among_the_others),
        behaviour(a_childs_own_cancel_is_no_error),
        behaviour(a_child_that_the_group_turned_away_has_not_failed),
    };
    return run_behaviours("group, its errors", tests);
}
