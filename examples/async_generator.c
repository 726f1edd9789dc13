/*
 * A generator that ticks: it yields numbers with pauses between them. One loop takes all of them;
 * another leaves early, and the generator's cleanup has been done before the loop's next line.
 */
#include <errno.h>
#include <whorl.h>

#include "story.h"

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
    intptr_t ticks = take_all(3);
    if (ticks < 0)
        return ticks;
    say("main: has seen all %d", (int)ticks);
    intptr_t root = find_root(4);
    if (root < 0)
        return root;
    say("main: has found %d, and left early", (int)root);
    return 0;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "async_generator",
        .about = "Loops over a generator that sleeps. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = loop_twice,
    };
    return story_main(&story, argc, argv);
}
