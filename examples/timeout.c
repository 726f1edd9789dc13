/*
 * Time limits: a scope that runs out, one that does not, one that is moved, an outer one that runs
 * out inside an inner one, and a limit for waiting for a task.
 */
#include <errno.h>
#include <string.h>
#include <whorl.h>

#include "story.h"

static void tell(const char *what, intptr_t result)
{
    say("%s: %s", what, result < 0 ? strerror((int)-result) : "done");
}

static intptr_t work_2_seconds(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_SECONDS(2));
}

static intptr_t work_within(int64_t limit)
{
    whorl_timeout scope;
    whorl_timeout_begin(&scope, limit);
    return whorl_timeout_end(&scope, work_2_seconds(NULL));
}

/* Whoever makes progress earns more time: 3 seconds from now. */
static intptr_t work_with_progress(void)
{
    whorl_timeout scope;
    whorl_timeout_begin(&scope, WHORL_SECONDS(1));
    intptr_t result = whorl_sleep(WHORL_MS(500));
    if (result == 0) {
        tell("the first half second of it", result);
        whorl_timeout_reschedule(&scope, whorl_now() + WHORL_SECONDS(3));
        result = work_2_seconds(NULL);
    }
    return whorl_timeout_end(&scope, result);
}

/* The inner scope has time left: it hands -ECANCELED on; the outer one says what it means. */
static intptr_t work_within_two_limits(void)
{
    whorl_timeout outer;
    whorl_timeout inner;
    whorl_timeout_begin(&outer, WHORL_SECONDS(1));
    whorl_timeout_begin(&inner, WHORL_SECONDS(5));
    intptr_t result = whorl_timeout_end(&inner, work_2_seconds(NULL));
    tell("2 seconds of work within 5 seconds", result);
    return whorl_timeout_end(&outer, result);
}

/* The task that is too slow is cancelled, and has ended when this returns. */
static intptr_t wait_for_a_task(int64_t limit)
{
    whorl_task *task = whorl_spawn(work_2_seconds, NULL);
    return task ? whorl_wait_for(task, limit) : -ENOMEM;
}

static intptr_t show_limits(void *arg)
{
    (void)arg;
    tell("2 seconds of work within 1 second", work_within(WHORL_SECONDS(1)));
    tell("2 seconds of work within 3 seconds", work_within(WHORL_SECONDS(3)));
    tell("2.5 seconds of work within a limit that was moved", work_with_progress());
    tell("all of this within 1 second", work_within_two_limits());
    tell("a task of 2 seconds, awaited for 1 second", wait_for_a_task(WHORL_SECONDS(1)));
    tell("a task of 2 seconds, awaited for 3 seconds", wait_for_a_task(WHORL_SECONDS(3)));
    return 0;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "timeout",
        .about = "Works within limits of time. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = show_limits,
    };
    return story_main(&story, argc, argv);
}
