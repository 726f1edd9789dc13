/*
 * A computation that would keep everybody waiting is given to a thread, while a ticker goes on.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <whorl.h>

enum { NTH = 10000, TICKS = 3 };

static atomic_int ticks;
static int said; /* 0, or -errno of a line that could not be written */

/* At once, however stdout is buffered. */
static void say(const char *who, const char *what)
{
    if (printf("%s: %s\n", who, what) < 0 || fflush(stdout) != 0)
        said = -errno;
}

static bool is_prime(int number)
{
    for (int factor = 2; factor * factor <= number; factor++)
        if (number % factor == 0)
            return false;
    return number > 1;
}

/* On a thread: it may take its time, and block, which stops no task but the one that waits for it.
 * On a fast machine it blocks until the ticker has ticked, so that there is something to see. */
static intptr_t find_prime(void *arg)
{
    int left = *(int *)arg, number = 1;
    while (left > 0)
        left -= is_prime(++number);
    while (atomic_load(&ticks) < TICKS)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return number;
}

static intptr_t tick(void *arg)
{
    (void)arg;
    for (int i = 0; i < TICKS; i++) {
        int slept = whorl_sleep(WHORL_MS(50));
        if (slept < 0)
            return slept;
        say("ticker", "still responsive");
        atomic_fetch_add(&ticks, 1);
    }
    return 0;
}

static intptr_t compute(void *arg)
{
    char text[64];
    whorl_task *ticker = whorl_spawn(tick, NULL);
    if (!ticker)
        return -ENOMEM;
    say("main", "gives a computation to a thread");
    intptr_t prime = whorl_to_thread(find_prime, arg);
    if (prime < 0)
        return prime; /* whorl_run cancels the ticker, and waits for it */
    snprintf(text, sizeof text, "prime number %d is %d", *(int *)arg, (int)prime);
    say("main", text);
    intptr_t ticked = whorl_join(ticker);
    return ticked < 0 ? ticked : said;
}

static int fail(intptr_t error)
{
    fprintf(stderr, "to_thread: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] =
    "Usage: to_thread [--virtual]\n"
    "Computes on a thread while a ticker ticks. With --virtual nobody waits for time alone.\n";

int main(int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fputs("to_thread: takes --virtual or nothing; --help tells more\n", stderr);
        return 2;
    }
    int nth = NTH;
    intptr_t result = whorl_run_with(&config, compute, &nth);
    return result < 0 ? fail(result) : 0;
}
