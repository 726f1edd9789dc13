/*
 * Two programs and a pipe between them, as a shell would run `printf '%s\n' WORD... | sort`: what
 * the second one prints is read, and numbered.
 *
 * Whichever way this ends, no child is left behind: each belongs to the task that spawned it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <whorl.h>

enum { WORDS_MAX = 100 };

struct words {
    const char *const *words;
    int count;
};

/* Starts `printf` with the pipe as its output. */
static int spawn_printf(const struct words *words, int out, whorl_process **process)
{
    const char *argv[WORDS_MAX + 3] = {"printf", "%s\\n"};
    memcpy(argv + 2, words->words, (size_t)words->count * sizeof *argv);
    whorl_process_options options = {.argv = argv, .out = out};
    return whorl_process_spawn(&options, process);
}

/* Starts `sort` with the pipe as its input; what it prints is for us to read. */
static int spawn_sort(int in, whorl_process **process)
{
    const char *argv[] = {"sort", NULL};
    const char *env[] = {"LC_ALL=C", NULL};
    whorl_process_options options = {.argv = argv, .env = env, .in = in, .out = WHORL_PIPE};
    return whorl_process_spawn(&options, process);
}

/* The pipe's ends are the children's only: sort sees its end when printf has ended. */
static int spawn_both(const struct words *words, whorl_process **first, whorl_process **second)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    int error = spawn_printf(words, ends[1], first);
    if (!error)
        error = spawn_sort(ends[0], second);
    whorl_close(ends[0]);
    whorl_close(ends[1]);
    return error;
}

static int print_numbered(char *text)
{
    int number = 0;
    char *rest;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (printf("%d. %s\n", ++number, line) < 0)
            return -errno;
    return 0;
}

/* How a child ended, as a result of ours. */
static int judge(const char *name, int code)
{
    if (code <= 0)
        return code;
    if (code > WHORL_SIGNALLED)
        fprintf(stderr, "%s was killed by signal %d\n", name, code - WHORL_SIGNALLED);
    else
        fprintf(stderr, "%s failed with status %d\n", name, code);
    return -EIO;
}

static intptr_t sort_words(void *arg)
{
    whorl_process *first;
    whorl_process *second;
    whorl_process_output output;
    int result = spawn_both(arg, &first, &second);
    if (result < 0)
        return result; /* whom we started ends with this task */
    int code = whorl_process_communicate(second, NULL, 0, &output, WHORL_SECONDS(60));
    result = judge("sort", code);
    if (result == 0)
        result = judge("printf", whorl_process_wait(first));
    if (result == 0)
        result = print_numbered(output.out);
    free(output.out);
    whorl_process_free(second);
    whorl_process_free(first);
    return result;
}

static int fail(intptr_t error)
{
    fprintf(stderr, "process_pipeline: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] = "Usage: process_pipeline [WORD...]\n"
                           "Has printf and sort, with a pipe between them, sort the words.\n";

int main(int argc, char **argv)
{
    static const char *const fruit[] = {"pear", "apple", "quince", "fig", "medlar"};
    struct words words = {fruit, 5};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc > 1 + WORDS_MAX) {
        fprintf(stderr, "process_pipeline: takes at most %d words\n", WORDS_MAX);
        return 2;
    }
    if (argc > 1)
        words = (struct words){(const char *const *)argv + 1, argc - 1};
    intptr_t result = whorl_run(sort_words, &words);
    if (result == 0 && fflush(stdout) != 0)
        result = -errno;
    return result < 0 ? fail(result) : 0;
}
