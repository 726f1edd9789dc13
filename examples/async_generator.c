/*
 * A generator that ticks: it yields numbers with pauses between them. One loop takes all of them;
 * another leaves early, and the generator's cleanup has been done before the loop's next line.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

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

/* Puts the ticker away, which takes a while: in a shield, as its task may be cancelled. */
static int put_away(void)
{
    whorl_shield shield;
    int error = whorl_shield_begin(&shield, WHORL_SECONDS(5));
    if (error)
        return error;
    error = whorl_sleep(WHORL_MS(200));
    say("ticker: is put away");
    return (int)whorl_shield_end(&shield, error);
}

/* Yields 0 to limit - 1, one after each pause, and gives how many that were. */
static intptr_t tick(whorl_generator *self, void *limit)
{
    intptr_t ticks = 0;
    int error = 0;
    say("ticker: begins");
    while (ticks < (intptr_t)limit && error == 0) {
        error = whorl_sleep(WHORL_MS(500));
        if (error == 0)
            error = whorl_generator_yield(self, ticks++);
    }
    if (error == -ECANCELED)
        say("ticker: nobody asks any more");
    int away = put_away();
    if (error == 0)
        error = away;
    return error < 0 ? error : ticks;
}

/* Gives what the ticker came to. */
static intptr_t take_all(intptr_t limit)
{
    whorl_generator ticker;
    int error = whorl_generator_begin(&ticker, tick, (void *)limit);
    if (error)
        return error;
    whorl_for_each(int, number, &ticker) say("main: gets %d", number);
    return whorl_generator_end(&ticker);
}

/* Gives the first number whose square is at least `square`, or an error. */
static intptr_t find_root(int square)
{
    whorl_generator ticker;
    int error = whorl_generator_begin(&ticker, tick, (void *)100);
    if (error)
        return error;
    whorl_for_each(int, number, &ticker)
    {
        say("main: gets %d", number);
        if (number * number >= square)
            return number; /* the loop ends its ticker, and waits for that */
    }
    intptr_t result = whorl_generator_end(&ticker);
    return result < 0 ? result : -ERANGE;
}

static intptr_t loop_twice(void *arg)
{
    (void)arg;
    start = whorl_now();
    intptr_t ticks = take_all(3);
    if (ticks < 0)
        return ticks;
    say("main: has seen all %d", (int)ticks);
    intptr_t root = find_root(4);
    if (root < 0)
        return root;
    say("main: has found %d, and left early", (int)root);
    return said;
}

static int fail(intptr_t error)
{
    fprintf(stderr, "async_generator: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] =
    "Usage: async_generator [--virtual]\n"
    "Loops over a generator that sleeps. With --virtual nobody waits: time jumps.\n";

int main(int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fputs("async_generator: takes --virtual or nothing; --help tells more\n", stderr);
        return 2;
    }
    intptr_t result = whorl_run_with(&config, loop_twice, NULL);
    return result < 0 ? fail(result) : 0;
}
