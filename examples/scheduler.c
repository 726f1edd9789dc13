/*
 * A scheduler of jobs: some run once, at their time; some again and again, until they are taken
 * back. Each is a call at a later time; a periodic one asks for its next before it does its work,
 * so that its times do not drift however long that takes.
 */
#include <errno.h>
#include <whorl.h>

#include "story.h"

struct job {
    const char *name;
    int64_t first;  /* after the start */
    int64_t period; /* 0: it runs once */
    int64_t work;   /* how long it takes */
    int64_t due;    /* the point in time of its next run */
    whorl_task *next;
};

static intptr_t run_job(void *arg);

static int plan(struct job *job, int64_t due)
{
    job->due = due;
    job->next = whorl_call_at(due, run_job, job);
    return job->next ? 0 : -ENOMEM;
}

static intptr_t run_job(void *arg)
{
    struct job *job = arg;
    int error = 0;
    whorl_release(job->next); /* this very call: nobody waits for it */
    job->next = NULL;
    if (job->period > 0)
        error = plan(job, job->due + job->period);
    say_plainly("%.2f s  %s", story_seconds(), job->name);
    return error ? error : whorl_sleep(job->work);
}

static struct job jobs[] = {
    {.name = "rotate the logs", .first = WHORL_MS(1250), .work = WHORL_MS(100)},
    {.name = "beat", .first = WHORL_MS(500), .period = WHORL_MS(500), .work = WHORL_MS(10)},
    {.name = "report", .first = WHORL_MS(1000), .period = WHORL_MS(1000), .work = WHORL_MS(300)},
    {.name = "remind of the tea", .first = WHORL_MS(2000)},
    {.name = "close the shop", .first = WHORL_MS(9000)},
};
enum { JOBS = sizeof jobs / sizeof jobs[0] };

static intptr_t schedule(void *arg)
{
    (void)arg;
    for (int i = 0; i < JOBS; i++) {
        int error = plan(&jobs[i], story_start + jobs[i].first);
        if (error)
            return error; /* whorl_run takes back what was planned */
    }
    say_plainly("%.2f s  %d jobs are planned", story_seconds(), JOBS);
    int slept = whorl_sleep(WHORL_MS(3200));
    if (slept < 0)
        return slept;
    for (int i = 0; i < JOBS; i++)
        if (jobs[i].next && whorl_call_cancel(jobs[i].next) == 0)
            say_plainly("%.2f s  taken back: %s, due at %.2f s", story_seconds(), jobs[i].name,
                        (double)(jobs[i].due - story_start) / 1e9);
    return 0;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "scheduler",
        .about = "Runs jobs at their times, some once, some again and again. "
                 "With --virtual time jumps.\n",
        .main = schedule,
    };
    return story_main(&story, argc, argv);
}
