/*
 * Two sleeps, one after another and then together: what waiting costs when a program waits in turn,
 * and what it costs when each wait is a task of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <whorl.h>

struct saying {
    int64_t delay;
    const char *what;
};

static struct saying hello = {WHORL_SECONDS(1), "hello"};
static struct saying world = {WHORL_SECONDS(2), "world"};

static intptr_t say_after(void *arg)
{
    const struct saying *saying = arg;
    int slept = whorl_sleep(saying->delay);
    if (slept < 0)
        return slept;
    return puts(saying->what) < 0 || fflush(stdout) != 0 ? -errno : 0;
}

/* Called as a plain function, say_after parks the task that calls it: 1 s, then 2 s more. */
static intptr_t one_after_another(void)
{
    intptr_t said = say_after(&hello);
    if (said < 0)
        return said;
    return say_after(&world);
}

/* Spawned, each say_after parks a task of its own: both sleep at the same time. */
static intptr_t together(void)
{
    whorl_task *first = whorl_spawn(say_after, &hello);
    whorl_task *second = whorl_spawn(say_after, &world);
    intptr_t first_said = first ? whorl_join(first) : -ENOMEM;
    intptr_t second_said = second ? whorl_join(second) : -ENOMEM;
    return first_said < 0 ? first_said : second_said;
}

static void print_time(const char *event)
{
    char text[16];
    time_t now = time(NULL);
    struct tm parts;
    if (!localtime_r(&now, &parts) || !strftime(text, sizeof text, "%X", &parts))
        strcpy(text, "some time");
    printf("%s at %s", event, text);
}

static intptr_t timed(const char *title, intptr_t (*body)(void))
{
    printf("%s:\n", title);
    print_time("started");
    puts("");
    int64_t start = whorl_now();
    intptr_t result = body();
    if (result < 0)
        return result;
    print_time("finished");
    double seconds = (double)(whorl_now() - start) / 1e9;
    return printf(", after %.1f seconds\n", seconds) < 0 || fflush(stdout) != 0 ? -errno : 0;
}

static intptr_t say_twice(void *arg)
{
    (void)arg;
    intptr_t result = timed("one after another", one_after_another);
    if (result < 0)
        return result;
    return timed("together", together);
}

int main(void)
{
    intptr_t result = whorl_run(say_twice, NULL);
    if (result < 0) {
        fprintf(stderr, "say_after: %s\n", strerror((int)-result));
        return 1;
    }
    return 0;
}
