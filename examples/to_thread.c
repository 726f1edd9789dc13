/*
 * A computation that would keep everybody waiting is given to a thread, while a ticker goes on.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#include <whorl.h>

#include "story.h"

enum { NTH = 10000, TICKS = 3 };

static atomic_int ticks;

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
        say_plainly("ticker: still responsive");
        atomic_fetch_add(&ticks, 1);
    }
    return 0;
}

static intptr_t compute(void *arg)
{
    whorl_task *ticker = whorl_spawn(tick, NULL);
    if (!ticker)
        return -ENOMEM;
    say_plainly("main: gives a computation to a thread");
    intptr_t prime = whorl_to_thread(find_prime, arg);
    if (prime < 0)
        return prime; /* whorl_run cancels the ticker, and waits for it */
    say_plainly("main: prime number %d is %d", *(int *)arg, (int)prime);
    intptr_t ticked = whorl_join(ticker);
    return ticked < 0 ? ticked : 0;
}

int main(int argc, char **argv)
{
    int nth = NTH;
    struct story story = {
        .name = "to_thread",
        .about = "Computes on a thread while a ticker ticks. "
                 "With --virtual nobody waits for time alone.\n",
        .main = compute,
        .arg = &nth,
    };
    return story_main(&story, argc, argv);
}
