/*
 * Logs that many use at once: ten thousand tasks, of which each waits for its own record, with
 * small and large ones mixed; and tasks of another loop, which are refused meanwhile.
 */
#include "elsewhere.h"
#include "fs/log_calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { CROWD = CROWD_OF(10000), LARGE = 20000 };

static whorl_log log_here;
static int64_t *lsns;
static unsigned char large[LARGE];

static void open_here(void)
{
    check_equal(whorl_log_open(&log_here, path_of("log").text, NULL), 0);
}

/* Every hundredth is large, in two pieces of which one is the number. */
static intptr_t append_own(void *arg)
{
    intptr_t number = (intptr_t)arg;
    struct iovec pieces[] = {{&number, sizeof number}, {large, LARGE}};
    lsns[number] = whorl_log_appendv(&log_here, pieces, number % 100 == 0 ? 2 : 1);
    return lsns[number] < 0;
}

static intptr_t append_all(void *arg)
{
    whorl_task **tasks = arg;
    whorl_log_stats stats;
    open_here();
    for (intptr_t i = 0; i < CROWD; i++)
        check((tasks[i] = whorl_spawn(append_own, (void *)i)) != NULL);
    for (intptr_t i = 0; i < CROWD; i++)
        check_equal(whorl_join(tasks[i]), 0);
    int64_t next = 0;
    for (intptr_t i = 0; i < CROWD; i++) {
        check_equal(lsns[i], next);
        next += 8 + (int64_t)sizeof i + (i % 100 == 0 ? LARGE : 0);
    }
    check_equal(whorl_log_end(&log_here), next);
    check_equal(whorl_log_get_stats(&log_here, &stats), 0);
    check_equal(stats.records, CROWD);
    check(stats.commits <= 20);
    check_equal(stats.flushes, stats.commits);
    printf("%d records in %d commits\n", CROWD, (int)stats.commits);
    return whorl_log_close(&log_here);
}

static intptr_t look_at_all(void *arg)
{
    whorl_log_cursor cursor;
    whorl_log_record record;
    intptr_t count = 0;
    (void)arg;
    open_here();
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
    for (; whorl_log_cursor_next(&cursor, &record) == 1; count++) {
        check_equal(record.lsn, lsns[count]);
        check(memcmp(record.data, &count, sizeof count) == 0);
        bool is_large = count % 100 == 0;
        check_equal(record.len, sizeof count + (is_large ? LARGE : 0));
        if (is_large)
            check(memcmp((const char *)record.data + sizeof count, large, LARGE) == 0);
    }
    check_equal(count, CROWD);
    check_equal(whorl_log_cursor_end(&cursor), 0);
    return whorl_log_close(&log_here);
}

static void ten_thousand_tasks_append_at_once_in_a_few_commits(void **state)
{
    (void)state;
    whorl_task **tasks = calloc(CROWD, sizeof *tasks);
    tell_crowd(CROWD);
    lsns = calloc(CROWD, sizeof *lsns);
    memset(large, 'l', sizeof large);
    run_checks(append_all, tasks);
    run_checks(look_at_all, NULL);
    free(tasks);
    free(lsns);
}

/* --- The longest record --- */

static intptr_t append_longest(void *arg)
{
    unsigned char *bytes = arg;
    open_here();
    int64_t first = whorl_log_append(&log_here, bytes, WHORL_LOG_RECORD_MAX);
    int64_t second = whorl_log_append(&log_here, "next", 4);
    check_equal(second, first + 8 + (int64_t)WHORL_LOG_RECORD_MAX);
    check_equal(whorl_log_close(&log_here), 0);
    open_here();
    check_equal(whorl_log_end(&log_here), second + 12);
    check_record(&log_here, first, bytes, WHORL_LOG_RECORD_MAX);
    check_record(&log_here, second, "next", 4);
    return whorl_log_close(&log_here);
}

static void the_longest_record_is_a_record_like_another(void **state)
{
    (void)state;
    unsigned char *bytes = malloc(WHORL_LOG_RECORD_MAX);
    assert_non_null(bytes);
    for (size_t i = 0; i < WHORL_LOG_RECORD_MAX; i++)
        bytes[i] = (unsigned char)(i >> 12 ^ i);
    run_checks(append_longest, bytes);
    free(bytes);
}

/* --- Elsewhere --- */

static intptr_t append_elsewhere(void *arg)
{
    (void)arg;
    whorl_log_cursor cursor;
    check_equal(whorl_log_append(&log_here, "a", 1), -EPERM);
    check_equal(whorl_log_truncate(&log_here, 0), -EPERM);
    check_equal(whorl_log_close(&log_here), -EPERM);
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), -EPERM);
    return 0;
}

static intptr_t append_after(void *arg)
{
    (void)arg;
    return whorl_log_append(&log_here, "b", 1) >= 0 ? 0 : -EIO;
}

static intptr_t use_from_two_loops(void *arg)
{
    (void)arg;
    intptr_t none = 0;
    lsns = &(int64_t){-1};
    open_here();
    whorl_task *task = whorl_spawn(append_own, (void *)none);
    whorl_yield();
    in_another_loop(append_elsewhere);
    without_a_loop(append_elsewhere);
    check_equal(whorl_join(task), 0);
    check_equal(lsns[0], 0);
    in_another_loop(append_after);
    return whorl_log_close(&log_here);
}

static void tasks_of_another_loop_are_refused_while_some_use_the_log(void **state)
{
    (void)state;
    run_checks(use_from_two_loops, NULL);
}

/* Time that jumps does not shorten the wait for the lock. */
static intptr_t use_in_virtual_time(void *arg)
{
    (void)arg;
    whorl_log other;
    open_here();
    check_equal(whorl_log_append(&log_here, "a", 1), 0);
    check_equal(whorl_log_open(&other, path_of("log").text, NULL), -EBUSY);
    return whorl_log_close(&log_here);
}

static void a_log_works_in_virtual_time(void **state)
{
    (void)state;
    run_checks_with(&(whorl_config){.clock = WHORL_CLOCK_VIRTUAL}, use_in_virtual_time, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(ten_thousand_tasks_append_at_once_in_a_few_commits),
        behaviour(the_longest_record_is_a_record_like_another),
        behaviour(tasks_of_another_loop_are_refused_while_some_use_the_log),
        behaviour(a_log_works_in_virtual_time),
    };
    return run_behaviours("log crowd", tests);
}
