/*
 * Runners who start together, greeted in the order in which they arrive; who has not arrived when
 * the race is closed is called back.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

enum { RUNNERS = 4 };

struct runner {
    const char *name;
    int64_t pace; /* the time for one round */
    int rounds;
};

static struct runner runners[RUNNERS] = {
    {"the tortoise", WHORL_MS(600), 2},
    {"the hare", WHORL_MS(100), 3},
    {"the snail", WHORL_MS(900), 2},
    {"the cat", WHORL_MS(250), 2},
};

static int64_t start;
static int said; /* 0, or -errno of a line that could not be written */

/* When, and what; at once, however stdout is buffered. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (printf("%.1f s  ", (double)(whorl_now() - start) / 1e9) < 0 ||
        vprintf(format, values) < 0 || putchar('\n') == EOF || fflush(stdout) != 0)
        said = -errno;
    va_end(values);
}

/* Gives the rounds run. */
static intptr_t run(void *arg)
{
    const struct runner *runner = arg;
    for (int round = 0; round < runner->rounds; round++) {
        int slept = whorl_sleep(runner->pace);
        if (slept < 0)
            return slept;
    }
    return runner->rounds;
}

/* Each handle that is given is taken back; what is still in `tasks` afterwards has not arrived. */
static int greet(whorl_task **tasks, int64_t limit)
{
    whorl_as_completed each;
    size_t index;
    intptr_t rounds;
    int next = whorl_as_completed_begin(&each, tasks, RUNNERS, limit);
    if (next < 0)
        return next;
    while ((next = whorl_as_completed_next(&each, &index, &rounds)) == 1) {
        say("%s has arrived, after %d rounds", runners[index].name, (int)rounds);
        tasks[index] = NULL;
    }
    whorl_as_completed_end(&each);
    return next;
}

static intptr_t hold_race(void *arg)
{
    (void)arg;
    whorl_task *tasks[RUNNERS];
    start = whorl_now();
    for (int i = 0; i < RUNNERS; i++) {
        tasks[i] = whorl_spawn(run, &runners[i]);
        if (!tasks[i])
            return -ENOMEM; /* whorl_run cancels those who run, and waits for them */
    }
    int greeted = greet(tasks, WHORL_MS(1500));
    if (greeted != -ETIMEDOUT)
        return greeted;
    say("the race is closed");
    for (int i = 0; i < RUNNERS; i++) {
        if (!tasks[i])
            continue;
        whorl_cancel(tasks[i]);
        if (whorl_join(tasks[i]) == -ECANCELED)
            say("%s was called back", runners[i].name);
    }
    return said;
}

static int fail(intptr_t error)
{
    fprintf(stderr, "as_completed: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] =
    "Usage: as_completed [--virtual]\n"
    "Greets runners as they arrive. With --virtual nobody waits: time jumps.\n";

int main(int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fputs("as_completed: takes --virtual or nothing; --help tells more\n", stderr);
        return 2;
    }
    intptr_t result = whorl_run_with(&config, hold_race, NULL);
    return result < 0 ? fail(result) : 0;
}
