/*
 * Two countdowns at once, at speeds of their own: each is a plain loop that sleeps, and knows
 * nothing of the other.
 */
#include <errno.h>
#include <whorl.h>

#include "story.h"

struct countdown {
    const char *name;
    int from;
    int64_t step;
};

static struct countdown kettle = {"kettle", 3, WHORL_MS(1500)};
static struct countdown rocket = {"rocket", 5, WHORL_MS(1000)};

static intptr_t count_down(void *arg)
{
    const struct countdown *countdown = arg;
    for (int left = countdown->from; left > 0; left--) {
        say("%s: %d", countdown->name, left);
        int slept = whorl_sleep(countdown->step);
        if (slept < 0)
            return slept;
    }
    say("%s: go!", countdown->name);
    return 0;
}

/* Two tasks for the gather, which takes both back whatever they come to. */
static intptr_t count_both(void *arg)
{
    (void)arg;
    whorl_task *tasks[2];
    tasks[0] = whorl_spawn(count_down, &kettle);
    if (!tasks[0])
        return -ENOMEM;
    tasks[1] = whorl_spawn(count_down, &rocket);
    if (!tasks[1])
        return -ENOMEM; /* whorl_run cancels the other, and waits for it */
    return whorl_gather(tasks, 2, NULL, 0);
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "countdown",
        .about = "Counts down twice at once. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = count_both,
    };
    return story_main(&story, argc, argv);
}
