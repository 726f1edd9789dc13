/*
 * Thirty jobs of which at most ten work at the same time: each takes a permit of a semaphore
 * first, and gives it back when it is done. Who comes first is served first.
 */
#include <whorl.h>

#include "story.h"

enum { JOBS = 30, AT_ONCE = 10 };

static whorl_semaphore permits = WHORL_SEMAPHORE_INIT(AT_ONCE);

/* No lock: tasks of one loop run one at a time, and change hands only where they wait. */
static int working;
static int most;
static int done;

static intptr_t work(int64_t duration)
{
    working++;
    most = working > most ? working : most;
    int slept = whorl_sleep(duration);
    working--;
    return slept;
}

/* Jobs take from one to three seconds, by their numbers. */
static intptr_t do_job(void *arg)
{
    intptr_t number = (intptr_t)arg;
    intptr_t result = whorl_semaphore_acquire(&permits);
    if (result < 0)
        return result;
    result = work(WHORL_SECONDS(1 + number % 3));
    whorl_semaphore_release(&permits);
    done += result == 0;
    return result;
}

static intptr_t do_jobs(void *arg)
{
    (void)arg;
    whorl_group group;
    int result = 0;
    whorl_group_init(&group);
    for (intptr_t i = 0; i < JOBS && result == 0; i++)
        result = whorl_group_spawn(&group, do_job, (void *)i);
    result = whorl_group_wait(&group, result);
    if (result < 0)
        return result;
    say_plainly("%d jobs are done, after %.1f s", done, story_seconds());
    say_plainly("at most %d worked at once", most);
    return 0;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "semaphore_limit",
        .about = "Does thirty jobs, ten at once. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = do_jobs,
    };
    return story_main(&story, argc, argv);
}
