/*
 * Logs without memory: each allocation of opening one and of reading it is refused in its turn. The
 * call gives -ENOMEM, leaves nothing open, and can be made again.
 */
#include "refused_memory.h"

#include "fs/log_calls.h"

enum { LARGE = 300000 }; /* more than a cursor has room for at first */

static intptr_t open_log(void *arg)
{
    whorl_log log;
    int before = open_descriptors();
    int error = whorl_log_open(&log, path_of("log").text, NULL);
    (void)arg;
    if (!error)
        return whorl_log_close(&log);
    check_equal(open_descriptors(), before);
    check_equal(whorl_log_close(&log), -EBADF);
    return error;
}

/* A cursor that had no memory for a record stays before it. */
static intptr_t read_both(void *log)
{
    static const size_t lens[] = {5, LARGE};
    whorl_log_cursor cursor;
    whorl_log_record record;
    int refused = 0;
    check_equal(whorl_log_cursor_begin(&cursor, log, 0), 0);
    for (size_t i = 0; i < count_of(lens); i++) {
        int found = whorl_log_cursor_next(&cursor, &record);
        if (found < 0) {
            refused = found;
            found = whorl_log_cursor_next(&cursor, &record);
        }
        if (check_equal(found, 1))
            check_equal(record.len, lens[i]);
    }
    check_equal(whorl_log_cursor_end(&cursor), 0);
    return refused;
}

static intptr_t refuse_memory_to_each(void *arg)
{
    static char large[LARGE];
    whorl_log log;
    (void)arg;
    check(refuse_each_in_turn(open_log, NULL) >= 1);
    check_equal(whorl_log_open(&log, path_of("log").text, NULL), 0);
    check_equal(whorl_log_append(&log, "small", 5), 0);
    check(whorl_log_append(&log, large, LARGE) > 0);
    check_equal(refuse_each_in_turn(read_both, &log), 2);
    check_equal(whorl_log_close(&log), 0);
    return refuse_each_in_turn(open_log, NULL) < 1;
}

static void without_memory_a_log_is_neither_opened_nor_read_and_nothing_lost(void **state)
{
    (void)state;
    run_checks(refuse_memory_to_each, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(without_memory_a_log_is_neither_opened_nor_read_and_nothing_lost),
    };
    return run_behaviours("log memory", tests);
}
