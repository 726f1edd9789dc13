/* What the tests of logs share: looking at records. */
#ifndef TESTS_FS_LOG_CALLS_H
#define TESTS_FS_LOG_CALLS_H

#include <string.h>

#include "support.h"

static inline void check_next(whorl_log_cursor *cursor, int64_t lsn, const void *data, size_t len)
{
    whorl_log_record record;
    if (!check_equal(whorl_log_cursor_next(cursor, &record), 1))
        return;
    check_equal(record.lsn, lsn);
    if (check_equal(record.len, len))
        check(len == 0 || memcmp(record.data, data, len) == 0);
}

static inline void check_no_next(whorl_log_cursor *cursor)
{
    whorl_log_record record;
    check_equal(whorl_log_cursor_next(cursor, &record), 0);
}

/* That a record is in the log, whatever follows. */
static inline void check_record(whorl_log *log, int64_t lsn, const void *data, size_t len)
{
    whorl_log_cursor cursor;
    check_equal(whorl_log_cursor_begin(&cursor, log, lsn), 0);
    check_next(&cursor, lsn, data, len);
    check_equal(whorl_log_cursor_end(&cursor), 0);
}

#endif
