/*
 * Runners who start together, greeted in the order in which they arrive; who has not arrived when
 * the race is closed is called back.
 */
#include <errno.h>
#include <whorl.h>

#include "story.h"

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
    return 0;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "as_completed",
        .about = "Greets runners as they arrive. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = hold_race,
    };
    return story_main(&story, argc, argv);
}
