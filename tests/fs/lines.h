/* What the tests of buffered files share: looking at a line. */
#ifndef TESTS_FS_LINES_H
#define TESTS_FS_LINES_H

#include "support.h"

#include <string.h>

/* The next line is `expected`; `newline`: and ends with one. */
static inline void assert_line(whorl_file *file, const char *expected, int newline)
{
    whorl_line line;
    assert_int_equal(whorl_file_read_line(file, &line), 1);
    assert_int_equal(line.len, strlen(expected));
    assert_memory_equal(line.text, expected, line.len);
    assert_int_equal(line.newline, newline);
}

#endif
