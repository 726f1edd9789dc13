/*
 * Cancels, timeouts and shields of a group's owner: they are the children's too. And groups in
 * groups.
 */
#include "group_plans.h"

/* An owner that others cancel: its body sleeps so long, then it waits for one child. */
struct owner {
    int body_seconds;
    whorl_fn *child;
    struct plan plan;
    int result; /* what its group must come to, when cancelled at 3 s */
    int seconds;
};

static intptr_t own(void *arg)
{
    const struct owner *owner = arg;
    whorl_group group;
    int64_t start = whorl_now();
    whorl_group_init(&group);
    spawn(&group, "child", owner->child, &owner->plan);
    int result = whorl_sleep(WHORL_SECONDS(owner->body_seconds));
    check_equal(result, owner->body_seconds > 3 ? -ECANCELED : 0);
    if (result < 0) /* A cancelled body can spawn; it is the wait that cancels the children. */
        check_equal(whorl_group_spawn(&group, follow, (void *)&fine_soon), 0);
    check_equal(whorl_group_wait(&group, result), owner->result);
    check_equal(seconds_since(start), owner->seconds);
    return owner->result;
}

static const struct owner owners[] = {
    /* In the body. */
    {9, follow, {8, 80}, -ECANCELED, 3},
    {9, go_on, {4, 40}, -ECANCELED, 7},
    {9, go_on, {4, -EIO}, -EIO, 7},
    /* In the wait: no cancel is told where it had no effect. */
    {1, follow, {8, 80}, -ECANCELED, 3},
    {1, go_on, {4, 40}, 0, 7},
    {1, go_on, {4, -EIO}, -EIO, 7},
    {1, follow, {2, -EIO}, -EIO, 2},
};

static intptr_t own_and_look(void *arg)
{
    const struct owner *owner = arg;
    check_equal(own(arg), owner->result);
    check_equal(whorl_cancelling(whorl_self()), owner->seconds >= 3);
    return 7;
}

static intptr_t cancel_owners(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(owners); i++) {
        whorl_task *task = whorl_spawn(own_and_look, (void *)&owners[i]);
        check_equal(whorl_sleep(WHORL_SECONDS(3)), 0);
        check_equal(whorl_cancel(task), owners[i].seconds >= 3 ? 0 : -EALREADY);
        check_equal(whorl_join(task), 7);
    }
    return 0;
}

static void a_cancel_of_the_owner_is_the_childrens_too(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_owners, NULL);
}

static intptr_t limit_owners(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(owners); i++) {
        whorl_timeout timeout;
        int expected = owners[i].result == -ECANCELED ? -ETIMEDOUT : owners[i].result;
        check_equal(whorl_timeout_begin(&timeout, WHORL_SECONDS(3)), 0);
        check_equal(whorl_timeout_end(&timeout, own((void *)&owners[i])), expected);
        check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    }
    return 0;
}

static void an_outer_timeout_is_the_childrens_too(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, limit_owners, NULL);
}

static intptr_t own_under_a_shield(void *arg)
{
    whorl_group group;
    whorl_shield shield;
    int64_t start = whorl_now();
    (void)arg;
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_shield_begin(&shield, WHORL_SECONDS(20)), 0);
    whorl_group_init(&group);
    spawn(&group, "late", follow, &fine_late);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(seconds_since(start), 8);
    /* An error goes through, and a shield that is overrun lets the cancel in. */
    whorl_group_init(&group);
    spawn(&group, "soon", follow, &fails_soon);
    spawn(&group, "late", follow, &fine_late);
    check_equal(whorl_group_wait(&group, whorl_sleep(FAR)), -EIO);
    whorl_group_init(&group);
    spawn(&group, "late", go_on, &fine_soon);
    check_equal(whorl_group_wait(&group, whorl_sleep(FAR)), -ECANCELED);
    check_equal(seconds_since(start), 21);
    check_equal(whorl_shield_end(&shield, 0), 0);
    return whorl_uncancel() - 1;
}

static void a_group_under_a_shield_is_shielded(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, own_under_a_shield, NULL);
}

static intptr_t own_within(void *arg)
{
    whorl_group group;
    whorl_group_init(&group);
    spawn(&group, "inner", arg ? follow : go_on, arg ? arg : &fine_soon);
    return whorl_group_wait(&group, whorl_sleep(FAR));
}

static intptr_t nest_groups(void *arg)
{
    whorl_group outer, inner;
    int64_t start = whorl_now();
    (void)arg;
    /* The inner one fails: the outer one does not know, until the body says so. */
    whorl_group_init(&outer);
    spawn(&outer, "late", follow, &fine_late);
    whorl_group_init(&inner);
    spawn(&inner, "soon", follow, &fails_soon);
    check_equal(whorl_group_wait(&inner, whorl_sleep(FAR)), -EIO);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_group_wait(&outer, -EIO), -EIO);
    check_equal(seconds_since(start), 3);
    /* The outer one fails: the inner one is cancelled with the body. */
    whorl_group_init(&outer);
    spawn(&outer, "soon", follow, &fails_soon);
    whorl_group_init(&inner);
    spawn(&inner, "late", go_on, &fine_soon);
    check_equal(whorl_group_wait(&inner, whorl_sleep(FAR)), -ECANCELED);
    check_equal(seconds_since(start), 6);
    check_equal(whorl_yield(), -ECANCELED);
    check_equal(whorl_group_wait(&outer, -ECANCELED), -EIO);
    /* By way of children that own groups. */
    whorl_group_init(&outer);
    spawn(&outer, "owner", own_within, NULL);
    spawn(&outer, "owner", own_within, &fails_soon);
    check_equal(whorl_group_wait(&outer, 0), -EIO);
    check_equal(seconds_since(start), 9);
    return 0;
}

static void a_group_in_a_group_fails_and_ends_with_it(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, nest_groups, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_cancel_of_the_owner_is_the_childrens_too),
        behaviour(an_outer_timeout_is_the_childrens_too),
        behaviour(a_group_under_a_shield_is_shielded),
        behaviour(a_group_in_a_group_fails_and_ends_with_it),
    };
    return run_behaviours("group, its owner", tests);
}
