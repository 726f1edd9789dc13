/*
 * Counts lines, as `wc -l` does, in many files at once.
 *
 * Each file has a task of its own, AT_ONCE of them at a time: a semaphore counts. The results are
 * told in the order of the arguments, as soon as those before are known. What cannot be read is
 * told in its place, and counts as far as it was read; the status is 1 then.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <whorl.h>

enum { AT_ONCE = 64, LONGEST_LINE = 1 << 30 };

struct count {
    const char *path; /* NULL: the standard input */
    whorl_task *task;
    unsigned long long lines;
};

struct arguments {
    char **paths;
    int count;
};

static const char help[] = "Usage: lines [FILE]...\n"
                           "Counts the lines of each FILE, and of all; of the standard input if "
                           "there is none.\n";

static whorl_semaphore permits = WHORL_SEMAPHORE_INIT(AT_ONCE);

static int open_file(const char *path, whorl_file **file)
{
    whorl_file_options options = {.line_max = LONGEST_LINE};
    return path ? whorl_file_open(path, O_RDONLY, &options, file)
                : whorl_file_from_fd(STDIN_FILENO, &options, file);
}

/* A last line that no newline ends does not count, as with wc. */
static int count_lines(struct count *count)
{
    whorl_file *file;
    whorl_line line;
    int result = open_file(count->path, &file);
    if (result < 0)
        return result;
    whorl_for_each_line(file, &line, result) count->lines += (unsigned)line.newline;
    whorl_file_close(file);
    return result;
}

static intptr_t count_file(void *arg)
{
    int result = whorl_semaphore_acquire(&permits);
    if (result < 0)
        return result;
    result = count_lines(arg);
    whorl_semaphore_release(&permits);
    return result;
}

static void tell(const struct count *count, intptr_t result)
{
    const char *name = count->path ? count->path : "";
    if (result < 0)
        fprintf(stderr, "lines: %s: %s\n", count->path ? name : "standard input",
                strerror((int)-result));
    if (result >= 0 || count->lines > 0)
        printf("%8llu%s%s\n", count->lines, *name ? " " : "", name);
}

/* Waits for the tasks in the order of the arguments. Returns how many files could not be read. */
static int tell_all(struct count *counts, int n)
{
    int failed = 0;
    struct count total = {.path = "total"};
    for (int i = 0; i < n; i++) {
        intptr_t result = counts[i].task ? whorl_join(counts[i].task) : -ENOMEM;
        tell(&counts[i], result);
        failed += result < 0;
        total.lines += counts[i].lines;
    }
    if (n > 1)
        tell(&total, 0);
    return failed;
}

static intptr_t count_all(void *arg)
{
    const struct arguments *given = arg;
    int n = given->count > 0 ? given->count : 1;
    struct count *counts = calloc((size_t)n, sizeof *counts);
    if (!counts)
        return -ENOMEM;
    for (int i = 0; i < n; i++) {
        counts[i].path = given->count > 0 ? given->paths[i] : NULL;
        counts[i].task = whorl_spawn(count_file, &counts[i]);
    }
    int failed = tell_all(counts, n);
    free(counts);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0;
    struct arguments given = {.paths = argv + 1, .count = argc - 1};
    intptr_t failed = whorl_run(count_all, &given);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "lines: %s\n", strerror(errno));
        return 1;
    }
    return failed != 0;
}
