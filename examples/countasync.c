/*
 * Three counters at once: each says "One", waits for a second, and says "Two". Together they take
 * as long as one of them alone, as no one's wait holds the others up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

enum { COUNTERS = 3 };

static int64_t start;

/* When, and what; at once, however stdout is buffered. Returns 0, or -errno. */
static int say(const char *what)
{
    double seconds = (double)(whorl_now() - start) / 1e9;
    return printf("%.1f s  %s\n", seconds, what) < 0 || fflush(stdout) != 0 ? -errno : 0;
}

static intptr_t count(void *arg)
{
    (void)arg;
    int result = say("One");
    if (result == 0)
        result = whorl_sleep(WHORL_SECONDS(1));
    return result == 0 ? say("Two") : result;
}

/* A counter that fails cancels the others; the group comes back when all have ended. */
static intptr_t count_together(void *arg)
{
    (void)arg;
    whorl_group group;
    int result = 0;
    start = whorl_now();
    whorl_group_init(&group);
    for (int i = 0; i < COUNTERS && result == 0; i++)
        result = whorl_group_spawn(&group, count, NULL);
    result = whorl_group_wait(&group, result);
    return result == 0 ? say("all have counted") : result;
}

static int fail(intptr_t error)
{
    fprintf(stderr, "countasync: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] = "Usage: countasync [--virtual]\n"
                           "Counts to two, three times at once. With --virtual nobody waits: time "
                           "jumps.\n";

int main(int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fputs("countasync: takes --virtual or nothing; --help tells more\n", stderr);
        return 2;
    }
    intptr_t result = whorl_run_with(&config, count_together, NULL);
    return result < 0 ? fail(result) : 0;
}
