/*
 * Three chains at once. In each the second part needs what the first one gives, and starts as soon
 * as that is there, whatever the other chains are at: in a task, that is simply the next line.
 *
 * How long a part takes looks random, but is the same in each run.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

enum { CHAINS = 3 };

struct chain {
    const char *name;
    int64_t first_delay;
    int64_t second_delay;
};

static struct chain chains[CHAINS] = {{.name = "red"}, {.name = "green"}, {.name = "blue"}};

static int64_t start;
static int said; /* 0, or -errno of a line that could not be written */

/* Which task speaks, when, and what; at once, however stdout is buffered. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    double seconds = (double)(whorl_now() - start) / 1e9;
    if (printf("%.1f s  %-5s  ", seconds, whorl_name(whorl_self())) < 0 ||
        vprintf(format, values) < 0 || putchar('\n') == EOF || fflush(stdout) != 0)
        said = -errno;
    va_end(values);
}

/* From half a second to five seconds, in tenths. The generator is Lehmer's, with the constants of
 * Park and Miller (1993). */
static int64_t draw_delay(void)
{
    static uint64_t state = 1;
    state = state * 48271 % 2147483647;
    return WHORL_MS(100) * (int64_t)(5 + state % 46);
}

/* Gives how many tenths of a second it took. */
static intptr_t do_part(const char *part, int64_t delay)
{
    say("%s part starts, and takes %.1f s", part, (double)delay / 1e9);
    int slept = whorl_sleep(delay);
    return slept < 0 ? slept : (intptr_t)(delay / WHORL_MS(100));
}

static intptr_t do_chain(void *arg)
{
    const struct chain *chain = arg;
    intptr_t first = do_part("first", chain->first_delay);
    if (first < 0)
        return first;
    intptr_t second = do_part("second", chain->second_delay);
    if (second < 0)
        return second;
    say("ends, after %.1f s", (double)(first + second) / 10);
    return 0;
}

/* A group comes back when all of its tasks have ended; an error of one cancels the others. */
static intptr_t do_chains(void *arg)
{
    (void)arg;
    whorl_group group;
    int result = 0;
    int64_t total = 0;
    start = whorl_now();
    whorl_group_init(&group);
    for (int i = 0; i < CHAINS && result == 0; i++) {
        whorl_spawn_options options = {.name = chains[i].name};
        chains[i].first_delay = draw_delay();
        chains[i].second_delay = draw_delay();
        total += chains[i].first_delay + chains[i].second_delay;
        result = whorl_group_spawn_with(&group, &options, do_chain, &chains[i], NULL);
    }
    result = whorl_group_wait(&group, result);
    if (result < 0)
        return result;
    say("all have ended, after %.1f s of work", (double)total / 1e9);
    return said;
}

static int fail(intptr_t error)
{
    fprintf(stderr, "chained: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] =
    "Usage: chained [--virtual]\n"
    "Runs three chains of two parts each. With --virtual nobody waits: time jumps.\n";

int main(int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fputs("chained: takes --virtual or nothing; --help tells more\n", stderr);
        return 2;
    }
    intptr_t result = whorl_run_with(&config, do_chains, NULL);
    return result < 0 ? fail(result) : 0;
}
