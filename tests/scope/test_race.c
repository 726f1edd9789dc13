/*
 * Races: the first end wins, whatever it gives; the losers are cancelled and awaited; and a caller
 * that is cancelled takes them all down, unless one does its work all the same.
 */
#include "plans.h"
#include "starve.h"

#include <errno.h>
#include <stdlib.h>

static int cleaned;

static intptr_t sleep_and_clean_up(void *arg)
{
    whorl_shield shield;
    (void)arg;
    int result = whorl_sleep(FAR);
    whorl_shield_begin(&shield, FAR);
    check_equal(whorl_sleep(WHORL_SECONDS(10)), 0);
    cleaned++;
    return whorl_shield_end(&shield, result);
}

/* Takes no notice of its cancel. */
static intptr_t work_all_the_same(void *arg)
{
    const struct plan *plan = arg;
    whorl_shield shield;
    check_equal(whorl_sleep(FAR), -ECANCELED);
    whorl_shield_begin(&shield, FAR);
    check_equal(whorl_sleep(WHORL_SECONDS(plan->seconds)), 0);
    return whorl_shield_end(&shield, plan->result);
}

static void check_taken(whorl_task **tasks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_equal(whorl_join(tasks[i]), -EINVAL);
}

static intptr_t race_each_way(void *arg)
{
    static const struct plan plans[] = {{3, 30}, {1, 10}, {2, 20}};
    static const struct plan failing[] = {{3, 30}, {2, 20}, {1, -EIO}};
    whorl_task *tasks[3];
    intptr_t results[3];
    size_t winner = 99;
    int64_t start = whorl_now();
    (void)arg;
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_race(tasks, 3, results, &winner), 10);
    check_equal(winner, 1);
    check_equal(results[0], -ECANCELED);
    check_equal(results[1], 10);
    check_equal(results[2], -ECANCELED);
    check_equal(whorl_now() - start, WHORL_SECONDS(1));
    check_taken(tasks, 3);
    check_equal(whorl_cancelling(whorl_self()), 0);
    /* An error wins like another result. */
    spawn_plans(tasks, failing, 3);
    check_equal(whorl_race(tasks, 3, results, &winner), -EIO);
    check_equal(winner, 2);
    check_equal(results[0], -ECANCELED);
    check_equal(results[1], -ECANCELED);
    check_taken(tasks, 3);
    /* Nobody wants to know the rest. */
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_race(tasks, 3, NULL, NULL), 10);
    spawn_plans(tasks, plans, 1);
    check_equal(whorl_race(tasks, 1, NULL, &winner), 30);
    check_equal(winner, 0);
    return 0;
}

static void the_first_to_end_wins_whatever_its_result(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, race_each_way, NULL);
}

static intptr_t lose_slowly(void *arg)
{
    static const struct plan first = {1, 10}, late = {5, 50};
    whorl_task *tasks[] = {whorl_spawn(sleep_and_clean_up, NULL),
                           whorl_spawn(work_all_the_same, (void *)&late),
                           whorl_spawn(follow, (void *)&first)};
    intptr_t results[3];
    size_t winner;
    int64_t start = whorl_now();
    (void)arg;
    cleaned = 0;
    check_equal(whorl_race(tasks, 3, results, &winner), 10);
    check_equal(winner, 2);
    check_equal(cleaned, 1);
    check_equal(results[0], -ECANCELED);
    check_equal(results[1], 50);
    check_equal(results[2], 10);
    check_equal(whorl_now() - start, WHORL_SECONDS(11));
    check_taken(tasks, 3);
    return 0;
}

static void losers_are_awaited_and_their_work_is_not_lost(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, lose_slowly, NULL);
}

static intptr_t end_in_one_turn(void *arg)
{
    static const struct plan plans[] = {{2, 20}, {1, 10}, {1, 11}};
    static const struct plan ended[] = {{3, 30}, {2, 20}, {1, 10}};
    whorl_task *tasks[3];
    intptr_t results[3];
    size_t winner;
    (void)arg;
    /* Both of them do their work before anybody could stop them: the first in time wins. */
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_race(tasks, 3, results, &winner), 10);
    check_equal(winner, 1);
    check_equal(results[0], -ECANCELED);
    check_equal(results[1], 10);
    check(results[2] == 11 || results[2] == -ECANCELED);
    /* So it does if they have ended already. */
    spawn_plans(tasks, ended, 3);
    check_equal(whorl_sleep(WHORL_MS(2500)), 0);
    check_equal(whorl_race(tasks, 3, results, &winner), 10);
    check_equal(winner, 2);
    check_equal(results[0], -ECANCELED);
    check_equal(results[1], 20);
    return 0;
}

static void of_several_that_have_ended_the_first_in_time_wins(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, end_in_one_turn, NULL);
}

static intptr_t cancel_all_from_outside(void *arg)
{
    whorl_task **tasks = arg;
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    for (size_t i = 3; i-- > 0;)
        check_equal(whorl_cancel(tasks[i]), 0);
    return 0;
}

static intptr_t race_the_cancelled(void *arg)
{
    static const struct plan plans[] = {{9, 1}, {9, 2}, {9, 3}};
    whorl_task *tasks[3];
    intptr_t results[3] = {0};
    size_t winner = 99;
    (void)arg;
    spawn_plans(tasks, plans, 3);
    whorl_task *canceller = whorl_spawn(cancel_all_from_outside, tasks);
    check_equal(whorl_race(tasks, 3, results, &winner), -ECANCELED);
    check_equal(winner, 2);
    for (size_t i = 0; i < 3; i++)
        check_equal(results[i], -ECANCELED);
    check_equal(whorl_cancelling(whorl_self()), 0);
    check_taken(tasks, 3);
    return whorl_join(canceller);
}

static void all_may_be_cancelled_by_others(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, race_the_cancelled, NULL);
}

/* A race in a task of its own, that somebody may cancel. */
struct contest {
    whorl_task *tasks[3];
    intptr_t results[3];
    size_t winner;
    int cancelling; /* the racing task, after the race */
};

static intptr_t run_contest(void *arg)
{
    struct contest *contest = arg;
    intptr_t result = whorl_race(contest->tasks, 3, contest->results, &contest->winner);
    contest->cancelling = whorl_cancelling(whorl_self());
    check_taken(contest->tasks, 3);
    return result;
}

/* Cancels the race after so many seconds, and gives what it came to. */
static intptr_t cancel_contest(struct contest *contest, int seconds)
{
    contest->winner = 99;
    whorl_task *racing = whorl_spawn(run_contest, contest);
    check_equal(whorl_sleep(WHORL_SECONDS(seconds)), 0);
    check_equal(whorl_cancel(racing), 0);
    intptr_t result = whorl_join(racing);
    check_equal(contest->cancelling, 1);
    return result;
}

static intptr_t cancel_before_the_first_end(void *arg)
{
    static const struct plan plans[] = {{9, 1}, {9, 2}, {9, 3}};
    static const struct plan late = {7, 70}, later = {8, 80}, failing = {1, -EIO};
    struct contest contest;
    (void)arg;
    cleaned = 0;
    spawn_plans(contest.tasks, plans, 2);
    contest.tasks[2] = whorl_spawn(sleep_and_clean_up, NULL);
    check_equal(cancel_contest(&contest, 1), -ECANCELED);
    check_equal(contest.winner, 3);
    check_equal(cleaned, 1);
    for (size_t i = 0; i < 3; i++)
        check_equal(contest.results[i], -ECANCELED);
    /* The first to do its work wins even then, though one has ended before it. */
    spawn_plans(contest.tasks, plans, 1);
    contest.tasks[1] = whorl_spawn(work_all_the_same, (void *)&later);
    contest.tasks[2] = whorl_spawn(work_all_the_same, (void *)&late);
    check_equal(cancel_contest(&contest, 1), 70);
    check_equal(contest.winner, 2);
    check_equal(contest.results[0], -ECANCELED);
    check_equal(contest.results[1], 80);
    /* An error of its own is more than a cancel. */
    spawn_plans(contest.tasks, plans, 2);
    contest.tasks[2] = whorl_spawn(work_all_the_same, (void *)&failing);
    check_equal(cancel_contest(&contest, 1), -EIO);
    check_equal(contest.winner, 2);
    return 0;
}

static void cancelling_the_caller_before_the_first_end_cancels_all(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_before_the_first_end, NULL);
}

static intptr_t cancel_after_the_first_end(void *arg)
{
    static const struct plan first = {1, 10}, late = {5, 50};
    struct contest contest = {.tasks = {whorl_spawn(work_all_the_same, (void *)&late),
                                        whorl_spawn(sleep_and_clean_up, NULL),
                                        whorl_spawn(follow, (void *)&first)}};
    (void)arg;
    cleaned = 0;
    check_equal(cancel_contest(&contest, 2), 10);
    check_equal(contest.winner, 2);
    check_equal(contest.results[0], 50);
    check_equal(contest.results[1], -ECANCELED);
    check_equal(cleaned, 1);
    return 0;
}

static void cancelling_the_caller_after_the_first_end_changes_nothing(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_after_the_first_end, NULL);
}

static intptr_t race_in_a_cancelled_task(void *arg)
{
    static const struct plan plans[] = {{0, 1}, {9, 2}, {9, 3}};
    whorl_task *tasks[3];
    intptr_t results[3];
    size_t winner = 99;
    whorl_timeout scope;
    (void)arg;
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_race(&tasks[1], 2, results, &winner), -ECANCELED);
    check_equal(winner, 2);
    check_taken(&tasks[1], 2);
    check_equal(whorl_uncancel(), 1);
    /* One has ended already. */
    check_equal(whorl_is_done(tasks[0]), 1);
    spawn_plans(&tasks[1], &plans[1], 2);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_race(tasks, 3, results, &winner), 1);
    check_equal(winner, 0);
    check_equal(results[2], -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    /* A timeout counts as a cancel does. */
    spawn_plans(tasks, &plans[1], 2);
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(2)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_race(tasks, 2, results, &winner)), -ETIMEDOUT);
    check_equal(winner, 2);
    check_taken(tasks, 2);
    return 0;
}

static void a_caller_cancelled_before_races_only_for_what_is_there(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, race_in_a_cancelled_task, NULL);
}

static intptr_t race_many(void *arg)
{
    static struct plan plans[1000];
    static whorl_task *tasks[1000];
    static intptr_t results[1000];
    size_t winner;
    (void)arg;
    for (int i = 0; i < 1000; i++)
        plans[i] = (struct plan){1000 + (i + 377) % 1000, i};
    spawn_plans(tasks, plans, 1000);
    check_equal(whorl_race(tasks, 1000, results, &winner), 623);
    check_equal(winner, 623);
    for (size_t i = 0; i < 1000; i++)
        check_equal(results[i], i == 623 ? 623 : -ECANCELED);
    check_taken(tasks, 1000);
    return 0;
}

static void a_thousand_may_race(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, race_many, NULL);
}

static intptr_t misuse(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {0, 0}};
    whorl_task *tasks[2];
    intptr_t results[2] = {77, 77};
    size_t winner = 99;
    (void)arg;
    spawn_plans(tasks, plans, 2);
    check_equal(whorl_race(tasks, 0, results, &winner), -EINVAL);
    check_equal(whorl_race(NULL, 0, results, &winner), -EINVAL);
    check_equal(whorl_race(NULL, 1, results, &winner), -EINVAL);
    check_equal(whorl_join(tasks[1]), 0);
    check_equal(whorl_race(tasks, 2, results, &winner), -EINVAL);
    tasks[1] = whorl_self();
    check_equal(whorl_race(tasks, 2, results, &winner), -EDEADLK);
    /* Nothing has changed. */
    check_equal(whorl_cancelling(whorl_self()), 0);
    check_equal(whorl_cancelling(tasks[0]), 0);
    check(results[0] == 77 && results[1] == 77 && winner == 99);
    check_equal(whorl_join(tasks[0]), 10);
    return 0;
}

static void misuse_is_refused_and_changes_nothing(void **state)
{
    whorl_task *task = NULL;
    (void)state;
    run_checks_with(&virtual_clock, misuse, NULL);
    assert_int_equal(whorl_race(&task, 1, NULL, NULL), -EPERM);
}

static intptr_t race_a_crowd(void *arg)
{
    enum { CROWD = 4 << 20 };
    static const struct plan plan = {1, 10};
    whorl_task **crowd = malloc(CROWD * sizeof *crowd);
    whorl_task *task;
    (void)arg;
    if (!check(crowd != NULL))
        return 1;
    spawn_plans(&task, &plan, 1);
    for (size_t i = 0; i < CROWD; i++)
        crowd[i] = task;
    leave_memory(SPARE_BYTES);
    check_equal(whorl_race(crowd, CROWD, NULL, NULL), -ENOMEM);
    check_equal(whorl_cancelling(task), 0);
    check_equal(whorl_race(crowd, 32, NULL, NULL), 10);
    free(crowd);
    return 0;
}

static void many_need_memory_and_few_do_not(void **state)
{
    run_checks_in_child(&virtual_clock, race_a_crowd, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_first_to_end_wins_whatever_its_result),
        behaviour(losers_are_awaited_and_their_work_is_not_lost),
        behaviour(of_several_that_have_ended_the_first_in_time_wins),
        behaviour(all_may_be_cancelled_by_others),
        behaviour(cancelling_the_caller_before_the_first_end_cancels_all),
        behaviour(cancelling_the_caller_after_the_first_end_changes_nothing),
        behaviour(a_caller_cancelled_before_races_only_for_what_is_there),
        behaviour(a_thousand_may_race),
        behaviour(misuse_is_refused_and_changes_nothing),
        behaviour(many_need_memory_and_few_do_not),
    };
    return run_behaviours("race", tests);
}
