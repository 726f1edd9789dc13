/*
 * What a debugger sees in a task: frames that are the program's, down to the fiber's entry, and
 * there an end. This program, run again under gdb, is its own subject.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fiber/fiber.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUBJECT "--be-the-subject"

/* With the C library's ucontext the outermost frames are the library's, which may have no names. */
#if defined(WHORL_SWITCH_UCONTEXT)
enum { NAMELESS_FRAMES_ALLOWED = 1 };
#else
enum { NAMELESS_FRAMES_ALLOWED = 0 };
#endif

static volatile int reached;

int __attribute__((noinline)) innermost_of_the_task(int value);
int __attribute__((noinline)) middle_of_the_task(int value);
intptr_t outermost_of_the_task(void *arg);

int innermost_of_the_task(int value)
{
    reached = value;
    return value + reached;
}

int middle_of_the_task(int value)
{
    return innermost_of_the_task(value + 1) + 1;
}

intptr_t outermost_of_the_task(void *arg)
{
    check_equal(whorl_yield(), 0);
    return middle_of_the_task((int)(intptr_t)arg) + 1;
}

static intptr_t join_the_subject(void *arg)
{
    return whorl_join(whorl_spawn(outermost_of_the_task, arg));
}

static int be_the_subject(void)
{
    return whorl_run(join_the_subject, (void *)1) > 0 ? 0 : 1;
}

static bool have_gdb(void)
{
    return system("command -v gdb >/dev/null 2>&1") == 0;
}

/* gdb's output on this program, stopped in the task; a string of at most `room` bytes. */
static void backtrace_by_gdb(char *text, size_t room)
{
    char path[512];
    char command[2048];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    size_t used = 0;
    FILE *output;

    assert_true(length > 0);
    path[length] = '\0';
    snprintf(command, sizeof command,
             "ASAN_OPTIONS=detect_leaks=0 gdb -nx -batch -ex 'set pagination off'"
             " -ex 'set confirm off' -ex 'set debuginfod enabled off' -ex 'set width 0'"
             " -ex 'break innermost_of_the_task' -ex 'run %s' -ex 'echo BACKTRACE\\n'"
             " -ex 'backtrace 100' -ex 'echo END\\n' -ex kill '%s' 2>&1 </dev/null",
             SUBJECT, path);
    output = popen(command, "re");
    assert_non_null(output);
    while (used < room - 1) {
        size_t got = fread(text + used, 1, room - 1 - used, output);

        if (got == 0)
            break;
        used += got;
    }
    text[used] = '\0';
    pclose(output);
}

static int count_lines_from(const char *text, const char *start)
{
    int count = 0;
    const char *line = text;

    while (line != NULL && *line != '\0') {
        count += strncmp(line, start, strlen(start)) == 0;
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return count;
}

static void assert_is_clean(const char *backtrace)
{
    static const char *const frames[] = {"innermost_of_the_task", "middle_of_the_task",
                                         "outermost_of_the_task"};
    const char *place = backtrace;
    int count = count_lines_from(backtrace, "#");

    for (size_t i = 0; i < count_of(frames); i++) {
        place = strstr(place, frames[i]);
        if (place == NULL)
            fail_msg("no frame of %s in:\n%s", frames[i], backtrace);
    }
    if (strstr(backtrace, "corrupt") != NULL || strstr(backtrace, "Backtrace stopped") != NULL ||
        strstr(backtrace, "Cannot access memory") != NULL ||
        (strstr(backtrace, "??") != NULL && !NAMELESS_FRAMES_ALLOWED))
        fail_msg("the walk did not end where it should:\n%s", backtrace);
    if (count < 4 || count > 12)
        fail_msg("%d frames in:\n%s", count, backtrace);
}

static void gdb_walks_from_a_task_to_its_fibers_entry(void **state)
{
    static char text[65536];
    char *backtrace;
    char *end;

    (void)state;
    if (!have_gdb())
        skip_because("gdb is not installed");
    backtrace_by_gdb(text, sizeof text);
    backtrace = strstr(text, "BACKTRACE\n");
    if (strstr(text, "ptrace: Operation not permitted") != NULL)
        skip_because("ptrace is not permitted here");
    if (strstr(text, "Breakpoint 1, ") == NULL || backtrace == NULL)
        fail_msg("gdb did not stop in the task:\n%s", text);
    backtrace += strlen("BACKTRACE\n");
    end = strstr(backtrace, "END\n");
    if (end == NULL)
        fail_msg("gdb did not finish:\n%s", text);
    *end = '\0';
    assert_is_clean(backtrace);
}

static void the_subject_of_the_debugger_runs_alone(void **state)
{
    (void)state;
    assert_int_equal(be_the_subject(), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_subject_of_the_debugger_runs_alone),
        behaviour(gdb_walks_from_a_task_to_its_fibers_entry),
    };

    if (argc == 2 && strcmp(argv[1], SUBJECT) == 0)
        return be_the_subject();
    return run_behaviours("unwind", tests);
}
