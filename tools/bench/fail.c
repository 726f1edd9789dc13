/*
 * See fail.h. One write for each sentence, so that those of parent and child do not mix. A sentence
 * that is too long is cut, never its newline. Whether a run has told its failure stands in memory
 * that its processes share.
 */
#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "progress.h"

static atomic_bool *has_told; /* NULL outside a run */
static char run_name[64];

int fail_begin_run(const char *command, const char *subject)
{
    void *shared =
        mmap(NULL, sizeof *has_told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return fail_call("getting memory for a run", errno);
    has_told = shared;
    snprintf(run_name, sizeof run_name, "%s: %s: ", command, subject);
    return 0;
}

void fail_end_run(void)
{
    munmap((void *)has_told, sizeof *has_told);
    has_told = NULL;
    run_name[0] = '\0';
}

int fail(const char *format, ...)
{
    char line[1024];
    if (has_told != NULL && atomic_exchange(has_told, true))
        return -1;
    snprintf(line, sizeof line, "whorl-bench: %s", run_name);
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
