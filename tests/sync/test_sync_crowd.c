/*
 * Ten thousand tasks that wait for one thing: served in their order, cancelled in any order, or
 * both by turns.
 */
#include "kinds.h"

#include <stdlib.h>

enum { CROWD = CROWD_OF(10000) };

static struct asker *askers;

static void for_each_kind(whorl_fn *body)
{
    tell_crowd(CROWD);
    for (size_t i = 0; i < count_of(kinds); i++) {
        askers = calloc(CROWD, sizeof *askers);
        assert_non_null(askers);
        run_checks_with(&virtual_clock, body, (void *)&kinds[i]);
        free(askers);
    }
}

static void open_for_all(const struct kind *kind)
{
    kind->open();
    for (int i = 1; i < CROWD && !kind->all && kind->leave == no_more; i++)
        kind->open();
}

static void join_all(const struct kind *kind)
{
    for (int i = 0; i < CROWD && failed_checks() == 0; i++) {
        join_asker(&askers[i], kind->given, 0);
        check_equal(askers[i].turn, i + 1);
    }
    check_equal(turns, CROWD);
}

static intptr_t serve_a_crowd(void *arg)
{
    const struct kind *kind = arg;
    kind->close();
    spawn_askers(askers, CROWD, kind);
    check_equal(whorl_yield(), 0);
    check_equal(turns, 0);
    open_for_all(kind);
    join_all(kind);
    return 0;
}

static void ten_thousand_are_served_in_their_order(void **state)
{
    (void)state;
    for_each_kind(serve_a_crowd);
}

/* In an order that jumps about: 7,919 is a prime that divides no crowd here. */
static intptr_t cancel_a_crowd(void *arg)
{
    const struct kind *kind = arg;
    kind->close();
    spawn_askers(askers, CROWD, kind);
    for (int i = 0; i < CROWD; i++)
        check_equal(whorl_cancel(askers[(size_t)i * 7919 % CROWD].task), 0);
    for (int i = 0; i < CROWD && failed_checks() == 0; i++)
        join_asker(&askers[i], -ECANCELED, -ECANCELED);
    kind->open();
    return 0;
}

static void ten_thousand_are_cancelled_in_any_order(void **state)
{
    (void)state;
    for_each_kind(cancel_a_crowd);
}

static intptr_t cancel_every_other(void *arg)
{
    const struct kind *kind = arg;
    kind->close();
    spawn_askers(askers, CROWD, kind);
    for (int i = 0; i < CROWD; i += 2)
        check_equal(whorl_cancel(askers[i].task), 0);
    open_for_all(kind);
    int last = 0;
    for (int i = 1; i < CROWD && failed_checks() == 0; i += 2) {
        join_asker(&askers[i], kind->given, 0);
        check(askers[i].turn > last);
        last = askers[i].turn;
    }
    for (int i = 0; i < CROWD && failed_checks() == 0; i += 2)
        join_asker(&askers[i], -ECANCELED, -ECANCELED);
    return 0;
}

static void every_other_of_ten_thousand_is_cancelled(void **state)
{
    (void)state;
    for_each_kind(cancel_every_other);
}

/* --- One round of a barrier, and one that all have left --- */

static whorl_barrier gathering = WHORL_BARRIER_INIT(CROWD);

static intptr_t arrive(void *arg)
{
    check_equal(whorl_barrier_wait(&gathering), (intptr_t)arg);
    return 0;
}

static intptr_t gather_at_a_barrier(void *arg)
{
    (void)arg;
    for (intptr_t i = 0; i < CROWD; i++)
        check_equal(whorl_release(start(arrive, (void *)i)), 0);
    return whorl_barrier_waiting(&gathering);
}

static void ten_thousand_meet_at_a_barrier(void **state)
{
    (void)state;
    run_checks(gather_at_a_barrier, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(ten_thousand_are_served_in_their_order),
        behaviour(ten_thousand_are_cancelled_in_any_order),
        behaviour(every_other_of_ten_thousand_is_cancelled),
        behaviour(ten_thousand_meet_at_a_barrier),
    };
    return run_behaviours("crowd", tests);
}
