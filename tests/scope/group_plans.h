/* What the tests of groups share: children with plans, by name. */
#ifndef TESTS_SCOPE_GROUP_PLANS_H
#define TESTS_SCOPE_GROUP_PLANS_H

#include "plans.h"

#include <errno.h>

static const struct plan fine_soon = {1, 10}, fine_late = {8, 80};
static const struct plan fails_soon = {2, -EIO}, fails_late = {6, -EPIPE};

/* Takes no notice of its cancel, and gives its plan's result that much later. */
static inline intptr_t go_on(void *arg)
{
    const struct plan *plan = arg;
    check_equal(whorl_sleep(FAR), -ECANCELED);
    whorl_uncancel();
    check_equal(whorl_sleep(WHORL_SECONDS(plan->seconds)), 0);
    return plan->result;
}

static inline void spawn(whorl_group *group, const char *name, whorl_fn *fn,
                         const struct plan *plan)
{
    whorl_spawn_options options = {.name = name};
    check_equal(whorl_group_spawn_with(group, &options, fn, (void *)plan, NULL), 0);
}

static inline int seconds_since(int64_t start)
{
    check_equal((whorl_now() - start) % WHORL_SECONDS(1), 0);
    return (int)((whorl_now() - start) / WHORL_SECONDS(1));
}

#endif
