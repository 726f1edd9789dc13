/*
 * Cursors whose log changes while they wait for the disk: the record that they read is dropped, its
 * place in the file becomes another's, the log is closed.
 */
#include "fs/log_calls.h"

#include <errno.h>

enum { LARGE = 100000 }; /* more than a cursor reads at a time */

static whorl_log log_here;

static bool reads_wait; /* for: */
static whorl_event may_read;

ssize_t __real_whorl_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_whorl_pread(int fd, void *buf, size_t len, off_t offset);

ssize_t __wrap_whorl_pread(int fd, void *buf, size_t len, off_t offset)
{
    if (reads_wait)
        check_equal(whorl_event_wait(&may_read), 0);
    return __real_whorl_pread(fd, buf, len, offset);
}

/* One call of a cursor in a task of its own. */
struct reading {
    whorl_log_cursor cursor;
    whorl_log_record record;
    int found;
    bool has_ended;
};

static intptr_t read_next(void *arg)
{
    struct reading *reading = arg;
    reading->found = whorl_log_cursor_next(&reading->cursor, &reading->record);
    reading->has_ended = true;
    return 0;
}

static void append_large(unsigned char byte)
{
    static unsigned char bytes[LARGE];
    memset(bytes, byte, sizeof bytes);
    check(whorl_log_append(&log_here, bytes, sizeof bytes) >= 0);
}

static void open_here(void)
{
    check_equal(whorl_log_open(&log_here, path_of("log").text, NULL), 0);
    append_large('a');
    append_large('b');
}

static intptr_t drop_all(void *arg)
{
    (void)arg;
    return whorl_log_truncate(&log_here, whorl_log_end(&log_here));
}

/* The reader is `before` turns ahead of the truncate: each number meets it at another point. */
static void drop_beside_reading(int before)
{
    struct reading reading = {.found = 0};
    open_here();
    check_equal(whorl_log_cursor_begin(&reading.cursor, &log_here, whorl_log_first(&log_here)), 0);
    whorl_task *dropper = before < 0 ? whorl_spawn(drop_all, NULL) : NULL;
    whorl_task *reader = whorl_spawn(read_next, &reading);
    for (int i = 0; i < before; i++)
        whorl_yield();
    if (!dropper)
        dropper = whorl_spawn(drop_all, NULL);
    check_equal(whorl_join(dropper), 0);
    check_equal(whorl_join(reader), 0);
    if (reading.found != 1)
        check_equal(reading.found, -ESTALE);
    check_equal(whorl_log_cursor_end(&reading.cursor), 0);
    check_equal(whorl_log_close(&log_here), 0);
}

static intptr_t drop_while_read(void *arg)
{
    (void)arg;
    for (int before = -1; before < 8; before++)
        drop_beside_reading(before);
    return 0;
}

static void a_record_that_is_dropped_while_it_is_read_is_whole_or_stale(void **state)
{
    (void)state;
    run_checks(drop_while_read, NULL);
}

static intptr_t append_one(void *arg)
{
    (void)arg;
    return whorl_log_append(&log_here, "x", 1);
}

/* On another thread. */
static intptr_t append_elsewhere(void *arg)
{
    return whorl_run(append_one, arg);
}

static intptr_t close_here(void *arg)
{
    bool *has_closed = arg;
    int result = whorl_log_close(&log_here);
    *has_closed = true;
    return result;
}

static intptr_t close_while_read(void *arg)
{
    struct reading reading = {.found = 0};
    bool has_closed = false;
    (void)arg;
    open_here();
    check_equal(whorl_log_cursor_begin(&reading.cursor, &log_here, 0), 0);
    reads_wait = true;
    whorl_task *reader = whorl_spawn(read_next, &reading);
    whorl_yield();
    check_equal(whorl_to_thread(append_elsewhere, NULL), -EPERM);
    whorl_task *closer = whorl_spawn(close_here, &has_closed);
    whorl_yield();
    check_equal(whorl_cancel(closer), 0);
    whorl_sleep(WHORL_MS(20)); /* enough for a close that does not wait to be found out */
    check(!has_closed && !reading.has_ended);
    check_equal(whorl_log_cursor_next(&reading.cursor, &reading.record), -EBADF);
    reads_wait = false;
    check_equal(whorl_event_set(&may_read), 0);
    check_equal(whorl_join(closer), 0);
    check(reading.has_ended);
    check_equal(whorl_join(reader), 0);
    check_equal(reading.found, 1);
    check_equal(reading.record.len, LARGE);
    check_equal(whorl_log_cursor_next(&reading.cursor, &reading.record), -EBADF);
    return whorl_log_cursor_end(&reading.cursor);
}

static void a_close_waits_for_records_that_are_being_read(void **state)
{
    (void)state;
    run_checks(close_while_read, NULL);
}

/* --- A cursor that is being used --- */

static intptr_t use_while_read(void *arg)
{
    struct reading reading = {.found = 0};
    whorl_log_record record;
    (void)arg;
    open_here();
    check_equal(whorl_log_cursor_begin(&reading.cursor, &log_here, 0), 0);
    reads_wait = true;
    whorl_task *reader = whorl_spawn(read_next, &reading);
    whorl_yield();
    check_equal(whorl_log_cursor_next(&reading.cursor, &record), -EBUSY);
    check_equal(whorl_log_cursor_end(&reading.cursor), -EBUSY);
    check(!reading.has_ended);
    reads_wait = false;
    check_equal(whorl_event_set(&may_read), 0);
    check_equal(whorl_join(reader), 0);
    check_equal(reading.found, 1);
    check_equal(reading.record.len, LARGE);
    check_equal(((const char *)reading.record.data)[LARGE - 1], 'a');
    check_equal(whorl_log_cursor_next(&reading.cursor, &record), 1);
    check_equal(whorl_log_cursor_end(&reading.cursor), 0);
    check_equal(whorl_event_clear(&may_read), 0);
    return whorl_log_close(&log_here);
}

static void a_cursor_that_a_task_waits_with_is_busy_for_others(void **state)
{
    (void)state;
    run_checks(use_while_read, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_record_that_is_dropped_while_it_is_read_is_whole_or_stale),
        behaviour(a_close_waits_for_records_that_are_being_read),
        behaviour(a_cursor_that_a_task_waits_with_is_busy_for_others),
    };
    return run_behaviours("log cursor", tests);
}
