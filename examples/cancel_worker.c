/*
 * Cancelling a worker that would never end by itself, and what the worker may make of it: let the
 * cancel through, clean up first, or go on as if nothing had happened.
 */
#include <errno.h>
#include <string.h>
#include <whorl.h>

#include "story.h"

static int pieces; /* that the worker has done */

/* One piece a second, until a wait says that the task is cancelled. To let a cancel through needs
 * no more than this: an error of a call is handed on, and -ECANCELED is one. */
static intptr_t work(void *arg)
{
    (void)arg;
    for (;;) {
        int slept = whorl_sleep(WHORL_SECONDS(1));
        if (slept < 0)
            return slept;
        say("worker: piece %d is done", ++pieces);
    }
}

/* In a cancelled task every wait is refused, those of its cleanup too, except within a shield. */
static intptr_t work_and_clean_up(void *arg)
{
    intptr_t result = work(arg);
    whorl_shield shield;
    whorl_shield_begin(&shield, WHORL_SECONDS(2));
    say("worker: cancelled, puts its tools away");
    if (whorl_sleep(WHORL_MS(500)) == 0)
        say("worker: has put its tools away");
    return whorl_shield_end(&shield, result);
}

/* Once the cancel is taken back the task may wait again, and ends with a result of its own. */
static intptr_t work_and_finish(void *arg)
{
    intptr_t result = work(arg);
    if (whorl_uncancel() != 1)
        return result;
    say("worker: cancelled, but has a piece to finish");
    int slept = whorl_sleep(WHORL_MS(500));
    if (slept < 0)
        return slept;
    say("worker: piece %d is done", ++pieces);
    return pieces;
}

static int cancel_one(const char *how, whorl_fn *worker)
{
    pieces = 0;
    story_begin();
    say("main: starts a worker that %s", how);
    whorl_task *task = whorl_spawn(worker, NULL);
    if (!task)
        return -ENOMEM;
    int slept = whorl_sleep(WHORL_MS(3500));
    if (slept < 0)
        return slept; /* whorl_run cancels the worker, and waits for it */
    say("main: cancels the worker");
    whorl_cancel(task);
    intptr_t result = whorl_join(task);
    if (result >= 0)
        say("main: the worker ended with %d pieces", (int)result);
    else
        say("main: the worker ended with \"%s\"", strerror((int)-result));
    return 0;
}

static intptr_t cancel_three(void *arg)
{
    (void)arg;
    int result = cancel_one("lets the cancel through", work);
    if (result == 0)
        result = cancel_one("cleans up first", work_and_clean_up);
    if (result == 0)
        result = cancel_one("goes on", work_and_finish);
    return result;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "cancel_worker",
        .about = "Cancels three workers that take it differently. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = cancel_three,
    };
    return story_main(&story, argc, argv);
}
