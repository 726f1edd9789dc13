/*
 * Three chains at once. In each the second part needs what the first one gives, and starts as soon
 * as that is there, whatever the other chains are at: in a task, that is simply the next line.
 *
 * How long a part takes looks random, but is the same in each run.
 */
#include <whorl.h>

#include "story.h"

enum { CHAINS = 3 };

struct chain {
    const char *name;
    int64_t first_delay;
    int64_t second_delay;
};

static struct chain chains[CHAINS] = {{.name = "red"}, {.name = "green"}, {.name = "blue"}};

/* From half a second to five seconds, in tenths. The generator is Lehmer's, with the constants of
 * Park and Miller (1993). */
static int64_t draw_delay(void)
{
    static uint64_t state = 1;
    state = state * 48271 % 2147483647;
    return WHORL_MS(100) * (int64_t)(5 + state % 46);
}

static const char *my_name(void)
{
    return whorl_name(whorl_self());
}

/* Gives how many tenths of a second it took. */
static intptr_t do_part(const char *part, int64_t delay)
{
    say("%-5s  %s part starts, and takes %.1f s", my_name(), part, (double)delay / 1e9);
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
    say("%-5s  ends, after %.1f s", my_name(), (double)(first + second) / 10);
    return 0;
}

/* A group comes back when all of its tasks have ended; an error of one cancels the others. */
static intptr_t do_chains(void *arg)
{
    (void)arg;
    whorl_group group;
    int result = 0;
    int64_t total = 0;
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
    say("main   all have ended, after %.1f s of work", (double)total / 1e9);
    return 0;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "chained",
        .about = "Runs three chains of two parts each. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = do_chains,
    };
    return story_main(&story, argc, argv);
}
