/*
 * Write-ahead logs: what an append promises, in which order LSNs come, how appends share commits,
 * what a log says of itself, and misuse.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/log_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static whorl_log log_here;

static test_path log_path(void)
{
    return path_of("log");
}

static void open_here(void)
{
    check_equal(whorl_log_open(&log_here, log_path().text, NULL), 0);
}

static void close_here(void)
{
    check_equal(whorl_log_close(&log_here), 0);
}

static whorl_log_stats stats_here(void)
{
    whorl_log_stats stats = {0};
    check_equal(whorl_log_get_stats(&log_here, &stats), 0);
    return stats;
}

/* --- Appending and reading --- */

static intptr_t append_and_read(void *arg)
{
    (void)arg;
    static char large[300000];
    memset(large, 'x', sizeof large);
    open_here();
    check_equal(whorl_log_end(&log_here), 0);
    int64_t one = whorl_log_append(&log_here, "one", 3);
    int64_t none = whorl_log_append(&log_here, NULL, 0);
    int64_t long_one = whorl_log_append(&log_here, large, sizeof large);
    int64_t last = whorl_log_append(&log_here, "last", 4);
    check(one == 0 && none > one && long_one > none && last > long_one);
    for (int opens = 0; opens < 2; opens++) {
        whorl_log_cursor cursor;
        check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
        check_next(&cursor, one, "one", 3);
        check_next(&cursor, none, "", 0);
        check_next(&cursor, long_one, large, sizeof large);
        check_next(&cursor, last, "last", 4);
        check_no_next(&cursor);
        check_equal(whorl_log_cursor_end(&cursor), 0);
        check_equal(whorl_log_cursor_begin(&cursor, &log_here, long_one), 0);
        check_next(&cursor, long_one, large, sizeof large);
        check_equal(whorl_log_cursor_end(&cursor), 0);
        close_here();
        open_here();
        check_equal(stats_here().recovered, 4);
        check_equal(stats_here().dropped, 0);
    }
    close_here();
    return 0;
}

static void what_was_appended_is_read_in_order_before_and_after_a_close(void **state)
{
    (void)state;
    run_checks(append_and_read, NULL);
}

static intptr_t append_pieces(void *arg)
{
    (void)arg;
    static char small[5000], large[70000], whole[200000];
    struct iovec iov[WHORL_LOG_PIECES_MAX];
    random_source source = random_from_seed(7);
    open_here();
    for (int round = 0; round < 50; round++) {
        int count = (int)random_below(&source, 12);
        size_t len = 0;
        for (int i = 0; i < count; i++) {
            bool is_large = random_below(&source, 4) == 0;
            iov[i].iov_base = is_large ? large : small;
            iov[i].iov_len = random_below(&source, is_large ? 14000 : 5000);
            memset(iov[i].iov_base, 'a' + round % 26, iov[i].iov_len);
            memset(whole + len, 'a' + round % 26, iov[i].iov_len);
            len += iov[i].iov_len;
        }
        int64_t lsn = whorl_log_appendv(&log_here, iov, count);
        check(lsn >= 0);
        check_record(&log_here, lsn, whole, len);
    }
    for (int i = 0; i < WHORL_LOG_PIECES_MAX; i++)
        iov[i] = (struct iovec){i % 2 ? large : small, i % 2 ? 4097 : 1};
    check(whorl_log_appendv(&log_here, iov, WHORL_LOG_PIECES_MAX) >= 0);
    for (int i = 0; i < WHORL_LOG_PIECES_MAX; i++)
        iov[i] = (struct iovec){small, 4096};
    check(whorl_log_appendv(&log_here, iov, WHORL_LOG_PIECES_MAX) >= 0);
    close_here();
    open_here();
    check_equal(stats_here().recovered, 52);
    close_here();
    return 0;
}

static void a_record_of_pieces_is_the_pieces_in_a_row(void **state)
{
    (void)state;
    run_checks(append_pieces, NULL);
}

/* --- Commits --- */

enum { WRITERS = 64, EACH = 20 };

static intptr_t write_some(void *arg)
{
    int64_t before = -1;
    for (int i = 0; i < EACH; i++) {
        int64_t lsn = whorl_log_append(&log_here, &arg, sizeof arg);
        check(lsn > before);
        check(whorl_log_end(&log_here) > lsn);
        before = lsn;
    }
    return 0;
}

static intptr_t share_commits(void *arg)
{
    (void)arg;
    whorl_task *tasks[WRITERS];
    open_here();
    for (int i = 0; i < WRITERS; i++)
        check((tasks[i] = whorl_spawn(write_some, NULL)) != NULL);
    for (int i = 0; i < WRITERS; i++)
        check_equal(whorl_join(tasks[i]), 0);
    whorl_log_stats stats = stats_here();
    check_equal(stats.records, WRITERS * EACH);
    check_equal(stats.bytes, WRITERS * EACH * sizeof arg);
    check_equal(stats.commits, EACH);
    check_equal(stats.flushes, EACH);
    close_here();
    return 0;
}

static void all_who_append_in_a_turn_share_one_write_and_one_flush(void **state)
{
    (void)state;
    run_checks(share_commits, NULL);
}

static int64_t lsns[100];

static intptr_t append_numbered(void *arg)
{
    intptr_t i = (intptr_t)arg;
    return (lsns[i] = whorl_log_append(&log_here, &i, sizeof i)) < 0;
}

static intptr_t append_in_order(void *arg)
{
    (void)arg;
    whorl_task *tasks[count_of(lsns)];
    open_here();
    for (size_t i = 0; i < count_of(lsns); i++)
        tasks[i] = whorl_spawn(append_numbered, (void *)i);
    for (size_t i = 0; i < count_of(lsns); i++)
        check_equal(whorl_join(tasks[i]), 0);
    for (size_t i = 0; i < count_of(lsns); i++)
        check_equal(lsns[i], (int64_t)i * 16);
    close_here();
    return 0;
}

static void lsns_come_in_the_order_of_the_calls(void **state)
{
    (void)state;
    run_checks(append_in_order, NULL);
}

/* --- Opening --- */

static intptr_t open_twice(void *arg)
{
    (void)arg;
    whorl_log other;
    open_here();
    check_equal(whorl_log_open(&other, log_path().text, NULL), -EBUSY);
    check_equal(whorl_log_close(&other), -EBADF);
    check(whorl_log_append(&log_here, "a", 1) >= 0);
    close_here();
    check_equal(whorl_log_open(&other, log_path().text, NULL), 0);
    return whorl_log_close(&other);
}

static void a_log_is_open_once(void **state)
{
    (void)state;
    run_checks(open_twice, NULL);
}

static void check_left_alone(const char *path, const void *data, size_t len, int error)
{
    char read[10000];
    write_whole(path, data, len);
    check_equal(whorl_log_open(&log_here, path, NULL), error);
    check_equal(read_whole(path, read, sizeof read), len);
    check(memcmp(read, data, len) == 0);
    check_equal(unlink(path), 0);
}

static intptr_t open_others(void *arg)
{
    (void)arg;
    static char zeros[9000];
    const char *path = log_path().text;
    test_path own = log_path();
    path = own.text;
    check_left_alone(path, "hello", 5, -EBADMSG);
    check_left_alone(path, "whorlLOG", 8, -EBADMSG);
    zeros[8191] = 1;
    check_left_alone(path, zeros, 8192, -EBADMSG);
    zeros[8191] = 0;
    check_left_alone(path, zeros, 9000, -EBADMSG);
    check_equal(whorl_log_open(&log_here, path_of("").text, NULL), -EISDIR);
    check_equal(whorl_log_open(&log_here, "/dev/null", NULL), -EINVAL);
    check_equal(whorl_log_open(&log_here, path_of("none/log").text, NULL), -ENOENT);
    check_equal(symlink("elsewhere", path), 0);
    check_equal(whorl_log_open(&log_here, path, NULL), -ELOOP);
    check_equal(unlink(path), 0);
    check_equal(mkfifo(path, 0600), 0);
    check_equal(whorl_log_open(&log_here, path, NULL), -EINVAL);
    check_equal(unlink(path), 0);
    /* What an interrupted making leaves behind is made a log of. */
    write_whole(path, zeros, 8192);
    open_here();
    check(whorl_log_append(&log_here, "a", 1) == 0);
    close_here();
    write_whole(path, "", 0);
    open_here();
    check(whorl_log_append(&log_here, "a", 1) == 0);
    close_here();
    return 0;
}

static void what_is_no_log_is_refused_and_left_alone(void **state)
{
    (void)state;
    run_checks(open_others, NULL);
}

static intptr_t misuse(void *arg)
{
    (void)arg;
    whorl_log closed = WHORL_LOG_INIT;
    whorl_log_options options = {.reserve = ((size_t)1 << 30) + 1};
    whorl_log_cursor cursor;
    whorl_log_record record;
    whorl_log_stats stats;
    struct iovec iov = {NULL, 1};
    test_path path = log_path();
    check_equal(whorl_log_open(NULL, path.text, NULL), -EINVAL);
    check_equal(whorl_log_open(&closed, NULL, NULL), -EINVAL);
    check_equal(whorl_log_open(&closed, path.text, &options), -EINVAL);
    check_equal(whorl_log_append(&closed, "a", 1), -EBADF);
    check_equal(whorl_log_append(NULL, "a", 1), -EINVAL);
    check_equal(whorl_log_truncate(&closed, 0), -EBADF);
    check_equal(whorl_log_truncate(NULL, 0), -EINVAL);
    check_equal(whorl_log_first(&closed), -EBADF);
    check_equal(whorl_log_first(NULL), -EINVAL);
    check_equal(whorl_log_end(&closed), -EBADF);
    check_equal(whorl_log_get_stats(&closed, &stats), -EBADF);
    check_equal(whorl_log_get_stats(NULL, &stats), -EINVAL);
    check_equal(whorl_log_close(&closed), -EBADF);
    check_equal(whorl_log_close(NULL), -EINVAL);
    check_equal(whorl_log_cursor_begin(&cursor, &closed, 0), -EBADF);
    open_here();
    check_equal(whorl_log_get_stats(&log_here, NULL), -EINVAL);
    check_equal(whorl_log_append(&log_here, NULL, 1), -EINVAL);
    check_equal(whorl_log_append(&log_here, "a", WHORL_LOG_RECORD_MAX + 1), -EMSGSIZE);
    check_equal(whorl_log_append(&log_here, "a", SIZE_MAX), -EMSGSIZE);
    check_equal(whorl_log_appendv(&log_here, NULL, 1), -EINVAL);
    check_equal(whorl_log_appendv(&log_here, &iov, 1), -EINVAL);
    check_equal(whorl_log_appendv(&log_here, &iov, -1), -EINVAL);
    check_equal(whorl_log_appendv(&log_here, &iov, WHORL_LOG_PIECES_MAX + 1), -EINVAL);
    check_equal(whorl_log_appendv(&log_here, NULL, 0), 0);
    check_equal(whorl_log_truncate(&log_here, -1), -EINVAL);
    check_equal(whorl_log_truncate(&log_here, 9), -EINVAL);
    check_equal(whorl_log_truncate(&log_here, 7), -EINVAL);
    check_equal(whorl_log_cursor_begin(NULL, &log_here, 0), -EINVAL);
    check_equal(whorl_log_cursor_begin(&cursor, NULL, 0), -EINVAL);
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, -1), -EINVAL);
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 9), -EINVAL);
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 7), 0);
    check_equal(whorl_log_cursor_next(&cursor, &record), -EBADMSG);
    check_equal(whorl_log_cursor_next(&cursor, NULL), -EINVAL);
    check_equal(whorl_log_cursor_next(NULL, &record), -EINVAL);
    check_equal(whorl_log_cursor_end(NULL), -EINVAL);
    check_equal(whorl_log_cursor_end(&cursor), 0);
    check_equal(whorl_log_cursor_next(&cursor, &record), -EINVAL);
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
    close_here();
    check_equal(whorl_log_cursor_next(&cursor, &record), -EBADF);
    check_equal(whorl_log_cursor_end(&cursor), 0);
    return 0;
}

static void misuse_is_refused(void **state)
{
    whorl_log log = WHORL_LOG_INIT;
    whorl_log_cursor cursor;
    whorl_log_record record;
    (void)state;
    check_equal(whorl_log_open(&log, log_path().text, NULL), -EPERM);
    check_equal(whorl_log_append(&log, "a", 1), -EPERM);
    check_equal(whorl_log_truncate(&log, 0), -EPERM);
    check_equal(whorl_log_close(&log), -EPERM);
    check_equal(whorl_log_cursor_begin(&cursor, &log, 0), -EPERM);
    check_equal(whorl_log_cursor_next(&cursor, &record), -EPERM);
    run_checks(misuse, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(what_was_appended_is_read_in_order_before_and_after_a_close),
        behaviour(a_record_of_pieces_is_the_pieces_in_a_row),
        behaviour(all_who_append_in_a_turn_share_one_write_and_one_flush),
        behaviour(lsns_come_in_the_order_of_the_calls),
        behaviour(a_log_is_open_once),
        behaviour(what_is_no_log_is_refused_and_left_alone),
        behaviour(misuse_is_refused),
    };
    return run_behaviours("log", tests);
}
