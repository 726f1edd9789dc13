/*
 * See fail.h. One write for each sentence, so that those of parent and child do not mix. A sentence
 * that is too long is cut, never its newline.
 */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

int fail(const char *format, ...)
{
    char line[1024] = "whorl-bench: ";
    size_t used = strlen(line);
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
    va_end(arguments);
    used = more < 0 ? used : used + (size_t)more;
    if (used > sizeof line - 2)
        used = sizeof line - 2;
    line[used++] = '\n';
    progress_clear();
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written; /* there is nobody left to tell */
    return -1;
}

int fail_call(const char *what, long error)
{
    return fail("%s failed: %s", what, strerror((int)(error < 0 ? -error : error)));
}
