/*
 * How these programs tell what happens, and in which time.
 *
 * Each is a story that its tasks tell line by line. Time passes as it does, or with --virtual it
 * jumps to whatever happens next: the same lines then, at once. All that an example is about stands
 * in its own file; this one is no part of whorl.
 */
#ifndef STORY_H
#define STORY_H

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

struct story {
    const char *name;  /* the program's */
    const char *about; /* what it does, for --help; whole lines */
    whorl_fn *main;    /* the main task's function */
    void *arg;         /* and its argument */
};

static int64_t story_start;
static int story_lost; /* 0, or -errno of the first line that could not be written */

/* Time starts here: done for each story, and by those that have several parts. */
static inline void story_begin(void)
{
    story_start = whorl_now();
}

static inline double story_seconds(void)
{
    return (double)(whorl_now() - story_start) / 1e9;
}

/* A line, at once, however stdout is buffered. One that is lost lets the story go on, and the
 * program fail at its end. */
__attribute__((format(printf, 2, 0))) static inline void
story_line(const char *when, const char *format, va_list values)
{
    if (fputs(when, stdout) < 0 || vprintf(format, values) < 0 || putchar('\n') == EOF ||
        fflush(stdout) != 0)
        story_lost = story_lost ? story_lost : -errno;
}

/* When, and what. */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
    char when[32];
    va_list values;
    va_start(values, format);
    snprintf(when, sizeof when, "%.1f s  ", story_seconds());
    story_line(when, format, values);
    va_end(values);
}

/* What alone. */
__attribute__((format(printf, 1, 2))) static inline void say_plainly(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    story_line("", format, values);
    va_end(values);
}

/* Gives the program's exit status, having said why. */
static inline int story_fail(const struct story *story, intptr_t error)
{
    fprintf(stderr, "%s: %s\n", story->name, strerror((int)-error));
    return 1;
}

static inline int story_help(const struct story *story)
{
    int printed = printf("Usage: %s [--virtual]\n%s", story->name, story->about);
    return printed < 0 || fflush(stdout) != 0 ? story_fail(story, -errno) : 0;
}

/* The main task: a story that was told, but not heard, has failed. */
static inline intptr_t story_tell(void *arg)
{
    const struct story *story = arg;
    story_begin();
    intptr_t result = story->main(story->arg);
    return result < 0 ? result : story_lost;
}

/* The whole of a program's main. */
static inline int story_main(struct story *story, int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return story_help(story);
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fprintf(stderr, "%s: takes --virtual or nothing; --help tells more\n", story->name);
        return 2;
    }
    intptr_t result = whorl_run_with(&config, story_tell, story);
    return result < 0 ? story_fail(story, result) : 0;
}

#endif
