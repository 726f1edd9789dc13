/*
 * Appends that are cancelled, at each point of their way, and what others in the same commit get;
 * and closes beside appends.
 */
#include "fs/log_calls.h"

#include <errno.h>
#include <stdio.h>

static whorl_log log_here;

/* One append in a task of its own. */
struct append {
    intptr_t number;
    whorl_task *task;
    int64_t result;
    int after; /* what its next call gave */
    bool ended;
};

static intptr_t append_number(void *arg)
{
    struct append *append = arg;
    append->result = whorl_log_append(&log_here, &append->number, sizeof append->number);
    append->after = whorl_yield();
    append->ended = true;
    return 0;
}

static void begin_append(struct append *append, intptr_t number)
{
    *append = (struct append){.number = number};
    append->task = whorl_spawn(append_number, append);
    check(append->task != NULL);
}

static void end_append(struct append *append)
{
    check_equal(whorl_join(append->task), 0);
    check(append->ended);
}

static void open_here(void)
{
    check_equal(whorl_log_open(&log_here, path_of("log").text, NULL), 0);
}

/* How often a number is in the log. */
static int count_of_number(intptr_t number)
{
    whorl_log_cursor cursor;
    whorl_log_record record;
    int count = 0;
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
    while (whorl_log_cursor_next(&cursor, &record) == 1)
        if (check_equal(record.len, sizeof number))
            count += memcmp(record.data, &number, sizeof number) == 0;
    check_equal(whorl_log_cursor_end(&cursor), 0);
    return count;
}

static uint64_t commits(void)
{
    whorl_log_stats stats = {0};
    check_equal(whorl_log_get_stats(&log_here, &stats), 0);
    return stats.commits;
}

static intptr_t append_cancelled(void *arg)
{
    (void)arg;
    whorl_log_cursor cursor;
    whorl_log_record record;
    open_here();
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_log_append(&log_here, "a", 1), -ECANCELED);
    check_equal(whorl_log_truncate(&log_here, 0), -ECANCELED);
    check_equal(whorl_log_cursor_next(&cursor, &record), -ECANCELED);
    whorl_log other;
    check_equal(whorl_log_open(&other, path_of("other").text, NULL), -ECANCELED);
    check_equal(whorl_log_end(&log_here), 0);
    check_equal(whorl_log_cursor_end(&cursor), 0);
    check_equal(whorl_log_close(&log_here), 0);
    check_equal(whorl_uncancel(), 1);
    return 0;
}

static void a_cancelled_task_appends_nothing_and_can_close(void **state)
{
    (void)state;
    run_checks(append_cancelled, NULL);
}

/* The first has a commit in flight; the others stand in the queue. */
static void begin_three(struct append appends[3])
{
    begin_append(&appends[0], 1);
    whorl_yield(); /* it finds nobody */
    whorl_yield(); /* it has begun its commit */
    begin_append(&appends[1], 2);
    begin_append(&appends[2], 3);
    whorl_yield();
}

static intptr_t cancel_queued(void *arg)
{
    struct append appends[3];
    (void)arg;
    open_here();
    begin_three(appends);
    check_equal(whorl_cancel(appends[1].task), 0);
    for (int i = 0; i < 3; i++)
        end_append(&appends[i]);
    check(appends[0].result >= 0 && appends[2].result > appends[0].result);
    check_equal(appends[1].result, -ECANCELED);
    check_equal(count_of_number(1) + 10 * count_of_number(2) + 100 * count_of_number(3), 101);
    check_equal(commits(), 2);
    return whorl_log_close(&log_here);
}

static void one_that_is_cancelled_in_the_queue_is_not_in_the_log(void **state)
{
    (void)state;
    run_checks(cancel_queued, NULL);
}

static intptr_t cancel_committing(void *arg)
{
    struct append appends[3];
    (void)arg;
    open_here();
    for (int i = 0; i < 3; i++)
        begin_append(&appends[i], i + 1);
    whorl_yield(); /* the first yields to the others */
    whorl_yield(); /* it has taken them, and waits for the disk */
    for (int i = 0; i < 3; i++)
        check_equal(whorl_cancel(appends[i].task), 0);
    for (int i = 0; i < 3; i++) {
        end_append(&appends[i]);
        check_equal(appends[i].result, i * 16);
        check_equal(appends[i].after, -ECANCELED);
        check_equal(count_of_number(i + 1), 1);
    }
    check_equal(commits(), 1);
    return whorl_log_close(&log_here);
}

static void a_cancel_after_the_commit_has_begun_waits_for_the_next_call(void **state)
{
    (void)state;
    run_checks(cancel_committing, NULL);
}

static intptr_t cancel_leader_early(void *arg)
{
    struct append appends[3];
    (void)arg;
    open_here();
    for (int i = 0; i < 3; i++)
        begin_append(&appends[i], i + 1);
    whorl_yield(); /* the first is about to lead, and lets others come */
    check_equal(whorl_cancel(appends[0].task), 0);
    for (int i = 0; i < 3; i++)
        end_append(&appends[i]);
    check_equal(appends[0].result, -ECANCELED);
    check_equal(appends[1].result, 0);
    check_equal(appends[2].result, 16);
    check_equal(commits(), 1);
    return whorl_log_close(&log_here);
}

static void a_leader_that_is_cancelled_before_it_begins_hands_on_the_lead(void **state)
{
    (void)state;
    run_checks(cancel_leader_early, NULL);
}

static intptr_t cancel_next_leader(void *arg)
{
    struct append appends[3];
    (void)arg;
    open_here();
    begin_three(appends);
    while (!appends[0].ended)
        whorl_yield(); /* the second has been given the lead */
    check_equal(whorl_cancel(appends[1].task), 0);
    for (int i = 0; i < 3; i++)
        end_append(&appends[i]);
    check(appends[1].result == -ECANCELED || appends[1].result >= 0);
    check_equal(count_of_number(2), appends[1].result >= 0);
    check_equal(count_of_number(3), 1);
    check_equal(whorl_log_truncate(&log_here, whorl_log_end(&log_here)), 0);
    check(appends[2].result >= 0);
    return whorl_log_close(&log_here);
}

static void one_that_was_handed_the_lead_and_is_cancelled_hands_it_on(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        run_checks(cancel_next_leader, NULL);
}

/* --- At random --- */

enum { CROWD = 40 };

static long taken_back, kept;

static intptr_t cancel_at_random(void *arg)
{
    random_source *source = arg;
    static struct append appends[CROWD];
    int64_t before = -1;
    open_here();
    check_equal(whorl_log_truncate(&log_here, whorl_log_end(&log_here)), 0);
    for (int i = 0; i < CROWD; i++) {
        begin_append(&appends[i], i);
        appends[i].result = -ECANCELED; /* if it is cancelled before its first step */
        for (uint64_t rests = random_below(source, 3); rests > 0; rests--)
            whorl_yield();
        if (random_below(source, 2) == 0) {
            struct append *victim = &appends[random_below(source, (uint64_t)i + 1)];
            if (!whorl_is_done(victim->task))
                check_equal(whorl_cancel(victim->task), 0);
        }
    }
    for (int i = 0; i < CROWD; i++) {
        intptr_t joined = whorl_join(appends[i].task);
        check(joined == 0 || (joined == -ECANCELED && !appends[i].ended));
        check(appends[i].result == -ECANCELED || appends[i].result > before);
        if (appends[i].result >= 0)
            before = appends[i].result;
        check_equal(count_of_number(i), appends[i].result >= 0);
        (*(appends[i].result >= 0 ? &kept : &taken_back))++;
    }
    return whorl_log_close(&log_here);
}

static void whatever_is_cancelled_each_append_is_in_the_log_or_says_that_it_is_not(void **state)
{
    (void)state;
    random_source source = random_from_seed(9);
    for (long i = test_rounds(100); i > 0; i--)
        run_checks(cancel_at_random, &source);
    printf("%ld appends were taken back, %ld are in the log\n", taken_back, kept);
    check(taken_back > 0 && kept > 0);
}

/* --- Limits --- */

static intptr_t append_in_time(void *arg)
{
    (void)arg;
    whorl_timeout limit;
    open_here();
    check_equal(whorl_timeout_begin(&limit, 0), 0);
    int64_t lsn = whorl_log_append(&log_here, "a", 1);
    check_equal(whorl_timeout_end(&limit, (intptr_t)lsn), -ETIMEDOUT);
    check_equal(whorl_timeout_begin(&limit, WHORL_SECONDS(1000)), 0);
    lsn = whorl_log_append(&log_here, "a", 1);
    check_equal(whorl_timeout_end(&limit, (intptr_t)lsn), 0);
    return whorl_log_close(&log_here);
}

static void a_timeout_round_an_append_ends_it_as_a_cancel_does(void **state)
{
    (void)state;
    run_checks(append_in_time, NULL);
}

/* --- Closing --- */

static intptr_t close_it(void *arg)
{
    (void)arg;
    return whorl_log_close(&log_here);
}

static intptr_t close_beside_appends(void *arg)
{
    struct append appends[3], late;
    (void)arg;
    open_here();
    begin_three(appends);
    whorl_task *closer = whorl_spawn(close_it, NULL);
    whorl_yield();
    check_equal(whorl_cancel(closer), 0);
    begin_append(&late, 4);
    check_equal(whorl_log_close(&log_here), -EBADF);
    check_equal(whorl_log_truncate(&log_here, 0), -EBADF);
    check_equal(whorl_join(closer), 0);
    for (int i = 0; i < 3; i++) {
        end_append(&appends[i]);
        check_equal(appends[i].result, i * 16);
    }
    end_append(&late);
    check_equal(late.result, -EBADF);
    open_here();
    check_equal(whorl_log_end(&log_here), 48);
    return whorl_log_close(&log_here);
}

static void a_close_waits_for_appends_though_it_is_cancelled_and_lets_no_more_in(void **state)
{
    (void)state;
    run_checks(close_beside_appends, NULL);
}

/* What a main task that returns leaves behind ends with the run. */
static intptr_t leave_appends(void *arg)
{
    static struct append appends[5];
    (void)arg;
    open_here();
    for (int i = 0; i < 5; i++) {
        begin_append(&appends[i], i);
        check_equal(whorl_release(appends[i].task), 0);
    }
    whorl_yield();
    return 0;
}

static intptr_t look_at_left(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++)
        check(count_of_number(i) <= 1);
    check(whorl_log_append(&log_here, "12345678", 8) >= 0);
    return whorl_log_close(&log_here);
}

static void a_log_outlives_the_run_in_which_it_was_opened(void **state)
{
    (void)state;
    run_checks(leave_appends, NULL);
    run_checks(look_at_left, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_cancelled_task_appends_nothing_and_can_close),
        behaviour(one_that_is_cancelled_in_the_queue_is_not_in_the_log),
        behaviour(a_cancel_after_the_commit_has_begun_waits_for_the_next_call),
        behaviour(a_leader_that_is_cancelled_before_it_begins_hands_on_the_lead),
        behaviour(one_that_was_handed_the_lead_and_is_cancelled_hands_it_on),
        behaviour(whatever_is_cancelled_each_append_is_in_the_log_or_says_that_it_is_not),
        behaviour(a_timeout_round_an_append_ends_it_as_a_cancel_does),
        behaviour(a_close_waits_for_appends_though_it_is_cancelled_and_lets_no_more_in),
        behaviour(a_log_outlives_the_run_in_which_it_was_opened),
    };
    return run_behaviours("log cancel", tests);
}
