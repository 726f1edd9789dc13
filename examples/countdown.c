/*
 * Two countdowns at once, at speeds of their own: each is a plain loop that sleeps, and knows
 * nothing of the other.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

struct countdown {
    const char *name;
    int from;
    int64_t step;
};

static struct countdown kettle = {"kettle", 3, WHORL_MS(1500)};
static struct countdown rocket = {"rocket", 5, WHORL_MS(1000)};

static int64_t start;
static int said; /* 0, or -errno of a line that could not be written */

/* When, which task, and what; at once, however stdout is buffered. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    double seconds = (double)(whorl_now() - start) / 1e9;
    if (printf("%.1f s  %s: ", seconds, whorl_name(whorl_self())) < 0 ||
        vprintf(format, values) < 0 || putchar('\n') == EOF || fflush(stdout) != 0)
        said = -errno;
    va_end(values);
}

static intptr_t count_down(void *arg)
{
    const struct countdown *countdown = arg;
    for (int left = countdown->from; left > 0; left--) {
        say("%d", left);
        int slept = whorl_sleep(countdown->step);
        if (slept < 0)
            return slept;
    }
    say("go!");
    return said;
}

static whorl_task *start_countdown(struct countdown *countdown)
{
    whorl_spawn_options options = {.name = countdown->name};
    return whorl_spawn_with(&options, count_down, countdown);
}

/* Two tasks for the gather, which takes both back whatever they come to. */
static intptr_t count_both(void *arg)
{
    (void)arg;
    start = whorl_now();
    whorl_task *tasks[2];
    tasks[0] = start_countdown(&kettle);
    if (!tasks[0])
        return -ENOMEM;
    tasks[1] = start_countdown(&rocket);
    if (!tasks[1])
        return -ENOMEM; /* whorl_run cancels the other, and waits for it */
    return whorl_gather(tasks, 2, NULL, 0);
}

static int fail(intptr_t error)
{
    fprintf(stderr, "countdown: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] = "Usage: countdown [--virtual]\n"
                           "Counts down twice at once. With --virtual nobody waits: time jumps.\n";

int main(int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fputs("countdown: takes --virtual or nothing; --help tells more\n", stderr);
        return 2;
    }
    intptr_t result = whorl_run_with(&config, count_both, NULL);
    return result < 0 ? fail(result) : 0;
}
