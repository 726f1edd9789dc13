/*
 * Three counters at once: each says "One", waits for a second, and says "Two". Together they take
 * as long as one of them alone, as no one's wait holds the others up.
 */
#include <whorl.h>

#include "story.h"

enum { COUNTERS = 3 };

static intptr_t count(void *arg)
{
    (void)arg;
    say("One");
    int slept = whorl_sleep(WHORL_SECONDS(1));
    if (slept < 0)
        return slept;
    say("Two");
    return 0;
}

/* A counter that fails cancels the others; the group comes back when all have ended. */
static intptr_t count_together(void *arg)
{
    (void)arg;
    whorl_group group;
    int result = 0;
    whorl_group_init(&group);
    for (int i = 0; i < COUNTERS && result == 0; i++)
        result = whorl_group_spawn(&group, count, NULL);
    result = whorl_group_wait(&group, result);
    if (result < 0)
        return result;
    say("all have counted");
    return 0;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "countasync",
        .about = "Counts to two, three times at once. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = count_together,
    };
    return story_main(&story, argc, argv);
}
